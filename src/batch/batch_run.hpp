#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "batch/batch_plan.hpp"
#include "batch/block_store.hpp"
#include "freshet/batch/batch_options.hpp"
#include "freshet/runtime/topology_run.hpp"
#include "freshet/runtime/worker_pool.hpp"

namespace freshet {

class batch_driver;
class batch_task;
class spout_feed;
class stage_runner;
class stage_task;

/// One topology at work on the batch engine: owns tasks, blocks, driver and threads.
/// Thread safe but for what is said to belong to the start.
class batch_run final : public run_control {
 public:
  batch_run(const topology& graph, batch_options options);
  ~batch_run() override;
  /// Makes, compiles and opens everything, then starts the threads. Throws when a task can't be opened.
  void start();

  // --- run_control ---
  bool wait_until(std::chrono::steady_clock::time_point when) override;
  void rethrow() const override;
  void drain() override { end_spouts(run_state::draining); }
  void stop() override { end_spouts(run_state::stopping); }
  void pause() override;
  void resume() override;
  run_status status() const override;
  run_metrics metrics() const override;
  const topology& graph() const override { return graph_; }

  // --- for the parts ---
  const batch_options& options() const { return options_; }
  const batch_plan& plan() const { return plan_; }
  worker_pool& pool() { return *pool_; }
  const std::shared_ptr<worker_pool>& shared_pool() const { return pool_; }
  block_store& store() { return *store_; }
  batch_driver& driver() { return *driver_; }
  std::vector<std::unique_ptr<spout_feed>>& feeds() { return feeds_; }
  /// Null for the tasks of spouts.
  stage_task* stage(std::uint32_t chain, std::uint32_t task) { return stages_[chain][task].get(); }
  /// Null for others.
  spout_feed* feed(std::uint32_t chain, std::uint32_t task);
  std::vector<std::unique_ptr<stage_task>>& tasks_of(std::uint32_t chain) { return stages_[chain]; }
  batch_task& task(std::uint32_t chain, std::uint32_t task);
  const std::string_view* node_names() const { return node_names_.data(); }
  run_state state() const { return state_.load(std::memory_order_acquire); }
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  /// Until when a drain may take; max before one was asked for.
  std::chrono::steady_clock::time_point drain_deadline() const {
    return std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(drain_deadline_.load(std::memory_order_acquire)));
  }
  /// False where state is managed: positions would be ahead of what a restart finds.
  bool commits_positions() const { return commits_positions_; }
  /// Ends the run with an error; the first one counts.
  void fail(error e);
  /// A tasklet will do nothing more; the last one closes all tasks.
  void tasklet_done();
  /// A dead letter that nobody reads.
  void unread_dead_letter(dead_letter letter);
  void remember(batch_progress done);
  std::stop_token stop_token() const { return stop_source_.get_token(); }
  std::vector<spout_partition> partitions_of(std::uint32_t chain, std::uint32_t task) const {
    return partitions_[chain][task];
  }
  std::string task_name(std::uint32_t node, std::uint32_t task) const;  ///< "count" task 2
  std::string stage_name(std::uint32_t chain) const;                    ///< stage 1 ("split" > "count")

 private:
  void make_tasks();
  void deal_partitions();
  void place();
  void open_tasks();
  void close_tasks() noexcept;
  void end_spouts(run_state to);
  std::chrono::steady_clock::time_point give_up_at() const;
  std::string unfinished() const;

  const topology graph_;
  const batch_options options_;
  batch_plan plan_;
  std::shared_ptr<worker_pool> pool_;
  std::unique_ptr<block_store> store_;
  std::vector<std::vector<std::unique_ptr<stage_task>>> stages_;  ///< by chain and task; empty for spouts
  std::vector<std::unique_ptr<spout_feed>> feeds_;                ///< by chain and task
  std::vector<std::unique_ptr<stage_runner>> runners_;
  std::unique_ptr<batch_driver> driver_;
  bool commits_positions_ = true;
  std::vector<std::string_view> node_names_;
  std::vector<std::vector<std::vector<spout_partition>>> partitions_;  ///< by chain and task; empty for others
  std::chrono::steady_clock::time_point started_;
  std::stop_source stop_source_;

  std::atomic<run_state> state_{run_state::running};
  std::atomic<bool> cancelled_{false};
  std::atomic<std::int64_t> drain_deadline_;
  std::atomic<std::size_t> tasklets_left_{0};
  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable over_;
  bool is_over_ = false;
  bool told_stuck_ = false;
  std::chrono::steady_clock::time_point failed_at_{};
  error error_;
  std::vector<std::string> stalled_;
  std::deque<dead_letter> unread_;
  std::deque<batch_progress> recent_;
  rate_limit dead_letter_log_{10, std::chrono::seconds(1)};
};

}  // namespace freshet
