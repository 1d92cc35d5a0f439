// What an epoch costs that has changed so many keys, of 8 bytes with states of 8: its record in an epoch_log, beside a
// bare write and fdatasync of as many bytes, by turns in the same loop, for a device has moods. Each of the two is a
// benchmark of its own, and both have the counters of both.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "base/bench_folder.hpp"
#include "base/descriptor.hpp"
#include "base/record_segment.hpp"
#include "freshet/base/histogram.hpp"
#include "freshet/state/epoch_log.hpp"

namespace freshet {
namespace {

template <class F>
std::uint64_t nanoseconds_of(F f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1));
}

/// A file that every write is behind the others in, until it begins anew.
class bare_file {
 public:
  explicit bare_file(const std::string& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {}
  void append_fdatasync(const std::string& bytes) {
    const auto written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written != static_cast<ssize_t>(bytes.size()) || ::fdatasync(file_.get()) != 0) fail();
  }
  void begin_anew() {
    if (::ftruncate(file_.get(), 0) != 0 || ::fdatasync(file_.get()) != 0) fail();
  }

 private:
  [[noreturn]] static void fail() { throw std::runtime_error("cannot write the bare file"); }
  descriptor file_;
};

epoch_record record_of(std::uint64_t history, std::int64_t keys) {
  epoch_record r;
  r.manifest.history = history;
  r.manifest.epoch = 1;
  r.manifest.topology = "bench";
  r.manifest.partitions.push_back({"in", "p", 1, {}, {}, {}, {}});
  r.changes.push_back({"sum", std::string(static_cast<std::size_t>(keys) * 16, 'x')});
  return r;
}

checkpoint_manifest next_checkpoint(epoch_record& record) {
  record.after = record.manifest.epoch;
  auto m = record.manifest;
  ++record.manifest.epoch;
  return m;
}

void report(benchmark::State& state, const histogram& logged, const histogram& bare) {
  const auto microseconds = [](const histogram& of, double p) { return static_cast<double>(of.percentile(p)) / 1000; };
  state.counters["bare_p50_us"] = microseconds(bare, 50);
  state.counters["bare_p99_us"] = microseconds(bare, 99);
  state.counters["p50_us"] = microseconds(logged, 50);
  state.counters["p99_us"] = microseconds(logged, 99);
  state.counters["of_bare_p50"] = microseconds(logged, 50) / microseconds(bare, 50);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void measure(benchmark::State& state, bool times_bare) {
  const bench_folder folder{"freshet_epoch_log_bench"};
  bare_file bare{folder / "bare"};
  const auto log = epoch_log::open(system_files(), folder / "log").value();
  auto record = record_of(log->newest().value().history, state.range(0));
  const auto no_states = [](checkpoint_writer&, checkpoint_manifest&) { return result<void>(); };
  log->checkpoint(next_checkpoint(record), no_states).value();
  const std::string bytes(record_head_bytes + encode(record).size(), 'x');
  histogram logged_ns, bare_ns;
  for (auto _ : state) {
    const auto b = nanoseconds_of([&] { bare.append_fdatasync(bytes); });
    const auto l = nanoseconds_of([&] { log->append(record).value(); });
    bare_ns.record(b);
    logged_ns.record(l);
    state.SetIterationTime(static_cast<double>(times_bare ? b : l) * 1e-9);
    auto newest = next_checkpoint(record);
    if (!log->wants_checkpoint()) continue;
    log->checkpoint(std::move(newest), no_states).value();
    bare.begin_anew();
  }
  report(state, logged_ns, bare_ns);
}

BENCHMARK_CAPTURE(measure, logged, false)
    ->Name("epoch_log/append")
    ->ArgName("keys")
    ->Arg(1)
    ->Arg(100)
    ->Arg(10'000)
    ->UseManualTime();
BENCHMARK_CAPTURE(measure, bare, true)
    ->Name("bare/append_fdatasync")
    ->ArgName("keys")
    ->Arg(1)
    ->Arg(100)
    ->Arg(10'000)
    ->UseManualTime();

}  // namespace
}  // namespace freshet
