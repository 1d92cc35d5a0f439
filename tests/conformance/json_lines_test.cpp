// Two files of JSON lines: a funnel from click to order, and the repositories where most happened. What is needed of a
// line is found by its surroundings.
#include <functional>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/funnel.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/top_counts.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class otto : public shared_data {};
class github : public shared_data {};

/// What stands between the next `before` and the `after` that follows it; `rest` then begins there. Empty: not found.
std::string_view between(std::string_view& rest, std::string_view before, std::string_view after) {
  const auto at = rest.find(before);
  if (at == std::string_view::npos) return {};
  rest.remove_prefix(at + before.size());
  const auto found = rest.substr(0, rest.find(after));
  rest.remove_prefix(found.size());
  return found;
}

// --- funnel ---

void events_of(const std::string& line, emitter<shop_step>& out) {
  std::string_view rest = line;
  const auto session = number(between(rest, "{\"session\":", ","));
  for (std::string_view item; !(item = between(rest, "{\"aid\":", ",")).empty();)
    out.emit({session, number(item), std::string(between(rest, "\"type\":\"", "\""))});
}

TEST_F(otto, from_click_to_cart_to_order) {
  collect_sink<keyed<std::string, std::uint64_t>> stages;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("funnel");
    count_stages(builder.spout("lines", file::line_spout{data_file("clickstream/otto_sessions.jsonl")})
                     .flat_map("events", events_of),
                 parallelism, stages);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"events", "follow", "count"}, .few_rows = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("otto__funnel"), last_rows(stages.take()))); });
}

// --- top repositories ---

std::string repository(const std::string& line) {
  std::string_view rest = line;
  between(rest, "\"repo\":{", "\"");  // the event's own, before those in its payload
  return std::string(between(rest, "\"name\":\"", "\""));
}

TEST_F(github, the_twenty_busiest_repositories) {
  collect_sink<ranked<std::string>> ranking;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busiest repositories");
    builder.spout("lines", file::line_spout{data_file("events/github_events_20210721.jsonl")})
        .shuffle()
        .map("repository", repository, {.parallelism = parallelism})
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

}  // namespace
}  // namespace freshet::conformance
