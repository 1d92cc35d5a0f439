#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/runtime/tasklet.hpp"
#include "runtime/run_checkpoints.hpp"

namespace freshet {

class event_run;

/// The states of a task at the barrier of an epoch: bytes by key group.
struct saved_states {
  std::uint32_t node = 0, task = 0;
  std::size_t rows = 0;
  std::uint32_t first_group = 0;
  std::vector<std::string> groups{};
  std::optional<std::string> shared{};
  std::optional<state_snapshot> snapshot{};
};
/// Which states the tasks are to add to what they say, beside what has changed.
enum class wanted_states : std::uint8_t { none, of_checkpoint, of_savepoint };

/// What a task has to say about an epoch whose barrier it has passed.
struct task_epoch {
  std::vector<checkpoint_partition> partitions{};
  std::vector<checkpoint_watermark> watermarks{};
  std::vector<state_changes> changes{};
  std::vector<sink_token> tokens{};
  bool is_stopped = false;  ///< a spout's task that was stopped before its end: there is more to be read
};

/// Makes the epochs of a run. Every so often it announces one: spout tasks put its barrier into their streams, and
/// every task that the barriers of all its inputs have reached lets go what it holds, says what it has (`arrived`), and
/// sends the barrier on ("Lightweight Asynchronous Snapshots for Distributed Dataflows", Carbone and others, 2015).
/// When all have arrived, one record of the epoch goes to the device; then the sink that decides commits, then the
/// others do. When all states that were wanted are there as well, they are written, and the next may be announced.
/// Tasks at their end wait for the last one, which is announced when all are there.
///
/// It has a thread of its own, as it waits for the device. Thread safety: as said at the functions. Invariants: 1. An
/// epoch is announced when the one before it is committed by all sinks. 2. `announced_` and `committed_` never go back,
/// and what they are about is written before they are (release) and read after (acquire).
class epoch_coordinator final : public tasklet {
 public:
  /// `now`: of `clock.now()`. REQUIRES: `kept` was gone on from.
  epoch_coordinator(event_run& run, run_checkpoints& kept, std::chrono::nanoseconds interval);

  // --- for the tasks; thread safe ---
  epoch_id id_of(std::uint64_t epoch) const { return {history_, epoch}; }
  const run_checkpoints& kept() const { return kept_; }  ///< for what is thread safe of it
  /// The newest epoch whose barrier may be passed.
  std::uint64_t announced() const { return announced_.load(std::memory_order_acquire); }
  /// The announced one is the last: no other will be begun. To be read when its barrier is passed: as soon as all sinks
  /// have committed, the next may be announced.
  bool is_last() const { return is_last_.load(std::memory_order_relaxed); }
  /// The announced one wants all states.
  freshet::wanted_states wanted_states() const { return wanted_states_.load(std::memory_order_relaxed); }
  /// A task has passed the barrier of the announced epoch; once a task.
  void arrived(task_epoch said);
  /// And it has written its state as it was there: all of it, where that was wanted. Nobody waits for it to commit the
  /// epoch, until which sinks hold rows back; but there is no next one before.
  void have_saved(std::optional<saved_states> states);
  /// Or it can't be had, which is why there is no checkpoint.
  void have_not_saved(error why);
  /// Up to here epochs may be committed: by the sink that decides, by the others.
  std::uint64_t decided() const { return decided_.load(std::memory_order_acquire); }
  std::uint64_t committed() const { return committed_.load(std::memory_order_acquire); }
  /// The sinks of a task have committed.
  void have_committed();
  /// A task has nothing more to do than to pass barriers; once a task.
  void at_end();
  /// The last epoch is committed: tasks may close.
  bool is_over() const { return over_.load(std::memory_order_acquire); }

  // --- for other threads ---
  /// Makes a savepoint, and waits for it. Throws run_error.
  std::uint64_t savepoint();
  /// The next epoch is due now.
  void hurry();
  /// Somebody waits for a savepoint whose epoch has not been announced.
  bool is_asked() const;

  // --- while the run is held ---
  bool is_between_epochs() const { return phase_ == phase::waiting; }
  /// So many tasks more, and so many of them with sinks.
  void change_tasks(std::ptrdiff_t tasks, std::ptrdiff_t with_sinks);

  // --- before the run, and behind it ---
  void start(std::size_t tasks, std::size_t tasks_with_sinks, bool has_decider, std::size_t seat);
  /// The run is over: whoever waits for a savepoint gets that of the last epoch, with these states, if it is committed,
  /// or is told. From the thread that ends the run.
  void close(const run_checkpoints::states& all) noexcept;

  // --- tasklet ---
  progress run(time_point now) override;
  time_point next_wake() const override;

 private:
  enum class phase : std::uint8_t { waiting, gathering, deciding, committing, done };
  struct waiting {
    std::uint64_t epoch = 0;
    std::optional<error> failure{};
    bool is_done = false;
  };

  void wake_me();
  bool is_due(time_point now) const;
  bool announce();
  bool write();
  bool tell_sinks();
  bool finish();
  /// For as long as `saved` lives.
  static run_checkpoints::states states_in(const std::vector<saved_states>& saved);
  bool makes_savepoint() const { return !served_.empty(); }
  std::vector<waiting*> close_door() noexcept;
  void answer(std::vector<waiting*> asked, std::uint64_t epoch, const std::optional<error>& failure);

  event_run& run_;
  run_checkpoints& kept_;
  const std::chrono::nanoseconds interval_;
  const std::uint64_t history_;
  std::atomic<std::uint64_t> announced_, decided_, committed_;
  std::atomic<freshet::wanted_states> wanted_states_{freshet::wanted_states::none};
  std::atomic<bool> is_last_{false}, over_{false};

  // Its own thread's.
  phase phase_ = phase::waiting;
  std::size_t tasks_ = 0, tasks_with_sinks_ = 0, seat_ = 0;
  bool has_decider_ = false;
  time_point due_{};
  event_time made_at_{};
  std::vector<waiting*> served_;  ///< by the announced epoch
  std::vector<task_epoch> said_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable answered_;
  std::vector<task_epoch> arrivals_;
  std::vector<saved_states> states_;  ///< of the announced epoch;
  std::optional<error> unsaved_;      ///< why one of them is missing
  std::size_t saved_tasks_ = 0;
  std::size_t committed_tasks_ = 0, at_end_ = 0;
  std::vector<waiting*> asked_;
  bool hurries_ = false;
  bool closed_ = false;
};

}  // namespace freshet
