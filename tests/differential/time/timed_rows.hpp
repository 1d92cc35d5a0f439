#pragma once
#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/base/time_arithmetic.hpp"
#include "freshet/core/spout.hpp"
#include "freshet/core/task_context.hpp"
#include "freshet/stream/late.hpp"

// Rows with times, out of order, and what a plain loop knows of them: their stamps.
namespace freshet::differential {

struct timed_row {
  std::uint32_t key = 0;
  event_time at{};
  std::int64_t value = 0;
  friend auto operator<=>(const timed_row&, const timed_row&) = default;
};
/// By partition.
using timed_rows = std::vector<std::vector<timed_row>>;

struct stamped_row {
  timed_row row;
  event_time stamp;
  friend auto operator<=>(const stamped_row&, const stamped_row&) = default;
};
struct late_row {
  timed_row row;
  event_time stamp{};
  late_reason why{};
  friend auto operator<=>(const late_row&, const late_row&) = default;
};
/// All rows with their stamps, for watermarks `bound` behind the largest time of their partition.
inline std::vector<stamped_row> stamped(const timed_rows& rows, event_span bound) {
  std::vector<stamped_row> all;
  for (const auto& partition : rows) {
    event_time largest = beginning_of_time, watermark = beginning_of_time;
    for (const auto& r : partition) {
      all.push_back({r, watermark});
      largest = std::max(largest, r.at);
      watermark = shifted_back(largest, bound);
    }
  }
  return all;
}

/// How many rows there are: of one partition, and of one in four.
struct row_numbers {
  std::size_t partitions = 1, usual = 80, many = 400;
};
/// Times that go on by small steps, sometimes by years, and are out of order by up to `disorder`.
inline timed_rows some_rows(random_source& random, event_span disorder, const row_numbers& numbers) {
  timed_rows rows(numbers.partitions);
  std::int64_t value = 0;
  const auto keys = 1 + random.below(6);
  const auto step = 1 + random.below(5);
  const bool leaps = random.below(4) == 0;
  const auto start = event_time{event_span{static_cast<std::int64_t>(random.below(3)) * 1000 - 1000}};
  for (auto& partition : rows) {
    event_time now = start;
    for (auto n = random.below(random.below(4) == 0 ? numbers.many : numbers.usual); n-- > 0;) {
      now += event_span{static_cast<std::int64_t>(random.below(step + 1))};
      if (leaps && random.below(40) == 0) now += std::chrono::days{400};
      const auto back =
          event_span{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(disorder.count()) + 1))};
      partition.push_back({static_cast<std::uint32_t>(random.below(keys)), now - back, ++value});
    }
  }
  return rows;
}

/// Emits the rows of its partitions by turns, a few at a time. Can read again. A partition falls asleep for a while
/// before its row `naps[partition]`, where there is one.
class partitions_spout {
 public:
  partitions_spout(std::shared_ptr<const timed_rows> rows, std::uint64_t seed, std::vector<std::uint64_t> naps = {})
      : rows_(std::move(rows)), naps_(std::move(naps)), random_(seed) {
    naps_.resize(rows_->size(), no_nap);
  }
  std::vector<std::string> partitions() const {
    std::vector<std::string> names;
    for (std::size_t p = 0; p < rows_->size(); ++p) names.push_back("p" + std::to_string(p));
    return names;
  }
  void open(const task_context& context) {
    for (const auto& p : context.partitions) mine_.push_back({p.id});
  }
  poll_status poll(spout_emitter<timed_row>& out) {
    std::erase_if(mine_, [&](auto& m) {
      if (m.next != (*rows_)[m.partition].size()) return false;
      out.end(m.partition);
      return true;
    });
    if (mine_.empty()) return poll_status::ended();
    auto& m = mine_[random_.below(mine_.size())];
    const auto nap = naps_[m.partition];
    if (m.next == nap && m.naps++ < polls_asleep)
      return poll_status::idle_until(std::chrono::steady_clock::now() + std::chrono::microseconds(100));
    auto end = std::min<std::uint64_t>((*rows_)[m.partition].size(),
                                       m.next + 1 + random_.below(std::clamp<std::size_t>(out.room(), 1, 20)));
    if (m.next < nap) end = std::min(end, nap);
    read({m.partition, m.next, end}, out);
    m.next = end;
    return poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<timed_row>& out) const {
    for (auto i = range.from; i < range.to; ++i) out.emit({range.partition, i, i + 1}, (*rows_)[range.partition][i]);
  }
  void seek(const position& p) {
    for (auto& m : mine_)
      if (m.partition == p.partition) m.next = p.offset;
  }
  void commit(const position&) {}

  static constexpr std::uint64_t no_nap = ~std::uint64_t{0};

 private:
  static constexpr int polls_asleep = 10;
  struct progress {
    partition_id partition;
    std::uint64_t next = 0;
    int naps = 0;
  };
  std::shared_ptr<const timed_rows> rows_;
  std::vector<std::uint64_t> naps_;
  random_source random_;
  std::vector<progress> mine_;
};

/// Emits the rows of the first partition, once, and can't read again.
class rows_once {
 public:
  explicit rows_once(std::shared_ptr<const timed_rows> rows) : rows_(std::move(rows)) {}
  void open(const task_context& context) { mine_ = context.task == 0; }
  poll_status poll(spout_emitter<timed_row>& out) {
    const auto& all = rows_->front();
    for (auto n = std::clamp<std::size_t>(out.room(), 1, 20); mine_ && n-- > 0 && next_ < all.size();)
      out.emit(all[next_++]);
    return mine_ && next_ < all.size() ? poll_status::emitted() : poll_status::ended();
  }

 private:
  std::shared_ptr<const timed_rows> rows_;
  std::size_t next_ = 0;
  bool mine_ = true;
};

/// Collects what sinks get, from any thread. Shared by a sink's copies.
template <class T>
class gathered {
 public:
  void operator()(const T& value) const {
    std::lock_guard lock(all_->mutex);
    all_->values.push_back(value);
  }
  std::vector<T> sorted() const {
    std::lock_guard lock(all_->mutex);
    std::sort(all_->values.begin(), all_->values.end());
    return all_->values;
  }

 private:
  struct shared {
    std::mutex mutex;
    std::vector<T> values;
  };
  std::shared_ptr<shared> all_ = std::make_shared<shared>();
};

}  // namespace freshet::differential
