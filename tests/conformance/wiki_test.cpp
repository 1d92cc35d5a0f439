// Edits of an encyclopedia: channels, users, the pages that grew most, and people's sessions.
#include <chrono>
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

TEST_F(wiki, channels) {
  collect_sink<windowed<std::string, channel>> channels;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("channels");
    edits(builder)
        .key_by(&edit::channel)
        .window(tumbling{10min})
        .aggregate("channels", all_of{count<edit>{}, sum{&edit::added}, sum{&edit::deleted}, sum{&edit::robot}},
                   {.parallelism = parallelism})
        .to("rows", channels);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {clock, "channels"}, .may_be_replayed = {"channels"}, .small_batches = true},
      [&] { EXPECT_TRUE(same_rows(read_answer("wiki__channel_10m"), by_start_and_key(channels.take()))); });
}

TEST_F(wiki, hours) {
  collect_sink<windowed<int, hour>> hours;
  const auto build = [&](std::size_t) {
    stream_builder builder("hours");
    edits(builder)
        .key_by(everything<edit>)
        .window(tumbling{1h})
        .aggregate("hours", all_of{count<edit>{}, distinct{&edit::user}, distinct{full_name}})
        .to("rows", hours);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "hours"}, .may_be_replayed = {"hours"}, .in_brief = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("wiki__users_1h"), by_start(hours.take()))); });
}

constexpr event_span gap = 30min;

using grown = windowed<std::string, std::int64_t>;
using session = windowed<std::string, std::tuple<std::uint64_t, std::int64_t>>;  // edits, delta

TEST_F(wiki, pages_that_grew_most_and_sessions_of_people) {
  collect_sink<windowed<int, std::vector<grown>>> pages;
  collect_sink<session> people;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("pages and people");
    const auto all = edits(builder);
    all.key_by(&edit::page)
        .window(tumbling{1h})
        .aggregate("pages", sum{&edit::added}, {.parallelism = parallelism})
        .key_by(everything<grown>)
        .window(tumbling{1h})
        .aggregate("most", top_k{10, by_value<std::string, std::int64_t>})
        .to("most.rows", pages);
    all.filter("people", [](const edit& e) { return !e.robot; })
        .key_by(&edit::user)
        .window(sessions{gap})
        .aggregate("sessions", all_of{count<edit>{}, sum{&edit::delta}}, {.parallelism = parallelism})
        .filter("five", [](const session& s) { return std::get<0>(s.value) >= 5; }, {.parallelism = parallelism})
        .to("sessions.rows", people);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "pages", "most", "people", "sessions", "five"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("wiki__top10_pages_by_added_1h"), by_rank(pages.take())));
    EXPECT_TRUE(same_rows(read_answer("wiki__human_sessions_30m_ge5"), by_session(people.take(), gap)));
  });
}

}  // namespace
}  // namespace freshet::conformance
