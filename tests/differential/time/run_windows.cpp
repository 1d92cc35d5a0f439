#include "differential/time/run_windows.hpp"

#include <map>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::differential {
namespace {

struct summarise {
  void add(summary& s, const timed_row& r) const { merge(s, {r.value, r.value, 1}); }
  void merge(summary& into, const summary& from) const {
    if (from.rows == 0) return;
    into.most = into.rows ? std::max(into.most, from.most) : from.most;
    into.sum += from.sum;
    into.rows += from.rows;
  }
};
using result = windowed<std::uint32_t, summary>;
struct summarise_results {
  void add(summary& s, const result& r) const { summarise{}.merge(s, {r.value.sum, r.value.sum, 1}); }
};

struct seen_result {
  std::uint32_t key;
  window span;
  std::uint32_t pane;
  bool is_final;
  summary value;
  friend auto operator<=>(const seen_result&, const seen_result&) = default;
};

/// Panes are numbered from 0, the last one is final and no other is, and none has fewer rows than the one before.
std::string check_panes(const std::vector<seen_result>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& r = all[i];
    const bool first = i == 0 || std::tie(all[i - 1].key, all[i - 1].span) != std::tie(r.key, r.span);
    const bool last = i + 1 == all.size() || std::tie(all[i + 1].key, all[i + 1].span) != std::tie(r.key, r.span);
    if (r.pane != (first ? 0 : all[i - 1].pane + 1)) return "  a pane is missing or came twice\n";
    if (r.is_final != last) return "  a result that is not the last is final, or the last is not\n";
    if (!first && r.value.rows < all[i - 1].value.rows) return "  a later pane has fewer rows\n";
  }
  return {};
}

template <class W>
void wire(stream<timed_row> rows, const window_scene& s, const W& windows, const gathered<seen_result>& results,
          const gathered<window_answer>& further, const gathered<late_row>& late,
          const gathered<late_row>& late_results) {
  const auto given = rows.event_time(&timed_row::at, {.bound = s.bound})
                         .key_by(&timed_row::key)
                         .window(windows, s.options)
                         .aggregate("windows", summarise{}, {.parallelism = s.parallelism});
  // In the windows' own task: what fails there fails the call that gave the result.
  given.peek("chained", [](const result&) {}, {.parallelism = s.parallelism}).to("results", [results](const result& r) {
    results({r.key, r.window, r.pane, r.is_final, r.value});
  });
  given.late().to("late", [late](const late_tuple<timed_row>& r) { late({r.value, r.stamp, r.reason}); });
  if (!s.twice) return;
  const auto last = s.options.gives_updates() ? given.final_only() : static_cast<const stream<result>&>(given);
  const auto of_results = last.key_by([](const result& r) { return further_key(r.key); })
                              .window(further_windows)
                              .aggregate("further windows", summarise_results{}, {.parallelism = 2});
  of_results.to("further results", [further](const result& r) { further({r.key, r.window, r.value}); });
  of_results.late().to("late results", [late_results](const late_tuple<result>& r) {
    late_results({{r.value.key, r.time, r.value.value.sum}, r.stamp, r.reason});
  });
}

}  // namespace

answers run_windows(const window_scene& s, const any_options& options, std::string& wrong) {
  const gathered<seen_result> results;
  const gathered<window_answer> further;
  const gathered<late_row> late, late_results;
  stream_builder builder{"windows"};
  const auto rows = std::make_shared<const timed_rows>(s.rows);
  const spout_options spout{.parallelism = s.once ? 1 : s.spouts, .max_batch = 1 + s.seed % 50};
  const auto in = s.once ? builder.spout("rows", rows_once{rows}, spout)
                         : builder.spout("rows", partitions_spout{rows, s.seed}, spout);
  std::visit([&](const auto& w) { wire(in, s, w, results, further, late, late_results); }, s.windows);
  const auto graph = builder.build();
  if (const auto* events = std::get_if<event_options>(&options)) event_executor{*events}.start(graph).wait();
  else batch_executor{std::get<batch_options>(options)}.start(graph).wait();

  answers all;
  const auto seen = results.sorted();
  wrong = check_panes(seen);
  for (const auto& r : late_results.sorted())
    wrong += "  a result came late: key " + std::to_string(r.row.key) + " at " +
             std::to_string(r.row.at.time_since_epoch().count()) + ", stamp " +
             std::to_string(r.stamp.time_since_epoch().count()) + ", " + std::string(to_string(r.why)) + "\n";
  for (const auto& r : seen)
    if (r.is_final) all.results.push_back({r.key, r.span, r.value});
  all.further = further.sorted();
  all.late = late.sorted();
  return all;
}

}  // namespace freshet::differential
