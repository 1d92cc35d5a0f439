#pragma once
#include <freshet/freshet.hpp>
#include <mutex>

namespace demo {

/// SIGINT and SIGTERM for the whole demo: the first drains the run that is under way and keeps the next from starting,
/// a second ends the process.
class interruption {
 public:
  interruption() = default;
  /// 0: nobody has interrupted.
  int signal() const { return guard_.signal(); }
  /// The run that a signal drains from now on.
  void watch(freshet::topology_run& run) {
    std::lock_guard lock(mutex_);
    run_ = &run;
    if (guard_.signal()) run.request_drain();
  }
  void unwatch() {
    std::lock_guard lock(mutex_);
    run_ = nullptr;
  }

 private:
  std::mutex mutex_;
  freshet::topology_run* run_ = nullptr;
  freshet::drain_on_signals guard_{[this] {
    std::lock_guard lock(mutex_);
    if (run_) run_->request_drain();
  }};
};

}  // namespace demo
