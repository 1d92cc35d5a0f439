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

class github_windows : public shared_data {};

struct actor {
  static constexpr std::string_view field_names[] = {"login"};
  std::string login;
};
struct payload {
  static constexpr std::string_view field_names[] = {"size", "distinct_size"};
  std::optional<std::int64_t> commits, new_commits;  // of pushes
};
struct repository_event {
  static constexpr std::string_view field_names[] = {"type", "created_at", "actor", "payload"};
  std::string type;
  event_time at{};
  actor by;
  payload what;
};
std::string login(const repository_event& e) { return e.by.login; }
std::int64_t commits(const repository_event& e) { return e.what.commits.value(); }
std::int64_t new_commits(const repository_event& e) { return e.what.new_commits.value(); }

constexpr event_span gap = 5min;

using pushed = std::tuple<std::uint64_t, std::int64_t, std::int64_t>;  // pushes, commits, new ones
using busy = windowed<std::string, std::uint64_t>;

TEST_F(github_windows, kinds_pushes_and_busy_people) {
  collect_sink<windowed<std::string, std::uint64_t>> kinds;
  collect_sink<windowed<int, pushed>> pushes;
  collect_sink<busy> people;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("repositories");
    const auto all =
        builder.spout("events", file::json_spout<repository_event>{data_file("events/github_events_20210721.jsonl")})
            .event_time(&repository_event::at, {.bound = 4s});
    all.key_by(&repository_event::type)
        .window(tumbling{10min})
        .count("kinds", {.parallelism = parallelism})
        .to("kinds.rows", kinds);
    all.filter("pushes", [](const repository_event& e) { return e.type == "PushEvent"; })
        .key_by(everything<repository_event>)
        .window(tumbling{10min})
        .aggregate("pushed", all_of{count<repository_event>{}, sum{commits}, sum{new_commits}})
        .to("pushed.rows", pushes);
    all.key_by(login)
        .window(sessions{gap})
        .count("people", {.parallelism = parallelism})
        .filter("busy", [](const busy& b) { return b.value >= 2; }, {.parallelism = parallelism})
        .to("people.rows", people);
    return builder.build();
  };
  on_both_engines(
      {.build = build,
       .may_throw = {"events.event_time", "kinds", "pushes", "pushed", "people", "busy"},
       .few_rows = true},
      [&] {
        EXPECT_TRUE(same_rows(read_answer("github__type_per_10m"), by_start_and_key(kinds.take())));
        EXPECT_TRUE(same_rows(read_answer("github__push_commits_per_10m"), by_start(pushes.take())));
        EXPECT_TRUE(same_rows(read_answer("github__actor_sessions_5m_ge2"), by_session(people.take(), gap)));
      });
}

}  // namespace
}  // namespace freshet::conformance
