#include "differential/time/window_scene.hpp"

#include <map>
#include <sstream>

namespace freshet::differential {
namespace {

event_span below(random_source& random, std::int64_t n) {
  return event_span{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)))};
}

void add(summary& into, std::int64_t value, std::uint64_t rows = 1) {
  into.sum += value;
  into.most = into.rows ? std::max(into.most, value) : value;
  into.rows += rows;
}

using by_window = std::map<std::pair<std::uint32_t, window>, summary>;

/// Windows that a time alone tells.
template <class W>
by_window divided(const W& windows, const std::vector<stamped_row>& rows, event_span lateness,
                  std::vector<late_row>& late) {
  by_window all;
  for (const auto& [row, stamp] : rows) {
    bool any = false;
    for_each_window(windows, row.at, [&, &row = row, &stamp = stamp](const window& w) {
      if (is_late(w, lateness, stamp)) return;
      any = true;
      add(all[{row.key, w}], row.value);
    });
    if (!any) late.push_back({row, stamp, late_reason::window});
  }
  return all;
}

by_window divided(const sessions& windows, const std::vector<stamped_row>& rows, event_span lateness,
                  std::vector<late_row>& late) {
  std::map<std::uint32_t, std::vector<timed_row>> by_key;
  for (const auto& [row, stamp] : rows) {
    if (is_late(row.at, lateness, stamp)) late.push_back({row, stamp, late_reason::time});
    else by_key[row.key].push_back(row);
  }
  by_window all;
  for (auto& [key, of_key] : by_key) {
    std::stable_sort(of_key.begin(), of_key.end(), [](auto& a, auto& b) { return a.at < b.at; });
    for (std::size_t i = 0; i < of_key.size();) {
      const auto first = i;
      summary value;
      do add(value, of_key[i++].value);
      while (i < of_key.size() && of_key[i].at - of_key[i - 1].at <= windows.gap);
      all[{key, {of_key[first].at, of_key[i - 1].at + std::max(windows.gap, event_span{1})}}] = value;
    }
  }
  return all;
}

std::string text(event_time t) { return std::to_string(t.time_since_epoch().count()); }

template <class T>
std::vector<T> missing(const std::vector<T>& from, const std::vector<T>& in) {
  std::vector<T> all;
  std::set_difference(from.begin(), from.end(), in.begin(), in.end(), std::back_inserter(all));
  return all;
}
void show(std::ostream& out, const tumbling& w) { out << "tumbling " << w.size.count() << " + " << w.offset.count(); }
void show(std::ostream& out, const hopping& w) {
  out << "hopping " << w.size.count() << " by " << w.slide.count() << " + " << w.offset.count();
}
void show(std::ostream& out, const sessions& w) { out << "sessions " << w.gap.count(); }
void show(std::ostream& out, const global_windows&) { out << "global"; }
void show(std::ostream& out, const window_answer& a) {
  out << "key " << a.key << " [" << text(a.span.start) << ", " << text(a.span.end) << ") sum " << a.value.sum << " of "
      << a.value.rows;
}
void show(std::ostream& out, const late_row& r) {
  out << "key " << r.row.key << " at " << text(r.row.at) << " value " << r.row.value << " stamp " << text(r.stamp)
      << ", late by its " << to_string(r.why);
}
template <class T>
void show_differences(std::ostream& out, const char* what, const std::vector<T>& wanted, const std::vector<T>& got) {
  int most = 5;
  for (const auto& a : missing(wanted, got))
    if (most-- > 0) show(out << "  " << what << " missing: ", a), out << '\n';
  for (const auto& a : missing(got, wanted))
    if (most-- > 0) show(out << "  " << what << " too much: ", a), out << '\n';
}

}  // namespace

window_scene some_window_scene(std::uint64_t seed) {
  random_source random(seed);
  window_scene s;
  s.seed = seed;
  const auto disorder = below(random, 40);
  s.rows = some_rows(random, disorder);
  s.bound = random.below(3) == 0 ? disorder : below(random, 40);
  const auto size = event_span{1} + below(random, 50), offset = below(random, 200) - event_span{100};
  switch (random.below(7)) {
    case 0:
    case 1:
      s.windows = tumbling{size, offset};
      break;
    case 2:
    case 3:
      s.windows = hopping{size, event_span{1} + below(random, size.count()), offset};
      break;
    case 4:
    case 5:
      s.windows = sessions{below(random, 12)};
      break;
    default:
      s.windows = global_windows{};
  }
  if (random.below(2)) s.options.allowed_lateness = below(random, 40);
  if (random.below(3) == 0 && !std::holds_alternative<sessions>(s.windows)) {
    if (random.below(2)) s.options.early.every_tuples = 1 + random.below(4);
    if (random.below(2)) s.options.early.every = event_span{1} + below(random, 20);
    s.options.late_results = random.below(2);
  }
  s.parallelism = 1 + random.below(4);
  s.once = random.below(4) == 0;
  if (s.once) s.rows.resize(1);
  s.twice = random.below(3) == 0;
  s.spouts = 1 + random.below(2);
  return s;
}

answers answers_of(const window_scene& s) {
  answers all;
  const auto rows = stamped(s.rows, s.bound);
  const auto windows =
      std::visit([&](const auto& w) { return divided(w, rows, s.options.allowed_lateness, all.late); }, s.windows);
  by_window further;
  for (const auto& [at, value] : windows) {
    all.results.push_back({at.first, at.second, value});
    const auto key = further_key(at.first);
    if (s.twice) add(further[{key, window_of(further_windows, result_time(at.second))}], value.sum);
  }
  for (const auto& [at, value] : further) all.further.push_back({at.first, at.second, value});
  std::sort(all.late.begin(), all.late.end());
  return all;
}

std::string described(const window_scene& s) {
  std::ostringstream out;
  out << "seed " << s.seed << ": " << s.rows.size() << " partitions, bound " << s.bound.count() << ", ";
  std::visit([&](const auto& w) { show(out, w); }, s.windows);
  out << ", lateness " << s.options.allowed_lateness.count() << ", early every " << s.options.early.every_tuples
      << " tuples, " << s.options.early.every.count() << " ms" << (s.options.late_results ? ", late results" : "")
      << ", parallelism " << s.parallelism << ", spouts " << s.spouts << (s.once ? ", once" : "")
      << (s.twice ? ", twice" : "");
  std::size_t rows = 0;
  for (const auto& p : s.rows) rows += p.size();
  out << ", " << rows << " rows";
  for (std::size_t p = 0; rows <= 12 && p < s.rows.size(); ++p)
    for (const auto& r : s.rows[p])
      out << "\n    partition " << p << " key " << r.key << " at " << text(r.at) << " value " << r.value;
  return out.str();
}

std::string difference(const answers& wanted, const answers& got) {
  std::ostringstream out;
  show_differences(out, "result", wanted.results, got.results);
  show_differences(out, "further result", wanted.further, got.further);
  show_differences(out, "late row", wanted.late, got.late);
  if (out.str().empty() && !(wanted == got)) return "  something came twice\n";
  return out.str();
}

}  // namespace freshet::differential
