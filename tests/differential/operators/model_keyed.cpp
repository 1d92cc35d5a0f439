#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "differential/operators/model.hpp"

// Operators with state by key: those that see rows in order, and those that don't care.
namespace freshet::differential::operators {
namespace {

/// Each key's rows as ordered() gives them. What one row has brought about, like matches that end with it, has one time
/// and one origin, and stays in the order in which it was given.
std::map<std::uint32_t, tuples> ordered(const tuples& all) {
  std::map<std::uint32_t, tuples> by_key;
  for (const auto& t : all) by_key[t.row.key].push_back(t);
  for (auto& [key, rows] : by_key) {
    std::stable_sort(rows.begin(), rows.end(), [](const tuple& a, const tuple& b) {
      return std::tie(a.row.at, a.origin) < std::tie(b.row.at, b.origin);
    });
    for (auto& t : rows) t.stamp = stamp_at(t.row.at, t.stamp);
  }
  return by_key;
}
/// What a row brings about in its own call.
tuple told(std::int64_t value, const tuple& by) { return {result_row(value, by.row.at), by.stamp, by.origin}; }

tuples deduplicated(const stage& s, const tuples& rows) {
  tuples all;
  std::optional<event_time> passed;
  for (const auto& t : rows) {
    const bool passes = !passed || t.row.at - *passed > s.span;
    if (passes) passed = t.row.at;
    all.push_back(told(passes ? t.row.value : mixed(t.row.value, -1), t));
  }
  return all;
}

tuples with_timers(const stage& s, std::uint32_t key, const tuples& rows, std::uint32_t node) {
  tuples all;
  std::set<event_time> each;
  std::optional<event_time> quiet;
  std::int64_t total = 0, fired = 0;
  const auto fire_before = [&](event_time t) {
    const auto call = [&](event_time at) {
      ++fired;
      all.push_back(timed_result(node, key, total, at, stamp_at(at)));
    };
    while (true) {
      const auto next = each.empty() ? end_of_time : *each.begin();
      if (std::min(next, quiet.value_or(end_of_time)) >= t) return;
      if (quiet && *quiet <= next) {
        call(*quiet);
        quiet.reset();
      } else {
        call(next);
        each.erase(next);
      }
    }
  };
  for (const auto& t : rows) {
    fire_before(t.row.at);  // those of the same time come after it
    total = sum(total, t.row.value);
    all.push_back(told(mixed(total, fired), t));
    each.insert(t.row.at + s.span);
    quiet = t.row.at + s.further;
  }
  fire_before(end_of_time);
  return all;
}

struct match {
  std::size_t first, last, settled;
  bool by_time;
  event_time ended;
};
/// That begins with this row, if one does.
std::optional<match> match_from(const stage& s, const tuples& rows, std::size_t first) {
  const auto what = sought_by(s);
  if (!is_in(what.first, rows[first].row)) return std::nullopt;
  if (what.shape == sought::one_row) return match{first, first, first, false, rows[first].row.at};
  const auto over = rows[first].row.at + s.span;
  const auto second = what.shape == sought::twice ? what.first : what.second;
  auto i = first + 1;
  for (; i < rows.size() && rows[i].row.at <= over; ++i) {
    const auto& r = rows[i].row;
    if ((what.shape == sought::without || what.shape == sought::unanswered) && is_in(what.absent, r))
      return std::nullopt;
    if (what.shape != sought::unanswered && is_in(second, r)) return match{first, i, i, false, r.at};
    if (what.shape == sought::next) return std::nullopt;
  }
  if (what.shape != sought::unanswered) return std::nullopt;
  return match{first, first, i - 1, true, over};
}
tuples matches(const stage& s, std::uint32_t key, const tuples& rows, std::uint32_t node) {
  std::vector<match> found, kept;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const auto m = match_from(s, rows, i)) found.push_back(*m);
  std::sort(found.begin(), found.end(), [](const match& a, const match& b) {
    return std::tie(a.settled, a.by_time, a.ended, a.first) < std::tie(b.settled, b.by_time, b.ended, b.first);
  });
  for (const auto& m : found) {
    const auto overlaps = [&](const match& before) { return m.first <= before.last; };
    if (s.variant || std::none_of(kept.begin(), kept.end(), overlaps)) kept.push_back(m);
  }
  tuples all;
  for (const auto& m : kept) {
    auto value = rows[m.first].row.value;
    if (m.last != m.first) value = mixed(value, rows[m.last].row.value);
    if (m.by_time) all.push_back(timed_result(node, key, value, m.ended, stamp_at(m.ended)));
    else all.push_back(told(value, rows[m.settled]));
  }
  return all;
}

std::int64_t folded(const tuple* from, const tuple* to) {
  std::int64_t all = 0;
  for (; from != to; ++from) all = mixed(all, from->row.value);
  return all;
}
std::int64_t result_of(std::uint32_t key, std::int64_t value, std::int64_t pane, bool is_final) {
  return mixed(mixed(mixed(key, value), pane), is_final);
}
tuples in_counts(const stage& s, std::uint32_t key, const tuples& rows) {
  const bool slides = s.what == operation::sliding_count;
  const std::size_t size = s.number, slide = slides ? 1 + s.number % 3 : size;
  tuples all;
  std::int64_t pane = 0;
  for (auto end = slide; end <= rows.size(); end += slide) {
    const auto from = rows.data() + (end - std::min(end, size));
    all.push_back(told(result_of(key, folded(from, rows.data() + end), pane++, true), rows[end - 1]));
  }
  return all;
}

/// One window of one key.
tuples triggered(const stage& s, std::uint32_t key, event_time end, const tuples& rows, std::uint32_t node) {
  tuples all, gathered;
  bool is_open = false;
  std::int64_t pane = 0;
  std::size_t since = 0;
  const auto give = [&](bool is_final, event_time stamp) {
    const auto value = folded(gathered.data(), gathered.data() + gathered.size());
    all.push_back(timed_result(node, key, result_of(key, value, pane++, is_final), end - tick, stamp));
    since = 0;
    if (s.variant) gathered.clear();
  };
  for (const auto& t : rows) {
    is_open = true;
    gathered.push_back(t);
    ++since;
    if (fires(t.row)) give(purges(t.row), std::min(t.stamp, end - tick - tick));
    if (!purges(t.row)) continue;
    gathered.clear();
    is_open = false;
    pane = 0;
    since = 0;
  }
  if (is_open && !(s.variant && since == 0)) give(true, end - tick - tick);
  return all;
}
tuples triggered(const stage& s, std::uint32_t key, const tuples& rows, lateness_judge& judge, std::uint32_t output,
                 std::uint32_t node) {
  const auto end_of = [&](event_time t) { return floored(t, s.span) + s.span; };
  std::map<event_time, tuples> by_window;
  for (auto& t : judge.in_windows(rows, {}, output, end_of)) by_window[end_of(t.row.at)].push_back(t);
  tuples all;
  for (const auto& [end, of_window] : by_window)
    for (auto& t : triggered(s, key, end, of_window, node)) all.push_back(t);
  return all;
}

/// What timers of a key say, each once.
using by_timer = std::map<std::pair<std::uint32_t, event_time>, std::int64_t>;
tuples told_by(const by_timer& all, std::uint32_t node) {
  tuples told;
  for (const auto& [when, value] : all)
    told.push_back(timed_result(node, when.first, mixed(when.first, value), when.second, stamp_at(when.second)));
  return told;
}
tuples in_slots(const stage& s, const tuples& rows, std::uint32_t node) {
  by_timer slots, later;
  for (const auto& [r, stamp, origin] : rows) {
    auto& total = slots[{r.key, floored(r.at, s.span) + s.span + s.lateness}];
    total = sum(total, r.value);
    later[{r.key, r.at + s.further + s.lateness}] = -1;
  }
  auto all = told_by(slots, node);
  for (auto& t : told_by(later, node)) all.push_back(t);
  return all;
}
tuples best(const stage& s, const tuples& rows, std::uint32_t node) {
  std::map<std::pair<std::uint32_t, event_time>, tuples> windows;
  for (const auto& t : rows) windows[{t.row.key, floored(t.row.at, s.span) + s.span}].push_back(t);
  tuples all;
  for (auto& [w, in] : windows) {
    std::sort(in.begin(), in.end(), [](const tuple& a, const tuple& b) {
      return rank(a.row) != rank(b.row) ? rank(a.row) > rank(b.row) : a.row < b.row;
    });
    const auto value = folded(in.data(), in.data() + std::min<std::size_t>(in.size(), s.number));
    all.push_back(
        timed_result(node, w.first, result_of(w.first, value, 0, true), w.second - tick, w.second - tick - tick));
  }
  return all;
}
/// `changes` that were in time, up to the time of each timer.
tuples beside_changes(const stage& s, const tuples& rows, const tuples& changes, std::uint32_t node) {
  by_timer all;
  for (const auto& t : rows) all[{t.row.key, t.row.at + s.span + s.lateness}] = 0;
  for (auto& [when, total] : all)
    for (const auto& c : changes)
      if (c.row.at <= when.second && !is_past(c.row.at, {}, c.stamp)) total = sum(total, c.row.value);
  return told_by(all, node);
}

}  // namespace

