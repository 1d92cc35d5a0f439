#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/core/topology_builder.hpp"
#include "freshet/runtime/executor.hpp"
#include "freshet/runtime/topology_run.hpp"
#include "freshet/testing/manual_clock.hpp"

namespace freshet::testing {

struct driven_input;

/// Settings of a topology_driver.
struct driver_options {
  freshet::guarantee guarantee = guarantee::at_least_once;  ///< as of an event_executor
  /// As `retry_options::max_attempts`; between them no time passes, so that a test need not move the clock.
  std::uint32_t max_attempts = 5;
  /// Of every spout, numbered from 0: each has a watermark, and the least of them counts. Most tests want one.
  std::uint32_t partitions = 1;
  /// False: sinks are left out, so that a topology which writes to the world can be driven without it. What would have
  /// gone into them can be watched all the same.
  bool runs_sinks = true;
  std::shared_ptr<fault_injector> faults = {};
  logger log{};  ///< silent: what fails is seen in what comes out, and in `dead_letters`
};

/// Runs a topology on the caller's thread: its spouts are replaced by `push`, its streams are watched, and time is what
/// the test says. Everything else is the event engine itself, its tasks, chains, ledger and event time, without its
/// threads: each function returns when there is nothing more to do, and the same calls give the same outputs in the
/// same order.
///     topology_driver driver{builder.build()};
///     auto& counts = driver.watch<windowed<std::string, std::uint64_t>>("count");
///     driver.push("words", std::string("to"), event_time{1s});
///     driver.advance_watermark(event_time{60s});
///     assert(counts.size() == 1 && counts[0].value == 1);
///
/// Names and types that the topology doesn't have are std::invalid_argument, with a sentence that says what it has. A
/// run that fails (`on_failure::stop`, an `open` that throws) is a run_error from the function that made it fail, and
/// from those that follow. Not thread safe; wakers and tokens of bolts may be used on other threads, and what they
/// cause happens in the next call, as in `advance_clock({})`.
class topology_driver {
 public:
  /// Throws topology_error for what an event_executor would refuse.
  explicit topology_driver(const topology& graph, driver_options options = {});
  topology_driver(const topology_driver&) = delete;
  topology_driver& operator=(const topology_driver&) = delete;
  /// What has not been finished is given up; tasks are closed.
  ~topology_driver();

  /// All that comes out of an output of `node`, in order: of a side output by its name ("late"), or of a sink all that
  /// is written to it. The vector lives as long as the driver, and may be cleared. A failed call gives nothing. To be
  /// called before anything is pushed or asked: std::logic_error behind that.
  template <class T>
  std::vector<T>& watch(std::string_view node, std::string_view output = "") {
    auto seen = std::make_shared<std::vector<T>>();
    auto ends = ends_of(node, output, stream_type_of<T>());
    const bolt_options as_producer{.parallelism = parallelism_of(ends)};
    topology_builder{graph_}
        .sink(name_of_tap(node, output), tap<T>{seen}, as_producer)
        .input(stream_ref<T>{graph_, std::move(ends)});
    return *seen;
  }

  /// Emits `value` from the spout, and runs the topology until it is quiet. Its event time is what the spout's
  /// `.event_time(...)` makes of it, unless `time` is given: then that counts. It has no position. A literal is pushed
  /// as a std::string.
  template <class T>
  void push(std::string_view spout, T value, std::optional<event_time> time = {}, partition_id partition = 0) {
    using V = owned_t<T>;
    auto one = std::make_unique<batch<V>>(batch_layout{.capacity = 1, .times = true});
    one->append({}, {}, not_stamped, V(std::move(value)));
    push_one(spout, std::move(one), time, partition);
  }
  /// Event time goes on to `to`, as if each spout had said so: windows that end there close, and what is pushed from
  /// there on with an older time is late. Never back; `finish` says that time is over.
  void advance_watermark(event_time to);
  /// Of one spout, or of one of its partitions: the others hold time back where they are.
  void advance_watermark(std::string_view spout, event_time to, std::optional<partition_id> partition = {});
  /// Processing time goes on: ticks, timeouts of held tuples and idle partitions come in the order of their times.
  void advance_clock(std::chrono::nanoseconds by);
  /// The spouts have ended: bolts let go what they hold, and all windows close. Throws std::logic_error that names the
  /// tasks which still hold tuples; may be called again when those have been answered.
  void finish();

  /// A copy of what the bolt `node` keeps for `key`; see `topology_run::query`.
  template <class State, class Key>
  std::optional<State> state(std::string_view node, const Key& key) {
    state_query<State, queried_key_t<Key>> query{queried_key_t<Key>(key)};
    answer(node, query);
    return std::move(query).take();
  }
  /// What has failed for good so far, in order.
  const std::vector<dead_letter>& dead_letters() const { return *dead_letters_; }
  /// The counters of the run, which are exact. Times are the manual clock's.
  run_metrics metrics();
  const freshet::clock& clock() const { return clock_; }

 private:
  template <class T>
  struct tap {
    std::shared_ptr<std::vector<T>> seen;
    void write(const T& value) { seen->push_back(value); }
  };
  class machine;

  std::vector<stream_end> ends_of(std::string_view node, std::string_view output, const stream_type& type) const;
  std::size_t parallelism_of(const std::vector<stream_end>& ends) const;
  std::string name_of_tap(std::string_view node, std::string_view output) const;
  void push_one(std::string_view spout, std::unique_ptr<any_batch> one, std::optional<event_time> time,
                partition_id partition);
  driven_input& input_called(std::string_view spout, std::optional<partition_id> partition);
  void answer(std::string_view node, any_state_query& query);
  machine& started();

  const topology driven_;  ///< as it was given
  const driver_options options_;
  manual_clock clock_;
  std::vector<std::shared_ptr<driven_input>> inputs_;  ///< by node of `driven_`; null for others than spouts
  builder_ref graph_;                                  ///< with other spouts, and with sinks that watch
  std::shared_ptr<std::vector<dead_letter>> dead_letters_;
  std::unique_ptr<machine> machine_;  ///< null until something is pushed
};

}  // namespace freshet::testing
