#include "runtime/successive_runs.hpp"

namespace freshet {

bool successive_runs::wait_until(std::chrono::steady_clock::time_point when) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return is_over_; };
  if (when == std::chrono::steady_clock::time_point::max()) return changed_.wait(lock, over), true;
  return changed_.wait_until(lock, when, over);
}

void successive_runs::rethrow() const {
  std::lock_guard lock(mutex_);
  if (has_failed_) throw run_error(error_);
}

/// A stop is stronger than a drain, as in the engines.
void successive_runs::end_with(run_state how) {
  {
    std::lock_guard lock(mutex_);
    if (asked_ == run_state::stopping) return;
    asked_ = how;
    tell(*run_);
  }
  changed_.notify_all();
}

void successive_runs::pause() {
  std::lock_guard lock(mutex_);
  is_paused_ = true;
  run_->pause();
}

void successive_runs::resume() {
  std::lock_guard lock(mutex_);
  is_paused_ = false;
  run_->resume();
}

void successive_runs::tell(run_control& run) const {
  if (is_paused_) run.pause();
  if (asked_ == run_state::draining) run.drain();
  if (asked_ == run_state::stopping) run.stop();
}

std::shared_ptr<run_control> successive_runs::current() const {
  std::lock_guard lock(mutex_);
  return run_;
}

void successive_runs::look_at_state(std::uint32_t node, std::uint32_t group,
                                    const std::function<void(any_state&)>& look) {
  current()->look_at_state(node, group, look);
}

void successive_runs::fail(error e) {
  {
    std::lock_guard lock(mutex_);
    error_ = std::move(e);
    has_failed_ = true;
  }
  end();
}

void successive_runs::end() {
  {
    std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
}

}  // namespace freshet
