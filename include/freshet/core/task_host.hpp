#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "freshet/base/error.hpp"
#include "freshet/base/event_time.hpp"
#include "freshet/core/batch.hpp"
#include "freshet/core/root.hpp"

namespace freshet {

class held_state;
struct call_frame;

/// Why a head call failed.
struct call_failure {
  std::uint32_t node = 0;  ///< the node whose code threw: perhaps not the head of the chain
  freshet::error error;
};

/// What an engine offers to the tasks it runs: the ledger, and the decision what follows a failure.
/// One host a task; called only from the task's thread, but for `settle` and what a `held_state` does.
class task_host {
 public:
  enum class verdict {
    next,         ///< the tuple is dealt with: go on with the one after it
    again_later,  ///< call again for the same tuple when the task runs next
    stop,         ///< the run is over
  };
  virtual ~task_host();

  /// Adds `delta` to the live tuples of a ledger slot. Thread safe.
  virtual void settle(std::uint32_t slot, std::int32_t delta) noexcept = 0;
  /// The head call for tuple `index` of `in` failed with `frame.failure`; what it had emitted is cut back already.
  virtual verdict failed(call_frame& frame, const any_batch& in, std::size_t index) = 0;
  /// Takes the tuple in process over into a token of `node`, which is counted as a child at once: another thread may
  /// consume it before the call ends.
  virtual std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node) = 0;
};

}  // namespace freshet
