#pragma once
#include <cstdint>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"
#include "nexmark/rows.hpp"

// What each query is, and a plain model of it: maps and sorting, one thread, no engine, all of the input at once. The
// definitions stand above the models, as SQL close to the suite's (nexmark/nexmark) and with what the suite leaves
// open.
//
// What they have in common:
// - Prices are cents. An average of integers is their sum divided by their number, without the rest.
// - Windows are [start, end), aligned to 1970. A bid is within an auction from its date_time up to, without, expires.
// - At the end of the input every window, session and auction closes.
// - The answer of a query without time (0 to 3, 17 to 19) doesn't depend on the order of events, and nothing is late.
// - Where equal times leave open which of two bids is meant, their other fields decide, so that the answer doesn't
//   depend on the order in which they are seen.
namespace freshet::nexmark::reference {

inline constexpr event_span window_size{10'000};  ///< of queries 5, 7, 8 and 12
inline constexpr event_span window_slide{2'000};  ///< of query 5
inline constexpr event_span session_gap{10'000};  ///< of query 11

/// How time is read from events. Event i of the input belongs to partition i % partitions, whose watermark is the
/// largest time seen in it - bound; the watermark just before an event is its stamp. An event is late for a window that
/// ends at e when e + allowed_lateness <= stamp. In sessions and in the join of auctions with bids it is late when its
/// own time t + allowed_lateness <= stamp: with a bound of out_of_order + 1 ms or more no event of a generator is, but
/// with a bound of 0 every repeated time is.
struct time_rules {
  event_span bound{};
  event_span allowed_lateness{};
  std::uint32_t partitions = 1;
};

// Each gives its rows sorted; of a query that is a table, the last ones.
std::vector<q0_row> q0(const std::vector<event>&);
std::vector<q1_row> q1(const std::vector<event>&);
std::vector<q2_row> q2(const std::vector<event>&);
std::vector<q3_row> q3(const std::vector<event>&);
std::vector<q4_row> q4(const std::vector<event>&, const time_rules&);
std::vector<q5_row> q5(const std::vector<event>&, const time_rules&);
std::vector<q6_row> q6(const std::vector<event>&, const time_rules&);
std::vector<q7_row> q7(const std::vector<event>&, const time_rules&);
std::vector<q8_row> q8(const std::vector<event>&, const time_rules&);
std::vector<q11_row> q11(const std::vector<event>&, const time_rules&);
std::vector<q12_row> q12(const std::vector<event>&, const time_rules&);
std::vector<q17_row> q17(const std::vector<event>&);
std::vector<q18_row> q18(const std::vector<event>&);
std::vector<q19_row> q19(const std::vector<event>&);

namespace detail {
/// Calls `f(value, stamp)` for each event that is a `T`.
template <class T, class F>
void for_each(const std::vector<event>& events, const time_rules& rules, F&& f) {
  std::vector<event_time> watermarks(rules.partitions, beginning_of_time);
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto& watermark = watermarks[i % rules.partitions];
    if (const auto* value = std::get_if<T>(&events[i])) f(*value, watermark);
    watermark = std::max(watermark, time_of(events[i]) - rules.bound);
  }
}
template <class T, class F>
void for_each(const std::vector<event>& events, F&& f) {
  for_each<T>(events, {}, [&](const T& value, event_time) { f(value); });
}

/// The last multiple of `step` at or before `t`.
inline event_time aligned_start(event_time t, event_span step) {
  const auto past = t.time_since_epoch() % step;
  return t - (past < event_span{} ? past + step : past);
}
/// For a window that ends at `end`, or for a moment that is over at `end`.
inline bool is_late(event_time end, event_time stamp, const time_rules& rules) {
  return end + rules.allowed_lateness <= stamp;
}
}  // namespace detail

}  // namespace freshet::nexmark::reference
