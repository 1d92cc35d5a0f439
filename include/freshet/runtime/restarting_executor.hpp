#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "freshet/base/log.hpp"
#include "freshet/runtime/topology_run.hpp"

namespace freshet {

/// When a run that has failed is started again, in the same process.
struct restart_policy {
  /// How often, before the run has failed for good. Ten with the pauses below are some minutes: longer than a broker or
  /// a database needs to come back.
  std::uint32_t most = 10;
  /// The pause before the first restart; each further one is twice as long, up to `longest`. Equal ones: always that.
  std::chrono::nanoseconds first = std::chrono::seconds(1);
  std::chrono::nanoseconds longest = std::chrono::minutes(1);
  /// A run that has lived so long was well: what comes after it is counted from the beginning.
  std::chrono::nanoseconds well_after = std::chrono::minutes(10);
  logger log{stderr_log(log_level::warning), log_level::warning};
};

/// Starts `graph` by `start` now, and again, by the policy, whenever the run that it gave has failed. The handle is of
/// all of them: its state is that of the run at work, and what is asked of it (drain, stop, pause, rescale) is asked of
/// those to come, too, a stop before a drain: they are started with the topology that a rescale has left. Counters go
/// on over them, see `run_metrics`. One that fails when it was told to end is not followed by another. It has failed
/// when the policy gives up: the error then tells of each run why it ended, and when. What the first start throws comes
/// through; later ones count as runs that failed, but for a topology_error, which no further start would mend. Throws
/// std::invalid_argument for a policy that can't be.
topology_run start_restarting(const topology& graph, std::function<topology_run(const topology&)> start,
                              restart_policy policy = {});

/// An executor whose runs are started again when they fail. With checkpoints each goes on where the one before was
/// (only the first goes back, where `checkpoints.resume_from` says so); without, where its spouts do: behind what was
/// committed to their sources, or at the beginning.
///     restarting_executor{batch_executor{{.checkpoints = {.directory = "/var/lib/sales"}}}}.start(graph).wait();
template <class Executor>
class restarting_executor {
 public:
  explicit restarting_executor(Executor executor, restart_policy policy = {})
      : executor_(std::move(executor)), policy_(std::move(policy)) {}
  topology_run start(const topology& graph) const {
    const auto start = [first = executor_, next = following(), is_first = true](const topology& with) mutable {
      return (std::exchange(is_first, false) ? first : next).start(with);
    };
    return start_restarting(graph, start, policy_);
  }

 private:
  /// For the runs behind the first.
  Executor following() const {
    if constexpr (requires { executor_.going_on(); }) return executor_.going_on();
    else return executor_;
  }
  Executor executor_;
  restart_policy policy_;
};

}  // namespace freshet
