#include <algorithm>
#include <map>
#include <tuple>

#include "differential/operators/model.hpp"

// Joins, by looking at every pair.
namespace freshet::differential::operators {
namespace {

bool keeps_left(join_kind k) { return k == join_kind::left || k == join_kind::full; }
bool keeps_right(join_kind k) { return k == join_kind::right || k == join_kind::full; }

tuples in_intervals(const stage& s, const tuples& left, const tuples& right) {
  tuples all;
  std::vector<bool> has_left(right.size());
  for (const auto& l : left) {
    bool has_right = false;
    for (std::size_t i = 0; i < right.size(); ++i) {
      const auto& r = right[i];
      const auto apart = r.row.at - l.row.at;
      if (l.row.key != r.row.key || apart < s.span || apart > s.further) continue;
      has_right = has_left[i] = true;
      all.push_back({result_row(paired(&l.row, &r.row), std::max(l.row.at, r.row.at)), std::max(l.stamp, r.stamp), {}});
    }
    if (!has_right && keeps_left(s.kind))
      all.push_back({result_row(paired(&l.row, nullptr), l.row.at), stamp_at(l.row.at, l.stamp), {}});
  }
  for (std::size_t i = 0; i < right.size(); ++i)
    if (!has_left[i] && keeps_right(s.kind))
      all.push_back(
          {result_row(paired(nullptr, &right[i].row), right[i].row.at), stamp_at(right[i].row.at, right[i].stamp), {}});
  return all;
}

/// The rows of a key and window, in the order of their times.
struct group {
  std::vector<timed_row> lefts, rights;
};
struct window_of_key {
  std::uint32_t key;
  event_time start, end;
  auto operator<=>(const window_of_key&) const = default;
};
using groups = std::map<window_of_key, group>;

/// Windows of `size` that begin every `slide`, each row in those for which it isn't late.
void add(groups& all, const tuples& side, std::vector<timed_row> group::*rows, event_span size, event_span slide,
         event_span lateness) {
  for (const auto& t : side)
    for (auto start = floored(t.row.at, slide); start + size > t.row.at; start -= slide)
      if (!is_past(start + size, lateness, t.stamp)) (all[{t.row.key, start, start + size}].*rows).push_back(t.row);
}
groups in_windows(const tuples& left, const tuples& right, event_span size, event_span slide, event_span lateness) {
  groups all;
  add(all, left, &group::lefts, size, slide, lateness);
  add(all, right, &group::rights, size, slide, lateness);
  return all;
}
groups in_sessions(const tuples& left, const tuples& right, event_span gap) {
  struct member {
    timed_row row;
    bool is_left;
  };
  std::map<std::uint32_t, std::vector<member>> by_key;
  for (const auto& t : left) by_key[t.row.key].push_back({t.row, true});
  for (const auto& t : right) by_key[t.row.key].push_back({t.row, false});
  groups all;
  for (auto& [key, members] : by_key) {
    std::sort(members.begin(), members.end(), [](auto& a, auto& b) { return a.row.at < b.row.at; });
    for (std::size_t i = 0; i < members.size();) {
      group g;
      const auto start = members[i].row.at;
      auto last = start;
      for (; i < members.size() && members[i].row.at - last <= gap; ++i) {
        last = members[i].row.at;
        (members[i].is_left ? g.lefts : g.rights).push_back(members[i].row);
      }
      all[{key, start, last + std::max(gap, tick)}] = std::move(g);
    }
  }
  return all;
}

tuples pairs_of(const groups& all, join_kind kind) {
  tuples pairs;
  for (const auto& [w, g] : all) {
    const auto at = w.end - tick;
    const auto give = [&, at](const timed_row* l, const timed_row* r) {
      pairs.push_back({result_row(paired(l, r), at), stamp_at(at), {}});
    };
    for (const auto& l : g.lefts) {
      for (const auto& r : g.rights) give(&l, &r);
      if (g.rights.empty() && keeps_left(kind)) give(&l, nullptr);
    }
    for (const auto& r : g.rights)
      if (g.lefts.empty() && keeps_right(kind)) give(nullptr, &r);
  }
  return pairs;
}
tuples wholes_of(const groups& all) {
  tuples wholes;
  for (const auto& [w, g] : all) {
    std::int64_t lefts = 0, rights = 0;
    for (const auto& l : g.lefts) lefts = sum(lefts, l.value);
    for (const auto& r : g.rights) rights = sum(rights, r.value);
    wholes.push_back(timed_result(0, w.key, mixed(mixed(w.key, lefts), rights), w.end - tick, w.end - tick - tick));
  }
  return wholes;
}

/// Each left row with the last right one of its key at or before it.
tuples with_last(const tuples& left, const tuples& right, event_span tolerance, bool with_deletes, bool keeps_left) {
  tuples all;
  for (const auto& l : left) {
    const tuple* last = nullptr;
    for (const auto& r : right)
      if (r.row.key == l.row.key && r.row.at <= l.row.at &&
          (!last || std::tie(last->row.at, last->row.value) < std::tie(r.row.at, r.row.value)))
        last = &r;
    if (last && ((with_deletes && deletes(last->row)) || l.row.at - last->row.at > tolerance)) last = nullptr;
    if (!last && !keeps_left) continue;
    const auto stamp = stamp_at(l.row.at, l.stamp);
    all.push_back({result_row(paired(&l.row, last ? &last->row : nullptr), l.row.at),
                   last ? std::max(stamp, last->stamp) : stamp,
                   {}});
  }
  return all;
}

}  // namespace

tuples joined(const stage& s, const tuples& left, const tuples& right, lateness_judge& judge, std::uint32_t output) {
  const bool hops = s.what == operation::co_group || s.kind == join_kind::full;
  const bool is_windowed =
      s.what == operation::co_group || (s.what == operation::window_join && s.kind != join_kind::inner);
  if (is_windowed) {
    const auto slide = hops ? s.further : s.span;
    const auto last_end = [&](event_time t) { return floored(t, slide) + s.span; };
    const auto lefts = judge.in_windows(left, s.lateness, output, last_end);
    const auto rights = judge.in_windows(right, s.lateness, output + 1, last_end);
    const auto all = in_windows(lefts, rights, s.span, slide, s.lateness);
    return s.what == operation::co_group ? wholes_of(all) : pairs_of(all, s.kind);
  }
  const auto lefts = judge.in_time(left, s.lateness, output);
  const auto rights = judge.in_time(right, s.lateness, output + 1);
  switch (s.what) {
    case operation::interval_join:
      return in_intervals(s, lefts, rights);
    case operation::window_join:
      return pairs_of(in_sessions(lefts, rights, s.span), join_kind::inner);
    case operation::as_of_join:
      return with_last(lefts, rights, s.span, false, true);
    case operation::join_table:
      return with_last(lefts, rights, event_span::max(), true, false);
    default:
      return with_last(lefts, rights, event_span::max(), true, true);
  }
}

}  // namespace freshet::differential::operators
