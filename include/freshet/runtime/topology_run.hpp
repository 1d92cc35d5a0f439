#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "freshet/core/dead_letter.hpp"
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
  std::vector<dead_letter> unread_dead_letters;  ///< the newest of those that no node reads
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
  /// No spout is polled until `resume`. What is under way goes on.
  void pause();
  void resume();
  run_status status() const;
  run_metrics metrics() const;
  /// The topology with this run's counters on its edges.
  std::string describe(describe_format format = describe_format::text) const;

 private:
  std::shared_ptr<run_control> run_;
};

}  // namespace freshet
