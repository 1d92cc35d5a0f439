// The pipeline on the event engine: two tasks of each node, a real key grouping between them.
#include <benchmark/benchmark.h>

#include "freshet/freshet.hpp"
#include "pipeline/workload.hpp"

namespace freshet::pipeline_bench {
namespace {

struct sum_by_key {
  using state = std::uint64_t;
  void process(const order& o, state& sum, emitter<order>& out) {
    sum += o.amount;
    out.emit({o.key, sum});
  }
};
struct xor_sink {
  std::uint64_t seen = 0;
  void write(const order& o) { seen ^= o.amount; }
  void close() { benchmark::DoNotOptimize(seen); }
};

topology pipeline(std::uint64_t keys) {
  topology_builder b{"pipeline"};
  auto orders = b.spout("orders", order_spout{tuples_for(keys), keys}, {.parallelism = 2});
  auto mapped = b.bolt("double", doubled, {.parallelism = 2}).input(orders);
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = 2}).input(mapped, key_grouping{&order::key});
  (void)b.sink("sink", xor_sink{}, {.parallelism = 2}).input(sums);
  return b.build();
}

void event(benchmark::State& state, guarantee g, std::uint64_t keys) {
  const auto graph = pipeline(keys);
  const event_executor engine{{.guarantee = g}};
  for (auto _ : state) engine.start(graph).wait();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * tuples_for(keys)));
}

BENCHMARK_CAPTURE(event, best_effort_1000, guarantee::best_effort, 1000)
    ->Name("pipeline/event_best_effort/keys:1000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(event, best_effort_1000000, guarantee::best_effort, 1'000'000)
    ->Name("pipeline/event_best_effort/keys:1000000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(event, at_least_once_1000, guarantee::at_least_once, 1000)
    ->Name("pipeline/event_at_least_once/keys:1000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(event, at_least_once_1000000, guarantee::at_least_once, 1'000'000)
    ->Name("pipeline/event_at_least_once/keys:1000000")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::pipeline_bench
