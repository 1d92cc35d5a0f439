#include "event/epoch_coordinator.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "event/event_run.hpp"
#include "freshet/base/time_arithmetic.hpp"
#include "freshet/runtime/executor.hpp"

namespace freshet {

epoch_coordinator::epoch_coordinator(event_run& run, run_checkpoints& kept, std::chrono::nanoseconds interval)
    : run_(run),
      kept_(kept),
      interval_(interval),
      history_(kept.history()),
      announced_(kept.next() - 1),
      decided_(kept.next() - 1),
      committed_(kept.next() - 1) {}

void epoch_coordinator::start(std::size_t tasks, std::size_t tasks_with_sinks, bool has_decider, std::size_t seat) {
  tasks_ = tasks;
  tasks_with_sinks_ = tasks_with_sinks;
  has_decider_ = has_decider;
  seat_ = seat;
  due_ = deadline(run_.options().clock->now(), interval_);
  if (const auto* from = kept_.from()) made_at_ = from->made_at;
}

void epoch_coordinator::wake_me() { run_.pool().publish_and_wake(seat_); }

// --- what tasks say ---

void epoch_coordinator::arrived(task_epoch said) {
  bool all = false;
  {
    std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(said));
    all = arrivals_.size() == tasks_;
  }
  if (all) wake_me();
}

void epoch_coordinator::have_saved(std::optional<saved_states> states) {
  bool all = false;
  {
    std::lock_guard lock(mutex_);
    if (states) states_.push_back(*std::move(states));
    all = ++saved_tasks_ == tasks_;
  }
  if (all) wake_me();
}

void epoch_coordinator::have_not_saved(error why) {
  {
    std::lock_guard lock(mutex_);
    unsaved_ = std::move(why);
  }
  have_saved({});
}

void epoch_coordinator::have_committed() {
  {
    std::lock_guard lock(mutex_);
    ++committed_tasks_;
  }
  wake_me();
}

void epoch_coordinator::at_end() {
  bool all = false;
  {
    std::lock_guard lock(mutex_);
    all = ++at_end_ == tasks_;
  }
  if (all) wake_me();
}

// --- its own thread ---

tasklet::progress epoch_coordinator::run(time_point now) {
  if (phase_ == phase::done) return {false, true};
  if (run_.cancelled()) {
    phase_ = phase::done;
    answer(close_door(), 0, run_checkpoints::over());  // a task may hang in a call, and then nobody else would
    run_.tasklet_done();
    return {true, true};
  }
  switch (phase_) {
    case phase::waiting: {
      std::unique_lock lock(mutex_);
      if (!is_due(now) && asked_.empty() && !hurries_ && at_end_ != tasks_) return {};
      lock.unlock();
      return {announce(), false};
    }
    case phase::gathering: {
      std::unique_lock lock(mutex_);
      if (arrivals_.size() != tasks_) return {};
      said_ = std::exchange(arrivals_, {});
      lock.unlock();
      return {write(), false};
    }
    case phase::deciding:
    case phase::committing: {
      std::unique_lock lock(mutex_);
      if (committed_tasks_ != (phase_ == phase::deciding ? 1 : tasks_with_sinks_)) return {};
      if (phase_ == phase::committing && saved_tasks_ != tasks_) return {};
      lock.unlock();
      return {phase_ == phase::deciding ? tell_sinks() : finish(), phase_ == phase::done};
    }
    case phase::done:
      break;
  }
  return {false, true};
}

/// A rescale asks for the epoch that it needs: others would only keep it from finding the run between two.
bool epoch_coordinator::is_due(time_point now) const { return now >= due_ && !run_.is_coming_to_rest(); }

/// The end of a rescale wakes all.
tasklet::time_point epoch_coordinator::next_wake() const {
  return phase_ == phase::waiting && !run_.is_coming_to_rest() ? due_ : time_point::max();
}

bool epoch_coordinator::announce() {
  const auto& clock = *run_.options().clock;
  due_ = deadline(clock.now(), interval_);
  made_at_ = std::max(made_at_, clock.wall());
  {
    std::lock_guard lock(mutex_);
    served_ = std::exchange(asked_, {});
    hurries_ = false;
    is_last_.store(at_end_ == tasks_, std::memory_order_relaxed);
  }
  using wanted = freshet::wanted_states;
  wanted_states_.store(makes_savepoint()          ? wanted::of_savepoint
                       : kept_.wants_checkpoint() ? wanted::of_checkpoint
                                                  : wanted::none,
                       std::memory_order_relaxed);
  announced_.fetch_add(1, std::memory_order_release);
  phase_ = phase::gathering;
  run_.pool().wake_all();
  return true;
}

