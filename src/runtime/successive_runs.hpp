#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// Runs that follow one another and are one run for whoever looks: what is asked goes to the one at work, and to those
/// that come after it. When the next one comes, and why, is for the thread of whoever derives from this: it puts that
/// in `run_` and tells it what was asked, and says `end` or `fail` when none will follow.
///
/// Thread safe. Under the mutex nothing is called that waits.
class successive_runs : public run_control {
 public:
  bool wait_until(std::chrono::steady_clock::time_point when) override;
  void rethrow() const override;
  void drain() override { end_with(run_state::draining); }
  void stop() override { end_with(run_state::stopping); }
  void pause() override;
  void resume() override;
  run_metrics metrics() const override { return current()->metrics(); }
  std::uint64_t savepoint() override { return current()->savepoint(); }
  bool keeps_checkpoints() const override { return current()->keeps_checkpoints(); }

 protected:
  explicit successive_runs(topology_run first) : run_(run_of(std::move(first))) {}
  static std::shared_ptr<run_control> run_of(topology_run handle) { return std::move(handle.run_); }
  /// From the last state of a run that is over: nothing changes it before the next is at work.
  void look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) override;
  std::shared_ptr<run_control> current() const;
  /// Tells a run what was asked of those before it. REQUIRES: the mutex.
  void tell(run_control& run) const;
  void fail(error e);
  void end();

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::shared_ptr<run_control> run_;
  run_state asked_ = run_state::running;  ///< else draining or stopping
  bool is_paused_ = false, is_over_ = false, has_failed_ = false;
  error error_;

 private:
  void end_with(run_state how);
};

}  // namespace freshet
