// Clicks in a shop, whose sessions follow one another so that time goes back by weeks; and events of web sites, some of
// which were sent twice.
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

class otto_windows : public shared_data {};

struct shop_event {
  static constexpr std::string_view field_names[] = {"ts", "type"};
  event_time at{};
  std::string type;
};
struct shop_session {
  static constexpr std::string_view field_names[] = {"session", "events"};
  std::int64_t id = 0;
  std::vector<shop_event> events;
};
struct step {
  std::int64_t session = 0;
  event_time at{};
  std::string type;
};
void steps_of(const shop_session& s, emitter<step>& out) {
  for (const auto& e : s.events) out.emit({s.id, e.at, e.type});
}

constexpr event_span gap = 30min;
using visit = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // clicks, carts, orders

TEST_F(otto_windows, visits_and_days) {
  collect_sink<windowed<std::int64_t, visit>> visits;
  collect_sink<windowed<std::string, std::uint64_t>> days;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("visits");
    const file::json_spout<shop_session> lines{data_file("clickstream/otto_sessions.jsonl"), {.times = {"%Q"}}};
    const auto all =
        builder.spout("lines", lines).flat_map("steps", steps_of).event_time(&step::at, {.bound = 28 * day});
    const auto is_click = [](const step& s) { return s.type == "clicks"; };
    const auto is_cart = [](const step& s) { return s.type == "carts"; };
    const auto is_order = [](const step& s) { return s.type == "orders"; };
    all.key_by(&step::session)
        .window(sessions{gap})
        .aggregate("visits", all_of{sum{is_click}, sum{is_cart}, sum{is_order}}, {.parallelism = parallelism})
        .to("visits.rows", visits);
    all.key_by(&step::type).window(tumbling{day}).count("days", {.parallelism = parallelism}).to("days.rows", days);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"steps", "steps.event_time", "visits", "days"}, .few_rows = true},
                  [&] {
                    EXPECT_TRUE(same_rows(read_answer("otto__visits_30m"), by_session(visits.take(), gap)));
                    EXPECT_TRUE(same_rows(read_answer("otto__events_per_day"), by_start_and_key(days.take())));
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

using first_arrival = windowed<std::string, web_event>;
using totals = std::tuple<event_time, event_time, std::uint64_t, std::uint64_t, std::uint64_t>;

TEST_F(snowplow, sessions_without_repeated_events) {
  collect_sink<windowed<std::string, totals>> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("web sites");
    const auto time = [](const first_arrival& e) { return time_of(e.value); };
    const auto is_view = [](const first_arrival& e) { return e.value.name == "page_view"; };
    const auto is_ping = [](const first_arrival& e) { return e.value.name == "page_ping"; };
    builder.spout("events", file::csv_spout<web_event>{data_file("clickstream/snowplow_web_events.csv")})
        .event_time(time_of, {.bound = 365 * day})
        .key_by(&web_event::id)
        .window(global_windows{})
        .aggregate("first", first{&web_event::arrived}, {.parallelism = parallelism})
        .key_by([](const first_arrival& e) { return e.value.session; })
        .window(global_windows{})
        .aggregate("sessions", all_of{min{time}, max{time}, count<first_arrival>{}, sum{is_view}, sum{is_ping}},
                   {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build,
                   .may_throw = {"events.event_time", "first", "sessions"},
                   .may_be_replayed = {"first", "sessions"},
                   .few_rows = true},
                  [&] {
                    std::vector<row> rows;
                    for (const auto& s : found.take()) rows.push_back(detail::row_of(s.key, s.value));
                    EXPECT_TRUE(same_rows(read_answer("snowplow__dedup_sessions"), rows));
                  });
}

}  // namespace
}  // namespace freshet::conformance
