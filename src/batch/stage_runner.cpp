#include "batch/stage_runner.hpp"

#include <algorithm>

#include "batch/batch_driver.hpp"
#include "batch/batch_run.hpp"

namespace freshet {

namespace {
/// Tuples read in one slice: some 50 to 100 us, after which spouts on this worker get their turn. All tasks of a small
/// batch together fit.
constexpr std::int64_t slice_tuples = 4096;
}  // namespace

tasklet::progress stage_runner::run(time_point now) {
  if (done_) return {false, true};
  if (run_.cancelled() || run_.driver().over()) {
    done_ = true;
    run_.tasklet_done();
    return {true, true};
  }
  bool made = run_.driver().lead(worker_, now);
  if (!current_) made |= resume(now);
  for (std::int64_t budget = slice_tuples; budget > 0;) {
    if (!current_) current_ = run_.driver().take(worker_);
    if (!current_) break;
    made = true;
    if (!obey(current_->step(worker_, now, budget))) break;
  }
  return {made, false};
}

/// Goes on with a task that waits no more.
bool stage_runner::resume(time_point now) {
  const auto found = std::find_if(suspended_.begin(), suspended_.end(), [now](auto* t) { return t->has_news(now); });
  if (found == suspended_.end()) return false;
  current_ = *found;
  suspended_.erase(found);
  return true;
}

/// False: the slice is over.
bool stage_runner::obey(stage_task::outcome said) {
  switch (said) {
    case stage_task::outcome::more:
      return true;
    case stage_task::outcome::waiting:
      suspended_.push_back(std::exchange(current_, nullptr));
      return true;
    case stage_task::outcome::blocks:
      run_.driver().compute_again(*std::exchange(current_, nullptr), worker_);
      return true;
    case stage_task::outcome::done:
      run_.driver().finished(*std::exchange(current_, nullptr), worker_);
      return true;
    case stage_task::outcome::over:
      break;
  }
  current_ = nullptr;
  return false;
}

tasklet::time_point stage_runner::next_wake() const {
  auto at = run_.driver().next_wake(worker_);
  for (const auto* t : suspended_) at = std::min(at, t->next_wake());
  return at;
}

}  // namespace freshet
