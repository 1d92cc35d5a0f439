#pragma once
#include <algorithm>
#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"

// Watermarks of one partition of a spout: how far its event time has come.
//
// What a watermark W says, to the millisecond: a window that ends at or before W is complete, and so is every moment at
// or before W; whatever comes with a time at or before W is late, unless lateness is allowed (`is_late`,
// time/window.hpp).
// The bounded policy subtracts the bound and nothing else. With windows [start, end) that is Flink's rule: Flink has
// the watermark 1 ms lower and lets a window end 1 ms before its end. A tuple exactly `bound` behind the largest time
// seen is on W: in windows it is not late, as those it belongs to end after it; where tuples are judged by themselves
// (sessions, joins, ordered input, de-duplication) it is. Times that come in order but repeat are therefore for
// `ascending`, not for a bound of zero.

namespace freshet {

/// Events come at most `bound` behind the largest time seen: the watermark is that time - bound.
struct bounded_out_of_orderness {
  event_span bound{};  ///< not negative

  using state = event_time;  ///< the largest time seen
  constexpr event_time start() const noexcept { return beginning_of_time; }
  constexpr event_time observe(state& largest, event_time t) const noexcept {
    largest = std::max(largest, t);
    return shifted_back(largest, bound);
  }
};

/// Times never go back but may repeat, so an event at t says only that those before t are complete: the watermark is
/// the largest time seen - 1 ms.
struct ascending {
  using state = event_time;  ///< the largest time seen
  constexpr event_time start() const noexcept { return beginning_of_time; }
  constexpr event_time observe(state& largest, event_time t) const noexcept {
    largest = std::max(largest, t);
    return shifted_back(largest, event_span{1});
  }
};

/// Some events say how far time has come: `f(t)` or `f(t, value)` gives the watermark, or nothing. It must be a pure
/// function, as a replay calls it again.
///     punctuated{[](event_time t, const reading& r) { return r.last ? std::optional(t) : std::nullopt; }}
template <class F>
struct punctuated {
  F f;

  using state = event_time;  ///< the largest watermark announced
  constexpr event_time start() const noexcept { return beginning_of_time; }
  constexpr event_time observe(state& announced, event_time t) const requires std::invocable<const F&, event_time> {
    return raise(announced, std::invoke(f, t));
  }
  template <class T>
  requires std::invocable<const F&, event_time, const T&>
  constexpr event_time observe(state& announced, event_time t, const T& value) const {
    return raise(announced, std::invoke(f, t, value));
  }

 private:
  static constexpr event_time raise(state& announced, std::optional<event_time> next) {
    if (next) announced = std::max(announced, *next);
    return announced;
  }
};
template <class F>
punctuated(F) -> punctuated<F>;

namespace detail {
template <class P>
concept observes_time = requires(const P& p, typename P::state& s, event_time t) {
  { p.observe(s, t) } -> std::convertible_to<event_time>;
};
template <class P, class T>
concept observes_value = requires(const P& p, typename P::state& s, event_time t, const T& v) {
  { p.observe(s, t, v) } -> std::convertible_to<event_time>;
};
}  // namespace detail

/// How the watermark of a partition of `T` follows from its events; write your own as the ones above. `start()` gives
/// the state to begin with. `observe(state, t)`, or `observe(state, t, value)`, changes the state and returns the
/// watermark after an event: a pure function of both, with nothing from a clock or a member that changes, because a
/// replay or a recovery calls it again from the state that was saved and must get the same. What it returns may go
/// back; the partition's watermark doesn't. The state needs a codec in durable runs. A run under at_least_once that
/// goes on before messages that were not finished begins with `start()`, at the watermark that was: a state that says
/// how far time has come needs no more.
template <class P, class T>
concept watermark_policy = std::copyable<typename P::state> && requires(const P& p) {
  { p.start() } -> std::convertible_to<typename P::state>;
} &&(detail::observes_time<P> || detail::observes_value<P, T>);

/// The watermark of one partition, and what its policy remembers: all that a checkpoint keeps.
template <class State>
struct watermark_state {
  State policy{};
  event_time watermark = beginning_of_time;
};

/// Follows the times of one partition, in its order. An event at an end of time counts as the nearest one within, so
/// that no event ends the stream for those after it. Not thread safe.
template <class Policy>
class partition_watermark {
 public:
  using state = watermark_state<typename Policy::state>;

  explicit partition_watermark(Policy policy = {}) : policy_(std::move(policy)), state_{policy_.start()} {}
  /// Goes on where `saved()` was taken.
  partition_watermark(Policy policy, state from) : policy_(std::move(policy)), state_(std::move(from)) {}

  /// Sees the next event, and gives its stamp: the watermark as it stood just before it. The messages of one position
  /// share the stamp of the first.
  template <class T>
  requires watermark_policy<Policy, T> event_time observe(event_time t, const T& value) {
    const event_time stamp = state_.watermark;
    event_time next;
    if constexpr (detail::observes_value<Policy, T>)
      next = policy_.observe(state_.policy, nearest_event_time(t), value);
    else next = policy_.observe(state_.policy, nearest_event_time(t));
    state_.watermark = std::max(stamp, std::min(next, last_event_time));
    return stamp;
  }
  /// The same, for a policy that doesn't look at values.
  event_time observe(event_time t) { return observe(t, nothing{}); }

  /// Goes on to `to`, as far as an event could have said so.
  void advance(event_time to) { state_.watermark = std::max(state_.watermark, std::min(to, last_event_time)); }

  /// After the events seen so far. Never `end_of_time`: only the end of the input says that.
  event_time watermark() const noexcept { return state_.watermark; }
  const state& saved() const noexcept { return state_; }
  /// Back to what `saved()` gave.
  void restore(state from) { state_ = std::move(from); }

 private:
  struct nothing {};
  Policy policy_;
  state state_;
};

/// What is wrong with a policy, as sentences for `build()`; none where it is sound.
std::vector<std::string> mistakes_of(const bounded_out_of_orderness&);

}  // namespace freshet
