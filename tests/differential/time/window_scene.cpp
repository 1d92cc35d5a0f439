#include "differential/time/window_scene.hpp"

#include <map>
#include <sstream>

#include "differential/time/show.hpp"

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

void show(std::ostream& out, const tumbling& w) { out << "tumbling " << w.size.count() << " + " << w.offset.count(); }
void show(std::ostream& out, const hopping& w) {
  out << "hopping " << w.size.count() << " by " << w.slide.count() << " + " << w.offset.count();
}
void show(std::ostream& out, const sessions& w) { out << "sessions " << w.gap.count(); }
void show(std::ostream& out, const global_windows&) { out << "global"; }
}  // namespace

void show(std::ostream& out, const window_answer& a) {
  out << "key " << a.key << " [" << text(a.span.start) << ", " << text(a.span.end) << ") sum " << a.value.sum << " of "
      << a.value.rows;
}

window_scene some_window_scene(std::uint64_t seed) {
  random_source random(seed);
  window_scene s;
  s.seed = seed;
  const auto disorder = below(random, 40);
  s.rows = some_rows(random, disorder, {.partitions = 1 + random.below(3)});
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
  const bool is_global = std::holds_alternative<global_windows>(s.windows);  // for which nothing is late
  if (random.below(2) && !is_global) s.options.allowed_lateness = below(random, 40);
  if (random.below(3) == 0) {
    if (random.below(2)) s.options.early.every_tuples = 1 + random.below(4);
    if (random.below(2)) s.options.early.every = event_span{1} + below(random, 20);
    s.options.late_results = random.below(2) && !is_global;
    if (s.options.gives_updates() && random.below(3) == 0) s.options.panes = panes::discarding;
  }
  s.combines = !s.options.gives_updates() && random.below(2);
  s.parallelism = 1 + random.below(4);
  s.once = random.below(4) == 0;
  if (s.once) s.rows.resize(1);
  s.twice = random.below(3) == 0 && s.options.panes == panes::accumulating;
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
      << (s.combines ? ", combined" : "") << (s.options.panes == panes::discarding ? ", discarding" : "")
      << ", parallelism " << s.parallelism << ", spouts " << s.spouts << (s.once ? ", once" : "")
      << (s.twice ? ", twice" : "");
  show(out, s.rows);
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
