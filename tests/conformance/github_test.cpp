// Events of repositories, of which two come a few seconds late: kinds, commits, and who is busy.
#include <chrono>
#include <optional>

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

class github : public shared_data {};

struct actor {
  static constexpr std::string_view field_names[] = {"login"};
  std::string login;
};
struct payload {
  static constexpr std::string_view field_names[] = {"size", "distinct_size"};
  std::optional<std::int64_t> commits, new_commits;  // of pushes
};
struct repository {
  static constexpr std::string_view field_names[] = {"name"};
  std::string name;
};
struct repository_event {
  static constexpr std::string_view field_names[] = {"type", "created_at", "actor", "payload", "repo"};
  std::string type;
  event_time at{};
  actor by;
  payload what;
  repository in;
};
std::string name_of(const repository_event& e) { return e.in.name; }
std::string login(const repository_event& e) { return e.by.login; }
std::int64_t commits(const repository_event& e) { return e.what.commits.value(); }
std::int64_t new_commits(const repository_event& e) { return e.what.new_commits.value(); }

constexpr event_span gap = 5min;
const std::string clock = "events.event_time";

stream<repository_event> events(stream_builder& builder) {
  return builder.spout("events", file::json_spout<repository_event>{data_file("events/github_events_20210721.jsonl")})
      .event_time(&repository_event::at, {.bound = 4s});
}

using pushed = std::tuple<std::uint64_t, std::int64_t, std::int64_t>;  // pushes, commits, new ones
using counted = windowed<std::string, std::uint64_t>;

TEST_F(github, kinds_pushes_and_busy_people) {
  collect_sink<counted> kinds, people;
  collect_sink<windowed<whole_stream, pushed>> pushes;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("kinds");
    const auto all = events(builder);
    all.key_by(&repository_event::type)
        .window(tumbling{10min})
        .count("kinds", {.parallelism = parallelism})
        .to("kinds.rows", kinds);
    all.filter("pushes", [](const repository_event& e) { return e.type == "PushEvent"; })
        .window(tumbling{10min})
        .aggregate("pushed", all_of{count<repository_event>{}, sum{commits}, sum{new_commits}})
        .to("pushed.rows", pushes);
    all.key_by(login)
        .window(sessions{gap})
        .count("people", {.parallelism = parallelism})
        .filter("busy", [](const counted& b) { return b.value >= 2; }, {.parallelism = parallelism})
        .to("people.rows", people);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {clock, "kinds", "pushes", "pushed", "people", "busy"}}, [&](delivery how) {
        EXPECT_TRUE(as_promised(how, "github__type_per_10m", by_start_and_key(kinds.take()), {.keys = 2}));
        EXPECT_TRUE(as_promised(how, "github__push_commits_per_10m", by_start(pushes.take()), {.keys = 1}));
        EXPECT_TRUE(as_promised(how, "github__actor_sessions_5m_ge2", by_session(people.take(), gap), {.keys = 3}));
      });
}

TEST_F(github, the_twenty_busiest_repositories) {
  collect_sink<windowed<whole_stream, std::vector<counted>>> busiest;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busiest repositories");
    events(builder)
        .key_by(name_of)
        .window(global_windows{})
        .count("count", {.parallelism = parallelism})
        .window(global_windows{})
        .top_n("busiest", 20, by_value<std::string, std::uint64_t>)
        .to("rows", busiest);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "count", "busiest"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "github__top20_repos", by_rank_alone(busiest.take())));
  });
}

}  // namespace
}  // namespace freshet::conformance
