#include "differential/operators/operator_scene.hpp"

#include <algorithm>

#include "differential/operators/model.hpp"
#include "differential/time/show.hpp"

namespace freshet::differential::operators {
namespace {

constexpr const char* names[] = {"interval_join",   "window_join",   "co_group",       "as_of_join", "join_table",
                                 "broadcast_table", "deduplicate",   "ordered_timers", "pattern",    "timers",
                                 "tumbling_count",  "sliding_count", "trigger",        "top_n",      "broadcast_state",
                                 "co_process",      "aggregates",    "remembered",     "partial",    "pieces"};
constexpr std::uint64_t operations = std::size(names);

event_span below(random_source& random, std::int64_t n) {
  return event_span{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)))};
}

stage some_stage(random_source& random) {
  stage s;
  s.what = static_cast<operation>(random.below(operations));
  s.kind = static_cast<join_kind>(random.below(4));
  s.span = event_span{1} + below(random, 25);
  s.further = event_span{1} + below(random, s.span.count());
  if (random.below(2)) s.lateness = below(random, 20);
  s.number = 1 + static_cast<std::uint32_t>(random.below(6));
  s.variant = random.below(2) == 0;
  s.parallelism = 1 + random.below(4);
  switch (s.what) {
    case operation::interval_join:
      s.span = below(random, 24) - event_span{12};
      s.further = s.span + below(random, 16);
      break;
    case operation::window_join:
      if (s.kind == join_kind::right) s.kind = join_kind::inner;
      break;
    case operation::as_of_join:
      if (random.below(3) == 0) s.span = event_span::max();
      break;
    case operation::pattern:
      s.number = static_cast<std::uint32_t>(random.below(1u << 20));
      break;
    case operation::ordered_timers:
      s.span = below(random, 12);
      s.further = below(random, 25);
      break;
    default:
      break;
  }
  return s;
}

bool fits_behind(const stage& first, const stage& second) {
  return first.what != operation::trigger && !ends_time(first) && (!is_ordered(second.what) || orders_ties(first.what));
}

void draw_sources(operator_scene& s, std::size_t count, random_source& random) {
  const auto disorder = below(random, 30);
  std::size_t partitions = 0;
  for (std::size_t i = 0; i < count; ++i) {
    source one;
    one.first = partitions;
    one.partitions = 1 + random.below(3);
    one.parallelism = 1 + random.below(2);
    one.bound = random.below(2) ? disorder : below(random, 30);
    one.by = random.below(3) ? policy::bounded : random.below(2) ? policy::ascending : policy::punctuated;
    if (random.below(4) == 0) one.max_drift = event_span{1} + below(random, 50);
    partitions += one.partitions;
    s.sources.push_back(std::move(one));
  }
  s.rows = some_rows(random, disorder, {.partitions = partitions, .usual = 30, .many = 120});
}

/// Of the first source, some partitions; the others hold everybody back, as they always do.
void draw_naps(operator_scene& s, random_source& random) {
  auto& naps = s.sources[0].naps;
  for (std::size_t p = 0; p < s.sources[0].partitions; ++p) {
    const auto rows = s.rows[s.sources[0].first + p].size();
    naps.push_back(random.below(3) && rows > 0 ? random.below(rows) : partitions_spout::no_nap);
  }
}

}  // namespace

