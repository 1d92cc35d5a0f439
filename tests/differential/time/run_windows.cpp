#include "differential/time/run_windows.hpp"

#include <map>

#include "differential/time/rows_by_epoch.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::differential {
namespace {

void unite(summary& into, const summary& from) {
  if (from.rows == 0) return;
  into.most = into.rows ? std::max(into.most, from.most) : from.most;
  into.sum += from.sum;
  into.rows += from.rows;
}
/// What is undone by a copy, and twice the same that undoes itself: they go together, or what comes out is nobody's
/// sum.
struct kept_twice {
  summary total;
  list_state<std::int64_t> values;
  map_state<std::int64_t, std::uint64_t> times;
};
struct summarise {
  void add(kept_twice& k, const timed_row& r) const {
    unite(k.total, {r.value, r.value, 1});
    k.values.push_back(r.value);
    ++k.times[r.value % 7];
  }
  void merge(kept_twice& into, const kept_twice& from) const {
    unite(into.total, from.total);
    for (const auto v : from.values) into.values.push_back(v);
    for (const auto& [value, n] : from.times) into.times[value] += n;
  }
  summary result(const kept_twice& k) const {
    std::int64_t sum = 0;
    std::uint64_t rows = 0;
    for (const auto v : k.values) sum += v;
    for (const auto& [value, n] : k.times) rows += n;
    const bool agree = sum == k.total.sum && k.values.size() == k.total.rows && rows == k.total.rows;
    return agree ? k.total : summary{-1, -1, 0};
  }
};
using result = windowed<std::uint32_t, summary>;
struct summarise_results {
  void add(summary& s, const result& r) const { unite(s, {r.value.sum, r.value.sum, 1}); }
  void merge(summary& into, const summary& from) const { unite(into, from); }
};

struct seen_result {
  std::uint32_t key;
  window span;
  std::uint32_t pane;
  bool is_final;
  summary value;
  friend auto operator<=>(const seen_result&, const seen_result&) = default;
};

/// The results of one window, the last one last; of a session also those of the sessions that it was before.
using of_one_window = std::vector<seen_result>;

/// Every result belongs to the final one whose window contains its own, or, where a discarding window has none, to the
/// largest: windows that aren't sessions don't grow, and sessions don't overlap.
std::vector<of_one_window> by_window(std::vector<seen_result> all, bool are_sessions) {
  std::stable_sort(all.begin(), all.end(), [](const seen_result& a, const seen_result& b) {
    if (a.is_final != b.is_final) return a.is_final;
    return distance(a.span.start, a.span.end) > distance(b.span.start, b.span.end);
  });
  std::vector<of_one_window> windows;
  for (const auto& r : all) {
    const auto contains = [&](const of_one_window& w) {
      const auto& last = w.front();
      return last.key == r.key &&
             (are_sessions ? last.span.start <= r.span.start && r.span.end <= last.span.end : last.span == r.span);
    };
    const auto found = r.is_final ? windows.end() : std::find_if(windows.begin(), windows.end(), contains);
    if (found == windows.end()) windows.push_back({r});
    else found->push_back(r);
  }
  for (auto& w : windows) std::sort(w.begin(), w.end(), [](auto& a, auto& b) { return a.pane < b.pane; });
  return windows;
}

/// Panes are numbered from 0, the last one is final, and none has fewer rows than the one before; those of sessions
/// that became one may have the same numbers.
std::string check_panes(const of_one_window& all, const window_scene& s) {
  const bool may_repeat = std::holds_alternative<sessions>(s.windows);
  // Where nothing has come since the result before, a discarding window has none at its end.
  if (!all.back().is_final && s.options.panes == panes::accumulating) return "  a result belongs to no final one\n";
  if (all.front().pane != 0) return "  the first pane is missing\n";
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto step = all[i].pane - all[i - 1].pane;
    if (step != 1 && !(step == 0 && may_repeat)) return "  a pane is missing or came twice\n";
    if (step == 0 && all[i].is_final) return "  the last pane is not alone\n";
    if (s.options.panes == panes::accumulating && step == 1 && !may_repeat && all[i].value.rows < all[i - 1].value.rows)
      return "  a later pane has fewer rows\n";
    if (s.options.panes == panes::accumulating && all[i].value.rows > all.back().value.rows)
      return "  a pane has more rows than the last\n";
  }
  return {};
}

/// What the results of a window say together.
summary total(const of_one_window& all, panes kind) {
  if (kind == panes::accumulating) return all.back().value;
  summary sum;
  for (const auto& r : all) unite(sum, r.value);
  return sum;
}

template <class W>
void wire(stream<timed_row> rows, const window_scene& s, const W& windows, bool by_epoch,
          const gathered<seen_result>& results, const gathered<window_answer>& further, const gathered<late_row>& late,
          const gathered<late_row>& late_results) {
  const auto divided = rows.peek("in front", [](const timed_row&) {}, {.parallelism = s.once ? 1 : s.spouts})
                           .event_time(&timed_row::at, {.bound = s.bound})
                           .key_by(&timed_row::key)
                           .window(windows, s.options);
  const bolt_options options{.parallelism = s.parallelism};
  const auto given = s.combines ? divided.combine().aggregate("windows", summarise{}, options)
                                : divided.aggregate("windows", summarise{}, options);
  // In the windows' own task: what fails there fails the call that gave the result.
  gather<result>(given.peek("chained", [](const result&) {}, {.parallelism = s.parallelism}), "results", by_epoch,
                 results, [](const result& r) {
                   return seen_result{r.key, r.window, r.pane, r.is_final, r.value};
                 });
  gather<late_tuple<timed_row>>(given.late(), "late", by_epoch, late, [](const auto& r) {
    return late_row{r.value, r.stamp, r.reason};
  });
  if (!s.twice) return;
  const auto last = s.options.gives_updates() ? given.final_only() : static_cast<const stream<result>&>(given);
  const auto of_results = last.key_by([](const result& r) { return further_key(r.key); })
                              .window(further_windows)
                              .aggregate("further windows", summarise_results{}, {.parallelism = 2});
  gather<result>(of_results, "further results", by_epoch, further, [](const result& r) {
    return window_answer{r.key, r.window, r.value};
  });
  gather<late_tuple<result>>(of_results.late(), "late results", by_epoch, late_results,
                             [](const late_tuple<result>& r) {
                               return late_row{{r.value.key, r.time, r.value.value.sum}, r.stamp, r.reason};
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
  const bool once = s.once && !goes_on(options);  // what can't be read again would begin anew
  const auto in = once ? builder.spout("rows", rows_once{rows}, spout)
                       : builder.spout("rows", partitions_spout{rows, s.seed}, spout);
  std::visit([&](const auto& w) { wire(in, s, w, is_by_epoch(options), results, further, late, late_results); },
             s.windows);
  (void)run_to_end(builder.build(), options);

  answers all;
  const auto seen = results.sorted();
  wrong.clear();
  for (const auto& r : late_results.sorted())
    wrong += "  a result came late: key " + std::to_string(r.row.key) + " at " +
             std::to_string(r.row.at.time_since_epoch().count()) + ", stamp " +
             std::to_string(r.stamp.time_since_epoch().count()) + ", " + std::string(to_string(r.why)) + "\n";
  for (const auto& w : by_window(seen, std::holds_alternative<sessions>(s.windows))) {
    wrong += check_panes(w, s);
    all.results.push_back({w.back().key, w.back().span, total(w, s.options.panes)});
  }
  std::sort(all.results.begin(), all.results.end());
  all.further = further.sorted();
  all.late = late.sorted();
  return all;
}

}  // namespace freshet::differential
