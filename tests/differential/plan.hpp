#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "differential/tuples.hpp"
#include "freshet/base/random.hpp"

// A random topology, and what goes wrong in it, as a plain value: from it follow the answer of a plain loop
// (reference.hpp) and a topology to run (build.hpp).
namespace freshet::differential {

/// What a bolt does. To add an operator: name it here and in `to_string`, say in `apply` (reference.hpp) what it makes
/// of a tuple, and build it in build.cpp.
enum class operation : std::uint8_t {
  map,
  filter,
  flat_map,   ///< 0 to 3 tuples of one
  task_mark,  ///< the digest tells which task it was; only behind groupings that decide that
  split,      ///< to the main output or to a side output
  join,       ///< two inputs with a function each
  key_sum,    ///< state by key; passes tuples on, and gives totals at a side output
  task_sum,   ///< the same with one state a task, behind global or all
  hold,       ///< holds tuples, and lets them go in a later call or in flush
  gather,     ///< the same, and what it emits is anchored to all it held
  hand_over,  ///< emits, and gives the token to another thread
  // The fluent level:
  stream_map,
  stream_filter,
  stream_flat_map,
  stream_split,
  stream_async,      ///< replies come from another thread, in any order
  stream_aggregate,  ///< running totals by key: a leaf
  stream_combine,    ///< the same, combined before the shuffle
};
inline constexpr std::size_t operations = 18;
std::string_view to_string(operation) noexcept;
/// It has state, and says what it has.
constexpr bool gives_totals(operation o) {
  return o == operation::key_sum || o == operation::task_sum || o == operation::stream_aggregate ||
         o == operation::stream_combine;
}

enum class way : std::uint8_t { forward, shuffle, local_or_shuffle, key, partial_key, all, global, custom, direct };
inline constexpr std::size_t ways = 9;
std::string_view to_string(way) noexcept;

/// A spout. Its messages are numbered, over all partitions and spouts of the plan.
struct source {
  bool replayable = true;  ///< else a queue that another thread fills
  std::size_t parallelism = 1, partitions = 1;
  std::uint64_t first_message = 0, messages_each = 0;  ///< of a partition
  std::size_t max_pending = 0, max_batch = 0;
  std::uint32_t failing_polls = 0, failing_reads = 0;
  std::uint64_t messages() const { return partitions * messages_each; }
};

/// Reads output `port` (1: the side output) of node `from`.
struct input {
  std::size_t from = 0, port = 0;
  way by = way::forward;
};

enum class role : std::uint8_t { spout, bolt, sink };

/// One node; `plan::nodes` has them in an order in which inputs come before their readers.
struct node_plan {
  role is = role::bolt;
  std::string name;
  source spout;
  operation does = operation::map;
  std::vector<input> inputs;
  std::size_t parallelism = 1;
  std::uint64_t salt = 0;
  std::size_t keeps = 0;  ///< hold and gather: how many tuples wait
  bool merged = false;    ///< its inputs are one merged stream
  bool blocking = false, skips = false, ordered = false;
};

enum class trouble : std::uint8_t {
  throws,   ///< the call
  delays,   ///< the call
  drops,    ///< the token or the reply
  fails,    ///< the token or the reply
  forgets,  ///< the token or the reply, until the run is over
};
std::string_view to_string(trouble) noexcept;

/// At node `node`, the tuple `at` meets this `times` times.
struct fault {
  static constexpr std::uint32_t always = 1u << 30;  ///< poison
  std::size_t node = 0;
  item at;
  trouble what = trouble::throws;
  std::uint32_t times = 1;
  bool late = false;  ///< throws at the end of the call, not at its beginning
};

struct plan {
  std::uint64_t seed = 0;
  std::vector<node_plan> nodes;
  std::vector<fault> faults;
  bool reads_dead_letters = false;

  bool has(operation) const;
  bool has(trouble) const;
  bool has_state() const;
  bool has_poison() const;
  /// Faults that pass: no tuple fails more often than this.
  std::uint32_t passing_faults() const;
};

/// The same plan for a seed, on every platform.
plan random_plan(std::uint64_t seed);

/// Faults at random that all pass, where tuples come by.
void add_passing_faults(plan&, random_source&);

/// For people.
std::string describe(const plan&);

}  // namespace freshet::differential
