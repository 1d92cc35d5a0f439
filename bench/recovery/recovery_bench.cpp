// From a kill -9 to the first result that is new: a process sums orders by key under exactly_once, shows rows as files
// each 100 ms, is killed, and is started again at once, some times in one folder. What is new is a row past all that
// could be seen before, `row` when the sink gets it and `shown` when its file has its name. By the number of keys, by
// what each keeps, and by where their states are: in a checkpoint, or in the log alone. Beside it a plain read of as
// many bytes.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/bench_folder.hpp"
#include "base/descriptor.hpp"
#include "freshet/base/histogram.hpp"
#include "freshet/state/checkpoint_reader.hpp"
#include "recovery/life.hpp"

extern char** environ;

namespace freshet::recovery_bench {
namespace {

using steady = std::chrono::steady_clock;

std::int64_t now_ns() { return steady::now().time_since_epoch().count(); }

/// What a life says of itself; the steady clock is the same in all processes.
struct said {
  std::string what;
  std::uint64_t index = 0;
  std::int64_t at_ns = 0;
};

/// This program, started anew to be a life. Killed at the end, if it was not before.
class process {
 public:
  explicit process(const life& asked) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("there is no pipe to be had");
    from_.reset(::fdopen(ends[0], "r"));
    const descriptor to(ends[1]);
    auto arguments = asked.arguments();
    arguments.insert(arguments.begin(), "freshet-bench");
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
    const int failed = posix_spawn(&id_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) id_ = 0, throw std::runtime_error("this program could not be started anew from /proc/self/exe");
  }
  ~process() { kill(); }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  void kill() {
    if (id_ > 0) ::kill(id_, SIGKILL);
    wait();
  }
  /// Gives its exit status.
  int wait() {
    int status = 0;
    if (id_ > 0) ::waitpid(std::exchange(id_, 0), &status, 0);
    return status;
  }
  /// The next thing that it says; none: it is dead, and has said no more.
  bool hear(said& next) {
    char what[16];
    char line[128];
    if (!std::fgets(line, sizeof line, from_.get())) return false;
    unsigned long long index = 0;
    long long at = 0;
    next = {};
    if (std::sscanf(line, "%15s %llu %lld", what, &index, &at) == 3) next = {what, index, at};
    else if (std::sscanf(line, "%15s %lld", what, &at) == 2) next = {what, 0, at};
    return true;
  }
  said hear_of(const std::string& what) {
    for (said next; hear(next);)
      if (next.what == what) return next;
    throw std::runtime_error("a process that should go on has ended");
  }

 private:
  struct closer {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::unique_ptr<std::FILE, closer> from_;
  pid_t id_ = 0;
};

/// The files that a run reads which goes on from what is in this folder.
std::vector<std::string> files_to_read(const std::string& kept) {
  std::vector<std::string> all;
  const checkpoint_reader reader(system_files(), kept);
  const auto epochs = reader.epochs().value();
  for (const auto& node : epochs.back().manifest->nodes)
    for (const auto& file : node.files) all.push_back(reader.path_of(file));
  for (const auto& entry : std::filesystem::directory_iterator(kept + "/log"))
    if (entry.is_regular_file()) all.push_back(entry.path().string());
  return all;
}

std::uint64_t read_plainly(const std::vector<std::string>& files) {
  std::vector<char> buffer(1 << 20);
  std::uint64_t bytes = 0;
  for (const auto& path : files) {
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    for (ssize_t n; (n = ::read(file.get(), buffer.data(), buffer.size())) > 0;) bytes += static_cast<std::uint64_t>(n);
  }
  return bytes;
}

/// Times since a kill, or since what follows it.
struct figures {
  histogram row, shown, row_from_start, main_from_start;

