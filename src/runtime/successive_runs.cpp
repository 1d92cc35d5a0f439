#include "runtime/successive_runs.hpp"

#include "runtime/run_counts.hpp"

namespace freshet {

namespace {
constexpr std::size_t most_told = 100;  ///< of the runs before the one at work, as the engines keep by default

template <class T>
void put_before(std::vector<T>& newer, const std::vector<T>& older) {
  newer.insert(newer.begin(), older.begin(), older.end());
  if (newer.size() > most_told) newer.erase(newer.begin(), newer.end() - static_cast<std::ptrdiff_t>(most_told));
}
}  // namespace

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

/// REQUIRES: the mutex.
void successive_runs::tell(run_control& run) const {
  if (is_paused_) run.pause();
  if (asked_ == run_state::draining) run.drain();
  if (asked_ == run_state::stopping) run.stop();
}

std::shared_ptr<run_control> successive_runs::current() const {
  std::lock_guard lock(mutex_);
  return run_;
}

const topology& successive_runs::graph() const {
  std::lock_guard lock(mutex_);
  return graphs_.back();
}

void successive_runs::look_at_state(std::uint32_t node, std::uint32_t group,
                                    const std::function<void(any_state&)>& look) {
  current()->look_at_state(node, group, look);
}

// --- what only a run at work can do ---

bool successive_runs::is_left(const std::shared_ptr<run_control>& run) const {
  std::lock_guard lock(mutex_);
  return is_between() || run_ != run;
}

bool successive_runs::has_asked(const std::shared_ptr<run_control>& run,
                                const std::function<void(run_control&)>& ask) const {
  try {
    ask(*run);
    return true;
  } catch (const run_error& e) {
    if (e.error().code != errc::closed || !is_left(run)) throw;
    return false;
  }
}

std::uint64_t successive_runs::savepoint() {
  std::uint64_t made = 0;
  while (true) {
    std::unique_lock lock(mutex_);
    settle(lock);
    const auto run = run_;
    lock.unlock();
    if (has_asked(run, [&](run_control& r) { made = r.savepoint(); })) return made;
  }
}

void successive_runs::rescale(std::string_view node, std::size_t parallelism) {
  while (true) {
    std::unique_lock lock(mutex_);
    settle(lock);
    const auto run = run_;
    lock.unlock();
    if (has_rescaled(run, node, parallelism)) return;
  }
}

/// A run that goes on meanwhile was started with the topology of this one, and may have been changed since.
bool successive_runs::has_rescaled(const std::shared_ptr<run_control>& run, std::string_view node,
                                   std::size_t parallelism) {
  if (!has_asked(run, [&](run_control& r) { r.rescale(node, parallelism); })) return false;
  std::lock_guard lock(mutex_);
  note_graph();
  return true;
}

// --- one behind the other ---

void successive_runs::adopt(std::shared_ptr<run_control> next, const std::function<void()>& note) {
  const auto left = current();
  auto counted = left->metrics();
  add_counts(counted, *counted_before_);
  give_up_unfinished(counted, left->graph());
  {
    std::lock_guard lock(mutex_);
    counted_before_ = std::make_shared<run_metrics>(std::move(counted));
    before_ = status_of_all();
    run_ = std::move(next);
    between_ = false;
    note();
    tell(*run_);
  }
  changed_.notify_all();
}

run_status successive_runs::status_of_all() const {
  auto s = run_->status();
  put_before(s.stalled, before_.stalled);
  put_before(s.unread_dead_letters, before_.unread_dead_letters);
  return s;
}

run_metrics successive_runs::metrics_with(std::unique_lock<std::mutex> lock) const {
  const auto run = run_;
  const auto before = counted_before_;
  lock.unlock();
  auto m = run->metrics();
  add_counts(m, *before);
  return m;
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
