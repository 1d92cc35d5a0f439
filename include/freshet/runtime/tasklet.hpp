#pragma once
#include <chrono>

namespace freshet {

/// The unit of cooperative work: runs for a slice, never blocks, and says how it went. One thread at a time calls
/// `run`.
class tasklet {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  struct progress {
    bool made = false;  ///< something was done: run it again soon
    bool done = false;  ///< it will never have anything to do again
  };
  virtual ~tasklet();
  /// `now` was read when the worker's round began. Must look at everything that could give it work: a worker parks when
  /// a full round after announcing it made no progress.
  virtual progress run(time_point now) = 0;
  /// When it wants to run again even if nothing wakes it; time_point::max(): never.
  virtual time_point next_wake() const = 0;
};

}  // namespace freshet
