// An access log whose lines are out of order by up to a minute: requests in windows, visits, bursts of errors, and what
// is late for a watermark that doesn't wait so long.
#include <chrono>
#include <optional>

#include "conformance/access_log.hpp"
#include "conformance/expected_rows.hpp"
#include "conformance/late_counts.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/file/text_value.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class apache_windows : public shared_data {};

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

/// With the watermark so far behind the latest line; by default nothing is late.
stream<request> requests(stream_builder& builder, event_span bound = 59s) {
  return builder.spout("lines", file::line_spout{data_file("weblog/apache_access.log")})
      .flat_map("parse", parse)
      .event_time(&request::at, {.bound = bound});
}

// --- traffic ---

int is_client_error(const request& r) { return r.status / 100 == 4; }
int is_server_error(const request& r) { return r.status / 100 == 5; }

using traffic = std::tuple<std::uint64_t, std::int64_t>;  // requests, bytes
using health = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::int64_t, std::uint64_t>;

TEST_F(apache_windows, traffic_by_hour) {
  collect_sink<windowed<int, health>> hours;
  const auto build = [&](std::size_t) {
    stream_builder builder("traffic");
    requests(builder)
        .key_by(everything<request>)
        .window(tumbling{1h})
        .aggregate("hours", all_of{count<request>{}, sum{&request::bytes}, sum{is_client_error}, sum{is_server_error},
                                   distinct{&request::client}})
        .to("rows", hours);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "hours"}, .may_be_replayed = {"hours"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("apache__tumble_1h"), by_start(hours.take()))); });
}

TEST_F(apache_windows, traffic_of_an_hour_every_quarter) {
  collect_sink<windowed<int, traffic>> hours;
  const auto build = [&](std::size_t) {
    stream_builder builder("traffic");
    requests(builder)
        .key_by(everything<request>)
        .window(hopping{1h, 15min})
        .aggregate("hours", all_of{count<request>{}, sum{&request::bytes}})
        .to("rows", hours);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "hours"}, .may_be_replayed = {"hours"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("apache__hop_1h_15m"), by_start(hours.take()))); });
}

// --- clients ---

TEST_F(apache_windows, visits) {
  // Sessions judge each line by its own time: one exactly at the bound would be late.
  constexpr event_span bound = 1min, gap = 30min;
  collect_sink<windowed<std::string, traffic>> visits;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("visits");
    requests(builder, bound)
        .key_by(&request::client)
        .window(sessions{gap})
        .aggregate("visits", all_of{count<request>{}, sum{&request::bytes}}, {.parallelism = parallelism})
        .to("rows", visits);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {"parse", clock, "visits"}, .may_be_replayed = {"visits"}, .small_batches = true},
      [&] { EXPECT_TRUE(same_rows(read_answer("apache__sessions_30m"), by_session(visits.take(), gap))); });
}

TEST_F(apache_windows, bursts_of_errors) {
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
  on_both_engines(
      {.build = build,
       .may_throw = {"parse", clock, "errors", "bursts", "five"},
       .may_be_replayed = {"errors", "bursts", "five"}},
      [&] { EXPECT_TRUE(same_rows(read_answer("apache__error_bursts"), by_start_and_key(bursts.take()))); });
}

// --- pages ---

using page_count = windowed<std::string, std::uint64_t>;

TEST_F(apache_windows, the_ten_busiest_pages_of_six_hours) {
  collect_sink<windowed<int, std::vector<page_count>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busiest pages");
    requests(builder)
        .key_by(&request::url)
        .window(tumbling{6h})
        .count("count", {.parallelism = parallelism})
        .key_by(everything<page_count>)
        .window(tumbling{6h})
        .aggregate("top", top_k{10, by_value<std::string, std::uint64_t>})
        .to("rows", top);
    return builder.build();
  };
  on_both_engines({.build = build,
                   .may_throw = {"parse", clock, "count", "top"},
                   .may_be_replayed = {"count", "top"},
                   .small_batches = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("apache__top10_urls_6h"), by_rank(top.take()))); });
}

// --- what is late ---

TEST_F(apache_windows, requests_on_time_for_a_bound_of_ten_seconds) {
  collect_sink<windowed<int, std::uint64_t>> on_time;
  const auto build = [&](std::size_t) {
    stream_builder builder("on time");
    requests(builder, 10s).key_by(everything<request>).window(tumbling{10s}).count("count").to("rows", on_time);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "count"}, .may_be_replayed = {"count"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("apache__watermark_10s_bound10s"), by_start(on_time.take())));
  });
}

class apache_bound : public apache_windows, public ::testing::WithParamInterface<std::chrono::seconds> {};
INSTANTIATE_TEST_SUITE_P(, apache_bound, ::testing::Values(0s, 5s, 10s, 30s, 49s, 59s),
                         [](const auto& bound) { return std::to_string(bound.param.count()) + "s"; });

TEST_P(apache_bound, finds_what_is_late) {
  const event_span bound = GetParam();
  late_counts<request, std::string> short_ones(10s), minutes(1min);
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("late requests");
    const auto all = requests(builder, bound);
    short_ones.count(all, &request::client, "short", parallelism);
    minutes.count(all, &request::client, "minutes", parallelism);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "short", "minutes"}, .in_brief = true}, [&] {
    const std::vector<row> found{short_ones.take(bound), minutes.take(bound)};
    EXPECT_TRUE(same_rows(of_bound(read_answer("apache__watermark_drops"), bound), found));
  });
}

}  // namespace
}  // namespace freshet::conformance
