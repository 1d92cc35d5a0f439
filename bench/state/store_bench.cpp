// State by key in memory, and behind a store in RocksDB: what a use costs when the state is at hand, and when nine of
// ten must be read and nine others written back. Random keys, in slices of 256 uses as an engine has them.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>

#include "freshet/base/random.hpp"
#include "freshet/core/keyed_state.hpp"
#include "freshet/state/rocksdb_store.hpp"

namespace freshet {
namespace {

using counts = keyed_state<std::uint64_t, std::uint64_t>;
constexpr std::size_t bytes_a_row = 2 * (sizeof(counts::entry) + 2);

void use(benchmark::State& state, counts& table, std::uint64_t keys) {
  constexpr std::uint64_t slice = 256;
  random_source random(1);
  const auto use_slice = [&](auto&& next_key) {
    for (std::uint64_t i = 0; i < slice; ++i) {
      const std::uint64_t key = next_key();
      ++table.use(key, stable_hash<std::uint64_t>::of(key));
    }
    table.evict();
  };
  for (std::uint64_t key = 0; key < keys;) use_slice([&] { return key++; });
  for (auto _ : state) use_slice([&] { return random.below(keys); });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * slice));
  state.counters["rows"] = static_cast<double>(table.rows());
}

void in_memory(benchmark::State& state) {
  counts table(128);
  use(state, table, static_cast<std::uint64_t>(state.range(0)));
}
/// With room at hand for one key in `state.range(1)`.
void in_rocksdb(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  const auto room = (keys / static_cast<std::uint64_t>(state.range(1)) + 1000) * bytes_a_row;
  const auto dir = std::filesystem::temp_directory_path() / "freshet_store_bench";
  counts table(128);
  table.keep_in(rocksdb::store({.dir = dir, .cache_bytes = room})->open("bench"));
  use(state, table, keys);
}

BENCHMARK(in_memory)->Name("state/use/memory")->ArgName("keys")->Arg(1'000'000);
BENCHMARK(in_rocksdb)
    ->Name("state/use/rocksdb")
    ->ArgNames({"keys", "room_for_one_in"})
    ->Args({1'000'000, 1})
    ->Args({1'000'000, 10});

}  // namespace
}  // namespace freshet
