// The queries of the Nexmark suite on both engines, beside the same query by hand on one core; the making of the events
// is in all of them. `of_hand`: events/s against those of the loop before it in the same run.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "nexmark/hand_auctions.hpp"
#include "nexmark/hand_windows.hpp"
#include "nexmark/queries.hpp"

namespace freshet::nexmark {
namespace {

constexpr std::uint64_t events = 5'000'000;

/// What the loops made, by query; 0: hasn't run.
double by_hand[9] = {};

double rate_since(std::chrono::steady_clock::time_point start, std::int64_t iterations) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(iterations) * static_cast<double>(events) / took.count();
}

template <class Loop>
void run_loop(benchmark::State& state, int query, Loop loop) {
  const generator source;
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) loop(hand::input{source, 0, events}, [](const auto& row) { benchmark::DoNotOptimize(row); });
  by_hand[query] = rate_since(start, state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events));
}

template <class Row>
using query_function = stream<Row> (*)(const stream<event>&, const queries::options&);

template <class Row>
topology topology_of(query_function<Row> query, std::size_t parallelism) {
  stream_builder builder{"nexmark"};
  query(queries::events(builder, generator{}, events, parallelism), {.parallelism = parallelism})
      .to("rows", [](const Row& row) { benchmark::DoNotOptimize(row); }, {.parallelism = parallelism});
  return builder.build();
}

template <class Row, class Executor>
void run_engine(benchmark::State& state, query_function<Row> query, const Executor& engine, std::size_t workers) {
  const auto graph = topology_of(query, workers);
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) engine.start(graph).wait();
  if (by_hand[Row::query] > 0) state.counters["of_hand"] = rate_since(start, state.iterations()) / by_hand[Row::query];
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events));
}

template <class Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

template <class Row, class Loop>
void add_query(query_function<Row> query, Loop loop) {
  const auto name = "nexmark/q" + std::to_string(Row::query);
  add(name + "/hand", [loop](benchmark::State& state) { run_loop(state, Row::query, loop); });
  for (const std::size_t workers : {1u, 2u}) {
    const auto with = "/workers:" + std::to_string(workers);
    for (const auto g : {guarantee::best_effort, guarantee::at_least_once})
      add(name + (g == guarantee::best_effort ? "/event_best_effort" : "/event_at_least_once") + with,
          [=](benchmark::State& state) {
            run_engine(state, query, event_executor{{.guarantee = g, .workers = workers}}, workers);
          });
    add(name + "/batch" + with, [=](benchmark::State& state) {
      const batch_executor engine{{.interval = std::chrono::milliseconds(10), .workers = workers}};
      run_engine(state, query, engine, workers);
    });
  }
}

[[maybe_unused]] const bool added = [] {
  add_query(queries::q0, [](const auto& in, auto sink) { hand::q0(in, sink); });
  add_query(queries::q1, [](const auto& in, auto sink) { hand::q1(in, sink); });
  add_query(queries::q2, [](const auto& in, auto sink) { hand::q2(in, sink); });
  add_query(queries::q3, [](const auto& in, auto sink) { hand::q3(in, sink); });
  add_query(queries::q4, [](const auto& in, auto sink) { hand::q4(in, sink); });
  add_query(queries::q5, [](const auto& in, auto sink) { hand::q5(in, sink); });
  add_query(queries::q6, [](const auto& in, auto sink) { hand::q6(in, sink); });
  add_query(queries::q7, [](const auto& in, auto sink) { hand::q7(in, sink); });
  add_query(queries::q8, [](const auto& in, auto sink) { hand::q8(in, sink); });
  return true;
}();

}  // namespace
}  // namespace freshet::nexmark
