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

template <class Sink>
topology pipeline(std::uint64_t count, std::uint64_t keys, Sink sink) {
  topology_builder b{"pipeline"};
  auto orders = b.spout("orders", order_spout{count, keys}, {.parallelism = 2});
  auto mapped = b.bolt("double", doubled, {.parallelism = 2}).input(orders);
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = 2}).input(mapped, key_grouping{&order::key});
  (void)b.sink("sink", std::move(sink), {.parallelism = 2}).input(sums);
  return b.build();
}

bool sums_as_by_hand(const event_executor& engine, std::uint64_t keys) {
  last_sums last;
  engine.start(pipeline(orders_to_check, keys, [last](const order& o) mutable { last.keep(o.key, o.amount); })).wait();
  return last.are_right(orders_to_check, keys);
}

void event(benchmark::State& state, guarantee g, std::uint64_t keys) {
  const event_executor engine{{.guarantee = g}};
  if (!sums_as_by_hand(engine, keys)) return state.SkipWithError("the sums are not those of the hand loop");
  const auto graph = pipeline(tuples_for(keys), keys, xor_sink{});
  std::uint64_t done = 0;
  for (auto _ : state) {
    auto run = engine.start(graph);
    run.wait();
    done += run.metrics().node("sink").executed;
  }
  if (done != state.iterations() * tuples_for(keys)) return state.SkipWithError("orders are missing");
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
