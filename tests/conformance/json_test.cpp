// Files of JSON lines read into structs: the queries of json_lines_test.cpp once more, and edits of an encyclopedia.
#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "conformance/funnel.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/top_counts.hpp"
#include "freshet/connect/file/json_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class json : public shared_data {};

// --- funnel: objects in arrays in objects ---

struct shop_event {
  static constexpr std::string_view field_names[] = {"aid", "type"};
  std::int64_t item = 0;
  std::string type;
};
struct visit {
  static constexpr std::string_view field_names[] = {"session", "events"};
  std::int64_t session = 0;
  std::vector<shop_event> events;
};
void steps_of(const visit& v, emitter<shop_step>& out) {
  for (const auto& e : v.events) out.emit({v.session, e.item, e.type});
}

TEST_F(json, from_click_to_cart_to_order) {
  collect_sink<keyed<std::string, std::uint64_t>> stages;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("funnel");
    count_stages(builder.spout("visits", file::json_spout<visit>{data_file("clickstream/otto_sessions.jsonl")})
                     .flat_map("steps", steps_of),
                 parallelism, stages);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"steps", "follow", "count"}, .few_rows = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("otto__funnel"), last_rows(stages.take()))); });
}

// --- top repositories: what is wanted is a member of a member ---

struct named {
  static constexpr std::string_view field_names[] = {"name"};
  std::string name;
};
struct repository_event {
  static constexpr std::string_view field_names[] = {"repo"};
  named repository;
};

TEST_F(json, the_twenty_busiest_repositories) {
  collect_sink<ranked<std::string>> ranking;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busiest repositories");
    builder.spout("events", file::json_spout<repository_event>{data_file("events/github_events_20210721.jsonl")})
        .shuffle()
        .map("repository", [](const repository_event& e) { return e.repository.name; }, {.parallelism = parallelism})
        .key_by(std::identity{})
        .count("count", {.parallelism = parallelism})
        .global()
        .process("rank", top_counts<std::string>{20})
        .to("rows", ranking);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"repository", "count", "rank"}, .few_rows = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("github__top20_repos"), last_rows(ranking.take()))); });
}

// --- edits: nulls, times, and numbers that not every line has ---

struct edit {
  event_time at{};
  std::string page;
  bool robot = false;
  std::int64_t delta = 0;
  std::optional<std::string> country;
};

TEST_F(json, edits_by_names_that_are_given) {
  const file::json_spout<edit> edits{data_file("events/wikiticker_20150912_part1.jsonl"),
                                     {.fields = {"time", "page", "isRobot", "delta", "countryName"}}};
  collect_sink<edit> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("edits");
    builder.spout("edits", edits)
        .filter("keep", [](const edit&) { return true; })
        .shuffle()
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"keep"}}, [&] {
    const auto all = found.take();
    EXPECT_EQ(all.size(), 6000u);
    const event_time at{std::chrono::milliseconds{1442018818771}};
    const auto first = std::find_if(all.begin(), all.end(), [&](auto& e) { return e.at == at; });
    ASSERT_NE(first, all.end());
    EXPECT_EQ(first->page, "Talk:Oswald Tilghman");
    EXPECT_EQ(first->delta, 36);
    EXPECT_EQ(first->country, std::nullopt);
  });
}

}  // namespace
}  // namespace freshet::conformance
