#include "freshet/core/topology.hpp"

#include <gtest/gtest.h>

#include <boost/json/src.hpp>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

namespace json = boost::json;

struct malformed : side_output<std::string, "mal\"formed"> {};
struct parse {
  void process(const std::string& line, emitter<int, malformed>& out) { out.emit<malformed>(line); }
};
struct sum {
  using state = std::uint64_t;
  void process(const int&, state&, emitter<std::uint64_t>&) {}
};

/// Each edge has transferred 100 * node + input.
class numbered final : public edge_counts {
 public:
  std::uint64_t transferred(std::size_t node, std::size_t input) const override { return 100 * node + input; }
};

topology sample() {
  topology_builder b{"sample"};
  const auto lines = b.spout("lines", vector_spout<std::string>{{}}, {.parallelism = 2});
  const auto numbers = b.bolt("parse", parse{}, {.parallelism = 2, .on_failure = on_failure::skip}).input(lines);
  const auto sums =
      b.bolt("sum", sum{}, {.parallelism = 3}).input(numbers, key_grouping{[](int n) { return std::to_string(n); }});
  (void)b.sink("print", [](std::uint64_t) {}).input(sums, global_grouping{});
  (void)b.sink("bad", [](const std::string&) {}).input(merge(numbers.side<malformed>(), lines));
  (void)b.sink("dead", [](const dead_letter&) {}).input(b.dead_letters());
  return b.build();
}

/// Names that break what doesn't escape them: quotes, line ends, control characters, Markdown, no UTF-8.
const std::vector<std::string> nasty = {
    "quo\"te",    "back\\slash",  "line\nend",    "tab\tand\rreturn", "bell\x07",          "<b>&amp;|#`",
    "größer ≥ 𝄞", "\xff\xc0\xaf", "ends with \\", "]) --> n1",        "-- }\" [label=x];",
};
topology nastily_named() {
  topology_builder b{"na\"me\n"};
  auto last = stream_ref<int>(b.spout("spout", vector_spout<int>{{}}));
  for (const auto& name : nasty) last = b.bolt(name, [](const int& n) { return n; }).input(last);
  return b.build();
}

TEST(describe, says_it_in_text) {
  auto text = sample().describe();
  EXPECT_EQ(text.substr(0, text.find("\n  sink")),
            "topology \"sample\"\n"
            "  spout \"lines\": freshet::vector_spout<std::string>, parallelism 2\n"
            "  bolt \"parse\": freshet::parse, parallelism 2\n"
            "    <- \"lines\", forward, std::string\n"
            "  bolt \"sum\": freshet::sum, parallelism 3, state std::uint64_t by std::string\n"
            "    <- \"parse\", key, int");
  EXPECT_NE(text.find("    <- \"parse\" side \"mal\\\"formed\", forward, std::string\n    <- \"lines\", forward"),
            std::string::npos);
  EXPECT_NE(text.find("    <- dead letters, forward, freshet::dead_letter\n"), std::string::npos);
}

TEST(describe, puts_counts_on_the_edges) {
  const numbered counts;
  const auto graph = sample();
  EXPECT_NE(graph.describe(describe_format::text, &counts).find("\"parse\", key, int, 200 tuples\n"),
            std::string::npos);
  EXPECT_NE(graph.describe(describe_format::dot, &counts).find("n1 -> n2 [label=\"key\\nint\\n200\"]"),
            std::string::npos);
  EXPECT_NE(graph.describe(describe_format::mermaid, &counts).find("n1 -->|\"key<br/>int<br/>200\"| n2"),
            std::string::npos);
  const auto parsed = json::parse(graph.describe(describe_format::json, &counts));
  EXPECT_EQ(parsed.at("nodes").at(4).at("inputs").at(1).at("transferred"), 401);
  EXPECT_EQ(graph.describe(describe_format::json).find("transferred"), std::string::npos);
}

