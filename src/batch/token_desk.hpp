#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "freshet/core/held_tuple.hpp"
#include "freshet/core/task_context.hpp"
#include "runtime/deadline_queue.hpp"

namespace freshet {

/// The tokens that one attempt of a task has handed out: the attempt ends when all are consumed, and fails with the
/// first that fails. An attempt has a desk of its own, so that answers to an earlier one change nothing.
/// Thread safety: `hold`, `holds`, `expire` and `next_deadline` from the task's thread, the rest from any.
/// Invariant: `outstanding` counts tokens neither consumed nor revoked.
class token_desk : public std::enable_shared_from_this<token_desk> {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  struct failed_token {
    std::uint32_t node;
    std::uint64_t ordinal;  ///< of the tuple among the task's input
    freshet::error error;
  };
  explicit token_desk(waker wake) : wake_(std::move(wake)) {}

  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node, std::uint64_t ordinal, time_point deadline);
  std::uint32_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }
  /// A token of `node` is out.
  bool holds(std::uint32_t node) const;
  /// True when `take_failed` has something. Asked behind `outstanding() == 0` or `!holds` it misses nothing.
  bool has_failed() const;
  std::vector<failed_token> take_failed();
  /// Revokes and fails tokens whose deadline has passed. Returns how many.
  std::size_t expire(time_point now, std::chrono::nanoseconds timeout);
  time_point next_deadline();
  /// Its task needs it no more: tokens are still answered, and nobody waits for them.
  void abandon();

 private:
  class token;
  void consumed() noexcept;

  const waker wake_;
  std::atomic<std::uint32_t> outstanding_{0};
  deadline_queue<token> by_deadline_;  // the task's
  mutable std::mutex mutex_;           // guards failed_; tokens fail under it
  std::vector<failed_token> failed_;
};

}  // namespace freshet
