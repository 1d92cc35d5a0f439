#pragma once
#include <functional>
#include <memory>

#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// While it lives, SIGINT (Ctrl-C) and SIGTERM ask a run to drain instead of ending the process: its spouts end, what
/// is under way is finished, and `wait` returns. A run with checkpoints is stopped instead (`request_shutdown`): its
/// windows stay open for the run that goes on. A second signal ends the process at once, as without this.
///     auto run = executor.start(graph);
///     freshet::drain_on_signals guard{run};
///     run.wait();
///
/// Signals belong to the whole process, so there is one such guard at a time: another throws std::logic_error. The
/// handlers from before are put back when it goes. For a program with a signal handling of its own (as a service
/// with boost::asio::signal_set) `request_shutdown` is all that is needed.
class drain_on_signals {
 public:
  /// `run` must outlive the guard, and not be moved meanwhile.
  explicit drain_on_signals(topology_run& run);
  /// Calls `ask` once, with the first signal, on a thread of its own: for several runs, or to close push spouts. It
  /// must not throw.
  explicit drain_on_signals(std::function<void()> ask);
  drain_on_signals(const drain_on_signals&) = delete;
  drain_on_signals& operator=(const drain_on_signals&) = delete;
  ~drain_on_signals();

  /// The signal that came, 0 for none: for a program that exits with 128 + signal.
  int signal() const noexcept;

 private:
  struct watch;
  std::unique_ptr<watch> watch_;
};

}  // namespace freshet
