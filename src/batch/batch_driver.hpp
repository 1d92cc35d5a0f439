#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "batch/rate_limiter.hpp"
#include "batch/stage_task.hpp"
#include "freshet/batch/batch_options.hpp"
#include "freshet/time/watermark_merge.hpp"
#include "runtime/run_checkpoints.hpp"

namespace freshet {

class batch_run;
class spout_feed;

/// Takes batches through their phases: waiting (for the trigger) -> cutting (spouts hand over) -> stages -> preparing
/// (transactional sinks write and prepare) -> writing (plain sinks) -> committing -> waiting ... -> over.
///
/// There is no thread for this: in `waiting` and `cutting`, and where a commit is to be made again, the *leader*, one
/// of the workers, looks at each of its rounds; in the phases with tasks whoever finishes the last task goes on, and
/// becomes the leader. So a batch needs no
/// wake-up that its tasks don't need, and a small one stays on one worker.
///
/// Thread safety: as said at the functions. Invariants: 1. In `waiting`, `cutting` and `committing` only the leader's
/// thread changes the phase; otherwise only the thread that brought `outstanding_` to zero. 2. `phase_` is stored with
/// release after `leader_`, and read before it: whoever reads `waiting` reads the leader that belongs to it.
class batch_driver {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  explicit batch_driver(batch_run& run);
  /// Before the threads start.
  void start(time_point now);

  // --- for the stage runners ---
  /// The leader's part. True: something was done.
  bool lead(std::size_t worker, time_point now);
  /// When `lead` wants to be called again by this worker.
  time_point next_wake(std::size_t worker) const;
  /// A task for this worker; null: none.
  stage_task* take(std::size_t worker);
  /// A task said `done`.
  void finished(stage_task& task, std::size_t worker);
  /// A task said `blocks`: they are computed again, then the task is ready again.
  void compute_again(stage_task& reader, std::size_t worker);
  /// Batches to come have numbers above `epoch`. REQUIRES: the next has none yet; on the leader's thread, or when the
  /// run is over.
  void number_above(std::uint64_t epoch) { batch_ = std::max(batch_, epoch); }
  bool over() const { return phase_.load(std::memory_order_acquire) == phase::over; }

  // --- for the spout feeds; thread safe ---
  /// How many messages may be polled now: at most `want`. `first`: of this feed's batch, for which there is always
  /// room in bytes. Sets `until` where the rate asks for a pause.
  std::uint32_t claim(std::uint32_t want, bool first, time_point now, time_point& until);
  /// Of what was claimed so many messages came, and `bytes` more are collected.
  void polled(std::uint32_t claimed, std::uint32_t messages, std::int64_t bytes);
  /// What the feeds may still collect, in equal parts.
  double bytes_for_each_feed() const;
  /// So much of what was collected belongs to a batch now.
  void handed_over(std::uint64_t messages, std::int64_t bytes);
  /// The feed on `worker` has something that may start a batch.
  void news(std::size_t worker);
  /// The blocks of a feed are there again.
  void refilled(spout_feed& feed);

  // --- numbers; thread safe ---
  std::uint64_t batches_done() const { return batches_done_.load(std::memory_order_relaxed); }
  std::uint64_t recomputed() const { return recomputed_.load(std::memory_order_relaxed); }

 private:
  enum class phase : std::uint8_t { waiting, cutting, stages, preparing, writing, committing, over };
  static constexpr std::size_t anyone = ~std::size_t{0};
  struct block_owner {
    batch_task* task;
    std::uint32_t route, box;
  };

  /// What speaks for a batch now.
  struct outlook {
    std::uint64_t rows = 0;
    bool ended = true;         ///< all spouts
    bool hot = false;          ///< a spout has more at hand
    bool woken = false;        ///< a task was
    bool called = false;       ///< the same, or a tick is due
    bool time_waits = false;   ///< event time has gone on
    bool timers_wait = false;  ///< timers are due by the clock
  };
  outlook look(time_point now) const;
  bool ends_clock(bool all_ended) const;
  time_point next_timer() const;
  void go_on();
  bool due(time_point now);
  bool on_the_grid(time_point now);
  bool is_full() const;
  bool has_more_at_hand() const;
  bool cut(std::size_t worker, time_point now);
  void give_up_draining();
  void begin(std::size_t worker);
  void next_phase(std::size_t worker);
  void advance_time();
  void tell_left_behind();
  struct timed_source {
    std::uint32_t chain, input;  ///< whose rows are read, and as which input of the head
  };
  std::vector<timed_source> timed_sources(std::uint32_t chain) const;
  bool begin_stages(std::size_t worker);
  bool begin_sinks(bool transactional, std::size_t worker);
  void release(std::uint32_t chain, time_point now);
  void chain_done(std::uint32_t chain, time_point now);
  void push(stage_task& task);
  void offer(std::size_t worker);
  void commit(std::size_t worker);
  bool go_on_committing(std::size_t worker);
  void pass_to_leader(phase next, std::size_t worker);
  bool keep_epoch(run_checkpoints& kept);
  bool relieve_log(run_checkpoints& kept);
  bool commit_sinks();
  void leave_epoch();
  void commit_tasks(std::size_t leader);
  bool await(stage_task& reader, batch_task& producer);
  void push_again(stage_task& producer);
  void note_ends();
  void record(time_point end);
  void finish();
  void resume_waiters(const batch_task& producer);

  batch_run& run_;
  const batch_options& options_;
  const std::int64_t most_rows_, most_bytes_;  ///< collected for one batch
  std::atomic<phase> phase_{phase::waiting};
  std::atomic<std::size_t> leader_{0};

  // The leader's, or of whoever has the phase.
  bool woken_at_the_end_ = false;  ///< there was a batch for it
  std::uint64_t batch_ = 0;
  std::uint64_t rows_ = 0;
  bool more_at_hand_ = false;  ///< when the batch was cut
  bool letters_ = false;       ///< sinks have dead letters for the next batch
  bool has_ticks_ = false, has_timers_ = false;
  batch_time clock_;  ///< of the batch at work
  bool uses_event_time_ = false;
  std::vector<watermark_merge> watermarks_;  ///< by chain: of what it reads, of a spout's tasks
  std::vector<bool> cut_done_;
  time_point next_tick_{}, due_{}, began_{}, cut_at_{}, planned_at_{}, previous_began_{};
  time_point commit_began_{}, logged_{}, commit_due_{};
  std::uint64_t recomputed_before_ = 0, attempts_failed_ = 0;
  std::vector<batch_progress::source> sources_;  ///< what the batch has read, without rates
  std::vector<batch_progress::sink> sinks_;      ///< and written
  std::vector<block_owner> owners_;              ///< by block
  rate_limiter limiter_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::deque<stage_task*> ready_;
  std::size_t pushed_ = 0;  ///< since the last `offer`
  std::size_t outstanding_ = 0;
  std::vector<std::size_t> left_, waits_;                          ///< by chain: tasks, stages before it
  std::map<const batch_task*, std::vector<stage_task*>> waiters_;  ///< by the producer of missing blocks
  std::map<const stage_task*, std::size_t> awaited_;               ///< producers that a reader waits for
  std::uint64_t tasks_ = 0;

  std::atomic<std::size_t> ready_count_{0};
  std::atomic<std::size_t> only_{anyone};                        ///< the worker that has a small batch to itself
  std::atomic<std::int64_t> room_{0}, collected_{0}, bytes_{0};  ///< messages not claimed, messages, bytes
  std::atomic<std::uint64_t> batches_done_{0}, recomputed_{0};
};

}  // namespace freshet
