// What checkpoints cost the event engine: sums by key over a source that can be read again, under best_effort, under
// exactly_once inside the process, and under exactly_once across processes, with an epoch each second and each 100 ms.
// Rows go to a sink that throws them away: where there are epochs, one that takes part in them. And how long a task
// that keeps a million keys is held up when all of them are saved.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "base/bench_folder.hpp"
#include "freshet/base/histogram.hpp"
#include "freshet/freshet.hpp"

namespace freshet::event_bench {
namespace {

struct order {
  std::uint64_t key = 0;
  std::uint64_t amount = 0;
};

/// Numbers in two partitions, each a position; the same wherever they are read from.
class readable_orders {
 public:
  readable_orders(std::uint64_t each, std::uint64_t keys) : each_(each), keys_(keys) {}
  std::vector<std::string> partitions() const { return {"0", "1"}; }
  void open(const task_context& c) {
    for (const auto& p : c.partitions) mine_.push_back({p.id, 0});
  }
  poll_status poll(spout_emitter<order>& out) {
    for (auto& [partition, next] : mine_) {
      const auto end = std::min<std::uint64_t>(each_, next + std::max<std::size_t>(1, out.room() / mine_.size()));
      read({partition, next, end}, out);
      next = end;
    }
    const bool ended = std::all_of(mine_.begin(), mine_.end(), [this](auto& m) { return m.second == each_; });
    return ended ? poll_status::ended() : poll_status::emitted();
  }
  void read(const position_range& r, spout_emitter<order>& out) const {
    for (auto i = r.from; i < r.to; ++i) {
      const auto mixed = (i * 2 + r.partition) * 0x9e37'79b9'7f4a'7c15u;
      out.emit({r.partition, i, i + 1}, {(mixed >> 32) % keys_, i & 255});
    }
  }
  void seek(const position& p) {
    for (auto& [partition, next] : mine_)
      if (partition == p.partition) next = p.offset;
  }
  void commit(const position&) {}

 private:
  std::uint64_t each_, keys_;
  std::vector<std::pair<partition_id, std::uint64_t>> mine_;
};

struct add_up {
  using state = std::uint64_t;
  order process(const order& o, state& sum) const { return {o.key, sum += o.amount}; }
};

struct plain_sink {
  void write(const order& row) { benchmark::DoNotOptimize(seen ^= row.amount); }
  std::uint64_t seen = 0;
};
struct epoch_sink {
  using token = std::uint64_t;
  static constexpr bool overlaps_epochs = true;  // as file::epoch_sink
  void begin(const epoch_id& id) { epoch = id.epoch; }
  void write(const order& row) { benchmark::DoNotOptimize(seen ^= row.amount); }
  token prepare() { return epoch; }
  void commit(token) {}
  void abort() {}
  std::uint64_t seen = 0, epoch = 0;
};

template <class Sink>
topology sums_of(std::uint64_t each, std::uint64_t keys) {
  topology_builder b{"checkpoint_bench"};
  auto sums = b.bolt("sums", add_up{}, {.parallelism = 2})
                  .input(b.spout("orders", readable_orders{each, keys}, {.parallelism = 2}), key_grouping{&order::key});
  b.sink("sink", Sink{}, {.parallelism = 2}).input(sums, forward_grouping{});
  return b.build();
}

/// Long enough for some epochs.
std::uint64_t each_for(std::uint64_t keys) { return keys > 100'000 ? 15'000'000 : 30'000'000; }

void sums(benchmark::State& state, guarantee kept, std::chrono::milliseconds interval) {
  const auto keys = static_cast<std::uint64_t>(state.range(0)), each = each_for(keys);
  const bool durable = interval.count() != 0;
  const auto graph = durable ? sums_of<epoch_sink>(each, keys) : sums_of<plain_sink>(each, keys);
  for (auto _ : state) {
    state.PauseTiming();
    const bench_folder folder{"freshet_checkpoint_bench"};
    event_options options{.guarantee = kept, .workers = 2};
    if (durable) {
      options.checkpoints.directory = folder / "kept";
      options.checkpoint_interval = interval;
    }
    state.ResumeTiming();
    event_executor{options}.start(graph).wait();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 2 * each));
}

constexpr auto none = std::chrono::milliseconds(0);
void keys_of(benchmark::internal::Benchmark* b) {
  b->ArgName("keys")->Arg(1000)->Arg(1'000'000)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
}
BENCHMARK_CAPTURE(sums, best_effort, guarantee::best_effort, none)
    ->Name("event/checkpoints/best_effort")
    ->Apply(keys_of);
BENCHMARK_CAPTURE(sums, in_process, guarantee::exactly_once, none)
    ->Name("event/checkpoints/in_process")
    ->Apply(keys_of);
BENCHMARK_CAPTURE(sums, every_second, guarantee::exactly_once, std::chrono::milliseconds(1000))
    ->Name("event/checkpoints/every_second")
    ->Apply(keys_of);
BENCHMARK_CAPTURE(sums, every_100_ms, guarantee::exactly_once, std::chrono::milliseconds(100))
    ->Name("event/checkpoints/every_100_ms")
    ->Apply(keys_of);

/// A keyed state of so many keys, all changed since the last epoch, that is saved as a whole while calls go on: what
/// the pieces of that take, and what the calls in between cost more.
void freeze(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  constexpr std::uint32_t groups = 128;
  constexpr std::size_t keys_a_slice = 2048;
  keyed_state<std::uint64_t, std::uint64_t> all(groups);
  const auto use = [&](std::uint64_t k) { all.use(k, stable_hash<std::uint64_t>::of(k)) += k; };
  for (std::uint64_t k = 0; k < keys; ++k) use(k);
  histogram pieces;
  std::size_t bytes = 0;
  for (auto _ : state) {
    all.note();
    for (std::uint64_t k = 0; k < keys; ++k) use(k);
    const auto timed = [&](auto&& piece) {
      const auto began = std::chrono::steady_clock::now();
      piece();
      pieces.record(
          static_cast<std::uint64_t>((std::chrono::steady_clock::now() - began) / std::chrono::nanoseconds(1)));
    };
    timed([&] { all.freeze(key_group_range{0, groups}); });
    std::uint64_t next = 0;
    for (bool done = false; !done;) {
      for (int n = 0; n < 2048; ++n) use(next++ * 7919 % keys);
      timed([&] { done = all.write_frozen(keys_a_slice); });
    }
    frozen_state saved;
    timed([&] { saved = all.take_frozen(); });
    bytes = saved.changes.size();
    for (const auto& g : saved.groups) bytes += g.size();
  }
  state.counters["longest_us"] = static_cast<double>(pieces.max()) / 1000;
  state.counters["p99_us"] = static_cast<double>(pieces.percentile(99)) / 1000;
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}
BENCHMARK(freeze)
    ->Name("event/checkpoints/freeze")
    ->ArgName("keys")
    ->Arg(1000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet::event_bench
