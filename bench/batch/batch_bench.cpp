// What the batch engine costs: a batch of next to nothing, and a tuple on its way through blocks. `cpu_ns` is processor
// time a tuple, of all threads: it says what the engine costs also where other programs share the machine.
#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <ctime>

#include "base/bench_folder.hpp"
#include "batch/block_store.hpp"
#include "freshet/freshet.hpp"

namespace freshet::batch_bench {
namespace {

struct row {
  std::uint64_t key = 0, value = 0;
};

/// Rows by index, which it can make again: nothing has to be kept of it.
class row_spout {
 public:
  row_spout(std::uint64_t count, std::uint64_t keys) : count_(count), keys_(keys) {}
  void open(const task_context& c) {
    task_ = static_cast<partition_id>(c.task);
    count_ /= c.task_count;
  }
  poll_status poll(spout_emitter<row>& out) {
    const auto end = std::min(count_, next_ + out.room());
    read({task_, next_, end}, out);
    next_ = end;
    return next_ == count_ ? poll_status::ended() : poll_status::emitted();
  }
  void read(const position_range& r, spout_emitter<row>& out) const {
    for (auto i = r.from; i < r.to; ++i) out.emit({r.partition, i, i + 1}, make(i));
  }
  void seek(const position& p) { next_ = p.offset; }
  void commit(const position&) {}
  row make(std::uint64_t i) const { return {mix64(i) % keys_, i & 255}; }

 private:
  std::uint64_t count_, keys_, next_ = 0;
  partition_id task_ = 0;
};

row doubled(const row& r) { return {r.key, r.value * 2 + 1}; }

struct sum_by_key {
  using state = std::uint64_t;
  row process(const row& r, state& sum) { return {r.key, sum += r.value}; }
};
struct sum_amount {
  void add(std::uint64_t& sum, const row& r) const { sum += r.value; }
  void merge(std::uint64_t& into, const std::uint64_t& from) const { into += from; }
};
struct xor_sink {
  std::uint64_t seen = 0;
  void write(const row& r) { seen ^= r.value; }
  void close() { benchmark::DoNotOptimize(seen); }
};

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

constexpr std::uint64_t tuples = 20'000'000;

/// Runs the topology as often as the benchmark wants.
void measure(benchmark::State& state, const batch_options& options, const topology& graph) {
  const batch_executor engine{options};
  std::uint64_t batches = 0;
  const auto began = cpu_seconds();
  for (auto _ : state) {
    auto run = engine.start(graph);
    run.wait();
    batches += run.metrics().batches_done;
  }
  const auto n = state.iterations() * tuples;
  state.SetItemsProcessed(static_cast<std::int64_t>(n));
  state.counters["cpu_ns"] = (cpu_seconds() - began) * 1e9 / static_cast<double>(n);
  state.counters["batches"] = static_cast<double>(batches) / static_cast<double>(state.iterations());
}

batch_options every_10_ms() { return {.interval = std::chrono::milliseconds(10)}; }
batch_options at_once() { return {.trigger = batch_trigger::back_to_back}; }

void hand(benchmark::State& state) {
  const row_spout source{tuples, 1000};
  const auto began = cpu_seconds();
  for (auto _ : state) {
    boost::unordered_flat_map<std::uint64_t, std::uint64_t> sums;
    std::uint64_t sink = 0;
    for (std::uint64_t i = 0; i < tuples; ++i) {
      const row r = doubled(source.make(i));
      sink ^= sums[r.key] += r.value;
    }
    benchmark::DoNotOptimize(sink);
  }
  const auto n = state.iterations() * tuples;
  state.SetItemsProcessed(static_cast<std::int64_t>(n));
  state.counters["cpu_ns"] = (cpu_seconds() - began) * 1e9 / static_cast<double>(n);
}

void each_tuple(benchmark::State& state, batch_options options) {
  topology_builder b{"each"};
  auto rows = b.spout("rows", row_spout{tuples, 1000}, {.parallelism = 2});
  auto mapped = b.bolt("double", doubled, {.parallelism = 2}).input(rows);
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = 2}).input(mapped, key_grouping{&row::key});
  (void)b.sink("sink", xor_sink{}, {.parallelism = 2}).input(sums);
  measure(state, options, b.build());
}

void combined(benchmark::State& state, batch_options options) {
  stream_builder b{"combined"};
  b.spout("rows", row_spout{tuples, 1000}, {.parallelism = 2})
      .map("double", doubled, {.parallelism = 2})
      .key_by(&row::key)
      .combine()
      .aggregate("sum", sum_amount{}, {.parallelism = 2})
      .to("sink",
          [seen = std::uint64_t{0}](const keyed<std::uint64_t, std::uint64_t>& k) mutable {
            benchmark::DoNotOptimize(seen ^= k.value);
          },
          {.parallelism = 2});
  measure(state, options, b.build());
}

void stateless(benchmark::State& state, batch_options options) {
  topology_builder b{"stateless"};
  auto rows = b.spout("rows", row_spout{tuples, 1000}, {.parallelism = 2});
  auto mapped = b.bolt("double", doubled, {.parallelism = 2}).input(rows, shuffle_grouping{});
  (void)b.sink("sink", xor_sink{}, {.parallelism = 2}).input(mapped);
  measure(state, options, b.build());
}

/// One message at a time through three stages: what a batch costs, whatever is in it.
class one_by_one_spout {
 public:
  explicit one_by_one_spout(std::uint64_t count) : left_(count) {}
  poll_status poll(spout_emitter<row>& out) {
    if (left_-- == 0) return poll_status::ended();
    out.emit({left_, 1});
    return poll_status::idle_until({});
  }

