#pragma once
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <mutex>

#include "freshet/core/spout.hpp"
#include "size.hpp"

/// The work that all pipelines do: source -> map -> sum by key -> sink, over pseudo-random keys.
namespace freshet::pipeline_bench {

struct order {
  std::uint64_t key = 0;
  std::uint64_t amount = 0;
};

/// The same stream for everybody: Knuth's linear congruential generator.
class order_source {
 public:
  explicit order_source(std::uint64_t keys, std::uint64_t seed = 1) : keys_(keys), state_(seed) {}
  order next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return {(state_ >> 33) % keys_, count_++ & 255};
  }

 private:
  std::uint64_t keys_, state_, count_ = 0;
};

inline order doubled(const order& o) { return {o.key, o.amount * 2 + 1}; }

using sums_by_key = boost::unordered_flat_map<std::uint64_t, std::uint64_t>;

/// The best plain loop: one core, one flat map, nothing in between. Adds `count` orders to `sums`; gives what the sink
/// makes of the rows.
inline std::uint64_t sum_by_hand(order_source source, std::uint64_t count, sums_by_key& sums) {
  std::uint64_t sink = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const order o = doubled(source.next());
    sink ^= sums[o.key] += o.amount;
  }
  return sink;
}

/// The stream of a spout's task.
inline order_source source_of_task(std::uint64_t keys, std::size_t task) { return order_source{keys, task * 7919 + 1}; }

/// What a user would write: emits `count` orders in all, divided among its tasks. Each task has a stream of its own.
class order_spout {
 public:
  order_spout(std::uint64_t count, std::uint64_t keys) : left_(count), source_(keys), keys_(keys) {}
  void open(const task_context& c) {
    left_ /= c.task_count;
    source_ = source_of_task(keys_, c.task);
  }
  poll_status poll(spout_emitter<order>& out) {
    for (auto n = out.room(); n && left_; --n, --left_) out.emit(source_.next());
    return left_ ? poll_status::emitted() : poll_status::ended();
  }

 private:
  std::uint64_t left_;
  order_source source_;
  std::uint64_t keys_;
};

/// Short enough for a full run of the suite.
inline std::uint64_t tuples_for(std::uint64_t keys) { return enough(keys > 100'000 ? 8'000'000 : 20'000'000); }

/// A sink that keeps the greatest sum of each key, which is the last: amounts are above 0. Copies share them.
class last_sums {
 public:
  void keep(std::uint64_t key, std::uint64_t sum) {
    std::lock_guard lock(all_->mutex);
    auto& last = all_->sums[key];
    last = std::max(last, sum);
  }
  /// They are what the hand loop gets from the streams of two tasks, which emit `count` together.
  bool are_right(std::uint64_t count, std::uint64_t keys) const {
    sums_by_key by_hand;
    for (const std::size_t task : {0, 1}) sum_by_hand(source_of_task(keys, task), count / 2, by_hand);
    return all_->sums == by_hand;
  }

 private:
  struct shared {
    std::mutex mutex;
    sums_by_key sums;
  };
  std::shared_ptr<shared> all_ = std::make_shared<shared>();
};

/// Before an engine is measured it sums so many orders, whose sums are looked at.
constexpr std::uint64_t orders_to_check = 100'000;

}  // namespace freshet::pipeline_bench