  static double ms(const histogram& of, double percent) { return static_cast<double>(of.percentile(percent)) * 1e-6; }
  void report(benchmark::State& state) const {
    state.counters["row_p50_ms"] = ms(row, 50);
    state.counters["row_max_ms"] = ms(row, 100);
    state.counters["shown_p50_ms"] = ms(shown, 50);
    state.counters["shown_max_ms"] = ms(shown, 100);
    state.counters["main_p50_ms"] = ms(main_from_start, 50);
    state.counters["start_to_row_p50_ms"] = ms(row_from_start, 50);
  }
};

/// How much a run has to read, and how long that takes one who does no more.
void report_read(benchmark::State& state, const std::string& kept, const figures& measured) {
  const auto files = files_to_read(kept);
  histogram took;
  std::uint64_t bytes = 0;
  for (int i = 0; i < 5; ++i) {
    const auto began = now_ns();
    bytes = read_plainly(files);
    took.record(static_cast<std::uint64_t>(now_ns() - began));
  }
  state.counters["read_MB"] = static_cast<double>(bytes) * 1e-6;
  state.counters["read_ms"] = figures::ms(took, 50);
  state.counters["of_read"] = figures::ms(measured.row_from_start, 50) / figures::ms(took, 50);
}

/// One kill: ends with the process behind it at work, which has shown something. Gives from the kill to its first row.
double kill_and_go_on(std::unique_ptr<process>& at_work, const life& asked, figures& into) {
  const auto killed = now_ns();
  at_work->kill();
  const auto started = now_ns();
  auto next = std::make_unique<process>(asked);
  const auto main = next->hear_of("main"), row = next->hear_of("row"), shown = next->hear_of("shown");
  std::uint64_t seen_before = 0;
  for (said last; at_work->hear(last);)
    if (last.what == "shown") seen_before = last.index;
  if (row.index <= seen_before) throw std::runtime_error("a row came again that had been seen");
  at_work = std::move(next);
  const auto since = [](std::int64_t from, const said& to) { return static_cast<std::uint64_t>(to.at_ns - from); };
  into.row.record(since(killed, row));
  into.shown.record(since(killed, shown));
  into.main_from_start.record(since(started, main));
  into.row_from_start.record(since(started, row));
  return static_cast<double>(since(killed, row)) * 1e-9;
}

void recover(benchmark::State& state, const char* engine, bool in_log) {
  const bench_folder folder{"freshet_recovery_bench"};
  life asked{
      folder / "", engine, static_cast<std::uint64_t>(state.range(0)), static_cast<std::uint64_t>(state.range(1)),
      in_log,      true};
  try {
    std::filesystem::create_directories(folder / "rows");
    if (process first{asked}; first.wait() != 0) throw std::runtime_error("the first life has failed");
    asked.is_first = false;
    auto at_work = std::make_unique<process>(asked);
    at_work->hear_of("shown");
    figures measured;
    for (auto _ : state) {
      at_work->hear_of("shown");
      at_work->hear_of("shown");
      state.SetIterationTime(kill_and_go_on(at_work, asked, measured));
    }
    at_work->kill();
    measured.report(state);
    report_read(state, folder / "kept", measured);
  } catch (const std::exception& e) { state.SkipWithError(e.what()); }
}

/// Ten kills, so that each benchmark takes a few seconds.
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"keys", "bytes"})->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(10);
  for (const std::int64_t keys : {1000, 10'000, 100'000, 1'000'000}) b->Args({keys, 0});
  b->Args({100'000, 1000});
}
BENCHMARK_CAPTURE(recover, event_checkpoint, "event", false)->Name("recovery/event/checkpoint")->Apply(sizes);
BENCHMARK_CAPTURE(recover, event_log, "event", true)->Name("recovery/event/log")->Apply(sizes);
BENCHMARK_CAPTURE(recover, batch_checkpoint, "batch", false)->Name("recovery/batch/checkpoint")->Apply(sizes);
BENCHMARK_CAPTURE(recover, batch_log, "batch", true)->Name("recovery/batch/log")->Apply(sizes);

}  // namespace
}  // namespace freshet::recovery_bench
