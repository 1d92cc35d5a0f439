#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "event/ledger.hpp"
#include "freshet/core/held_tuple.hpp"
#include "freshet/core/task_context.hpp"
#include "freshet/core/task_operator.hpp"
#include "runtime/deadline_queue.hpp"

namespace freshet {

/// The tokens one task has handed out. Kept alive by the tokens, so that one may be consumed after the run is gone.
/// Thread safety: tokens may be consumed on any thread; the functions are for the task's.
/// Invariant: `outstanding` counts tokens neither consumed nor revoked; a tuple's ledger count includes its token until
/// then.
class hold_desk : public std::enable_shared_from_this<hold_desk> {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// `book` is null where the run has no ledger. `wake` wakes the task, from any thread.
  hold_desk(std::shared_ptr<ledger> book, std::uint32_t task, waker wake)
      : book_(std::move(book)), task_(task), wake_(std::move(wake)) {}

  /// What it takes to call again for a held tuple where no spout emits it again.
  struct repetition {
    std::unique_ptr<any_batch> tuple;  ///< null: no tuple caused the call that took the hold
    any_reader* reader = nullptr;
    std::uint32_t attempts = 1;  ///< calls so far
  };
  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node, time_point deadline, repetition again);
  std::uint32_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }

  /// A token that failed where no spout emits its tuple again: the task decides. It still counts for its messages,
  /// until `settle_failed` or until its tuple is read again.
  struct failed_hold {
    std::uint32_t node;
    std::uint64_t number;  ///< of its token
    freshet::error error;
    repetition again;
    root anchor;
    root_list anchors;
  };
  std::vector<failed_hold> take_failed();
  /// True when `take_failed` has something. Asked behind `outstanding() == 0` or `settled` it misses nothing.
  bool has_failed() const;
  void settle_failed(const failed_hold& f) noexcept;
  /// Tokens ever taken.
  std::uint64_t taken() const;
  /// None of the first `taken` tokens is one of `node` that is still out.
  bool settled(std::uint32_t node, std::uint64_t taken) const;
  /// Revokes and fails tokens whose deadline has passed. Returns how many.
  std::size_t expire(time_point now, std::chrono::nanoseconds timeout);
  time_point next_deadline();
  /// Its task is gone: tokens are still answered, and nobody waits for them. Breaks the circle of desk and tokens.
  void abandon();
  /// Tokens consumed after they had been revoked or timed out, since the run began.
  std::uint64_t late_answers() const { return late_answers_.load(std::memory_order_relaxed); }
  /// Failures don't go to the spout but to `take_failed`.
  void keep_failures() { keeps_failures_ = true; }

 private:
  class token;
  void settle(root anchor, const root_list& anchors, std::int32_t delta) noexcept;
  void failed(token& t, error why) noexcept;  // REQUIRES: mutex_
  /// The call that took the token has failed, and is made again or meets its policy: a failure of the token that
  /// nobody has taken yet would do the same once more.
  void forget(const token& t) noexcept;
  void consumed() noexcept;

  const std::shared_ptr<ledger> book_;
  const std::uint32_t task_;
  const waker wake_;
  bool keeps_failures_ = false;
  std::atomic<std::uint32_t> outstanding_{0};
  std::atomic<std::uint64_t> late_answers_{0};
  deadline_queue<token> by_deadline_;  // the task's
  mutable std::mutex mutex_;           // guards failed_; tokens fail under it
  std::vector<failed_hold> failed_;
};

}  // namespace freshet
