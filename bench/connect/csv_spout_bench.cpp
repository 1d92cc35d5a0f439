// Rows of CSV into structs, out of a file of 32 MiB that the system has in memory: by hand (std::getline, and
// std::from_chars), by a plain loop over the parser of csv_spout, and by csv_spout in a topology that only counts them.
// Bytes per second of the file; what the engine costs is the difference of the last two.
#include <benchmark/benchmark.h>

#include <charconv>
#include <fstream>
#include <string>

#include "connect/sample_file.hpp"
#include "freshet/base/random.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

struct trade {
  std::int64_t id = 0;
  std::string symbol;
  double price = 0;
  std::int32_t volume = 0;
  event_time at{};
};

/// Rows of about 50 bytes; one symbol in ten is quoted.
sample_file make_sample() {
  random_source random{7};
  std::string text;
  std::uint64_t rows = 0;
  while (text.size() < (std::size_t{32} << 20)) {
    const auto symbol = "SYM" + std::to_string(random.below(1000));
    text += std::to_string(rows++) + ',' + (random.below(10) == 0 ? '"' + symbol + '"' : symbol) + ',' +
            std::to_string(random.below(100'000)) + ".25," + std::to_string(random.below(10'000)) +
            ",2024-03-01T09:00:00.125Z\n";
  }
  return {"freshet_csv_spout_bench.csv", text, rows};
}
const sample_file& sample() {
  static const sample_file file = make_sample();
  return file;
}

/// Knows that there are no quotes but around symbols, and takes the time as text.
void rows_by_getline(benchmark::State& state) {
  const auto path = sample().path();
  std::uint64_t rows = 0;
  for (auto _ : state) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line); ++rows) {
      trade t;
      std::string time;
      const char *at = line.data(), *end = at + line.size();
      at = std::from_chars(at, end, t.id).ptr + 1;
      const char* comma = std::find(at, end, ',');
      t.symbol.assign(at, comma);
      at = std::from_chars(comma + 1, end, t.price).ptr + 1;
      at = std::from_chars(at, end, t.volume).ptr + 1;
      time.assign(at, end);
      benchmark::DoNotOptimize(t);
      benchmark::DoNotOptimize(time);
    }
  }
  sample().check(state, rows);
}

void rows_by_plain_loop(benchmark::State& state) {
  const auto path = sample().path();
  std::uint64_t count = 0;
  task_context context;
  context.partitions.push_back({0, "rows"});
  for (auto _ : state) {
    file::csv_rows rows({path}, false, {}, {"trade", std::vector<bool>(5), {}}, context);
    while (rows.next()) {
      trade t;
      const bool good = !rows.malformed() && rows[0] && file::read_text(rows[0]->text, t.id, {}) && rows[1] &&
                        file::read_text(rows[1]->text, t.symbol, {}) && rows[2] &&
                        file::read_text(rows[2]->text, t.price, {}) && rows[3] &&
                        file::read_text(rows[3]->text, t.volume, {}) && rows[4] &&
                        file::read_text(rows[4]->text, t.at, {});
      count += good;
      benchmark::DoNotOptimize(t);
    }
  }
  sample().check(state, count);
}

void rows_by_spout(benchmark::State& state, guarantee promise) {
  std::uint64_t rows = 0;
  topology_builder b{"rows"};
  b.sink("count", [&rows](const trade&) { ++rows; }).input(b.spout("rows", file::csv_spout<trade>{sample().path()}));
  const auto graph = b.build();
  const event_executor executor{{.guarantee = promise, .workers = 1}};
  for (auto _ : state) executor.start(graph).wait();
  sample().check(state, rows);
}

void rows_by_spout_in_batches(benchmark::State& state) {
  std::uint64_t rows = 0;
  topology_builder b{"rows"};
  b.sink("count", [&rows](const trade&) { ++rows; }).input(b.spout("rows", file::csv_spout<trade>{sample().path()}));
  const auto graph = b.build();
  const batch_executor executor{{.interval = std::chrono::milliseconds(10), .workers = 1}};
  for (auto _ : state) executor.start(graph).wait();
  sample().check(state, rows);
}

BENCHMARK(rows_by_getline)->Name("csv/getline")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(rows_by_plain_loop)->Name("csv/plain_loop")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rows_by_spout, best_effort, guarantee::best_effort)
    ->Name("csv/event_best_effort")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rows_by_spout, at_least_once, guarantee::at_least_once)
    ->Name("csv/event_at_least_once")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(rows_by_spout_in_batches)->Name("csv/batch")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
