#pragma once
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "differential/operators/operator_scene.hpp"
#include "freshet/core/tuple_origin.hpp"

// What operators mean, by plain loops over all their input, from the rules of DESIGN 8.2 and 8.3. Nothing here calls
// the library, but for the hash that says in which order results of one time come from different keys.
namespace freshet::differential::operators {

/// A row on its way. Its event time is the row's.
struct tuple {
  timed_row row;
  event_time stamp{};
  tuple_origin origin;
};
using tuples = std::vector<tuple>;

/// Takes what is not late to an output of its own. A row whose partition had been idle is late by luck: those that the
/// run said were, are, if they could be.
class lateness_judge {
 public:
  lateness_judge(const operator_scene&, const std::vector<late_at>& woke);
  /// Rows judged by their own time, or by the end of the last window that they are in.
  tuples in_time(const tuples&, event_span allowed_lateness, std::uint32_t output);
  tuples in_windows(const tuples&, event_span allowed_lateness, std::uint32_t output,
                    const std::function<event_time(event_time)>& window_end);
  std::vector<late_at> late;

 private:
  bool is_late(const tuple&, event_time until, late_reason why, std::uint32_t output);

  std::vector<late_at> woke_;
  bool has_naps_;
  event_time largest_;
};

/// The outputs of each, the late ones from `output` on.
tuples joined(const stage&, const tuples& left, const tuples& right, lateness_judge&, std::uint32_t output);
tuples in_order(const stage&, const tuples&, lateness_judge&, std::uint32_t output, std::uint32_t node);
tuples by_key(const stage&, const tuples& left, const tuples& right, lateness_judge&, std::uint32_t output,
              std::uint32_t node);
tuples aggregated(const stage&, const tuples&, lateness_judge&, std::uint32_t output, std::uint32_t node);
tuples totals(const tuples&, std::uint32_t node);
tuples in_pieces(const tuples&);
/// Of one key, in order.
tuples while_remembered(const stage&, const tuples&);

/// `woke`: what came late because its partition had been idle.
operator_answers answers_of(const operator_scene&, const std::vector<late_at>& woke);
/// What is wrong with an engine's answer.
std::string difference(const operator_scene&, operator_answers got);

/// For the loops.
constexpr bool is_past(event_time t, event_span lateness, event_time stamp) {
  return stamp != beginning_of_time && t + lateness <= stamp;
}
/// The multiple of `step` at or before `t`.
constexpr event_time floored(event_time t, event_span step) {
  const auto rest = t.time_since_epoch() % step;
  return t - (rest < event_span{} ? rest + step : rest);
}
constexpr event_span tick{1};
/// The stamp of what waits for its time; what time alone brings about is given one of `beginning_of_time`.
constexpr event_time stamp_at(event_time t, event_time stamp = beginning_of_time) { return std::max(t - tick, stamp); }
/// A key's result at a time, from a timer of the node.
tuple timed_result(std::uint32_t node, std::uint32_t key, std::int64_t value, event_time at, event_time stamp);

}  // namespace freshet::differential::operators
