#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"
#include "freshet/stream/aggregate_field.hpp"

namespace freshet {

/// What becomes of the partial matches of a key when one of them is complete.
enum class after_match : std::uint8_t {
  skip_past_last,  ///< those that began at or before its last tuple are dropped: no two matches overlap
  no_skip,         ///< nothing: every tuple that can begin a match may have one
};

/// A step of a pattern, without its condition.
struct pattern_step {
  enum class contiguity : std::uint8_t { first, next, followed_by, absent };
  contiguity how = contiguity::first;
  std::uint32_t times = 1;
  bool is_absent() const { return how == contiguity::absent; }
};
/// What is wrong with a pattern of these steps, as sentences for `build()`.
std::vector<std::string> mistakes_of_pattern(const std::vector<pattern_step>&, std::optional<event_span> within);

namespace wiring {
/// The function says of a tuple whether it is the next of a match.
template <class Function, class Given>
struct check_condition {
  static constexpr bool ok = std::is_invocable_r_v<bool, const Function&, const Given&> ||
                             std::is_invocable_r_v<bool, const Function&, const Given&, std::span<const Given>>;
  static_assert(ok,
                "a condition of a pattern is  bool f(const T&)  or  bool f(const T&, std::span<const T> so_far),  "
                "const, where so_far are the tuples of the match before it");
};
}  // namespace wiring

/// A sequence of tuples of one key, in the order of their times: which are a match, for `ordered().pattern(...)`.
///     // A small payment, then two large ones within five minutes, and no refund before the first of them.
///     pattern{is_small}.not_followed_by(is_refund).followed_by(is_large).times(2).within(5min)
///     // An order that nobody pays within an hour: the match comes when the hour is over.
///     pattern{is_order}.not_followed_by(is_payment).within(1h)
///
/// A condition is `bool f(const T&)`, or `bool f(const T&, std::span<const T> so_far)`, which sees the tuples of the
/// match before it. Every tuple that the first condition takes begins a partial match, and each takes the first tuple
/// that it can: a match is never one of several ways to read the same tuples. An immutable value: each function gives
/// a new pattern.
///
/// The words are those of Flink's CEP library, with these differences: conditions are given with the step, and steps
/// have no names, as the tuples of a match are known by their places; `followed_by` has no variant that tries later
/// tuples too (followedByAny), and there are no optional steps, no open numbers of times and no groups; `times` repeats
/// a step as it was reached, so behind `next` its tuples are consecutive; `within` is how far the last tuple may be
/// from the first, that far included; a step that is absent at the end needs no further tuple to be settled, as time
/// does that; and by default matches don't overlap (SQL's default too; Flink's is `no_skip`).
template <class T>
class pattern {
 public:
  using condition = std::function<bool(const T&, std::span<const T>)>;

  /// Begins with a tuple for which `first` holds.
  template <class F>
  explicit pattern(F first) {
    add(pattern_step::contiguity::first, std::move(first));
  }
  /// The very next tuple of the key, or the match is none.
  template <class F>
  pattern next(F f) const {
    return with(pattern_step::contiguity::next, std::move(f));
  }
  /// The first tuple to come for which `f` holds; others may come before it.
  template <class F>
  pattern followed_by(F f) const {
    return with(pattern_step::contiguity::followed_by, std::move(f));
  }
  /// No tuple for which `f` holds until the next step's first, or, as the last step, until `within` is over. One that
  /// would do for the next step too is not taken: the match is none.
  template <class F>
  pattern not_followed_by(F f) const {
    return with(pattern_step::contiguity::absent, std::move(f));
  }
  /// The step before is of `n` tuples: behind `next` one after the other, else with others between them.
  pattern times(std::uint32_t n) const {
    pattern made = *this;
    made.steps_.back().times = n;
    return made;
  }
  /// The last tuple is at most so much later than the first. Needed wherever a match may wait for what never comes: by
  /// all patterns but those that go on by `next` alone, which wait for one more tuple of their key, however long.
  pattern within(event_span span) const {
    pattern made = *this;
    made.within_ = span;
    return made;
  }
  /// What becomes of the other partial matches when one is complete; without it, `skip_past_last`.
  pattern after(after_match what) const {
    pattern made = *this;
    made.after_ = what;
    return made;
  }

  // --- library side ---
  const std::vector<pattern_step>& steps() const { return steps_; }
  bool holds(std::size_t step, const T& tuple, std::span<const T> so_far) const {
    return conditions_[step](tuple, so_far);
  }
  std::optional<event_span> within() const { return within_; }
  after_match after() const { return after_; }

 private:
  template <class F>
  pattern with(pattern_step::contiguity how, F f) const {
    pattern made = *this;
    made.add(how, std::move(f));
    return made;
  }
  template <class F>
  void add(pattern_step::contiguity how, F f) {
    steps_.push_back({how});
    if constexpr (wiring::check_condition<F, T>::ok)
      conditions_.push_back([f = std::move(f)](const T& tuple, std::span<const T> so_far) -> bool {
        if constexpr (std::is_invocable_r_v<bool, const F&, const T&>) return (void)so_far, std::invoke(f, tuple);
        else return std::invoke(f, tuple, so_far);
      });
  }

  std::vector<pattern_step> steps_;
  std::vector<condition> conditions_;
  std::optional<event_span> within_;
  after_match after_ = after_match::skip_past_last;
};
template <class F>
pattern(F) -> pattern<owner_t<F>>;

/// The tuples of one match, in their order. Its event time is `ended`.
template <class T>
struct matched {
  std::vector<T> tuples;
  event_time began{};  ///< the time of its first tuple
  event_time ended{};  ///< of its last one; where the last step is an absence, when that was settled
};

}  // namespace freshet
