#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "differential/operators/model.hpp"

// Aggregates of windows of every kind, states with a time to live, keys shared by two tasks, and ranges.
namespace freshet::differential::operators {
namespace {

/// Rows by key and end of window.
using windows = std::map<std::pair<std::uint32_t, event_time>, tuples>;

windows in_tumbling(const stage& s, const tuples& all, lateness_judge& judge, std::uint32_t output) {
  const auto end_of = [&](event_time t) { return floored(t, s.span) + s.span; };
  windows made;
  for (const auto& t : judge.in_windows(all, s.lateness, output, end_of))
    made[{t.row.key, end_of(t.row.at)}].push_back(t);
  return made;
}
windows in_hopping(const stage& s, const tuples& all, lateness_judge& judge, std::uint32_t output) {
  const auto last_end = [&](event_time t) { return floored(t, s.further) + s.span; };
  windows made;
  for (const auto& t : judge.in_windows(all, s.lateness, output, last_end))
    for (auto end = last_end(t.row.at); end > t.row.at; end -= s.further)
      if (!is_past(end, s.lateness, t.stamp)) made[{t.row.key, end}].push_back(t);
  return made;
}
windows in_sessions(const stage& s, const tuples& all, lateness_judge& judge, std::uint32_t output) {
  std::map<std::uint32_t, tuples> by_key;
  for (const auto& t : judge.in_time(all, s.lateness, output)) by_key[t.row.key].push_back(t);
  windows made;
  for (auto& [key, rows] : by_key) {
    std::sort(rows.begin(), rows.end(), [](const tuple& a, const tuple& b) { return a.row.at < b.row.at; });
    for (std::size_t i = 0; i < rows.size();) {
      tuples one{rows[i++]};
      while (i < rows.size() && rows[i].row.at - one.back().row.at <= s.further) one.push_back(rows[i++]);
      const auto end = one.back().row.at + s.further;
      made[{key, end}] = std::move(one);
    }
  }
  return made;
}
windows in_one(const tuples& all) {
  windows made;
  for (const auto& t : all) made[{t.row.key, end_of_time}].push_back(t);
  return made;
}
windows divided(const stage& s, const tuples& all, lateness_judge& judge, std::uint32_t output) {
  switch (window_kind_of(s)) {
    case window_kind::tumbling:
      return in_tumbling(s, all, judge, output);
    case window_kind::hopping:
      return in_hopping(s, all, judge, output);
    case window_kind::sessions:
      return in_sessions(s, all, judge, output);
    default:
      return in_one(all);
  }
}

/// What the last result of a window says, that has given no other.
tuple closed(std::uint32_t node, std::uint32_t key, event_time end, std::int64_t value) {
  const auto told = mixed(mixed(mixed(key, value), 0), true);
  return timed_result(node, key, told, end - tick, end - tick - tick);
}

}  // namespace

tuples aggregated(const stage& s, const tuples& rows, lateness_judge& judge, std::uint32_t output, std::uint32_t node) {
  tuples all;
  for (const auto& [w, in] : divided(s, rows, judge, output)) {
    std::vector<timed_row> values;
    for (const auto& t : in) values.push_back(t.row);
    all.push_back(closed(node, w.first, w.second, digest(std::move(values))));
  }
  return all;
}

tuples totals(const tuples& rows, std::uint32_t node) {
  std::map<std::uint32_t, std::pair<std::int64_t, std::int64_t>> by_key;
  for (const auto& t : rows) {
    auto& [count, total] = by_key[t.row.key];
    ++count;
    total = sum(total, t.row.value);
  }
  tuples all;
  for (const auto& [key, of] : by_key) all.push_back(closed(node, key, end_of_time, mixed(of.first, of.second)));
  return all;
}

tuples in_pieces(const tuples& rows) {
  tuples all;
  for (const auto& t : rows)
    for (std::int64_t i = 0; i < pieces_of(t.row); ++i)
      all.push_back({result_row(mixed(t.row.value, i), t.row.at), t.stamp, t.origin});
  return all;
}

tuples while_remembered(const stage& s, const tuples& rows) {
  tuples all;
  std::optional<event_time> used;
  std::int64_t total = 0;
  for (const auto& t : rows) {
    if (used && *used + s.span <= t.stamp) total = 0;
    used = std::max(used.value_or(t.row.at), t.row.at);
    total = sum(total, t.row.value);
    all.push_back({result_row(total, t.row.at), t.stamp, t.origin});
  }
  return all;
}

}  // namespace freshet::differential::operators
