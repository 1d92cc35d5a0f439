#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "event/channel.hpp"
#include "event/epoch_coordinator.hpp"
#include "event/ledger.hpp"
#include "freshet/event/event_options.hpp"
#include "runtime/chain_task.hpp"
#include "runtime/engine_run.hpp"
#include "runtime/plan.hpp"

namespace freshet {

class event_task;

/// One topology at work on the event engine: owns tasks, channels, ledger and threads.
/// Thread safe but for what is said to belong to the start.
class event_run final : public engine_run {
 public:
  event_run(const topology& graph, event_options options);
  ~event_run() override;
  /// Makes, wires and opens all tasks, then starts the threads. Throws when a task can't be opened.
  void start();
  /// The same without threads: whoever has made it runs its pool by hand.
  void start_by_hand();
  run_metrics metrics() const override;
  std::string unfinished() const override;
  std::uint64_t savepoint() override;
  /// Null: it makes no epochs.
  const epoch_coordinator* epochs() const { return coordinator_.get(); }
  bool keeps_checkpoints() const override { return !options_.checkpoints.directory.empty(); }
  void rescale(std::string_view node, std::size_t parallelism) override;

  // --- for the tasks ---
  const event_options& options() const { return options_; }
  const run_plan& plan() const { return plan_; }
  const std::shared_ptr<ledger>& book() const { return book_; }  ///< null without at_least_once
  /// The task of a bolt or a sink has closed.
  void reader_done();
  /// All of them have.
  bool all_written() const { return readers_left_.load(std::memory_order_acquire) == 0; }
  /// The partitions of a spout that its task reads.
  std::vector<spout_partition> partitions_of(std::uint32_t node, std::uint32_t task) const;
  /// A chain is to get another number of tasks: until then spouts aren't polled, and nothing begins that no tuple has
  /// caused. relaxed: whoever changes something holds the pool.
  bool is_coming_to_rest() const { return resting_.load(std::memory_order_relaxed) != no_chain; }
  bool comes_to_rest(const chain_plan& chain) const {
    const auto at = resting_.load(std::memory_order_relaxed);
    return at != no_chain && &plan_.chains[at] == &chain;
  }
  /// The run before had come to the end of its input.
  bool has_nothing_left() const { return nothing_left_; }

 private:
  static constexpr std::size_t no_chain = ~std::size_t{0};
  /// The way from one route of a task to a task that reads it.
  struct wire {
    std::uint32_t from_chain, from_task;
    std::size_t route;
    std::uint32_t to_chain, to_task;
    std::unique_ptr<channel> way;
    channel_end end;
  };

  void start_with(void (event_run::*run_tasklets)(std::size_t count));
  void make_tasks();
  void take_seats(std::uint32_t chain);
  chain_setup setup_of(std::uint32_t chain, std::uint32_t task);
  std::unique_ptr<event_task> make_task(std::uint32_t chain, std::uint32_t task);
  std::size_t worker_of(std::uint32_t chain, std::uint32_t task);
  void connect();
  void connect(event_task& producer, std::size_t route);
  void read_wires();
  void open_tasks();
  void go_on();
  run_checkpoints::states states_as_now();
  event_task& task_of(std::uint32_t node);

  // rescale.cpp
  std::shared_lock<std::shared_mutex> look_at_tasks() const;
  bool rescale_now(std::uint32_t chain, topology to, std::chrono::steady_clock::time_point hold_until,
                   std::chrono::steady_clock::time_point until, bool& is_looked_at);
  void make_epoch(std::chrono::steady_clock::time_point until);
  bool is_at_rest(std::uint32_t chain) const;
  bool is_saved(std::uint32_t chain) const;
  void change_tasks(std::uint32_t chain, topology to);
  void rewire(std::uint32_t chain, const std::vector<std::unique_ptr<event_task>>& old);
  template <class F>
  void for_each_task(F&& f);
  void close_all() noexcept override;
  void look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) override;

  const event_options options_;
  run_plan plan_;
  std::shared_ptr<ledger> book_;
  std::vector<std::vector<std::size_t>> seats_;  ///< worker by chain and task
  std::vector<wire> wires_;
  std::vector<wire> unplugged_;  ///< while tasks change, and where that has failed: links may know them
  std::vector<std::vector<std::unique_ptr<event_task>>> tasks_;        ///< by chain and task
  std::vector<std::vector<std::vector<spout_partition>>> partitions_;  ///< by chain and task; empty for others
  std::unique_ptr<run_checkpoints> checkpoints_;                       ///< null: the run keeps nothing
  std::unique_ptr<epoch_coordinator> coordinator_;                     ///< likewise
  bool nothing_left_ = false;
  std::mutex rescaling_;                        ///< one at a time
  std::atomic<std::size_t> resting_{no_chain};  ///< the chain that is to come to rest
  /// Others than the workers read `tasks_` and `seats_` under it; they change while it is had alone, and the pool held.
  mutable std::shared_mutex tasks_mutex_;
  /// Whoever wants to read them goes through here; a rescale that has found others at it lets no more of them in.
  mutable std::mutex turnstile_;
  std::atomic<std::size_t> readers_left_{0};  ///< tasks but those of spouts
};

}  // namespace freshet
