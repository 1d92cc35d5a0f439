#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/core/dead_letter.hpp"
#include "freshet/core/state_query.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/runtime/executor.hpp"
#include "freshet/runtime/metrics.hpp"

namespace freshet {

/// The life of a run. The last two are final.
enum class run_state : std::uint8_t { running, paused, draining, stopping, finished, failed };
/// The name of the enumerator.
std::string_view to_string(run_state) noexcept;

/// Where a run stands, for people.
struct run_status {
  run_state state = run_state::running;
  freshet::error error;                          ///< when failed
  std::vector<std::string> stalled;              ///< tasks that held a worker too long, newest last
  std::vector<dead_letter> unread_dead_letters;  ///< the newest of those that no node reads, or gets
  engine_use engine;
};

/// Engine side of a run.
class run_control {
 public:
  virtual ~run_control();
  virtual bool wait_until(std::chrono::steady_clock::time_point when) = 0;  ///< true: the run is over
  virtual void rethrow() const = 0;                                         ///< throws run_error if it failed
  virtual void drain() = 0;
  virtual void stop() = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual run_status status() const = 0;
  virtual run_metrics metrics() const = 0;
  virtual const topology& graph() const = 0;
  /// Throws run_error where the run keeps no checkpoints.
  virtual std::uint64_t savepoint();
  virtual bool keeps_checkpoints() const { return false; }
  /// Throws run_error where the executor can't.
  virtual void rescale(std::string_view node, std::size_t parallelism);

  /// Answers `query` from the state of `node`. Throws std::invalid_argument where the node has nothing of that kind.
  void answer(std::string_view node, any_state_query& query);

 protected:
  friend class successive_runs;
  /// Calls `look` with the state of the task that has a key group, while no call is at work on it, and nothing in it
  /// may yet be taken back.
  virtual void look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) = 0;
};

/// A topology at work on an executor. All functions are thread safe. The last handle to go stops the run and waits.
class topology_run {
 public:
  explicit topology_run(std::shared_ptr<run_control> run) : run_(std::move(run)) {}
  topology_run(topology_run&&) noexcept = default;
  topology_run& operator=(topology_run&& other) noexcept;
  ~topology_run();

  /// Blocks until every spout has ended and every tuple tree is finished. Throws run_error when the run failed.
  void wait();
  /// The same with a limit; false: it still runs. max() is no limit.
  bool wait_for(std::chrono::nanoseconds limit);
  /// Ends the spouts, finishes what is live and closes all windows, then waits as `wait`. What isn't finished after
  /// `drain_timeout` is an error.
  void drain();
  /// Like `drain`, but time stands still: windows stay open.
  void stop();
  /// Asks for a drain and returns: safe where waiting isn't.
  void request_drain();
  void request_stop();
  /// What a process asks that has to end: a stop where checkpoints keep what is open for the next run, else a drain.
  void request_shutdown();
  /// No spout is polled until `resume`. What is under way goes on.
  void pause();
  void resume();
  run_status status() const;
  run_metrics metrics() const;
  /// Makes a checkpoint that is kept until somebody removes it (`freshet-checkpoint delete`), to be gone on from by
  /// `checkpoints.resume_from`; gives its number, and waits until it is on the device. The run goes on; asked for while
  /// it ends, it is of the last epoch. Throws run_error where the run keeps no checkpoints, or is over, or the files
  /// fail. Not for bolts and sinks, as `query`.
  std::uint64_t savepoint();
  /// Gives a bolt or a sink, and what is chained to it, another number of tasks while the run works; event engine, and
  /// adaptive runs, which in batches go on behind an epoch instead (see adaptive_executor). The spouts are not polled
  /// meanwhile: what is under way there is finished, the old tasks let go what they hold
  /// (`flush`) and are closed, the states of keys move to new tasks, which are opened, and the run goes on. State by
  /// key and broadcast state move; what a bolt keeps in members of its own does not. With `checkpoints` an epoch is
  /// made before, and a run that goes on from it later has the parallelism of its own topology.
  ///
  /// Waits until it is done: about as long as a message takes through the topology, and state takes to be written and
  /// read in memory, a key group at a time; with `event_options::store` from one store to another. Throws, and nothing
  /// has changed: std::invalid_argument where there is no such node, or it is a spout, chained to one, has state
  /// without a codec, or is a deciding_sink of a run with checkpoints, which has one task; topology_error where the
  /// topology can't have so many tasks; run_error where the run is ending, where what is under way isn't finished
  /// within `drain_timeout`, and on the batch executor (see restarting_executor for its runs). When an old task can't
  /// be closed, or a new one made or opened, the run fails. Not for bolts and sinks, as `query`.
  void rescale(std::string_view node, std::size_t parallelism);
  /// The topology with this run's counters on its edges.
  std::string describe(describe_format format = describe_format::text) const;

  /// A copy of what the bolt `node` keeps for `key`; nothing where it keeps nothing. `State` is the bolt's `state`,
  ///     run.query<add_up::state>("sales", "Oslo")
  /// and the key of the type that its grouping gives (a literal asks for a std::string). Throws std::invalid_argument
  /// that says what the node has, if it has nothing of that kind.
  ///
  /// What it gives was the key's state between two calls; in the batch engine between two batches, so that a batch
  /// which isn't committed is never seen. The task answers when its slice is over, the batch engine when its batch is:
  /// whoever asks waits so long. A run that has ended answers from its last state. Not for bolts and sinks: a worker
  /// that waits here can't answer.
  template <class State, class Key>
  std::optional<State> query(std::string_view node, const Key& key) const {
    state_query<State, queried_key_t<Key>> query{queried_key_t<Key>(key)};
    run_->answer(node, query);
    return std::move(query).take();
  }

 private:
  friend class successive_runs;
  std::shared_ptr<run_control> run_;
};

}  // namespace freshet
