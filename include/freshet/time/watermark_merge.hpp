#pragma once
#include <chrono>
#include <cstddef>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"
#include "freshet/core/winner_tree.hpp"

namespace freshet {

/// The watermark that flows on from several inputs (partitions, channels): the smallest of those that are not idle. It
/// never goes back. An input begins at `beginning_of_time` and holds all back until it says more, is idle or ends.
/// Idle inputs are left out; while there are others that are neither idle nor ended, those decide. When all that have
/// not ended are idle, the merged watermark is the largest that any said before it was idle or ended, and
/// `is_idle()`; when all have ended it is `end_of_time`. So it depends on what the inputs have said, and not on the
/// order in which they became idle or ended. Every change costs O(log inputs). Not thread safe.
class watermark_merge {
 public:
  /// What a report did.
  enum class effect {
    none,         ///< nothing the consumer need know
    advanced,     ///< `watermark()` has risen
    woke_behind,  ///< an idle input woke with a watermark below the merged one: what it sends until it has caught up
                  ///< may find its windows closed, and is counted apart
  };

  explicit watermark_merge(std::size_t inputs = 0);
  /// One more, at `beginning_of_time`; gives its index.
  std::size_t add();
  std::size_t size() const noexcept { return inputs_.size(); }
  /// What an input has said.
  struct said {
    event_time watermark = beginning_of_time;
    bool idle = false;
  };
  said said_by(std::size_t input) const { return {inputs_[input].watermark, inputs_[input].idle}; }
  /// Has these inputs from here on. The merged watermark stays where it is until one of them says more.
  void replace(const std::vector<said>& inputs);

  /// The input's own watermark, which never goes back: a lower one counts as its last. Wakes an idle input.
  /// `end_of_time`: the input has ended and says no more.
  effect advance(std::size_t input, event_time watermark);
  /// The input sends nothing for a while.
  effect mark_idle(std::size_t input);

  event_time watermark() const noexcept { return merged_; }
  /// No input says anything, but not all have ended.
  bool is_idle() const noexcept { return active_ == 0 && ended_ < inputs_.size(); }
  bool has_ended() const noexcept { return !inputs_.empty() && ended_ == inputs_.size(); }

  event_time watermark_of(std::size_t input) const { return inputs_[input].watermark; }
  bool is_idle(std::size_t input) const { return inputs_[input].idle; }
  /// The input is not idle and its own watermark is below the merged one: it woke behind and has not caught up, or was
  /// added late.
  bool is_behind(std::size_t input) const { return !inputs_[input].idle && inputs_[input].watermark < merged_; }
  /// The input that holds the watermark back, the first of several; `size()` where none does.
  std::size_t slowest() const noexcept;

 private:
  struct input_state {
    event_time watermark = beginning_of_time;
    bool idle = false;
    bool is_active() const { return !idle && watermark != end_of_time; }
  };
  effect settle(std::size_t input, bool was_active);

  std::vector<input_state> inputs_;
  winner_tree tree_;  // of the active ones; the others stand at the end of time
  std::size_t active_ = 0, ended_ = 0;
  event_time last_ = beginning_of_time;  // the largest that an input said before it was idle or ended
  event_time merged_ = beginning_of_time;
};

/// Says when an input has sent nothing for `timeout` and is to be marked idle. Time is the caller's, so that a test has
/// its own. Not thread safe.
class idle_timer {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// A timeout of zero: never idle.
  explicit idle_timer(std::chrono::nanoseconds timeout, time_point now) : timeout_(timeout), since_(now) {}

  /// The input sent something, or could not have: while backpressure keeps it from being read, it isn't idle.
  void restart(time_point now) noexcept { since_ = now; }
  bool is_over(time_point now) const noexcept { return now >= due(); }
  /// When to look again; time_point::max(): never.
  time_point due() const noexcept;

 private:
  std::chrono::nanoseconds timeout_;
  time_point since_;
};

}  // namespace freshet
