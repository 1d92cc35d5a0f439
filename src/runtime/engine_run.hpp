#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/clock.hpp"
#include "freshet/base/log.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/core/task_context.hpp"
#include "freshet/runtime/topology_run.hpp"
#include "freshet/runtime/worker_pool.hpp"
#include "runtime/plan.hpp"
#include "runtime/task_metrics.hpp"

namespace freshet {

/// What the runs of both engines are, whatever drives their tasks: a state, threads, an end to wait for, the first
/// error, and the dead letters that nobody reads.
/// Thread safe but for what is said to belong to the start. Invariants: 1. `cancelled` is true from the first error on,
/// and never before. 2. A run is over when all of its tasklets have said `tasklet_done`.
class engine_run : public run_control {
 public:
  /// What both executors' options say about this.
  struct settings {
    std::string_view executor;  ///< names it in the log
    logger log;
    const freshet::clock* clock;
    worker_pool_options pool;
    std::chrono::nanoseconds drain_timeout, stop_timeout;
    std::size_t kept_dead_letters;
    bool commits_at_end_only = false;  ///< what has finished is not known before
  };
  template <class Options>
  static settings settings_of(std::string_view executor, const Options& o) {
    return {
        executor,           o.log, o.clock, {o.workers, o.idle, o.pin, o.stall_limit}, o.drain_timeout, o.stop_timeout,
        o.kept_dead_letters};
  }
  engine_run(const topology& graph, settings how);

  // --- run_control ---
  bool wait_until(std::chrono::steady_clock::time_point when) override;
  void rethrow() const override;
  void drain() override { end_spouts(run_state::draining); }
  void stop() override { end_spouts(run_state::stopping); }
  void pause() override;
  void resume() override;
  run_status status() const override;
  const topology& graph() const override { return *graph_.load(std::memory_order_acquire); }

  // --- for the tasks ---
  worker_pool& pool() { return *pool_; }
  const std::shared_ptr<worker_pool>& shared_pool() const { return pool_; }
  run_state state() const { return state_.load(std::memory_order_acquire); }
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  /// Until when a drain may take; max before one was asked for.
  std::chrono::steady_clock::time_point drain_deadline() const {
    return std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(drain_deadline_.load(std::memory_order_acquire)));
  }
  /// False where state is managed: positions would be ahead of what a restart finds. Said in the log at start.
  bool commits_positions() const { return commits_positions_; }
  /// Ends the run with an error; the first one counts.
  void fail(error e);
  /// A tasklet will do nothing more; the last one ends the run.
  void tasklet_done();
  /// A dead letter that nobody reads.
  void unread_dead_letter(dead_letter letter);
  /// What is said of a letter besides, where a reader's grouping has thrown at it: then nobody reads it either.
  std::string unsent(const call_failure& why) const;
  /// Messages that a spout's task could not read again and has skipped: logged at a limited rate.
  void skipped_lost(std::string_view task, std::uint64_t messages, const std::string& what);
  std::string task_name(std::uint32_t node, std::uint32_t task) const;  ///< "count" task 2
  /// The task of a node that has a key group.
  std::uint32_t task_with(std::uint32_t node, std::uint32_t group) const;
  /// Of the tasks of a spout.
  const std::shared_ptr<watermark_alignment>& alignment_of(std::uint32_t node) const { return alignments_[node]; }
  const std::string_view* node_names() const { return node_names_.data(); }
  std::stop_token stop_token() const { return stop_source_.get_token(); }
  /// Names the tasks that are still at work, for errors.
  virtual std::string unfinished() const = 0;

 protected:
  /// Deals the partitions of spout `node`, which `first`, one of its tasks, names. Throws run_error when it can't.
  std::vector<std::vector<spout_partition>> deal(std::uint32_t node, spout_operator& first) const;
  /// Starts the clock and the threads, for so many tasklets. Throws run_error when the system refuses a thread; then
  /// nothing has run.
  void start_threads(std::size_t tasklets);
  /// The same without threads: the pool is run by hand.
  void start_without_threads(std::size_t tasklets);
  /// The start has failed: the run counts as failed before what was opened is closed, and `close` can tell, by its stop
  /// token, that nothing came of it.
  void give_up_start() noexcept;
  /// Called by the last tasklet's thread, before those who wait are told.
  virtual void close_all() noexcept {}
  /// Checkpoints hold what states come of, so positions are committed where they are covered.
  void commit_what_checkpoints_cover() { covered_ = commits_positions_ = true; }
  /// Name and uptime of the run.
  run_metrics begin_metrics() const;

  /// From here on `graph()` is another one, of the same nodes. REQUIRES: one thread at a time.
  void change_graph(topology to);
  /// Tasklets were added to the run while it is at work, or taken away.
  void change_tasklets(std::ptrdiff_t by) {
    tasklets_left_.fetch_add(static_cast<std::size_t>(by), std::memory_order_acq_rel);
  }

  const std::shared_ptr<worker_pool> pool_;
  mutable std::mutex mutex_;  ///< guards what derived classes say, and what follows it here

 private:
  void end_spouts(run_state to);
  void begin(std::size_t tasklets);
  void note_stall(const std::string& label, std::chrono::nanoseconds held);
  void note_throw(const std::string& label, const std::exception_ptr& why, bool given_up) noexcept;
  void say_what_is_not_committed() const;
  std::chrono::steady_clock::time_point give_up_at() const;

  const settings how_;
  bool commits_positions_ = true, covered_ = false;
  std::deque<topology> graphs_;         ///< kept, as others may still look at one before
  std::atomic<const topology*> graph_;  ///< the last of them
  std::vector<std::string_view> node_names_;
  std::vector<std::shared_ptr<watermark_alignment>> alignments_;  ///< by node; null for others than spouts
  std::chrono::steady_clock::time_point started_;
  std::stop_source stop_source_;
  std::atomic<run_state> state_{run_state::running};
  std::atomic<bool> cancelled_{false};
  std::atomic<std::int64_t> drain_deadline_;
  std::atomic<std::size_t> tasklets_left_{0};

  std::condition_variable over_;
  bool is_over_ = false;
  bool told_stuck_ = false;
  std::chrono::steady_clock::time_point failed_at_{};
  error error_;
  std::deque<std::string> stalled_;
  std::deque<dead_letter> unread_;
  rate_limit dead_letter_log_{10, std::chrono::seconds(1)};
  rate_limit data_loss_log_{10, std::chrono::seconds(1)};
};

/// What went from `from` to one input of a node, so far nothing.
edge_metrics edge_of(const topology& graph, stream_end from, reader_ref to);
/// Sums what tasks have said about the same input of a node.
void merge_edges(run_metrics& m);
/// offsets 100 to 200 of partition 0 "a.log" can no longer be read, the earliest offset still there is 150: <why>
std::string in_words(const range_lost& lost, const position_range& wanted, const std::vector<spout_partition>& all);
/// Deals a spout's partitions to its tasks, in turn.
std::vector<std::vector<spout_partition>> deal_partitions(const std::vector<std::string>& names, std::size_t tasks);

}  // namespace freshet
