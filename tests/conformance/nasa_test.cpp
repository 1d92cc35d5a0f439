// A day of requests to a web server, in order of time: traffic, visits, answers and pages.
#include <chrono>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class nasa : public shared_data {};

struct request {
  std::string host;
  event_time at{};
  std::string url;
  int response = 0;
  std::int64_t bytes = 0;
};
const std::string clock = "requests.event_time";

/// Times never go back, but repeat.
stream<request> requests(stream_builder& builder) {
  const file::csv_options options{
      .columns = {"host", "time", "url", "response", "bytes"}, .separator = '\t', .times = {"%s"}};
  return builder.spout("requests", file::csv_spout<request>{data_file("weblog/nasa_19950801.tsv"), options})
      .event_time(&request::at, ascending{});
}

using traffic = std::tuple<std::uint64_t, std::int64_t>;  // requests, bytes

TEST_F(nasa, traffic_and_answers) {
  collect_sink<windowed<whole_stream, traffic>> minutes;
  collect_sink<windowed<int, std::uint64_t>> answers;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("traffic");
    const auto all = requests(builder);
    all.window(tumbling{5min})
        .aggregate("minutes", all_of{count<request>{}, sum{&request::bytes}})
        .to("minutes.rows", minutes);
    all.key_by(&request::response)
        .window(tumbling{1h})
        .count("answers", {.parallelism = parallelism})
        .to("answers.rows", answers);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "minutes", "answers"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "nasa__tumble_5m", by_start(minutes.take()), {.keys = 1}));
    EXPECT_TRUE(as_promised(how, "nasa__status_1h", by_start_and_key(answers.take()), {.keys = 2}));
  });
}

using page_count = windowed<std::string, std::uint64_t>;

TEST_F(nasa, the_ten_busiest_pages_of_each_hour) {
  collect_sink<windowed<whole_stream, std::vector<page_count>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busiest pages");
    requests(builder)
        .key_by(&request::url)
        .window(tumbling{1h})
        .count("count", {.parallelism = parallelism})
        .window(tumbling{1h})
        .top_n("top", 10, by_value<std::string, std::uint64_t>)
        .to("rows", top);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "count", "top"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "nasa__top10_urls_1h", by_rank(top.take()))); });
}

// --- visits ---

using visit = windowed<std::string, traffic>;
std::uint64_t requests_of(const visit& v) { return std::get<0>(v.value); }
/// The longest first, ties by host, then by time.
auto by_length(const visit& v) {
  return std::tuple{requests_of(v), descending<std::string>{v.key}, descending<event_time>{v.window.start}};
}

constexpr event_span gap = 30min;

TEST_F(nasa, how_long_visits_are) {
  collect_sink<keyed<std::uint64_t, std::uint64_t>> lengths;
  collect_sink<windowed<whole_stream, std::vector<visit>>> longest;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("visits");
    const auto visits =
        requests(builder)
            .key_by(&request::host)
            .window(sessions{gap})
            .aggregate("visits", all_of{count<request>{}, sum{&request::bytes}}, {.parallelism = parallelism});
    visits.key_by(requests_of)
        .combine()
        .count("lengths", {.parallelism = parallelism})
        .to("lengths.rows", lengths, {.parallelism = parallelism});
    visits.window(global_windows{}).top_n("longest", 200, by_length).to("longest.rows", longest);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "visits", "lengths", "longest"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "nasa__sessions_30m_hist", last_rows(lengths.take()), {.keys = 1}));
    const auto results = longest.take();
    ASSERT_EQ(results.size(), 1u);
    EXPECT_TRUE(as_promised(how, "nasa__sessions_30m_top200", by_session(results[0].value, gap)));
  });
}

}  // namespace
}  // namespace freshet::conformance
