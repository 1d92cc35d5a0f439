// Clicks in a shop, whose sessions follow one another so that time goes back by weeks: visits, days, and how many come
// from a click to an order; and events of web sites, some of which were sent twice.
#include <array>
#include <chrono>
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/json_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

constexpr event_span day = 24h;

// --- a shop: visits by session, and events by day ---

class otto : public shared_data {};

struct shop_event {
  static constexpr std::string_view field_names[] = {"aid", "ts", "type"};
  std::int64_t item = 0;
  event_time at{};
  std::string type;
};
struct shop_session {
  static constexpr std::string_view field_names[] = {"session", "events"};
  std::int64_t id = 0;
  std::vector<shop_event> events;
};
struct step {
  std::int64_t session = 0, item = 0;
  event_time at{};
  std::string type;
};
void steps_of(const shop_session& s, emitter<step>& out) {
  for (const auto& e : s.events) out.emit({s.id, e.item, e.at, e.type});
}
bool is_click(const step& s) { return s.type == "clicks"; }
bool is_cart(const step& s) { return s.type == "carts"; }
bool is_order(const step& s) { return s.type == "orders"; }

stream<step> steps(stream_builder& builder) {
  const file::json_spout<shop_session> lines{data_file("clickstream/otto_sessions.jsonl"), {.times = {"%Q"}}};
  return builder.spout("lines", lines).flat_map("steps", steps_of).event_time(&step::at, {.bound = 28 * day});
}

constexpr event_span gap = 30min;
using visit = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // clicks, carts, orders

TEST_F(otto, visits_and_days) {
  collect_sink<windowed<std::int64_t, visit>> visits;
  collect_sink<windowed<std::string, std::uint64_t>> days;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("visits");
    const auto all = steps(builder);
    all.key_by(&step::session)
        .window(sessions{gap})
        .aggregate("visits", all_of{sum{is_click}, sum{is_cart}, sum{is_order}}, {.parallelism = parallelism})
        .to("visits.rows", visits);
    all.key_by(&step::type).window(tumbling{day}).count("days", {.parallelism = parallelism}).to("days.rows", days);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"steps", "steps.event_time", "visits", "days"}, .also_stored = true},
                  [&](delivery how) {
                    const auto found = by_session(visits.take(), gap);
                    EXPECT_TRUE(as_promised(how, "otto__visits_30m", found, {.keys = 3}));
                    EXPECT_TRUE(as_promised(how, "otto__events_per_day", by_start_and_key(days.take()), {.keys = 2}));
                  });
}

using item_of_session = std::pair<std::int64_t, std::int64_t>;
item_of_session session_and_item(const step& s) { return {s.session, s.item}; }
item_of_session matched_item(const matched<step>& m) { return session_and_item(m.tuples[0]); }

TEST_F(otto, from_click_to_cart_to_order) {
  using counted = windowed<whole_stream, std::uint64_t>;
  const std::array stages{pattern{is_click}.within(28 * day), pattern{is_click}.followed_by(is_cart).within(28 * day),
                          pattern{is_click}.followed_by(is_cart).followed_by(is_order).within(28 * day)};
  const std::array<std::string, 3> names{"click", "click_cart", "click_cart_order"};
  std::array<collect_sink<counted>, 3> counts;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("funnel");
    const auto by_item = steps(builder).key_by(session_and_item);
    for (std::size_t i = 0; i < stages.size(); ++i)
      by_item.ordered()
          .pattern(names[i], stages[i], {.parallelism = parallelism})
          .key_by(matched_item)
          .deduplicate(names[i] + ".once", event_span::max(), {.parallelism = parallelism})
          .window(global_windows{})
          .count(names[i] + ".count")
          .to(names[i] + ".rows", counts[i]);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {"steps", "steps.event_time", "click", "click.once", "click_cart", "click.count"}},
      [&](delivery how) {
        std::vector<row> rows;
        for (std::size_t i = 0; i < stages.size(); ++i)
          for (const auto& all : counts[i].take()) rows.push_back(detail::row_of(names[i], all.value));
        EXPECT_TRUE(as_promised(how, "otto__funnel", rows));
      });
}

// --- web sites: of each event the first that arrived, then sessions ---

class snowplow : public shared_data {};

struct web_event {
  static constexpr std::string_view field_names[] = {"event_id", "event_name", "domain_sessionid", "collector_tstamp",
                                                     "derived_tstamp"};
  std::string id, name, session;
  event_time arrived{};
  std::optional<event_time> happened;
};
event_time time_of(const web_event& e) { return e.happened.value_or(e.arrived); }
bool is_view(const web_event& e) { return e.name == "page_view"; }
bool is_ping(const web_event& e) { return e.name == "page_ping"; }

using totals = std::tuple<event_time, event_time, std::uint64_t, std::uint64_t, std::uint64_t>;

TEST_F(snowplow, sessions_without_repeated_events) {
  collect_sink<windowed<std::string, totals>> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("web sites");
    builder.spout("events", file::csv_spout<web_event>{data_file("clickstream/snowplow_web_events.csv")})
        .event_time(&web_event::arrived, {.bound = 365 * day})
        .key_by(&web_event::id)
        .ordered()
        .deduplicate("first", event_span::max(), {.parallelism = parallelism})
        .key_by(&web_event::session)
        .window(global_windows{})
        .aggregate("sessions", all_of{min{time_of}, max{time_of}, count<web_event>{}, sum{is_view}, sum{is_ping}},
                   {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"events.event_time", "first", "sessions"}, .also_stored = true},
                  [&](delivery how) {
                    std::vector<row> rows;
                    for (const auto& s : found.take()) rows.push_back(detail::row_of(s.key, s.value));
                    EXPECT_TRUE(as_promised(how, "snowplow__dedup_sessions", rows));
                  });
}

}  // namespace
}  // namespace freshet::conformance