bool has_two_inputs(operation o) {
  return o <= operation::broadcast_table || o == operation::broadcast_state || o == operation::co_process;
}
bool ends_time(const stage& s) {
  return s.what == operation::partial || (s.what == operation::aggregates && window_kind_of(s) == window_kind::global);
}
bool is_ordered(operation o) {
  return o == operation::deduplicate || o == operation::ordered_timers || o == operation::pattern ||
         o == operation::tumbling_count || o == operation::sliding_count || o == operation::trigger ||
         o == operation::remembered;
}
bool orders_ties(operation o) {
  return is_ordered(o) || o == operation::co_group || o == operation::top_n || o == operation::broadcast_state ||
         o == operation::aggregates || o == operation::pieces;
}
/// What is in several windows may be late for some of them, and no output says for which. Copies of a table, and of
/// broadcast state, may each have gone on without the partition or not. What is remembered for a while is given back
/// when the watermark has passed that while, so a row that waited in a task which was idle meanwhile may find it gone,
/// though its stamp is older.
bool stands_naps(const stage& s) {
  const bool hops = (s.what == operation::window_join && s.kind == join_kind::full) ||
                    (s.what == operation::aggregates && window_kind_of(s) == window_kind::hopping);
  return !hops && s.what != operation::co_group && s.what != operation::broadcast_table &&
         s.what != operation::broadcast_state && s.what != operation::remembered;
}
bool has_naps(const operator_scene& s) { return !s.sources[0].naps.empty(); }

sought sought_by(const stage& s) {
  const auto n = s.number;
  return {static_cast<decltype(sought::shape)>(n % 6), 1 + n / 6 % 15, 1 + n / 90 % 15, 1u << n / 1350 % 4};
}

late_counts counts_of(const std::vector<late_at>& all) {
  const auto woke = std::count_if(all.begin(), all.end(), [](auto& l) { return l.late.why == late_reason::woke; });
  return {all.size() - static_cast<std::uint64_t>(woke), static_cast<std::uint64_t>(woke)};
}
void operator_answers::sort() {
  std::sort(results.begin(), results.end());
  std::sort(late.begin(), late.end());
}

operator_scene some_operator_scene(std::uint64_t seed) {
  random_source random(seed);
  operator_scene s;
  s.seed = seed;
  const bool naps = random.below(6) == 0, twice = random.below(2) == 0;
  const auto is_fit = [naps](const stage& of) { return !naps || stands_naps(of); };
  do s.stages = {some_stage(random)};
  while (!is_fit(s.stages[0]));
  if (twice) {
    auto next = some_stage(random);
    while (!is_fit(next) || !fits_behind(s.stages[0], next)) {
      next = some_stage(random);
      s.stages = {some_stage(random)};
      while (!is_fit(s.stages[0])) s.stages = {some_stage(random)};
    }
    s.stages.push_back(next);
  }
  const bool needs_third = twice && has_two_inputs(s.stages[1].what);
  draw_sources(s, needs_third || random.below(3) == 0 ? 3 : 2, random);
  if (naps) draw_naps(s, random);
  // Pairs of pairs are many.
  while (answers_of(s, {}).results.size() > 2000)
    for (auto& partition : s.rows) partition.resize(partition.size() / 2);
  return s;
}

void show(std::ostream& out, const late_at& l) {
  out << "output " << l.output << ": ";
  show(out, l.late);
}

std::string described(const operator_scene& s) {
  std::ostringstream out;
  out << "seed " << s.seed << ": ";
  for (const auto& of : s.stages)
    out << (&of == &s.stages[0] ? "" : " -> ") << names[static_cast<std::size_t>(of.what)] << "(" << to_string(of.kind)
        << ", span " << of.span.count() << ", further " << of.further.count() << ", lateness " << of.lateness.count()
        << ", number " << of.number << (of.variant ? ", variant" : "") << ", parallelism " << of.parallelism << ")";
  for (std::size_t i = 0; i < s.sources.size(); ++i) {
    const auto& of = s.sources[i];
    out << "\n  source " << i << ": partitions " << of.first << " to " << of.first + of.partitions - 1 << ", bound "
        << of.bound.count()
        << (of.by == policy::ascending    ? " (ascending)"
            : of.by == policy::punctuated ? " (punctuated)"
                                          : "")
        << ", max_drift " << of.max_drift.count() << ", parallelism " << of.parallelism;
    for (std::size_t p = 0; p < of.naps.size(); ++p)
      if (of.naps[p] != partitions_spout::no_nap)
        out << ", " << of.first + p << " asleep before its row " << of.naps[p];
  }
  out << "\n  in all";
  show(out, s.rows);
  return out.str();
}

}  // namespace freshet::differential::operators
