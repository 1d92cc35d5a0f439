// An access log with one damaged line, which goes to a side output.
#include <algorithm>
#include <optional>
#include <string_view>

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

struct request {
  std::string client, time, line, status, bytes, referrer, agent;
};
struct malformed_line {
  std::int64_t number = 0;  // from 1
  std::string text;
};
struct malformed : side_output<malformed_line, "malformed"> {};

/// Takes a line of the combined format apart, from left to right.
class combined_format {
 public:
  explicit combined_format(std::string_view line) : rest_(line) {}

  std::optional<request> parse() {
    request r;
    std::string name;
    const bool whole = word(r.client) && word(name) && word(name) && between('[', ']', r.time) && quoted(r.line) &&
                       word(r.status) && word(r.bytes) && quoted(r.referrer) && quoted(r.agent) && rest_.empty();
    if (!whole || !digits(r.status) || !(r.bytes == "-" || digits(r.bytes))) return std::nullopt;
    return r;
  }

 private:
  static bool digits(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  }
  /// The next `size` characters, and the blank behind them.
  bool take(std::size_t size, std::string& into) {
    into = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return !into.empty();
  }
  bool word(std::string& into) { return take(std::min(rest_.find(' '), rest_.size()), into); }
  bool between(char open, char close, std::string& into) {
    const auto end = rest_.find(close, 1);
    if (!rest_.starts_with(open) || end == std::string_view::npos) return false;
    return take(end + 1, into);
  }
  /// A quote behind a backslash doesn't end it.
  bool quoted(std::string& into) {
    if (!rest_.starts_with('"')) return false;
    auto end = std::size_t{1};
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    return end < rest_.size() && take(end + 1, into);
  }

  std::string_view rest_;
};

struct parse {
  void process(const numbered_line& line, emitter<request, malformed>& out) {
    if (auto r = combined_format(line.text).parse()) out.emit(std::move(*r));
    else out.emit<malformed>({line.number + 1, line.text});
  }
};

struct sinks {
  collect_sink<request> good;
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
