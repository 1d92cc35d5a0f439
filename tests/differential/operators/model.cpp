#include "differential/operators/model.hpp"

#include <algorithm>
#include <sstream>

#include "differential/time/show.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet::differential::operators {
namespace {

/// With the stamps that the clocks of the partitions give, spout by spout.
tuples emitted(const operator_scene& s, std::size_t source_number) {
  const auto& from = s.sources[source_number];
  tuples all;
  for (std::size_t p = 0; p < from.partitions; ++p) {
    event_time largest = beginning_of_time, watermark = beginning_of_time;
    std::uint64_t offset = 0;
    for (const auto& r : s.rows[from.first + p]) {
      all.push_back(
          {r, watermark, {static_cast<std::uint32_t>(source_number), static_cast<partition_id>(p), offset++}});
      if (from.by == policy::punctuated && !says_time(r)) continue;
      largest = std::max(largest, r.at);
      watermark = largest - (from.by == policy::ascending ? tick : from.bound);
    }
  }
  return all;
}
tuples both(tuples a, const tuples& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
tuples results_of(const stage& s, const tuples& left, const tuples& right, lateness_judge& judge,
                  std::uint32_t number) {
  const auto output = 3 * number, node = 100 + number;
  if (s.what == operation::aggregates) return aggregated(s, left, judge, output, node);
  if (s.what == operation::partial) return totals(left, node);
  if (s.what == operation::pieces) return in_pieces(left);
  if (s.what < operation::deduplicate) {
    auto all = joined(s, left, right, judge, output);
    // Of joins only co-grouping says where its results come from.
    for (auto& t : all) t.origin.node = node;
    return all;
  }
  if (is_ordered(s.what)) return in_order(s, left, judge, output, node);
  return by_key(s, left, right, judge, output, node);
}

}  // namespace

tuple timed_result(std::uint32_t node, std::uint32_t key, std::int64_t value, event_time at, event_time stamp) {
  return {result_row(value, at), stamp, {node, 0, stable_hash<std::uint32_t>::of(key)}};
}

lateness_judge::lateness_judge(const operator_scene& s, const std::vector<late_at>& woke)
    : woke_(woke), has_naps_(operators::has_naps(s)), largest_(beginning_of_time) {
  for (const auto& partition : s.rows)
    for (const auto& r : partition) largest_ = std::max(largest_, r.at);
}
bool lateness_judge::is_late(const tuple& t, event_time until, late_reason why, std::uint32_t output) {
  if (is_past(until, {}, t.stamp)) {
    late.push_back({output, {t.row, t.stamp, why}});
    return true;
  }
  const late_at by_luck{output, {t.row, t.stamp, late_reason::woke}};
  const auto found = std::find(woke_.begin(), woke_.end(), by_luck);
  // Behind an operator also rows of others, that waited in a task which was idle meanwhile.
  const bool sleeps = output >= 2 || t.origin.node == 0;
  if (found == woke_.end() || !has_naps_ || !sleeps || until > largest_) return false;
  woke_.erase(found);
  late.push_back(by_luck);
  return true;
}
tuples lateness_judge::in_time(const tuples& all, event_span lateness, std::uint32_t output) {
  tuples kept;
  for (const auto& t : all)
    if (!is_late(t, t.row.at + lateness, late_reason::time, output)) kept.push_back(t);
  return kept;
}
tuples lateness_judge::in_windows(const tuples& all, event_span lateness, std::uint32_t output,
                                  const std::function<event_time(event_time)>& window_end) {
  tuples kept;
  for (const auto& t : all)
    if (!is_late(t, window_end(t.row.at) + lateness, late_reason::window, output)) kept.push_back(t);
  return kept;
}

operator_answers answers_of(const operator_scene& s, const std::vector<late_at>& woke) {
  lateness_judge judge(s, woke);
  const auto has_third = s.sources.size() == 3;
  const auto third = has_third ? emitted(s, 2) : tuples{};
  auto left = emitted(s, 0);
  const auto second = emitted(s, 1);
  if (!has_two_inputs(s.stages[0].what)) left = both(std::move(left), second);
  if (s.stages.size() == 1) left = both(std::move(left), third);
  auto all = results_of(s.stages[0], left, second, judge, 0);
  if (s.stages.size() == 2) {
    if (!has_two_inputs(s.stages[1].what)) all = both(std::move(all), third);
    all = results_of(s.stages[1], all, third, judge, 1);
  }
  operator_answers answers{{}, std::move(judge.late), {}};
  for (const auto& t : all) answers.results.push_back({t.row, t.stamp});
  answers.sort();
  return answers;
}

std::string difference(const operator_scene& s, operator_answers got) {
  std::vector<late_at> woke;
  for (const auto& l : got.late)
    if (l.late.why == late_reason::woke) woke.push_back(l);
  const auto wanted = answers_of(s, woke);
  got.sort();
  std::ostringstream out;
  show_differences(out, "result", wanted.results, got.results);
  show_differences(out, "late row", wanted.late, got.late);
  if (got.counted && *got.counted != counts_of(got.late))
    out << "  counted as late: " << got.counted->own << " by themselves, " << got.counted->woke << " that woke\n";
  if (out.str().empty() && (wanted.results != got.results || wanted.late != got.late))
    return "  something came twice\n";
  return out.str();
}

}  // namespace freshet::differential::operators
