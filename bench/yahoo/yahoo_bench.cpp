// The Yahoo Streaming Benchmark (Chintapalli and others, "Benchmarking Streaming Computation Engines", 2016), without
// Kafka and Redis around it: of the events of ads those that are views; of these ad and time; the ad's campaign, of
// which there are a hundred with ten ads each; and how many views each campaign has in windows of ten seconds. The
// campaigns are a map that each task has, as in the original's later versions, or a table that is a stream
// (join_table). `of_hand`: events/s against those of yahoo/hand, one loop on one core, in the same run; the making of
// the events is in all of them. All answers are compared.
#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/generator_spout.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::yahoo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t events = 5'000'000, campaigns = 100, ads = 1000, events_per_ms = 100;
constexpr tumbling ten_seconds{10s};

enum class event_type : std::uint8_t { view, click, purchase };
struct ad_event {
  std::uint64_t user = 0, page = 0, ad = 0;
  std::uint8_t ad_type = 0;
  event_type type = event_type::view;
  event_time at{};
};
struct ad_view {
  std::uint64_t ad = 0;
  event_time at{};
};
/// A row of the table.
struct ad_of_campaign {
  std::uint64_t ad = 0;
  std::uint32_t campaign = 0;
  event_time from{};
};

std::uint64_t ad_id(std::uint64_t n) { return mix64(n + 1'000'000); }
ad_event event_at(std::uint64_t n) {
  const auto draw = mix64(n);
  return {.user = draw % 100'000,
          .page = (draw >> 17) % 100'000,
          .ad = ad_id((draw >> 34) % ads),
          .ad_type = static_cast<std::uint8_t>((draw >> 50) % 5),
          .type = static_cast<event_type>((draw >> 55) % 3),
          .at = event_time{event_span{static_cast<std::int64_t>(n / events_per_ms)}}};
}
std::vector<ad_of_campaign> table() {
  std::vector<ad_of_campaign> all;
  for (std::uint64_t n = 0; n < ads; ++n)
    all.push_back({ad_id(n), static_cast<std::uint32_t>(n % campaigns), event_time{event_span{0}}});
  return all;
}
using campaign_map = boost::unordered_flat_map<std::uint64_t, std::uint32_t>;
campaign_map campaign_of_ad() {
  campaign_map all;
  for (const auto& row : table()) all.emplace(row.ad, row.campaign);
  return all;
}

/// What the answers have in common: a sum over all rows.
struct answer {
  std::uint64_t rows = 0, views = 0, sum = 0;
  void add(std::uint32_t campaign, event_time start, std::uint64_t count) {
    ++rows;
    views += count;
    sum += mix64(campaign * 1'000'003u + static_cast<std::uint64_t>(start.time_since_epoch().count())) * count;
  }
  bool operator==(const answer&) const = default;
};

answer by_hand() {
  const auto campaign_of = campaign_of_ad();
  std::vector<std::uint64_t> counts(campaigns);
  answer all;
  window open = window_of(ten_seconds, event_at(0).at);
  const auto close = [&] {
    for (std::uint32_t c = 0; c < campaigns; ++c)
      if (counts[c] != 0) all.add(c, open.start, std::exchange(counts[c], 0));
  };
  for (std::uint64_t n = 0; n < events; ++n) {
    const ad_event e = event_at(n);
    benchmark::DoNotOptimize(e);  // made whole, as a spout makes it
    if (e.type != event_type::view) continue;
    if (e.at >= open.end) {
      close();
      open = window_of(ten_seconds, e.at);
    }
    ++counts[campaign_of.find(e.ad)->second];
  }
  close();
  return all;
}

using campaign_count = windowed<std::uint32_t, std::uint64_t>;

/// Ends in one sink, which is one task.
topology graph_of(bool with_table, std::size_t parallelism, answer& all) {
  const bolt_options wide{.parallelism = parallelism};
  stream_builder b{"yahoo"};
  const auto views = b.spout("events", generator_spout{event_at, {.count = events}}, {.parallelism = parallelism})
                         .filter(
                             "views", [](const ad_event& e) { return e.type == event_type::view; }, wide)
                         .map(
                             "projected",
                             [](const ad_event& e) {
                               return ad_view{e.ad, e.at};
                             },
                             wide)
                         .event_time(&ad_view::at, {.bound = 1ms});
  const auto from_table = [&] {
    return views.key_by(&ad_view::ad)
        .join_table("campaign of ad",
                    b.spout("ads", vector_spout<ad_of_campaign>{table()})
                        .event_time(&ad_of_campaign::from, {.bound = 1ms})
                        .key_by(&ad_of_campaign::ad),
                    [](const ad_view&, const ad_of_campaign& row) { return row.campaign; },
                    {.parallelism = parallelism});
  };
  const auto from_map = [&] {
    const auto look_up = [map = campaign_of_ad()](const ad_view& v) { return map.find(v.ad)->second; };
    return views.map("campaign of ad", look_up, wide);
  };
  (with_table ? from_table() : from_map())
      .key_by([](std::uint32_t campaign) { return campaign; })
      .window(ten_seconds)
      .count("counts", wide)
      .to("answer", [&all](const campaign_count& c) { all.add(c.key, c.window.start, c.value); });
  return b.build();
}

double rate_since(std::chrono::steady_clock::time_point start, std::int64_t iterations) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(iterations) * static_cast<double>(events) / took.count();
}
double hand_rate = 0;  // 0: hasn't run

void run_loop(benchmark::State& state) {
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) benchmark::DoNotOptimize(by_hand());
  hand_rate = rate_since(start, state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events));
}

template <class Executor>
void run_engine(benchmark::State& state, bool with_table, std::size_t workers, const Executor& engine) {
  answer all;
  const auto graph = graph_of(with_table, workers, all);
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) {
    all = {};
    engine.start(graph).wait();
  }
  if (hand_rate > 0) state.counters["of_hand"] = rate_since(start, state.iterations()) / hand_rate;
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events));
  static const answer expected = by_hand();
  if (!(all == expected)) state.SkipWithError("the answer is not that of the loop");
}

template <class Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool added = [] {
  add("yahoo/hand", run_loop);
  for (const bool with_table : {false, true})
    for (const std::size_t workers : {1u, 2u}) {
      const auto with = (with_table ? "/table/workers:" : "/map/workers:") + std::to_string(workers);
      for (const auto g : {guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once})
        add("yahoo/event_" + std::string(to_string(g)) + with, [=](benchmark::State& state) {
          run_engine(state, with_table, workers, event_executor{{.guarantee = g, .workers = workers}});
        });
      add("yahoo/batch" + with, [=](benchmark::State& state) {
        run_engine(state, with_table, workers, batch_executor{{.interval = 10ms, .workers = workers}});
      });
    }
  return true;
}();

}  // namespace
}  // namespace freshet::yahoo
