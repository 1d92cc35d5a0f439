// The queries of the Nexmark suite by hand, on one core, with the making of the events: what an engine is compared
// with. The rate is that of event time: it decides how many events are in a window, and so how large the state is.
#include <benchmark/benchmark.h>

#include "nexmark/hand_auctions.hpp"
#include "nexmark/hand_windows.hpp"

namespace freshet::nexmark {
namespace {

constexpr std::uint64_t events = 5'000'000;

/// `Query` is a loop: a function object called with an input and a sink.
template <class Query>
void by_hand(benchmark::State& state, Query query) {
  const generator source{{.events_per_second = static_cast<std::uint64_t>(state.range(0))}};
  std::int64_t rows = 0;
  for (auto _ : state)
    query(hand::input{source, 0, events}, [&rows](const auto& row) {
      benchmark::DoNotOptimize(row);
      ++rows;
    });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events));
  state.counters["rows"] = benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kAvgIterations);
}

template <class Query>
void add(const char* name, Query query) {
  benchmark::RegisterBenchmark(name, [query](benchmark::State& state) { by_hand(state, query); })
      ->ArgName("rate")
      ->Arg(10'000)
      ->Arg(1'000'000)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool added = [] {
  add("nexmark/hand/q0", [](const auto& in, auto sink) { hand::q0(in, sink); });
  add("nexmark/hand/q1", [](const auto& in, auto sink) { hand::q1(in, sink); });
  add("nexmark/hand/q2", [](const auto& in, auto sink) { hand::q2(in, sink); });
  add("nexmark/hand/q3", [](const auto& in, auto sink) { hand::q3(in, sink); });
  add("nexmark/hand/q4", [](const auto& in, auto sink) { hand::q4(in, sink); });
  add("nexmark/hand/q5", [](const auto& in, auto sink) { hand::q5(in, sink); });
  add("nexmark/hand/q6", [](const auto& in, auto sink) { hand::q6(in, sink); });
  add("nexmark/hand/q7", [](const auto& in, auto sink) { hand::q7(in, sink); });
  add("nexmark/hand/q8", [](const auto& in, auto sink) { hand::q8(in, sink); });
  return true;
}();

}  // namespace
}  // namespace freshet::nexmark
