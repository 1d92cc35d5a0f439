#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "event/channel.hpp"
#include "event/ledger.hpp"
#include "freshet/event/event_options.hpp"
#include "freshet/runtime/topology_run.hpp"
#include "freshet/runtime/worker_pool.hpp"
#include "runtime/plan.hpp"

namespace freshet {

class event_task;

/// One topology at work on the event engine: owns tasks, channels, ledger and threads.
/// Thread safe but for what is said to belong to the start.
class event_run final : public run_control {
 public:
  event_run(const topology& graph, event_options options);
  ~event_run() override;
  /// Makes, wires and opens all tasks, then starts the threads. Throws when a task can't be opened.
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

  // --- for the tasks ---
  const event_options& options() const { return options_; }
  const run_plan& plan() const { return plan_; }
  worker_pool& pool() { return *pool_; }
  const std::shared_ptr<worker_pool>& shared_pool() const { return pool_; }
  const std::shared_ptr<ledger>& book() const { return book_; }  ///< null without at_least_once
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
  void task_done(bool spout);
  /// Every bolt and sink has closed.
  bool all_written() const { return readers_left_.load(std::memory_order_acquire) == 0; }
  /// A dead letter that nobody reads.
  void unread_dead_letter(dead_letter letter);
  std::string task_name(std::uint32_t node, std::uint32_t task) const;  ///< "count" task 2
  std::stop_token stop_token() const { return stop_source_.get_token(); }
  /// The partitions of a spout that its task reads.
  std::vector<spout_partition> partitions_of(std::uint32_t node, std::uint32_t task) const;

 private:
  void make_tasks();
  std::size_t worker_of(std::uint32_t chain, std::uint32_t task) const;
  void connect();
  void open_tasks();
  void end_spouts(run_state to);
  std::chrono::steady_clock::time_point give_up_at() const;
  std::string unfinished() const;

  const topology graph_;
  const event_options options_;
  const run_plan plan_;
  std::shared_ptr<worker_pool> pool_;
  std::shared_ptr<ledger> book_;
  std::vector<std::vector<std::size_t>> seats_;  ///< worker by chain and task
  std::vector<std::unique_ptr<channel>> channels_;
  std::vector<std::vector<std::unique_ptr<event_task>>> tasks_;  ///< by chain and task
  bool commits_positions_ = true;
  std::vector<std::string_view> node_names_;
  std::vector<std::vector<std::vector<spout_partition>>> partitions_;  ///< by chain and task; empty for others
  std::chrono::steady_clock::time_point started_;
  std::stop_source stop_source_;

  std::atomic<run_state> state_{run_state::running};
  std::atomic<bool> cancelled_{false};
  std::atomic<std::int64_t> drain_deadline_;
  std::atomic<std::size_t> tasks_left_{0};
  std::atomic<std::size_t> readers_left_{0};  ///< tasks but those of spouts
  mutable std::mutex mutex_;                  ///< guards what follows
  std::condition_variable over_;
  bool is_over_ = false;
  bool told_stuck_ = false;
  std::chrono::steady_clock::time_point failed_at_{};
  error error_;
  std::vector<std::string> stalled_;
  std::deque<dead_letter> unread_;
  rate_limit dead_letter_log_{10, std::chrono::seconds(1)};
};

}  // namespace freshet
