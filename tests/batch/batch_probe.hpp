#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

// What the tests of the batch engine share: small spouts, bolts and sinks that can be watched.
namespace freshet::batch_tests {

inline std::vector<int> numbers(int n, int from = 0) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), from);
  return all;
}

inline batch_options quiet(batch_options o = {}) {
  o.log = logger{};
  return o;
}

/// Batches of exactly `rows` rows, which is what names a batch in a test.
inline batch_options batches_of(std::size_t rows, batch_options o = {}) {
  o.trigger = batch_trigger::rows;
  o.rows_per_batch = rows;
  return quiet(std::move(o));
}

struct last_digit {
  int operator()(int v) const { return v % 10; }
};

/// The running sum of each last digit.
struct sum_by_last_digit {
  using state = long;
  std::pair<int, long> process(int value, state& sum) { return {value % 10, sum += value}; }
};

/// One row for each key and batch.
struct sum_once_a_batch {
  using state = long;
  using output = emitter<std::pair<int, long>>;
  void process(int value, state& sum, output&) { sum += value; }
  void flush_key(int key, state& sum, output& out) { out.emit({key, sum}); }
};

/// A value that nobody can write: it has no codec.
class closed_text {
 public:
  closed_text() = default;
  explicit closed_text(std::string s) : text_(std::move(s)) {}

 private:
  std::string text_;
};

/// Emits the numbers below `n`, and cannot read again. What `hand` does to it is seen by all copies.
class push_like_spout {
 public:
  struct hand {
    std::mutex mutex;
    std::deque<int> values;
    bool closed = false;
    bool is_idle = false;  ///< the last poll had nothing to give: none is under way until it is woken
    waker wake;
    void wait_until_idle() {
      for (bool is = false; !is; std::this_thread::yield()) {
        std::lock_guard lock(mutex);
        is = is_idle;
      }
    }
    void push(int v) {
      waker w;
      {
        std::lock_guard lock(mutex);
        values.push_back(v);
        w = wake;
      }
      w();
    }
    void close() {
      waker w;
      {
        std::lock_guard lock(mutex);
        closed = true;
        w = wake;
      }
      w();
    }
  };
  push_like_spout() : shared_(std::make_shared<hand>()) {}
  hand& source() const { return *shared_; }

  void open(const task_context& context) {
    std::lock_guard lock(shared_->mutex);
    shared_->wake = context.wake;
  }
  poll_status poll(spout_emitter<int>& out) {
    std::lock_guard lock(shared_->mutex);
    shared_->is_idle = shared_->values.empty() && !shared_->closed;
    if (shared_->values.empty()) return shared_->closed ? poll_status::ended() : poll_status::idle();
    for (auto n = out.room(); n > 0 && !shared_->values.empty(); --n) {
      out.emit(shared_->values.front());
      shared_->values.pop_front();
    }
    return poll_status::emitted();
  }

 private:
  std::shared_ptr<hand> shared_;
};

/// Several partitions of numbers, dealt to the tasks; counts how often it was read again and what was committed.
class partitioned_spout_probe {
 public:
  struct seen {
    std::mutex mutex;
    std::uint64_t reads = 0, messages_read = 0;
    std::map<partition_id, std::uint64_t> committed;
  };
  partitioned_spout_probe(std::size_t partitions, int each)
      : partitions_(partitions), each_(each), seen_(std::make_shared<seen>()) {}
  seen& probe() const { return *seen_; }

  std::vector<std::string> partitions() const {
    std::vector<std::string> names;
    for (std::size_t p = 0; p < partitions_; ++p) names.push_back(std::to_string(p));
    return names;
  }
  void open(const task_context& context) {
    for (const auto& p : context.partitions) mine_.push_back({p.id, 0});
  }
  /// Partitions take turns, a few messages each.
  poll_status poll(spout_emitter<int>& out) {
    for (std::size_t tried = 0; tried < mine_.size(); ++tried) {
      auto& [p, next] = mine_[turn_++ % mine_.size()];
      if (next == static_cast<std::uint64_t>(each_)) continue;
      const auto end =
          std::min<std::uint64_t>(static_cast<std::uint64_t>(each_), next + std::min<std::size_t>(out.room(), 7));
      for (; next < end; ++next) emit(p, next, out);
      return poll_status::emitted();
    }
    return poll_status::ended();
  }
  void read(const position_range& range, spout_emitter<int>& out) {
    {
      std::lock_guard lock(seen_->mutex);
      ++seen_->reads;
      seen_->messages_read += range.to - range.from;
    }
    for (auto i = range.from; i < range.to; ++i) emit(range.partition, i, out);
  }
  void seek(const position& p) {
    for (auto& [partition, next] : mine_)
      if (partition == p.partition) next = p.offset;
  }
  void commit(const position& p) {
    std::lock_guard lock(seen_->mutex);
    seen_->committed[p.partition] = p.next;
  }

 private:
  void emit(partition_id p, std::uint64_t i, spout_emitter<int>& out) const {
    out.emit({p, i, i + 1}, static_cast<int>(p) * each_ + static_cast<int>(i));
  }
  std::size_t partitions_;
  int each_;
  std::shared_ptr<seen> seen_;
  std::vector<std::pair<partition_id, std::uint64_t>> mine_;
  std::size_t turn_ = 0;
};

/// What becomes of a run, for tests of failures.
inline std::string error_of(topology_run& run) {
  try {
    run.wait();
  } catch (const run_error& e) { return e.what(); }
  return "";
}

template <class T>
std::vector<T> sorted(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace freshet::batch_tests
