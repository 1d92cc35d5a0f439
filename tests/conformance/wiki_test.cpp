// Edits of an encyclopedia: channels, users, the pages that grew most, and people's sessions.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/json_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class wiki : public shared_data {};

struct edit {
  static constexpr std::string_view field_names[] = {"time",    "channel", "page",  "user",
                                                     "isRobot", "delta",   "added", "deleted"};
  event_time at{};
  std::string channel, page, user;
  bool robot = false;
  std::int64_t delta = 0, added = 0, deleted = 0;
};
const std::string clock = "edits.event_time";

stream<edit> edits(stream_builder& builder) {
  return builder.spout("edits", file::json_spout<edit>{data_file("events/wikiticker_20150912_part1.jsonl")})
      .event_time(&edit::at, ascending{});
}

/// Pages of several languages may have one name.
std::pair<std::string, std::string> full_name(const edit& e) { return {e.channel, e.page}; }

using channel = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::uint64_t>;  // edits, added, deleted, robots
using hour = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;                  // edits, users, pages

TEST_F(wiki, channels_and_hours) {
  collect_sink<windowed<std::string, channel>> channels;
  collect_sink<windowed<whole_stream, hour>> hours;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("channels and hours");
    const auto all = edits(builder);
    all.key_by(&edit::channel)
        .window(tumbling{10min})
        .aggregate("channels", all_of{count<edit>{}, sum{&edit::added}, sum{&edit::deleted}, sum{&edit::robot}},
                   {.parallelism = parallelism})
        .to("channels.rows", channels);
    all.window(tumbling{1h})
        .aggregate("hours", all_of{count<edit>{}, distinct{&edit::user}, distinct{full_name}})
        .to("hours.rows", hours);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "channels", "hours"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "wiki__channel_10m", by_start_and_key(channels.take()), {.keys = 2}));
    EXPECT_TRUE(as_promised(how, "wiki__users_1h", by_start(hours.take()), {.keys = 1}));
  });
}

constexpr event_span gap = 30min;

using grown = windowed<std::string, std::int64_t>;
using session = windowed<std::string, std::tuple<std::uint64_t, std::int64_t>>;  // edits, delta

TEST_F(wiki, pages_that_grew_most_and_sessions_of_people) {
  collect_sink<windowed<whole_stream, std::vector<grown>>> pages;
  collect_sink<session> people;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("pages and people");
    const auto all = edits(builder);
    all.key_by(&edit::page)
        .window(tumbling{1h})
        .aggregate("pages", sum{&edit::added}, {.parallelism = parallelism})
        .window(tumbling{1h})
        .top_n("most", 10, by_value<std::string, std::int64_t>)
        .to("most.rows", pages);
    all.filter("people", [](const edit& e) { return !e.robot; })
        .key_by(&edit::user)
        .window(sessions{gap})
        .aggregate("sessions", all_of{count<edit>{}, sum{&edit::delta}}, {.parallelism = parallelism})
        .filter("five", [](const session& s) { return std::get<0>(s.value) >= 5; }, {.parallelism = parallelism})
        .to("sessions.rows", people);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {clock, "pages", "most", "people", "sessions", "five"}}, [&](delivery how) {
        // What counts twice may make another page the one of that rank; and edits also make pages shorter.
        EXPECT_TRUE(as_promised(how, "wiki__top10_pages_by_added_1h", by_rank(pages.take()), {.keys = 2}));
        EXPECT_TRUE(
            as_promised(how, "wiki__human_sessions_30m_ge5", by_session(people.take(), gap), {.keys = 3, .sums = 1}));
      });
}

// --- nulls, and names that are given ---

struct edit_from_somewhere {
  event_time at{};
  std::string page;
  bool robot = false;
  std::int64_t delta = 0;
  std::optional<std::string> country;
};

TEST_F(wiki, edits_by_names_that_are_given) {
  const file::json_spout<edit_from_somewhere> edits{data_file("events/wikiticker_20150912_part1.jsonl"),
                                                    {.fields = {"time", "page", "isRobot", "delta", "countryName"}}};
  collect_sink<edit_from_somewhere> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("edits");
    builder.spout("edits", edits)
        .filter("keep", [](const edit_from_somewhere&) { return true; })
        .shuffle()
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"keep"}}, [&](delivery) {
    const auto all = found.take();
    EXPECT_EQ(all.size(), 6000u);
    const event_time at{1442018818771ms};
    const auto first = std::find_if(all.begin(), all.end(), [&](auto& e) { return e.at == at; });
    ASSERT_NE(first, all.end());
    EXPECT_EQ(first->page, "Talk:Oswald Tilghman");
    EXPECT_EQ(first->delta, 36);
    EXPECT_EQ(first->country, std::nullopt);
  });
}

}  // namespace
}  // namespace freshet::conformance
