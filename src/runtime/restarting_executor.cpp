#include "freshet/runtime/restarting_executor.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "freshet/base/clock.hpp"
#include "runtime/doubled_pause.hpp"
#include "runtime/successive_runs.hpp"

namespace freshet {

/// The runs that follow one another, and the thread that waits for each to end. Thread safe.
class restarting_control final : public successive_runs {
 public:
  restarting_control(const topology& graph, std::function<topology_run(const topology&)> start, restart_policy policy)
      : successive_runs(start(graph)), start_(std::move(start)), policy_(std::move(policy)) {
    thread_ = std::jthread([this] { supervise(); });
  }
  ~restarting_control() override { thread_.join(); }

  run_status status() const override {
    std::lock_guard lock(mutex_);
    auto now = status_of_all();
    if (has_failed_) now.error = error_;
    else if (now.state == run_state::failed) now.state = run_state::running;  // it will be, when the pause is over
    return now;
  }

 private:
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
        adopt(run_of(start_(current()->graph())));
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
  bool give_up(const std::string& what) {
    fail({code_, "topology \"" + graph().name() + "\" " + what + ": " + story_});
    return false;
  }

  const std::function<topology_run(const topology&)> start_;
  const restart_policy policy_;

  // Of the thread.
  std::uint32_t failures_ = 0;
  std::uint64_t runs_ = 0;
  std::string story_;
  errc code_ = errc::internal;  ///< of the last
  std::jthread thread_;
};

topology_run start_restarting(const topology& graph, std::function<topology_run(const topology&)> start,
                              restart_policy policy) {
  if (policy.first < std::chrono::nanoseconds{} || policy.longest < policy.first)
    throw std::invalid_argument("restart_policy wants 0 <= first <= longest");
  return topology_run{std::make_shared<restarting_control>(graph, std::move(start), std::move(policy))};
}

}  // namespace freshet
