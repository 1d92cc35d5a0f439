// Google Benchmark's own main, and the process that the benchmarks of recovery start and kill, which is this program.
#include <benchmark/benchmark.h>

#include "recovery/life.hpp"

int main(int argc, char** argv) {
  if (const auto asked = freshet::recovery_bench::life_of(argc, argv)) return freshet::recovery_bench::live(*asked);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
