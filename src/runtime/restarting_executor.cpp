#include "freshet/runtime/restarting_executor.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "freshet/base/clock.hpp"
#include "runtime/doubled_pause.hpp"

namespace freshet {

/// The runs that follow one another, and the thread that waits for each to end. Thread safe.
class restarting_control final : public run_control {
 public:
  restarting_control(std::function<topology_run()> start, restart_policy policy)
      : start_(std::move(start)), policy_(std::move(policy)), run_(start_().run_), graphs_{run_->graph()} {
    thread_ = std::jthread([this] { supervise(); });
  }
  ~restarting_control() override { thread_.join(); }

  bool wait_until(std::chrono::steady_clock::time_point when) override {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return is_over_; };
    if (when == std::chrono::steady_clock::time_point::max()) return changed_.wait(lock, over), true;
    return changed_.wait_until(lock, when, over);
  }
  void rethrow() const override {
    std::lock_guard lock(mutex_);
    if (has_failed_) throw run_error(error_);
  }
  void drain() override { end_with(run_state::draining); }
  void stop() override { end_with(run_state::stopping); }
  void pause() override {
    std::lock_guard lock(mutex_);
    is_paused_ = true;
    run_->pause();
  }
  void resume() override {
    std::lock_guard lock(mutex_);
    is_paused_ = false;
    run_->resume();
  }
  run_status status() const override {
    auto now = current()->status();
    std::lock_guard lock(mutex_);
    if (has_failed_) now.error = error_;
    else if (now.state == run_state::failed) now.state = run_state::running;  // it will be, when the pause is over
    return now;
  }
  run_metrics metrics() const override { return current()->metrics(); }
  const topology& graph() const override {
    std::lock_guard lock(mutex_);
    return graphs_.back();
  }
  std::uint64_t savepoint() override { return current()->savepoint(); }
  bool keeps_checkpoints() const override { return current()->keeps_checkpoints(); }
  void rescale(std::string_view node, std::size_t parallelism) override {
    while (true) {
      const auto run = current();
      run->rescale(node, parallelism);
      std::lock_guard lock(mutex_);
      if (run_ != run) continue;  // another one has come meanwhile
      std::erase_if(parallelism_, [&](auto& of) { return of.first == node; });
      parallelism_.emplace_back(node, parallelism);
      graphs_.push_back(run->graph());
      return;
    }
  }

 private:
  using node_parallelism = std::vector<std::pair<std::string, std::size_t>>;

  void look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) override {
    current()->look_at_state(node, group, look);
  }
  std::shared_ptr<run_control> current() const {
    std::lock_guard lock(mutex_);
    return run_;
  }
  /// A stop is stronger than a drain, as in the engines.
  void end_with(run_state how) {
    {
      std::lock_guard lock(mutex_);
      if (asked_ == run_state::stopping) return;
      asked_ = how;
      tell(*run_);
    }
    changed_.notify_all();
  }
  /// What was asked. REQUIRES: the mutex, under which nothing is called that waits.
  void tell(run_control& run) const {
    if (is_paused_) run.pause();
    if (asked_ == run_state::draining) run.drain();
    if (asked_ == run_state::stopping) run.stop();
  }

  void supervise() {
    while (true) {
      const auto began = std::chrono::steady_clock::now();
      if (const auto why = end_of_run(); why.empty()) return end();
      else if (!go_on(why, std::chrono::steady_clock::now() - began)) return;
    }
  }
  /// Why the run has failed; empty: it has finished.
  std::string end_of_run() {
    const auto run = current();
    run->wait_until(std::chrono::steady_clock::time_point::max());
    try {
      run->rethrow();
      return "";
    } catch (const run_error& e) {
      code_ = e.error().code;
      return e.what();
    }
  }
  /// Pauses, and starts the next run. False: it is over.
  bool go_on(std::string why, std::chrono::nanoseconds lived) {
    if (lived >= policy_.well_after) failures_ = 0, story_.clear();
    while (true) {
      story_ += (story_.empty() ? "" : "; ") + std::string("run ") + std::to_string(++runs_) + " failed after " +
                in_seconds(lived) + ": " + why;
      if (++failures_ > policy_.most) return give_up("was started again " + std::to_string(policy_.most) + " times");
      const auto pause = doubled_pause(policy_.first, policy_.longest, failures_);
      policy_.log.log(log_level::warning, "restarting_executor",
                      "topology \"" + graph().name() + "\": " + why + "; started again in " + in_seconds(pause));
      if (!wait(pause)) return give_up("was told to end while it waited to be started again");
      try {
        adopt(start_().run_);
        return true;
      } catch (const topology_error& e) {
        why = e.what();
        story_ += "; the next could not be started: " + why;
        return give_up("cannot be started again");
      } catch (const std::exception& e) { why = e.what(); }
      lived = {};
    }
  }
  static std::string in_seconds(std::chrono::nanoseconds t) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t).count();
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
  }
  /// False: somebody wants it to end.
  bool wait(std::chrono::nanoseconds pause) {
    const auto ends = [this] { return asked_ != run_state::running; };
    std::unique_lock lock(mutex_);
    return !changed_.wait_until(lock, deadline(std::chrono::steady_clock::now(), pause), ends);
  }
  void adopt(std::shared_ptr<run_control> next) {
    node_parallelism parallelism;
    {
      std::lock_guard lock(mutex_);
      run_ = next;
      parallelism = parallelism_;
    }
    for (const auto& [node, tasks] : parallelism) rescale_again(*next, node, tasks);
    std::lock_guard lock(mutex_);  // what counts is what is asked by now
    tell(*next);
  }
  void rescale_again(run_control& run, const std::string& node, std::size_t tasks) {
    try {
      run.rescale(node, tasks);
    } catch (const std::exception& e) {
      policy_.log.log(log_level::warning, "restarting_executor",
                      "topology \"" + graph().name() + "\": \"" + node + "\" has not got its " + std::to_string(tasks) +
                          " tasks again: " + e.what());
    }
  }
  bool give_up(const std::string& what) {
    {
      std::lock_guard lock(mutex_);
      error_ = {code_, "topology \"" + graphs_.back().name() + "\" " + what + ": " + story_};
      has_failed_ = true;
    }
    end();
    return false;
  }
  void end() {
    {
      std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
  }

  const std::function<topology_run()> start_;
  const restart_policy policy_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::shared_ptr<run_control> run_;
  std::deque<topology> graphs_;  ///< the last one counts; runs come and go, and others may still look at one before
  run_state asked_ = run_state::running;  ///< else draining or stopping: what those to come will be asked, too
  bool is_paused_ = false;                ///< likewise
  node_parallelism parallelism_;  ///< likewise: of nodes that were rescaled, the last one last, as chains move as one
  bool is_over_ = false, has_failed_ = false;
  error error_;

  // Of the thread.
  std::uint32_t failures_ = 0;
  std::uint64_t runs_ = 0;
  std::string story_;
  errc code_ = errc::internal;  ///< of the last
  std::jthread thread_;
};

topology_run start_restarting(std::function<topology_run()> start, restart_policy policy) {
  if (policy.first < std::chrono::nanoseconds{} || policy.longest < policy.first)
    throw std::invalid_argument("restart_policy wants 0 <= first <= longest");
  return topology_run{std::make_shared<restarting_control>(std::move(start), std::move(policy))};
}

}  // namespace freshet
