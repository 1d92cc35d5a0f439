#pragma once
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "freshet/core/router.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/core/state_ttl.hpp"

namespace freshet {

/// What becomes of a tuple that failed for the last time.
enum class on_failure : std::uint8_t {
  dead_letter,  ///< it goes to the topology's dead-letter stream (counted and logged where nobody reads that)
  skip,         ///< it is counted
  stop,         ///< the run ends with its error
};

/// What follows when a spout that can read again says that messages it had emitted are gone (`range_lost`).
enum class on_data_loss : std::uint8_t {
  stop,  ///< the run ends with an error that names node, partition, wanted range and earliest offset
  skip,  ///< the messages are given up, counted (`task_metrics::lost`) and logged at a limited rate
};

/// Settings of a bolt or sink.
struct bolt_options {
  /// Tasks. One keeps the order of a stream, and can be chained to its producer; more are asked for where they pay.
  std::size_t parallelism = 1;
  /// Key groups, and so the most tasks a keyed bolt can ever have: fixed for the life of a checkpoint. 128 are more
  /// than the cores of most machines and few enough that empty ones cost nothing; Flink's default.
  std::uint32_t max_parallelism = 128;
  /// Calls `on_tick` this often; 0: never, as most bolts have nothing to do without a tuple.
  std::chrono::nanoseconds tick{};
  /// Keyed bolts: for ever, unless said otherwise, as a library can't know which keys come again. Timers are not
  /// touched.
  freshet::state_ttl state_ttl{};
  /// May block: each task gets a thread of its own. Off, because others then never wait behind it, but each costs one.
  bool blocking = false;
  /// Nothing is dropped silently: what failed for good is kept, counted and logged.
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;
};

/// Settings of a spout.
struct spout_options {
  /// Tasks, among which the spout's partitions are dealt. One, as most sources have one partition or keep an order.
  std::size_t parallelism = 1;
  /// Messages emitted and not finished, a task. Bounds memory under at_least_once; 64 Ki hide some milliseconds of
  /// downstream latency at millions of messages a second. A message counts until everything that was emitted in one
  /// turn with it is finished, at most `max_batch` messages: one that is held (`emitter::hold`, `map_async`) keeps its
  /// neighbours counted until its token ends. Where a few are held for long, take a small `max_batch`.
  std::size_t max_pending = 65'536;
  /// Messages emitted at once under load: one ledger slot, one turn of the task. At 256 what a turn costs is nothing
  /// beside its messages, and other tasks of the worker still wait for microseconds only.
  std::size_t max_batch = 256;
  /// Nothing is dropped silently: what failed for good is kept, counted and logged.
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;
  /// Whoever can live with a hole in the data says so; the others want to know. Under `skip` the batch engine keeps a
  /// copy of each message until its batch has committed, because a batch can't be computed again without some of its
  /// input (what others got evenly would be divided otherwise): so it loses nothing, for the price of the copy.
  freshet::on_data_loss on_data_loss = freshet::on_data_loss::stop;
};

/// What a node is.
enum class node_kind : std::uint8_t { spout, bolt, sink };
/// The groupings of core/grouping.hpp, as a topology writes them down.
enum class grouping_kind : std::uint8_t {
  forward,
  shuffle,
  local_or_shuffle,
  key,
  partial_key,
  all,
  global,
  custom,
  direct
};

/// One output of one node. `dead_letters` names the stream to which every node may contribute.
struct stream_end {
  static constexpr std::uint32_t dead_letters = 0xffff'ffff;
  std::uint32_t node = 0;
  std::uint32_t port = 0;
  friend bool operator==(const stream_end&, const stream_end&) = default;
};

/// The typed half of an edge: makes what reads and what routes. Immutable, shared by all tasks and runs.
class edge_binding {
 public:
  virtual ~edge_binding();
  /// REQUIRES: `task` was made by the reading node, its state is set.
  std::unique_ptr<any_reader> bind(task_operator& task) const;
  std::unique_ptr<any_router> route(const freshet::route& where, call_frame& frame) const;

 private:
  // What they give is the caller's. Plain pointers, so that not every bolt's file compiles the smart ones.
  virtual any_reader* new_reader(task_operator& task) const = 0;
  virtual any_router* new_router(const freshet::route& where, call_frame& frame) const = 0;
};

/// Makes the tasks of a node. Immutable, shared by all runs.
class task_source {
 public:
  virtual ~task_source();
  std::unique_ptr<task_operator> make() const;

