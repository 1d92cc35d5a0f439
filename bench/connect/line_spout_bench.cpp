// Lines out of a file of 64 MiB, which the system has in memory: by hand (std::getline, and memchr over large reads),
// and by line_spout in a topology that only counts them. Bytes per second of the file.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "connect/sample_file.hpp"
#include "freshet/base/random.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

/// Lines of 20 to 100 bytes, as logs have.
sample_file make_sample() {
  random_source random{7};
  std::string text;
  std::uint64_t lines = 0;
  for (; text.size() < (std::size_t{64} << 20); ++lines) {
    text.append(20 + random.below(80), 'x');
    text += '\n';
  }
  return {"freshet_line_spout_bench.txt", text, lines};
}
const sample_file& sample() {
  static const sample_file file = make_sample();
  return file;
}

void lines_by_getline(benchmark::State& state) {
  const auto path = sample().path();
  std::uint64_t lines = 0;
  for (auto _ : state) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line); ++lines) benchmark::DoNotOptimize(line.data());
  }
  sample().check(state, lines);
}

/// Also makes a std::string of each, as a stream of them must.
void lines_by_hand(benchmark::State& state) {
  const auto path = sample().path();
  std::uint64_t lines = 0;
  std::vector<char> buffer(std::size_t{256} << 10);
  for (auto _ : state) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    std::size_t kept = 0;
    while (true) {
      const auto got = std::fread(buffer.data() + kept, 1, buffer.size() - kept, file);
      if (got == 0) break;
      const char *at = buffer.data(), *end = at + kept + got;
      while (const auto* newline =
                 static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) {
        std::string line(at, newline);
        benchmark::DoNotOptimize(line.data());
        at = newline + 1;
        ++lines;
      }
      kept = static_cast<std::size_t>(end - at);
      std::memmove(buffer.data(), at, kept);
    }
    std::fclose(file);
  }
  sample().check(state, lines);
}

void lines_by_spout(benchmark::State& state, guarantee promise) {
  std::uint64_t lines = 0;
  topology_builder b{"lines"};
  b.sink("count", [&lines](const std::string&) { ++lines; }).input(b.spout("lines", file::line_spout{sample().path()}));
  const auto graph = b.build();
  const event_executor executor{{.guarantee = promise, .workers = 1}};
  for (auto _ : state) executor.start(graph).wait();
  sample().check(state, lines);
}

BENCHMARK(lines_by_getline)->Name("lines/getline")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lines_by_hand)->Name("lines/hand")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines_by_spout, best_effort, guarantee::best_effort)
    ->Name("lines/event_best_effort")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines_by_spout, at_least_once, guarantee::at_least_once)
    ->Name("lines/event_at_least_once")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
