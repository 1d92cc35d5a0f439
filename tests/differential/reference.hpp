#pragma once
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "differential/plan.hpp"

// What a plan gives, found by a plain loop: no engine, no threads, no faults.
namespace freshet::differential {

/// What `node` makes of a tuple that came through input `in` to task `task`: calls `emit(port, item)`.
template <class Emit>
void apply(const node_plan& node, std::size_t in, std::size_t task, const item& i, Emit&& emit) {
  const auto made = [&](std::uint64_t what) { return item{i.message, digest_of(i.digest, node.salt + what)}; };
  switch (node.does) {
    case operation::filter:
    case operation::stream_filter:
      if (made(0).digest % 4) emit(0, i);
      return;
    case operation::flat_map:
    case operation::stream_flat_map:
      for (std::uint64_t n = made(0).digest % 4; n > 0; --n) emit(0, made(n));
      return;
    case operation::task_mark:
      return emit(0, made(task));
    case operation::split:
    case operation::stream_split:
      return emit(made(0).digest % 2, i);
    case operation::join:
      return emit(0, made(in == 0 ? 1 : 2));
    case operation::stream_aggregate:
    case operation::stream_combine:
      return;  // totals only
    default:
      return emit(0, made(0));
  }
}

/// The tuples of message `message` as its spout emits them, under one position.
std::vector<item> tuples_of(const source&, std::uint64_t message);

/// The tasks that get a tuple, where the grouping decides; else one of them, which is no matter.
std::vector<std::size_t> tasks_for(const input&, const item&, std::size_t parallelism);

/// What a node with state has of a key in the end, and whose tuples it counts.
struct total_so_far {
  std::uint64_t count = 0, sum = 0;
  std::set<std::uint64_t> messages;
};
/// A tuple in a sink.
struct row {
  std::size_t sink = 0;
  item value;
  friend auto operator<=>(const row&, const row&) = default;
};
struct answer {
  std::vector<row> rows;                                                   ///< sorted
  std::map<std::pair<std::uint64_t, std::uint64_t>, total_so_far> totals;  ///< by node and key
  std::vector<std::vector<item>> inputs;                                   ///< by node: what it reads
};
answer plain_loop(const plan&);
/// The same when only these messages are emitted.
answer plain_loop(const plan&, const std::set<std::uint64_t>& only);

}  // namespace freshet::differential