/// All have passed the barrier: what they have said becomes durable, and counts from then on.
bool epoch_coordinator::write() {
  epoch_record record;
  record.manifest = kept_.begin(announced(), made_at_);
  auto& m = record.manifest;
  // Whoever stops a run before its input ends will go on from there.
  m.is_final = is_last() && std::none_of(said_.begin(), said_.end(), [](auto& said) { return said.is_stopped; });
  // Where inputs were idle, the tasks of a node may differ. Of an input the least counts, as more may come of it; of
  // what timers were called for the most, as nothing closes twice.
  std::map<std::pair<std::string, std::uint32_t>, event_time> watermarks;
  for (auto& said : said_) {
    std::move(said.partitions.begin(), said.partitions.end(), std::back_inserter(m.partitions));
    std::move(said.changes.begin(), said.changes.end(), std::back_inserter(record.changes));
    std::move(said.tokens.begin(), said.tokens.end(), std::back_inserter(m.tokens));
    for (auto& w : said.watermarks) {
      auto& of_all = watermarks.try_emplace({w.node, w.input}, w.watermark).first->second;
      const bool is_more = w.watermark > of_all;
      if (is_more == (w.input == checkpoint_watermark::all_inputs)) of_all = w.watermark;
    }
  }
  for (const auto& [of, watermark] : watermarks) m.watermarks.push_back({of.first, of.second, watermark});
  try {
    kept_.append(std::move(record));
  } catch (const run_error& e) {
    // Nobody knows whether the record is there. If it is, the next run commits what was prepared; if not, the sinks
    // throw it away then.
    run_.fail(e.error());
    return true;
  }
  decided_.store(announced(), std::memory_order_release);
  phase_ = phase::deciding;
  if (!has_decider_) return tell_sinks();
  run_.pool().wake_all();
  return true;
}

/// The sink that decides has committed: now the epoch counts for the others, too.
bool epoch_coordinator::tell_sinks() {
  committed_.store(announced(), std::memory_order_release);
  phase_ = phase::committing;
  run_.pool().wake_all();
  return true;
}

bool epoch_coordinator::finish() {
  std::vector<saved_states> saved;
  std::optional<error> unsaved;
  {
    std::lock_guard lock(mutex_);
    committed_tasks_ = saved_tasks_ = 0;
    saved = std::exchange(states_, {});
    unsaved = std::exchange(unsaved_, {});
  }
  kept_.have_committed();
  const auto none = [&unsaved](bool, const run_checkpoints::visitor&) { throw run_error(*unsaved); };
  const auto all = unsaved ? run_checkpoints::states(none) : states_in(saved);
  std::optional<error> failure;
  try {
    if (makes_savepoint()) kept_.savepoint(all);
    else if (wanted_states() == wanted_states::of_checkpoint) kept_.relieve_log(all);
  } catch (const run_error& e) {
    failure = e.error();
    if (failure->fatal) run_.fail(*failure);
    else if (!makes_savepoint())
      run_.options().log.log(log_level::warning, "checkpoint", failure->message + "; the log goes on instead");
  }
  said_.clear();
  answer(std::exchange(served_, {}), announced(), failure);
  phase_ = phase::waiting;
  if (!is_last()) return true;
  phase_ = phase::done;
  over_.store(true, std::memory_order_release);
  run_.pool().wake_all();
  run_.tasklet_done();
  return true;
}

run_checkpoints::states epoch_coordinator::states_in(const std::vector<saved_states>& saved) {
  return [&saved](bool, const run_checkpoints::visitor& visit) {
    for (const auto& s : saved) {
      run_checkpoints::task_states of{
          s.node, s.task, s.rows, [&](std::uint32_t group, writer& w) { w.append(s.groups[group - s.first_group]); }};
      of.snapshot = s.snapshot;
      if (s.shared) of.save_shared = [&](writer& w) { w.append(*s.shared); };
      visit(of);
    }
  };
}

// --- savepoints ---

std::uint64_t epoch_coordinator::savepoint() {
  waiting mine;
  std::unique_lock lock(mutex_);
  if (closed_) throw run_error(run_checkpoints::over());
  asked_.push_back(&mine);
  lock.unlock();
  wake_me();
  lock.lock();
  answered_.wait(lock, [&] { return mine.is_done; });
  if (mine.failure) throw run_error(*mine.failure);
  return mine.epoch;
}

void epoch_coordinator::answer(std::vector<waiting*> asked, std::uint64_t epoch, const std::optional<error>& failure) {
  std::lock_guard lock(mutex_);
  for (auto* w : asked) *w = {epoch, failure, true};
  answered_.notify_all();
}

void epoch_coordinator::hurry() {
  {
    std::lock_guard lock(mutex_);
    hurries_ = true;
  }
  wake_me();
}

void epoch_coordinator::change_tasks(std::ptrdiff_t tasks, std::ptrdiff_t with_sinks) {
  std::lock_guard lock(mutex_);
  tasks_ += static_cast<std::size_t>(tasks);
  tasks_with_sinks_ += static_cast<std::size_t>(with_sinks);
}

bool epoch_coordinator::is_asked() const {
  std::lock_guard lock(mutex_);
  return !asked_.empty();
}

/// Nobody can ask from here on. Gives those who wait.
std::vector<epoch_coordinator::waiting*> epoch_coordinator::close_door() noexcept {
  std::vector<waiting*> asked;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    asked = std::exchange(asked_, {});
  }
  asked.insert(asked.end(), served_.begin(), served_.end());
  served_.clear();
  return asked;
}

void epoch_coordinator::close(const run_checkpoints::states& all) noexcept {
  served_ = close_door();
  if (served_.empty()) return;
  std::optional<error> failure;
  std::uint64_t epoch = announced();
  if (!is_over()) {
    failure = run_checkpoints::over();
  } else if (makes_savepoint()) {
    // They came while the last one was made, whose tasks had not been asked for all states: these are still what they
    // were.
    try {
      epoch = kept_.savepoint(all);
    } catch (const run_error& e) { failure = e.error(); } catch (...) {
      failure = error_from_current_exception();
      failure->message = "a state can't be saved: " + failure->message;
    }
  }
  answer(std::exchange(served_, {}), epoch, failure);
}

}  // namespace freshet
