// Lines of JSON into structs, out of a file of 32 MiB that the system has in memory: by a plain loop over the parser of
// json_spout, and by json_spout in a topology that only counts them. Bytes per second of the file.
#include <benchmark/benchmark.h>

#include <fstream>
#include <string>

#include "connect/sample_file.hpp"
#include "freshet/base/random.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

struct click {
  static constexpr std::string_view field_names[] = {"user", "page", "at", "dwell"};
  std::int64_t user = 0;
  std::string page;
  event_time at{};
  std::optional<double> dwell;
};

/// Objects of about 150 bytes, half of which is skipped.
sample_file make_sample() {
  random_source random{7};
  std::string text;
  std::uint64_t lines = 0;
  for (; text.size() < (std::size_t{32} << 20); ++lines)
    text +=
        "{\"user\":" + std::to_string(random.below(1'000'000)) + ",\"page\":\"/articles/" +
        std::to_string(random.below(1000)) +
        "\",\"agent\":{\"name\":\"Mozilla\",\"version\":[5,0],\"mobile\":false},\"at\":\"2024-03-01T09:00:00.125Z\"" +
        (random.below(2) ? ",\"dwell\":12.5}\n" : "}\n");
  return {"freshet_json_spout_bench.jsonl", text, lines};
}
const sample_file& sample() {
  static const sample_file file = make_sample();
  return file;
}

void lines_by_plain_loop(benchmark::State& state) {
  const auto path = sample().path();
  std::uint64_t count = 0;
  task_context context;
  context.partitions.push_back({0, "lines"});
  for (auto _ : state) {
    file::json_lines lines({path}, false, {}, context);
    while (lines.next()) {
      click c;
      count += file::detail::read_json(lines.reader(), c, {}) && lines.reader().finish();
      benchmark::DoNotOptimize(c);
    }
  }
  sample().check(state, count);
}

void lines_by_spout(benchmark::State& state, guarantee promise) {
  std::uint64_t lines = 0;
  topology_builder b{"lines"};
  b.sink("count", [&lines](const click&) { ++lines; }).input(b.spout("in", file::json_spout<click>{sample().path()}));
  const auto graph = b.build();
  const event_executor executor{{.guarantee = promise, .workers = 1}};
  for (auto _ : state) executor.start(graph).wait();
  sample().check(state, lines);
}

BENCHMARK(lines_by_plain_loop)->Name("json/plain_loop")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines_by_spout, best_effort, guarantee::best_effort)
    ->Name("json/event_best_effort")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines_by_spout, at_least_once, guarantee::at_least_once)
    ->Name("json/event_at_least_once")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