tuples in_order(const stage& s, const tuples& in, lateness_judge& judge, std::uint32_t output, std::uint32_t node) {
  tuples all;
  for (const auto& [key, rows] : ordered(judge.in_time(in, s.lateness, output))) {
    const auto of_key = s.what == operation::deduplicate      ? deduplicated(s, rows)
                        : s.what == operation::ordered_timers ? with_timers(s, key, rows, node)
                        : s.what == operation::pattern        ? matches(s, key, rows, node)
                        : s.what == operation::trigger        ? triggered(s, key, rows, judge, output + 2, node)
                        : s.what == operation::remembered     ? while_remembered(s, rows)
                                                              : in_counts(s, key, rows);
    all.insert(all.end(), of_key.begin(), of_key.end());
  }
  return all;
}

tuples by_key(const stage& s, const tuples& left, const tuples& right, lateness_judge& judge, std::uint32_t output,
              std::uint32_t node) {
  if (s.what == operation::top_n)
    return best(s, judge.in_windows(left, {}, output, [&](event_time t) { return floored(t, s.span) + s.span; }), node);
  auto rows = judge.in_time(left, s.lateness, output);
  if (s.what == operation::broadcast_state) return beside_changes(s, rows, right, node);
  if (s.what == operation::co_process)
    for (auto t : judge.in_time(right, s.lateness, output)) {
      t.row.value = turned(t.row.value);
      rows.push_back(t);
    }
  return in_slots(s, rows, node);
}

}  // namespace freshet::differential::operators