 private:
  std::uint64_t left_;
};

void fixed_cost(benchmark::State& state, std::size_t tasks) {
  constexpr std::uint64_t count = 20'000;
  topology_builder b{"fixed"};
  auto rows = b.spout("rows", one_by_one_spout{count});
  auto mapped = b.bolt("double", doubled, {.parallelism = tasks}).input(rows, shuffle_grouping{});
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = tasks}).input(mapped, key_grouping{&row::key});
  auto same = b.bolt("same", doubled, {.parallelism = tasks}).input(sums, shuffle_grouping{});
  (void)b.sink("sink", xor_sink{}).input(same, global_grouping{});
  const auto graph = b.build();
  const batch_executor engine{{.trigger = batch_trigger::back_to_back, .rows_per_batch = 1}};
  std::uint64_t batches = 0;
  for (auto _ : state) {
    auto run = engine.start(graph);
    run.wait();
    batches += run.metrics().batches_done;
  }
  state.counters["batch"] =
      benchmark::Counter(static_cast<double>(batches), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void checksum(benchmark::State& state) {
  batch_list all;
  for (int i = 0; i < 64; ++i) {
    auto* b = new freshet::batch<row>({.capacity = 256});
    for (std::uint64_t k = 0; k < 256; ++k) b->append({}, {}, {}, row{mix64(k), k});
    all.push_back(b);
  }
  for (auto _ : state) benchmark::DoNotOptimize(checksum_of(all));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 64 * 256));
}

/// Eight rows of each, after some work.
struct expand {
  std::uint64_t rounds = 0;  ///< of a hash, of some nanoseconds each
  void process(const row& r, emitter<row>& out) const {
    std::uint64_t key = r.key;
    for (std::uint64_t i = 0; i < rounds; ++i) key = mix64(key);
    for (std::uint64_t i = 0; i < 8; ++i) out.emit({key + i, r.value});
  }
};

batch_options with_room() { return {.trigger = batch_trigger::back_to_back, .rows_per_batch = 64u << 10}; }
batch_options without_room() {
  auto o = with_room();
  o.block_store_bytes = 4u << 20;
  return o;
}

/// Batches of 8 MiB in a store of 4 MiB: what is evicted is computed again, or read back.
void no_room(benchmark::State& state, batch_options options, bool spills) {
  const bench_folder folder{"freshet_batch_bench"};
  if (spills) options.spill.directory = folder / "spill";
  constexpr std::uint64_t count = 250'000;
  topology_builder b{"no_room"};
  auto rows = b.spout("rows", row_spout{count, 1000}, {.parallelism = 2});
  auto expanded = b.bolt("expand", expand{static_cast<std::uint64_t>(state.range(0))}, {.parallelism = 2})
                      .input(rows, shuffle_grouping{});
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = 2}).input(expanded, key_grouping{&row::key});
  (void)b.sink("sink", xor_sink{}, {.parallelism = 2}).input(sums);
  const auto graph = b.build();
  const batch_executor engine{options};
  std::uint64_t recomputed = 0, spilled = 0;
  const auto began = cpu_seconds();
  for (auto _ : state) {
    auto run = engine.start(graph);
    run.wait();
    recomputed += run.metrics().recomputed_partitions;
    spilled += run.metrics().blocks.spilled_bytes;
  }
  const auto n = static_cast<double>(state.iterations() * count);
  state.SetItemsProcessed(static_cast<std::int64_t>(n));
  state.counters["cpu_ns"] = (cpu_seconds() - began) * 1e9 / n;
  state.counters["recomputed"] = static_cast<double>(recomputed) / static_cast<double>(state.iterations());
  state.counters["spilled_mib"] =
      static_cast<double>(spilled) / static_cast<double>(state.iterations()) / static_cast<double>(1u << 20);
}

batch_options verified(batch_options o) {
  o.verify_blocks = true;
  return o;
}

BENCHMARK(hand)->Name("batch/hand")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(stateless, back_to_back, at_once())
    ->Name("batch/stateless")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(each_tuple, back_to_back, at_once())
    ->Name("batch/each_tuple/back_to_back")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(each_tuple, verified, verified(at_once()))
    ->Name("batch/each_tuple/verified")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(each_tuple, every_10_ms, every_10_ms())
    ->Name("batch/each_tuple/10ms")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(combined, back_to_back, at_once())
    ->Name("batch/combined/back_to_back")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(combined, every_10_ms, every_10_ms())
    ->Name("batch/combined/10ms")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fixed_cost, one_task, 1)
    ->Name("batch/fixed_cost/tasks:1")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fixed_cost, two_tasks, 2)
    ->Name("batch/fixed_cost/tasks:2")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void cheap_and_costly(benchmark::internal::Benchmark* b) {
  b->ArgName("work")->Arg(0)->Arg(1000)->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(no_room, memory, with_room(), false)->Name("batch/no_room/memory")->Apply(cheap_and_costly);
BENCHMARK_CAPTURE(no_room, recompute, without_room(), false)->Name("batch/no_room/recompute")->Apply(cheap_and_costly);
BENCHMARK_CAPTURE(no_room, spill, without_room(), true)->Name("batch/no_room/spill")->Apply(cheap_and_costly);
BENCHMARK(checksum)->Name("batch/checksum");

}  // namespace
}  // namespace freshet::batch_bench
