// An access log whose lines are out of order by up to a minute, and one of which is damaged: requests in windows,
// visits, bursts of errors, pages, and what is late for a watermark that doesn't wait so long.
#include <chrono>
#include <optional>

#include "conformance/access_log.hpp"
#include "conformance/expected_rows.hpp"
#include "conformance/late_counts.hpp"
#include "conformance/numbered_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/file/text_value.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/generator_spout.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class apache : public shared_data {};

// --- the damaged line ---

struct numbered_line {
  std::int64_t number = 0;  // from 1
  std::string text;
};
struct malformed : side_output<numbered_line, "malformed"> {};

struct parse_line {
  void process(const numbered_line& line, emitter<log_line, malformed>& out) {
    if (auto r = parse_combined(line.text)) out.emit(std::move(*r));
    else out.emit<malformed>(line);
  }
};

TEST_F(apache, the_malformed_line_goes_to_the_side_output) {
  collect_sink<log_line> good;
  collect_sink<numbered_line> bad;
  const auto numbered = [](std::int64_t n, const std::string& text) { return numbered_line{n + 1, text}; };
  const auto lines = numbered_rows("weblog/apache_access.log", header::none, numbered);
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("parse log");
    const auto parsed =
        builder.spout("lines", lines).shuffle().process("parse", parse_line{}, {.parallelism = parallelism});
    parsed.to("good", good, {.parallelism = parallelism});
    parsed.side<malformed>().to("bad", bad);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "apache__malformed", bad.take()));
    EXPECT_EQ(good.take().size(), 9'999u);
  });
}

// --- requests ---

struct request {
  event_time at{};
  std::string client, url;
  int status = 0;
  std::int64_t bytes = 0;
};
std::optional<request> parse(const std::string& line) {
  static const file::time_formats format{"[%d/%b/%Y:%H:%M:%S %z]"};
  const auto l = parse_combined(line);
  if (!l) return std::nullopt;
  request r{{}, l->client, {}, number<int>(l->status), l->bytes == "-" ? 0 : number(l->bytes)};
  const auto words = split_blanks(l->request);
  if (words.size() > 1) r.url = words[1];
  if (!file::read_text(l->time, r.at, format)) throw std::invalid_argument("not a time: " + l->time);
  return r;
}
const std::string clock = "parse.event_time";

/// With the watermark so far behind the latest line that nothing is late.
stream<request> requests(stream_builder& builder) {
  return builder.spout("lines", file::line_spout{data_file("weblog/apache_access.log")})
      .flat_map("parse", parse)
      .event_time(&request::at, {.bound = 59s});
}

// --- traffic ---

int is_client_error(const request& r) { return r.status / 100 == 4; }
int is_server_error(const request& r) { return r.status / 100 == 5; }

using traffic = std::tuple<std::uint64_t, std::int64_t>;  // requests, bytes
using health = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::int64_t, std::uint64_t>;

TEST_F(apache, traffic_by_hour) {
  collect_sink<windowed<whole_stream, health>> hours;
  collect_sink<windowed<whole_stream, traffic>> quarters;
  const auto build = [&](std::size_t) {
    stream_builder builder("traffic");
    const auto all = requests(builder);
    all.window(tumbling{1h})
        .aggregate("hours", all_of{count<request>{}, sum{&request::bytes}, sum{is_client_error}, sum{is_server_error},
                                   distinct{&request::client}})
        .to("hours.rows", hours);
    all.window(hopping{1h, 15min})
        .aggregate("quarters", all_of{count<request>{}, sum{&request::bytes}})
        .to("quarters.rows", quarters);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "hours", "quarters"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "apache__tumble_1h", by_start(hours.take()), {.keys = 1}));
    EXPECT_TRUE(as_promised(how, "apache__hop_1h_15m", by_start(quarters.take()), {.keys = 1}));
  });
}

// --- clients ---

/// The log comes in four partitions, each with a clock of its own, of which each task of the spout reads some.
stream<request> requests_of_partitions(stream_builder& builder, event_span bound, std::size_t parallelism) {
  static const auto lines = [] {
    std::ifstream file(data_file("weblog/apache_access.log"));
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return std::make_shared<const std::vector<std::string>>(std::move(all));
  }();
  const auto line = [lines = lines](std::uint64_t i) { return (*lines)[i]; };
  return builder
      .spout("lines", generator_spout{line, {.count = lines->size(), .partitions = 4}}, {.parallelism = parallelism})
      .flat_map("parse", parse, {.parallelism = parallelism})
      .event_time(&request::at, {.bound = bound});
}

TEST_F(apache, visits) {
  // Sessions judge each line by its own time: one exactly at the bound would be late.
  constexpr event_span bound = 1min, gap = 30min;
  collect_sink<windowed<std::string, traffic>> visits;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("visits");
    requests_of_partitions(builder, bound, parallelism)
        .key_by(&request::client)
        .window(sessions{gap})
        .aggregate("visits", all_of{count<request>{}, sum{&request::bytes}}, {.parallelism = parallelism})
        .to("rows", visits);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "visits"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "apache__sessions_30m", by_session(visits.take(), gap)));
  });
}

TEST_F(apache, bursts_of_errors) {
  using burst = windowed<std::string, std::uint64_t>;
  collect_sink<burst> bursts;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("bursts");
    requests(builder)
        .filter("errors", [](const request& r) { return r.status >= 400; })
        .key_by(&request::client)
        .window(hopping{10min, 1min})
        .count("bursts", {.parallelism = parallelism})
        .filter("five", [](const burst& b) { return b.value >= 5; }, {.parallelism = parallelism})
        .to("rows", bursts);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "errors", "bursts", "five"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "apache__error_bursts", by_start_and_key(bursts.take())));
  });
}

// --- pages ---

using page_count = windowed<std::string, std::uint64_t>;

TEST_F(apache, the_ten_busiest_pages_of_six_hours) {
  collect_sink<windowed<whole_stream, std::vector<page_count>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busiest pages");
    requests(builder)
        .key_by(&request::url)
        .window(tumbling{6h})
        .count("count", {.parallelism = parallelism})
        .window(tumbling{6h})
        .top_n("top", 10, by_value<std::string, std::uint64_t>)
        .to("rows", top);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "count", "top"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "apache__top10_urls_6h", by_rank(top.take()))); });
}

// --- what is late ---

TEST_F(apache, what_is_late) {
  late_counts<request, std::string> late({10s, 1min}, {0s, 5s, 10s, 30s, 49s, 59s});
  const auto parse_row = [](std::int64_t, const std::string& line) { return parse(line); };
  check_watermark_drops("late requests", late, numbered_rows("weblog/apache_access.log", header::none, parse_row),
                        &request::at, &request::client, 10s, 10s, "apache__watermark_drops",
                        "apache__watermark_10s_bound10s");
}

}  // namespace
}  // namespace freshet::conformance