 private:
  virtual task_operator* new_task() const = 0;  ///< the caller's
};
/// Makes the state of one task.
using state_maker = std::unique_ptr<any_state> (*)(const bolt_options&);

/// One input of a node: which output it reads, and how the tuples are divided among its tasks.
struct input_edge {
  stream_end from;
  const stream_type* type = nullptr;
  grouping_kind grouping = grouping_kind::forward;
  std::shared_ptr<const edge_binding> binding;
};

/// One node of a topology, as the builder wrote it down.
struct node {
  std::string name;
  node_kind kind = node_kind::bolt;
  std::string_view written_as;  ///< the user's class
  bolt_options options;
  spout_options spout;
  std::vector<output_port> outputs;
  std::vector<input_edge> inputs;
  std::shared_ptr<const task_source> tasks;
  state_maker make_state = nullptr;  ///< null: no state
  std::string_view key_type, state_type, broadcast_type;
  bool changes_broadcast = false;  ///< one of the inputs does
  bool state_durable = true;       ///< also of what a clock's policy remembers
  bool has_tick = false;
  bool replayable = false;            ///< spouts
  bool transactional = false;         ///< sinks
  bool overlaps_epochs = false;       ///< sinks: the next may begin before the last is committed
  bool decides = false;               ///< sinks: it says itself which epochs it has committed
  bool heads_chain = false;           ///< a bolt has `ready()` or gives ranges, a sink holds or is woken
  bool has_timers = false;            ///< the bolt has `on_timer`
  bool needs_origins = false;         ///< the bolt tells tuples of one event time apart by their origins
  bool follows_clock = false;         ///< the bolt has timers that are due by the clock
  bool sets_event_time = false;       ///< the bolt has a clock: its tuples get their event times from it
  bool gives_updates = false;         ///< more than one result for the same thing: no input for state
  bool drops_updates = false;         ///< lets only the last of them pass
  bool needs_event_time = false;      ///< what it reads must have event times
  std::chrono::milliseconds delay{};  ///< its watermark is so much behind what it reads: tuples may be late by it
  std::vector<std::string> mistakes;  ///< found while it was wired

  // Compiled once, and not in every file that includes this.
  node();
  node(const node&);
  node(node&&) noexcept;
  node& operator=(const node&);
  node& operator=(node&&) noexcept;
  ~node();

  std::size_t parallelism() const { return kind == node_kind::spout ? spout.parallelism : options.parallelism; }
};

/// Every wiring mistake of a topology at once.
class topology_error : public std::runtime_error {
 public:
  topology_error(const std::string& name, std::vector<std::string> all);
  const std::vector<std::string>& mistakes() const { return mistakes_; }

 private:
  std::vector<std::string> mistakes_;
};

/// The languages of `topology::describe`.
enum class describe_format : std::uint8_t { text, dot, mermaid, json };

/// Numbers of a run to be shown beside a topology.
class edge_counts {
 public:
  virtual ~edge_counts();
  /// Tuples that went over input `input` of node `node`.
  virtual std::uint64_t transferred(std::size_t node, std::size_t input) const = 0;
  /// Messages that spout `node` could not read again and has skipped.
  virtual std::uint64_t lost(std::size_t) const { return 0; }
};

/// An immutable graph of spouts, bolts and sinks: start it as often, and on as many executors, as you like. Cheap to
/// copy; thread safe.
class topology {
 public:
  const std::string& name() const { return graph_->name; }
  const std::vector<node>& nodes() const { return graph_->nodes; }
  /// Some of its tuples get event times.
  bool uses_event_time() const;
  /// Tuples carry their origins.
  bool uses_origins() const;
  /// Index of a node; `nodes().size()` when there is none of that name.
  std::size_t find(std::string_view name) const;
  /// For people (text), Graphviz (dot), Markdown (mermaid) or programs (json). Names come as they are given,
  /// escaped as the format asks; types as C++ writes them. With `counts`, each edge says how many tuples went over it,
  /// and a spout how many messages it has lost, where there are any.
  /// `topology_run::describe` does that with a run's own.
  ///
  /// The JSON form; programs may rely on these members, and more may be added:
  ///     {"topology": NAME, "nodes": [NODE...]}              in the order in which the nodes were added
  ///     NODE   {"name", "kind": "spout"|"bolt"|"sink", "class", "parallelism": NUMBER,
  ///             "on_failure": "dead_letter"|"skip"|"stop", "key_groups": NUMBER, "key": TYPE|null,
  ///             "state": TYPE|null, ["broadcast": TYPE], "lost": NUMBER, "outputs": [OUTPUT...], "inputs": [INPUT...]}
  ///     OUTPUT {"name", "type": TYPE}                       the main output first, with the name ""
  ///     INPUT  {"from": NAME|null, "output": NAME, "grouping", "type": TYPE, "transferred": NUMBER}
  /// `key_groups` is there only with a key (state without a key: one a task), `transferred` only with counts, `lost`
  /// with counts and for spouts, `from` is null for the topology's dead letters. TYPE is a type's readable name, as C++
  /// writes it; bytes of a name that are no UTF-8 become U+FFFD.
  std::string describe(describe_format format = describe_format::text, const edge_counts* counts = nullptr) const;
  /// The same with so many tasks of these bolts and sinks, by index. Throws topology_error with every mistake, as
  /// `topology_builder::build`.
  topology with_parallelism(const std::vector<std::uint32_t>& nodes, std::size_t tasks) const;

 private:
  friend class topology_builder;
  struct graph {
    std::string name;
    std::vector<node> nodes;
  };
  explicit topology(std::shared_ptr<const graph> g) : graph_(std::move(g)) {}
  std::shared_ptr<const graph> graph_;
};

/// Whether a node runs inside its producer's task, because nothing has to be divided, kept or waited for between the
/// two.
bool is_chained(const std::vector<node>& nodes, const node& n);

/// The name of the enumerator; of a grouping, what `describe` shows.
std::string_view to_string(node_kind) noexcept;
std::string_view to_string(grouping_kind) noexcept;

}  // namespace freshet
