#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "freshet/core/spout_task.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/time/partition_clock.hpp"

namespace freshet::testing {

/// What a test wants one spout to do, by task.
struct driven_input {
  /// A message of a partition, or how far its event time has come.
  struct step {
    partition_id partition = 0;
    std::unique_ptr<any_batch> message;  ///< one tuple; null: a watermark
    event_time watermark{};
  };
  struct task {
    std::deque<step> steps;
    waker wake;
    partition_clock* clock = nullptr;  ///< null: the spout's tuples get no event times
  };
  driven_input(std::uint32_t of_partitions, std::size_t of_tasks) : partitions(of_partitions), tasks(of_tasks) {}
  /// Partitions are dealt as an engine deals them.
  task& task_of(partition_id partition) { return tasks[partition % tasks.size()]; }
  void add(step next) {
    task& t = task_of(next.partition);
    t.steps.push_back(std::move(next));
    t.wake();
  }
  bool has_event_time() const { return tasks[0].clock != nullptr; }

  const std::uint32_t partitions;
  std::vector<task> tasks;
};

/// Makes spout tasks that do what `input` says, in the place of those that `real` makes.
std::shared_ptr<const task_source> driven_by(std::shared_ptr<driven_input> input,
                                             std::shared_ptr<const task_source> real);

}  // namespace freshet::testing
