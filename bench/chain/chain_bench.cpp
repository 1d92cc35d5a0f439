// What a hop inside a chain costs: spout -> three stateless bolts -> sink against spout -> sink, both acked. The
// counter `ns_a_hop` is the difference for three hops, divided by three.
#include <benchmark/benchmark.h>

#include <chrono>

#include "freshet/freshet.hpp"
#include "size.hpp"

namespace freshet {
namespace {

constexpr std::uint64_t messages = enough(20'000'000);

struct numbers {
  std::uint64_t next = 0;
  void open(const task_context&) { next = 0; }
  poll_status poll(spout_emitter<std::uint64_t>& out) {
    for (auto n = out.room(); n && next < messages; --n, ++next) out.emit({0, next, next + 1}, next);
    return next < messages ? poll_status::emitted() : poll_status::ended();
  }
  std::vector<std::string> partitions() const { return {"numbers"}; }
  void read(const position_range& r, spout_emitter<std::uint64_t>& out) {
    for (auto i = r.from; i < r.to; ++i) out.emit({0, i, i + 1}, i);
  }
  void seek(const position& p) { next = p.offset; }
  void commit(const position&) {}
};
struct total {
  std::uint64_t* into;
  std::uint64_t sum = 0;
  void write(const std::uint64_t& v) { sum += v; }
  void close() { *into = sum; }
};

std::uint64_t hop(const std::uint64_t& v) { return v * 3 + 1; }

std::uint64_t total_by_hand(int hops) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < messages; ++i) {
    auto v = i;
    for (int h = 0; h < hops; ++h) v = hop(v);
    sum += v;
  }
  return sum;
}

topology chain(int hops, std::uint64_t& sum) {
  topology_builder b{"chain"};
  stream_ref<std::uint64_t> at = b.spout("numbers", numbers{});
  for (int i = 0; i < hops; ++i)
    at = b.bolt("hop" + std::to_string(i), [](const std::uint64_t& v) { return hop(v); }).input(at);
  (void)b.sink("total", total{&sum}).input(at);
  return b.build();
}

double seconds(const event_executor& engine, const topology& graph) {
  const auto began = std::chrono::steady_clock::now();
  engine.start(graph).wait();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

void chain_event(benchmark::State& state) {
  std::uint64_t sum = 0, sum_without = 0;
  const auto with = chain(3, sum), without = chain(0, sum_without);
  const event_executor engine{{.guarantee = guarantee::at_least_once}};
  double hops = 0, empty = 0;
  for (auto _ : state) {
    empty += seconds(engine, without);
    const double s = seconds(engine, with);
    hops += s;
    state.SetIterationTime(s);
  }
  if (sum != total_by_hand(3) || sum_without != total_by_hand(0))
    return state.SkipWithError("the sums are not those of a loop");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * messages));
  state.counters["ns_a_hop"] =
      (hops - empty) * 1e9 / 3 / static_cast<double>(messages) / static_cast<double>(state.iterations());
}
BENCHMARK(chain_event)->Name("chain/event")->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace freshet
