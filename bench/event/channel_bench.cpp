#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "event/channel.hpp"

namespace freshet {
namespace {

/// Batches go to another thread and come back empty. Both spin: this is the ring, not the waking.
void hand_over(benchmark::State& state) {
  const auto tuples = static_cast<std::uint32_t>(state.range(0));
  channel c{16, 0};
  batch_pool pool{stream_type_of<std::uint64_t>(), {256, false, false}};
  std::atomic<bool> stop{false};
  std::thread consumer([&] {
    std::uint64_t sum = 0;
    while (!stop.load(std::memory_order_relaxed))
      if (auto* b = c.take()) {
        auto& in = static_cast<batch<std::uint64_t>&>(*b);
        for (std::size_t i = 0; i < in.size(); ++i) sum += in.value(i);
        c.give_back(b);
      }
    benchmark::DoNotOptimize(sum);
  });
  for (auto _ : state) {
    while (auto* b = c.returned()) pool.give(b);
    auto* b = static_cast<batch<std::uint64_t>*>(pool.take());
    for (std::uint32_t i = 0; i < tuples; ++i) b->append({}, {}, {}, i);
    while (!c.offer(b)) {}
  }
  stop.store(true);
  consumer.join();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(hand_over)->Name("channel/hand_over")->ArgName("tuples")->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

void ring(benchmark::State& state) {
  spsc_ring<void*> r{16};
  void* p = nullptr;
  for (auto _ : state) {
    r.push(&r);
    r.pop(p);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ring)->Name("channel/ring_push_pop");

}  // namespace
}  // namespace freshet
