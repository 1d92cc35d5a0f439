#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// Runs that follow one another and are one run for whoever looks: what is asked goes to the one at work, and to those
/// that come after it; what they count is added up. When the next one comes, and why, is for the thread of whoever
/// derives from this: it starts that with the topology of the one before, which may have got other tasks, says `adopt`,
/// and says `end` or `fail` when none will follow.
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
  run_metrics metrics() const override { return metrics_with(std::unique_lock(mutex_)); }
  const topology& graph() const override;
  std::uint64_t savepoint() override;
  bool keeps_checkpoints() const override { return current()->keeps_checkpoints(); }
  void rescale(std::string_view node, std::size_t parallelism) override;

 protected:
  explicit successive_runs(topology_run first) : run_(run_of(std::move(first))), graphs_{run_->graph()} {}
  static std::shared_ptr<run_control> run_of(topology_run handle) { return std::move(handle.run_); }
  /// From the last state of a run that is over: nothing changes it before the next is at work.
  void look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) override;
  std::shared_ptr<run_control> current() const;

  /// The run at work is being left, and another comes.
  /// REQUIRES: the mutex.
  bool is_between() const { return between_ && !is_over_; }
  /// Waits until a run is at work, or none will be any more. REQUIRES: the mutex.
  void settle(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [this] { return !is_between(); });
  }
  /// It has ended because another goes on.
  bool is_left(const std::shared_ptr<run_control>& run) const;
  /// Calls `ask`. False: `run` has ended because another goes on, which is to be asked.
  bool has_asked(const std::shared_ptr<run_control>& run, const std::function<void(run_control&)>& ask) const;
  /// Changes the tasks of the run at work. False as above.
  bool has_rescaled(const std::shared_ptr<run_control>& run, std::string_view node, std::size_t parallelism);

  /// The next is at work: it is told what was asked of those before it, of which is kept what they have to tell. `note`
  /// is called under the mutex.
  void adopt(
      std::shared_ptr<run_control> next, const std::function<void()>& note = [] {});
  /// The run at work has another topology. REQUIRES: the mutex.
  void note_graph() { graphs_.push_back(run_->graph()); }
  /// What the run at work says, with letters and stalls of those before it. REQUIRES: the mutex.
  run_status status_of_all() const;
  run_metrics metrics_with(std::unique_lock<std::mutex> lock) const;
  void fail(error e);
  void end();

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::shared_ptr<run_control> run_;
  run_state asked_ = run_state::running;  ///< else draining or stopping
  bool is_paused_ = false, is_over_ = false, has_failed_ = false;
  bool between_ = false;  ///< from before the run is left until another is in `run_`
  error error_;

 private:
  void end_with(run_state how);
  void tell(run_control& run) const;

  std::deque<topology> graphs_;  ///< the last one counts; runs come and go, and others may still look at one before
  run_status before_;            ///< stalls and dead letters of the runs before the one at work
  std::shared_ptr<const run_metrics> counted_before_ = std::make_shared<run_metrics>();  ///< by all those runs
};

}  // namespace freshet
