#include "differential/operators/run_operators.hpp"

#include "differential/operators/wire.hpp"
#include "differential/time/rows_by_epoch.hpp"

namespace freshet::differential::operators {
namespace {

constexpr auto idle_timeout = std::chrono::microseconds(200);  // shorter than a nap

row_stream read(stream_builder& builder, const operator_scene& s, std::size_t number) {
  const auto& from = s.sources[number];
  const auto first = s.rows.begin() + static_cast<std::ptrdiff_t>(from.first);
  auto rows = std::make_shared<const timed_rows>(first, first + static_cast<std::ptrdiff_t>(from.partitions));
  const auto in =
      builder.spout("source " + std::to_string(number), partitions_spout{std::move(rows), s.seed + number, from.naps},
                    {.parallelism = from.parallelism, .max_batch = 1 + s.seed % 50});
  partition_options time{.max_drift = from.max_drift};
  if (!from.naps.empty()) time.idle_timeout = idle_timeout;
  if (from.by == policy::ascending) return in.event_time(&timed_row::at, ascending{}, time);
  if (from.by == policy::bounded) return in.event_time(&timed_row::at, bounded_out_of_orderness{from.bound}, time);
  const auto says = [bound = from.bound](event_time t, const timed_row& r) {
    return says_time(r) ? std::optional(t - bound) : std::nullopt;
  };
  return in.event_time(&timed_row::at, punctuated{says}, time);
}

row_stream add(const stage& s, const row_stream& left, const row_stream& right, const place& at) {
  if (s.what < operation::deduplicate) return wire_join(s, left, right, at);
  if (s.what == operation::aggregates || s.what == operation::partial || s.what == operation::pieces)
    return wire_more(s, left, at);
  return is_ordered(s.what) ? wire_in_order(s, left, at) : wire_by_key(s, left, right, at);
}

topology wired(const operator_scene& s, bool by_epoch, const gathered<stamped_row>& results,
               const gathered<late_at>& late) {
  stream_builder builder{"operators"};
  const auto place_of = [&late, by_epoch](std::uint32_t number) {
    const auto keep = [number, by_epoch, &late](std::uint32_t n, const late_stream& rows) {
      const auto output = 3 * number + n;
      gather<late_tuple<timed_row>>(rows, "late " + std::to_string(output), by_epoch, late, [output](const auto& t) {
        return late_at{output, {t.value, t.stamp, t.reason}};
      });
    };
    return place{"stage " + std::to_string(number), keep};
  };
  std::vector<row_stream> from;
  for (std::size_t i = 0; i < s.sources.size(); ++i) from.push_back(read(builder, s, i));
  auto left = has_two_inputs(s.stages[0].what) ? from[0] : from[0].merge(from[1]);
  if (s.stages.size() == 1 && s.sources.size() == 3) left = left.merge(from[2]);
  auto all = add(s.stages[0], left, from[1], place_of(0));
  if (s.stages.size() == 2) {
    const bool merges = s.sources.size() == 3 && !has_two_inputs(s.stages[1].what);
    all = add(s.stages[1], merges ? all.merge(from[2]) : all, from.back(), place_of(1));
  }
  const auto see = [](const timed_row& r, emitter<stamped_row>& out) { out.emit({r, out.stamp()}); };
  gather<stamped_row>(all.process("seen", see, {.parallelism = s.stages.back().parallelism}), "results", by_epoch,
                      results, [](const stamped_row& r) { return r; });
  return builder.build();
}

/// What it gives comes of time alone: a failure behind it is no matter of the messages that it has read.
bool gives_by_time(const stage& s) {
  return s.what != operation::interval_join && s.what != operation::tumbling_count &&
         s.what != operation::sliding_count && s.what != operation::trigger && s.what != operation::remembered &&
         s.what != operation::pieces;
}
/// Sending a change again, to all copies, would change those twice that had taken it; and two tasks that share a key
/// count what they are given.
bool stands_replays(const stage& s) {
  return s.what != operation::broadcast_table && s.what != operation::broadcast_state && s.what != operation::partial;
}
/// Under at_least_once a message that fails behind the clock comes again, behind others: nothing fails behind rows in
/// order, nor where what has been done already would be done again.
bool may_fail(const std::string& node, const operator_scene& s) {
  if (node.rfind("source ", 0) == 0) return true;
  for (std::size_t i = 0; i < s.stages.size(); ++i) {
    if (node.compare(0, 7, "stage " + std::to_string(i)) != 0) continue;
    if (s.stages[i].what == operation::pieces) return false;  // some of them have gone on, and come again
    const bool counts = is_ordered(s.stages[i].what) && !gives_by_time(s.stages[i]);
    return stands_replays(s.stages[i]) && (i == 0 || gives_by_time(s.stages[0])) &&
           (!counts || node == "stage " + std::to_string(i) + ".ordered");
  }
  if (node.rfind("late ", 0) == 0)
    return stands_replays(s.stages[0]) && (node < "late 3" || gives_by_time(s.stages[0]));
  if (node == "results") return gives_by_time(s.stages.back()) && (s.stages.size() == 1 || gives_by_time(s.stages[0]));
  return false;
}

std::vector<std::string> failing_nodes(const topology& graph, const operator_scene& s, const promise& p) {
  std::vector<std::string> all;
  for (const auto& n : graph.nodes())
    if (p.has_faults && n.kind != node_kind::spout && (p.is_exact() || may_fail(n.name, s))) all.push_back(n.name);
  return all;
}

}  // namespace

operator_answers run_operators(const operator_scene& s, const promise& p, random_source& random) {
  const gathered<stamped_row> results;
  const gathered<late_at> late;
  const auto graph = wired(s, p.is_by_epoch, results, late);
  const auto counted = run_to_end(graph, some_options(p, failing_nodes(graph, s, p), random)).total();
  operator_answers got{results.sorted(), late.sorted(), {}};
  if (!p.has_faults) got.counted = late_counts{counted.late, counted.woke_behind};
  return got;
}

}  // namespace freshet::differential::operators
