// An access log with one damaged line, which goes to a side output.
#include "conformance/access_log.hpp"
#include "conformance/expected_rows.hpp"
#include "conformance/number_lines.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet::conformance {
namespace {

class apache : public shared_data {};

struct malformed_line {
  std::int64_t number = 0;  // from 1
  std::string text;
};
struct malformed : side_output<malformed_line, "malformed"> {};

struct parse {
  void process(const numbered_line& line, emitter<log_line, malformed>& out) {
    if (auto r = parse_combined(line.text)) out.emit(std::move(*r));
    else out.emit<malformed>({line.number + 1, line.text});
  }
};

struct sinks {
  collect_sink<log_line> good;
  collect_sink<malformed_line> bad;
};
query parse_log(const sinks& to) {
  const auto build = [to](std::size_t parallelism) {
    topology_builder builder("parse log");
    auto lines = builder.spout("lines", file::line_spout{data_file("weblog/apache_access.log")});
    auto numbered = builder.bolt("number", number_lines{}).input(lines, global_grouping{});
    auto requests = builder.bolt("parse", parse{}, {.parallelism = parallelism}).input(numbered, shuffle_grouping{});
    builder.sink("requests", to.good, {.parallelism = parallelism}).input(requests);
    builder.sink("malformed", to.bad).input(requests.side<malformed>(), global_grouping{});
    return builder.build();
  };
  return {.build = build, .may_throw = {"number", "parse"}};
}

TEST_F(apache, the_malformed_line_goes_to_the_side_output) {
  sinks to;
  on_both_engines(parse_log(to), [&] {
    EXPECT_TRUE(same_rows(read_answer("apache__malformed"), to.bad.take()));
    EXPECT_EQ(to.good.take().size(), 9'999u);
  });
}

TEST_F(apache, replays_lose_no_line) {
  sinks to;
  const std::string text = read_answer("apache__malformed").rows.at(0).at(1);
  with_replays(parse_log(to), [&] {
    const auto bad = to.bad.take();
    EXPECT_FALSE(bad.empty());
    for (const auto& line : bad) EXPECT_EQ(line.text, text);  // its number may be another after a replay
    EXPECT_GE(to.good.take().size(), 9'999u);
  });
}

}  // namespace
}  // namespace freshet::conformance
