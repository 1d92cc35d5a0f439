#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/spout.hpp"

namespace freshet {

/// Settings of a generator_spout.
struct generator_options {
  double rate = 0;                         ///< events a second, of all tasks together; 0: as fast as they are taken
  std::uint64_t count = 0;                 ///< events, of all tasks together; 0: no end
  std::chrono::nanoseconds duration = {};  /// ends so long after the first event; 0: no end
  /// Into how many partitions the indices are dealt; 0: one for each task, cheapest and in order. Name a number where
  /// positions must mean the same under another parallelism.
  std::uint32_t partitions = 0;
};

/// Makes its values itself, by index: `f(index, intended)` or `f(index)`, which must give the same value each time it
/// is called with the same arguments. Can read again.
///     builder.spout("ticks", generator_spout{[](std::uint64_t i) { return tick{i}; }, {.rate = 10'000, .count =
///     50'000}});
///
/// With a rate it is an open loop: event `i` is *intended* for `start + i / rate`, whatever became of those before it,
/// and `intended` is that instant on the run's clock. After a stall (backpressure, a pause, a busy machine) it catches
/// up with the intended times unchanged, so a latency taken from `intended` contains what the event waited: no
/// coordinated omission. The clock starts with a task's first poll. Without a rate an event is intended for the moment
/// it is made.
///
/// Index `i` belongs to partition `i % partitions`, at offset `i / partitions`, so tasks share the indices without
/// overlap. Under `count` all indices below it are made, once each. Each task has its own copy of `f`.
template <class T, class F = std::function<T(std::uint64_t, std::chrono::steady_clock::time_point)>>
class generator_spout {
  static_assert(!std::is_void_v<T>,
                "a generator_spout makes its values by a function of their index: T f(std::uint64_t) or T "
                "f(std::uint64_t, std::chrono::steady_clock::time_point)");

 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Throws std::invalid_argument for a rate that is negative or not a number, and for a negative duration.
  explicit generator_spout(F f, generator_options options = {}) : make_(std::move(f)), options_(options) {
    if (!(options_.rate >= 0) || options_.rate > 1e9)
      throw std::invalid_argument("generator_spout: rate is " + std::to_string(options_.rate) + ", expected 0 to 1e9");
    if (options_.duration < std::chrono::nanoseconds{})
      throw std::invalid_argument("generator_spout: the duration is negative");
    last_ = options_.count ? options_.count : std::numeric_limits<std::uint64_t>::max();
    if (options_.rate > 0) {
      period_ns_ = 1e9 / options_.rate;
      if (options_.duration > std::chrono::nanoseconds{})
        last_ =
            std::min(last_, static_cast<std::uint64_t>(static_cast<double>(options_.duration.count()) / period_ns_));
    }
  }

  std::vector<std::string> partitions() const {
    std::vector<std::string> names;
    for (std::uint32_t p = 0; p < options_.partitions; ++p) names.push_back(std::to_string(p));
    return names;
  }

  void open(const task_context& context) {
    clock_ = context.clock;
    partitions_ = options_.partitions;
    for (const auto& p : context.partitions) mine_.push_back({p.id, 0});
    if (partitions_ == 0) {
      partitions_ = static_cast<std::uint32_t>(context.task_count);
      mine_.push_back({static_cast<partition_id>(context.task), 0});
    }
  }

  poll_status poll(spout_emitter<T>& out) {
    const auto now = clock_->now();
    if (!started_) start(now);
    if (options_.rate == 0 && options_.duration > std::chrono::nanoseconds{} && now - start_ >= options_.duration)
      return poll_status::ended();
    for (auto n = std::max<std::size_t>(out.room(), 1); n > 0; --n) {
      if (turn_ == mine_.size()) return poll_status::ended();
      auto& [partition, offset] = mine_[turn_];
      const auto index = index_of(partition, offset);
      if (index >= last_) return poll_status::ended();
      const auto intended = paced() ? intended_for(index) : now;
      if (intended > now) return poll_status::idle_until(intended);
      out.emit({partition, offset, offset + 1}, value(index, intended));
      ++offset;
      next_turn();
    }
    return poll_status::emitted();
  }

  void read(const position_range& range, spout_emitter<T>& out) {
    if (!started_) start(clock_->now());
    for (auto k = range.from; k < range.to; ++k) {
      const auto index = index_of(range.partition, k);
      out.emit({range.partition, k, k + 1}, value(index, paced() ? intended_for(index) : clock_->now()));
    }
  }
  void seek(const position& p) {
    for (auto& [partition, offset] : mine_)
      if (partition == p.partition) offset = p.offset;
    started_ = false;
  }
  void commit(const position&) {}

 private:
  struct place {
    partition_id partition;
    std::uint64_t offset;
  };
  bool paced() const { return options_.rate > 0; }
  std::uint64_t index_of(partition_id partition, std::uint64_t offset) const {
    return offset * partitions_ + partition;
  }
  /// From the index and not by adding up, so that it is exact after any number of events.
  time_point intended_for(std::uint64_t index) const {
    const auto since = static_cast<double>(static_cast<std::int64_t>(index - first_)) * period_ns_;
    return start_ + std::chrono::nanoseconds(static_cast<std::int64_t>(since));
  }
  T value(std::uint64_t index, time_point intended) {
    if constexpr (std::is_invocable_v<F&, std::uint64_t, time_point>) return std::invoke(make_, index, intended);
    else return std::invoke(make_, index);
  }
  /// The lowest index of this task is intended for its place among all indices from the lowest offset on.
  void start(time_point now) {
    started_ = true;
    start_ = now;
    turn_ = 0;
    first_ = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t i = 0; i < mine_.size(); ++i) {
      first_ = std::min(first_, mine_[i].offset * partitions_);
      if (index_of(mine_[i].partition, mine_[i].offset) < index_of(mine_[turn_].partition, mine_[turn_].offset))
        turn_ = i;
    }
  }
  /// Lowest index next: partitions take turns, but where a seek has put them at different offsets.
  void next_turn() {
    if (mine_.size() == 1) return;
    turn_ = 0;
    for (std::size_t i = 1; i < mine_.size(); ++i)
      if (index_of(mine_[i].partition, mine_[i].offset) < index_of(mine_[turn_].partition, mine_[turn_].offset))
        turn_ = i;
  }

  F make_;
  generator_options options_;
  std::uint64_t last_;  // the first index that is not made
  double period_ns_ = 0;
  const freshet::clock* clock_ = &freshet::clock::real();
  std::uint32_t partitions_ = 1;
  std::vector<place> mine_;
  std::size_t turn_ = 0;
  bool started_ = false;
  time_point start_{};
  std::uint64_t first_ = 0;
};

namespace detail {
template <class F>
consteval auto generated() {
  if constexpr (std::is_invocable_v<F&, std::uint64_t, std::chrono::steady_clock::time_point>)
    return std::type_identity<std::invoke_result_t<F&, std::uint64_t, std::chrono::steady_clock::time_point>>{};
  else if constexpr (std::is_invocable_v<F&, std::uint64_t>)
    return std::type_identity<std::invoke_result_t<F&, std::uint64_t>>{};
  else return std::type_identity<void>{};
}
}  // namespace detail
template <class F>
generator_spout(F, generator_options = {})
    -> generator_spout<std::remove_cvref_t<typename decltype(detail::generated<F>())::type>, F>;

}  // namespace freshet
