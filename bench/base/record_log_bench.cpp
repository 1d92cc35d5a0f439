// What a record_log costs: records that become durable together, beside a bare write and fdatasync of as many bytes, by
// turns in the same loop, for a device has moods; and appending, reading and opening without the device.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "base/bench_folder.hpp"
#include "base/descriptor.hpp"
#include "freshet/base/histogram.hpp"
#include "freshet/base/record_log.hpp"

namespace freshet {
namespace {

constexpr std::size_t record_bytes = 200;

template <class F>
std::uint64_t nanoseconds_of(F f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1));
}
void append(record_log& log, const std::string& record, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) log.append(record).value();
}

void commit(benchmark::State& state) {
  const bench_folder folder{"freshet_record_log_bench"};
  const descriptor bare_file(::open((folder / "bare").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666));
  const auto log = record_log::open(system_files(), folder / "log").value();
  const std::string record(record_bytes, 'x');
  const auto group = state.range(0);
  const std::string all(record_bytes * static_cast<std::size_t>(group), 'x');
  histogram bare, logged;
  for (auto _ : state) {
    bare.record(nanoseconds_of([&] {
      if (::write(bare_file.get(), all.data(), all.size()) < 0 || ::fdatasync(bare_file.get()) != 0)
        throw std::runtime_error("cannot write the bare file");
    }));
    const auto ns = nanoseconds_of([&] {
      append(*log, record, group);
      log->sync().value();
    });
    logged.record(ns);
    state.SetIterationTime(static_cast<double>(ns) * 1e-9);
  }
  const auto microseconds = [](const histogram& of, double p) { return static_cast<double>(of.percentile(p)) / 1000; };
  state.counters["bare_p50_us"] = microseconds(bare, 50);
  state.counters["bare_p99_us"] = microseconds(bare, 99);
  state.counters["p50_us"] = microseconds(logged, 50);
  state.counters["p99_us"] = microseconds(logged, 99);
  state.counters["of_bare_p50"] = microseconds(logged, 50) / microseconds(bare, 50);
  state.SetItemsProcessed(state.iterations() * group);
}

/// Appended and written, never synced but for the ends of segments.
void append_only(benchmark::State& state) {
  const bench_folder folder{"freshet_record_log_bench"};
  const auto log = record_log::open(system_files(), folder / "log").value();
  const std::string record(record_bytes, 'x');
  for (auto _ : state) {
    append(*log, record, 1000);
    log->flush().value();
    log->drop_before(log->next()).value();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}

constexpr std::int64_t read_records = 200'000;

void read(benchmark::State& state) {
  const bench_folder folder{"freshet_record_log_bench"};
  const auto log = record_log::open(system_files(), folder / "log").value();
  append(*log, std::string(record_bytes, 'x'), read_records);
  std::size_t bytes = 0;
  for (auto _ : state)
    log->read(0, [&](std::uint64_t, std::string_view record) { return bytes += record.size(), true; }).value();
  benchmark::DoNotOptimize(bytes);
  state.SetItemsProcessed(state.iterations() * read_records);
}

void open(benchmark::State& state) {
  const bench_folder folder{"freshet_record_log_bench"};
  const auto open_log = [&] { return record_log::open(system_files(), folder / "log").value(); };
  {
    const auto log = open_log();
    append(*log, std::string(record_bytes, 'x'), read_records);
    log->sync().value();
  }
  for (auto _ : state) benchmark::DoNotOptimize(open_log());
  state.SetItemsProcessed(state.iterations() * read_records);
}

BENCHMARK(commit)->Name("record_log/commit")->ArgName("records")->Arg(1)->Arg(100)->UseManualTime()->MinTime(2);
BENCHMARK(append_only)->Name("record_log/append")->UseRealTime();
BENCHMARK(read)->Name("record_log/read")->UseRealTime();
BENCHMARK(open)->Name("record_log/open")->UseRealTime();

}  // namespace
}  // namespace freshet
