#pragma once
#include <vector>

#include "batch/stage_task.hpp"
#include "freshet/runtime/tasklet.hpp"

namespace freshet {

/// A worker's hands for stages: takes ready tasks from the driver and works on them in slices, so that spouts on the
/// same worker are polled in between. Keeps those that wait for something. Runs on one worker's thread.
class stage_runner final : public tasklet {
 public:
  stage_runner(batch_run& run, std::size_t worker) : run_(run), worker_(worker) {}
  progress run(time_point now) override;
  time_point next_wake() const override;

 private:
  bool resume(time_point now);
  bool obey(stage_task::outcome said);

  batch_run& run_;
  const std::size_t worker_;
  stage_task* current_ = nullptr;
  std::vector<stage_task*> suspended_;
  bool done_ = false;
};

}  // namespace freshet