TEST(describe, json_has_the_members_of_its_schema) {
  const auto graph = json::parse(sample().describe(describe_format::json));
  EXPECT_EQ(graph.at("topology"), "sample");
  const auto& nodes = graph.at("nodes").as_array();
  ASSERT_EQ(nodes.size(), 6u);
  const auto& sums = nodes[2];
  EXPECT_EQ(sums.at("name"), "sum");
  EXPECT_EQ(sums.at("kind"), "bolt");
  EXPECT_EQ(sums.at("parallelism"), 3);
  EXPECT_EQ(sums.at("key_groups"), 128);
  EXPECT_EQ(sums.at("key"), "std::string");
  EXPECT_EQ(sums.at("state"), "std::uint64_t");
  EXPECT_EQ(sums.at("on_failure"), "dead_letter");
  EXPECT_EQ(sums.at("inputs").at(0).at("from"), "parse");
  EXPECT_EQ(sums.at("inputs").at(0).at("grouping"), "key");
  EXPECT_EQ(sums.at("inputs").at(0).at("type"), "int");
  EXPECT_EQ(sums.at("outputs").at(0).at("type"), "std::uint64_t");
  EXPECT_EQ(nodes[1].at("on_failure"), "skip");
  EXPECT_TRUE(nodes[1].at("key").is_null());
  EXPECT_FALSE(nodes[1].as_object().contains("key_groups"));
  EXPECT_EQ(nodes[1].at("outputs").at(1).at("name"), "mal\"formed");
  EXPECT_EQ(nodes[4].at("inputs").at(0).at("output"), "mal\"formed");
  EXPECT_EQ(nodes[3].at("outputs").as_array().size(), 0u);
  EXPECT_TRUE(nodes[5].at("inputs").at(0).at("from").is_null());
}

/// The parser is strict: no control characters in strings, only valid UTF-8.
TEST(describe, json_keeps_every_name) {
  const auto graph = json::parse(nastily_named().describe(describe_format::json));
  EXPECT_EQ(graph.at("topology"), "na\"me\n");
  for (std::size_t i = 0; i < nasty.size(); ++i) {
    const std::string name(graph.at("nodes").at(i + 1).at("name").as_string());
    if (nasty[i][0] == '\xff') EXPECT_EQ(name, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    else EXPECT_EQ(name, nasty[i]);
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    all.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

/// One line a node and edge; between the quotes of a label every quote has a backslash before it, and every backslash
/// one of what Graphviz knows behind it.
TEST(describe, dot_quotes_every_name) {
  const auto lines = lines_of(nastily_named().describe(describe_format::dot));
  ASSERT_EQ(lines.size(), 3 + 12 + 11 + 1u);
  EXPECT_EQ(lines[0], "digraph \"na\\\"me\\n\" {");
  for (std::size_t i = 3; i + 1 < lines.size(); ++i) {
    const auto& line = lines[i];
    bool inside = false;
    for (std::size_t k = 0; k < line.size(); ++k) {
      EXPECT_GE(static_cast<unsigned char>(line[k]), 0x20) << line;
      if (line[k] == '\\') {
        ASSERT_TRUE(inside) << line;
        ASSERT_NE(std::string_view("\"\\n").find(line[++k]), std::string_view::npos) << line;
      } else if (line[k] == '"') {
        inside = !inside;
      }
    }
    EXPECT_FALSE(inside) << line;
    EXPECT_TRUE(line.ends_with("];")) << line;
  }
}

/// One line a node and edge, and nothing inside a label's quotes that could end it or be taken for markup.
TEST(describe, mermaid_quotes_every_name) {
  const auto lines = lines_of(nastily_named().describe(describe_format::mermaid));
  ASSERT_EQ(lines.size(), 1 + 12 + 11u);
  EXPECT_EQ(lines[0], "flowchart LR");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto open = lines[i].find('"'), close = lines[i].rfind('"');
    auto label = lines[i].substr(open + 1, close - open - 1);
    for (auto at = label.find("<br/>"); at != std::string::npos; at = label.find("<br/>")) label.replace(at, 5, " ");
    EXPECT_EQ(label.find_first_of("\"<>|`\n\t"), std::string::npos) << lines[i];
  }
}

TEST(describe, an_empty_line_of_a_picture_is_left_out) {
  topology_builder b{"x"};
  b.spout("only", vector_spout<int>{{}});
  EXPECT_EQ(b.build().describe(describe_format::mermaid),
            "flowchart LR\n  n0([\"only<br/>freshet::vector_spout#60;int#62;\"])\n");
}

}  // namespace
}  // namespace freshet
