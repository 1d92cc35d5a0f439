#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_plan.hpp"
#include "batch/block_store.hpp"
#include "freshet/batch/batch_options.hpp"
#include "runtime/engine_run.hpp"
#include "runtime/query_desk.hpp"
#include "runtime/run_checkpoints.hpp"

namespace freshet {

class batch_driver;
class batch_task;
class spout_feed;
class stage_runner;
class stage_task;

/// One topology at work on the batch engine: owns tasks, blocks, driver and threads.
/// Thread safe but for what is said to belong to the start.
class batch_run final : public engine_run {
 public:
  batch_run(const topology& graph, batch_options options);
  ~batch_run() override;
  /// Makes, compiles and opens everything, then starts the threads. Throws when a task can't be opened.
  void start();
  run_metrics metrics() const override;
  std::uint64_t savepoint() override;
  bool keeps_checkpoints() const override { return !options_.checkpoints.directory.empty(); }
  std::string unfinished() const override;

  // --- for the parts ---
  const batch_options& options() const { return options_; }
  const batch_plan& plan() const { return plan_; }
  block_store& store() { return *store_; }
  batch_driver& driver() { return *driver_; }
  std::vector<std::unique_ptr<spout_feed>>& feeds() { return feeds_; }
  /// Null for the tasks of spouts.
  stage_task* stage(std::uint32_t chain, std::uint32_t task) { return stages_[chain][task].get(); }
  /// Null for others.
  spout_feed* feed(std::uint32_t chain, std::uint32_t task);
  std::vector<std::unique_ptr<stage_task>>& tasks_of(std::uint32_t chain) { return stages_[chain]; }
  batch_task& task(std::uint32_t chain, std::uint32_t task);
  void remember(batch_progress done);
  /// About states, which may be looked at between two batches.
  query_desk& questions() { return questions_; }
  /// Those who want one: an epoch, which may need a number of its own, so not while the next batch has one already.
  query_desk& savepoints() { return savepoints_; }
  const std::vector<spout_partition>& partitions_of(std::uint32_t chain, std::uint32_t task) const {
    return partitions_[chain][task];
  }
  /// Null: the run keeps nothing.
  run_checkpoints* checkpoints() { return checkpoints_.get(); }
  /// Under which sinks know a batch.
  epoch_id epoch_of(std::uint64_t batch) const { return {checkpoints_ ? checkpoints_->history() : 0, batch}; }
  /// The states of all bolts. While no stage is at work.
  run_checkpoints::states states_as_now() const;
  std::string stage_name(std::uint32_t chain) const;  ///< stage 1 ("split" > "count")

 private:
  void make_tasks();
  std::unique_ptr<spill_file> open_spill() const;
  void deal_all();
  void place();
  void open_tasks();
  void go_on();
  void load_states();
  void close_all() noexcept override;
  void look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) override;

  const batch_options options_;
  std::unique_ptr<run_checkpoints> checkpoints_;
  batch_plan plan_;
  std::unique_ptr<block_store> store_;
  std::vector<std::vector<std::unique_ptr<stage_task>>> stages_;  ///< by chain and task; empty for spouts
  std::vector<std::unique_ptr<spout_feed>> feeds_;                ///< by chain and task
  std::vector<std::unique_ptr<stage_runner>> runners_;
  std::unique_ptr<batch_driver> driver_;
  std::vector<std::vector<std::vector<spout_partition>>> partitions_;  ///< by chain and task; empty for others
  query_desk questions_, savepoints_;
  std::deque<batch_progress> recent_;  ///< guarded by mutex_
};

}  // namespace freshet
