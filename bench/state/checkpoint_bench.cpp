// A whole checkpoint of a keyed state: all its bytes made, with checksums, into a file, and its manifest, on the device
// when it counts. Beside it, by turns in the same loop, for a device has moods, a plain write and fdatasync of as many
// bytes that are there already.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "base/bench_folder.hpp"
#include "base/descriptor.hpp"
#include "freshet/base/histogram.hpp"
#include "freshet/core/keyed_state.hpp"
#include "freshet/state/checkpoint_directory.hpp"

namespace freshet {
namespace {

using sums = keyed_state<std::uint64_t, std::uint64_t>;
constexpr std::uint32_t groups = 128;

template <class F>
std::uint64_t nanoseconds_to(F f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1));
}

/// Gives how long its file is.
std::uint64_t save_all(checkpoint_directory& to, const sums& all, std::uint64_t epoch) {
  const auto written = to.begin(epoch).value();
  const auto file = written->add_states(state_file_kind::full, {0, groups}).value();
  for (std::uint32_t g = 0; g < groups; ++g) {
    writer bytes;
    all.save(g, bytes);
    file->add(g, bytes.data()).value();
  }
  checkpoint_manifest manifest;
  manifest.history = 1;
  manifest.epoch = epoch;
  manifest.topology = "bench";
  manifest.nodes.emplace_back().name = "sums";
  manifest.nodes.back().files.push_back(file->finish().value());
  to.prepare(written, manifest).value();
  to.commit(epoch).value();
  return manifest.nodes.back().files.back().size;
}

void write_plainly(const std::string& path, const std::string& bytes) {
  const descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (n <= 0) throw std::runtime_error("cannot write the bare file");
    at += static_cast<std::size_t>(n);
  }
  if (::fdatasync(file.get()) != 0) throw std::runtime_error("cannot sync the bare file");
}

void checkpoint(benchmark::State& state) {
  const bench_folder folder{"freshet_checkpoint_bench"};
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  sums all(groups);
  for (std::uint64_t k = 0; k < keys; ++k) all.use(k, stable_hash<std::uint64_t>::of(k)) = k;
  const auto kept = checkpoint_directory::open(system_files(), folder / "kept").value();
  std::uint64_t epoch = 0;
  const std::string bytes(save_all(*kept, all, ++epoch), 'x');
  histogram saved, bare;
  for (auto _ : state) {
    bare.record(nanoseconds_to([&] { write_plainly(folder / "bare", bytes); }));
    const auto ns = nanoseconds_to([&] { save_all(*kept, all, ++epoch); });
    saved.record(ns);
    state.SetIterationTime(static_cast<double>(ns) * 1e-9);
  }
  const auto ms = [](const histogram& of, double percent) {
    return static_cast<double>(of.percentile(percent)) * 1e-6;
  };
  state.counters["p50_ms"] = ms(saved, 50);
  state.counters["max_ms"] = ms(saved, 100);
  state.counters["bare_p50_ms"] = ms(bare, 50);
  state.counters["bare_max_ms"] = ms(bare, 100);
  state.counters["of_bare_p50"] = ms(saved, 50) / ms(bare, 50);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(checkpoint)
    ->Name("state/checkpoint")
    ->ArgName("keys")
    ->Arg(1000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->MinTime(2);

}  // namespace
}  // namespace freshet
