#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "event/ledger.hpp"
#include "freshet/core/held_tuple.hpp"
#include "freshet/core/task_context.hpp"
#include "runtime/deadline_queue.hpp"

namespace freshet {

/// The tokens one task has handed out. Kept alive by the tokens, so that one may be consumed after the run is gone.
/// Thread safety: `take_failed`, `expire`, `hold` and `close` from the task's thread, the rest from any.
/// Invariant: `outstanding` counts tokens neither consumed nor revoked; a tuple's ledger count includes its token until
/// then.
class hold_desk : public std::enable_shared_from_this<hold_desk> {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// `book` is null where the run has no ledger. `wake` wakes the task, from any thread.
  hold_desk(std::shared_ptr<ledger> book, std::uint32_t task, waker wake)
      : book_(std::move(book)), task_(task), wake_(std::move(wake)) {}

  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node, time_point deadline);
  std::uint32_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }

  /// A token that failed in a run without ledger, or below the dead letters: the task's policy decides.
  struct failed_hold {
    std::uint32_t node;
    freshet::error error;
  };
  std::vector<failed_hold> take_failed();
  /// Revokes and fails tokens whose deadline has passed. Returns how many.
  std::size_t expire(time_point now, std::chrono::nanoseconds timeout);
  time_point next_deadline();
  /// Tokens consumed after they had been revoked or timed out, since the run began.
  std::uint64_t late_answers() const { return late_answers_.load(std::memory_order_relaxed); }
  /// Failures don't go to the spout but to `take_failed`.
  void keep_failures() { keeps_failures_ = true; }

 private:
  class token;
  void settle(const held_state& t, std::int32_t delta) noexcept;
  void failed(const token& t, error why) noexcept;
  void consumed() noexcept;

  const std::shared_ptr<ledger> book_;
  const std::uint32_t task_;
  const waker wake_;
  bool keeps_failures_ = false;
  std::atomic<std::uint32_t> outstanding_{0};
  std::atomic<std::uint64_t> late_answers_{0};
  deadline_queue<token> by_deadline_;  // the task's
  std::mutex mutex_;                   // guards failed_
  std::vector<failed_hold> failed_;
};

}  // namespace freshet
