// Values from outside into a topology that only counts them, through one push spout: by threads that wait when it is
// full.
#include <benchmark/benchmark.h>

#include <thread>
#include <vector>

#include "freshet/freshet.hpp"

namespace freshet {
namespace {

constexpr std::uint64_t values = 1'000'000;

void push(benchmark::State& state) {
  const auto threads = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t seen = 0;
  for (auto _ : state) {
    push_spout<std::uint64_t> spout{{.capacity = 4096}};
    topology_builder b{"push"};
    b.sink("count", [&seen](std::uint64_t) { ++seen; }).input(b.spout("values", spout));
    auto run = event_executor{{.workers = 1}}.start(b.build());
    {
      std::vector<std::jthread> pushers;
      for (std::uint64_t t = 0; t < threads; ++t)
        pushers.emplace_back([&] {
          for (std::uint64_t i = 0; i < values / threads; ++i)
            if (!spout.push(i)) return;
        });
    }
    spout.close();
    run.wait();
  }
  if (seen != state.iterations() * values) state.SkipWithError("values are missing");
  state.SetItemsProcessed(static_cast<std::int64_t>(seen));
}

BENCHMARK(push)
    ->Name("push/blocking")
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(4)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
