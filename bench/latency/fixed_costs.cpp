#include "fixed_costs.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "pipeline.hpp"

#ifdef __linux__
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;
#endif

namespace freshet::latency {

using namespace std::chrono_literals;

namespace {

/// The shortest asked: what a batch waits for is no cost of starting.
double shortest_interval(const options& asked) {
  return *std::min_element(asked.intervals_ms.begin(), asked.intervals_ms.end());
}

const char* name_of(idle ladder) {
  switch (ladder) {
    case idle::spin:
      return "spin";
    case idle::park:
      return "park";
    case idle::adaptive:
      break;
  }
  return "adaptive";
}

#ifdef __linux__
/// What this program prints when it is started with other arguments; empty when it fails.
std::string output_of_myself(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "freshet-latency");
  std::vector<char*> argv;
  for (auto& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  int ends[2];
  if (pipe(ends) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t child = 0;
  const bool started = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string output;
  char buffer[128];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) output.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  return started && waitpid(child, &status, 0) == child && status == 0 ? output : std::string();
}
#endif

}  // namespace

std::optional<first_result> measure_first_result(engine which, const options& asked) {
#ifdef __linux__
  const auto start = clock::now();
  const auto said =
      output_of_myself({"--first-result-of", to_string(which), "--interval", std::to_string(shortest_interval(asked)),
                        "--workers", std::to_string(asked.workers), "--idle", name_of(asked.idle)});
  long long at = 0;
  unsigned long long resident = 0;
  // The steady clock is the same in both processes.
  if (std::sscanf(said.c_str(), "%lld %llu", &at, &resident) != 2) return std::nullopt;
  return first_result{std::chrono::nanoseconds(at) - start.time_since_epoch(), resident};
#else
  (void)which, (void)asked;
  return std::nullopt;
#endif
}

int be_first_result(const options& asked) {
  const engine which = asked.first_result_of == "batch" ? engine::batch : engine::event;
  push_spout<sample> samples;
  if (!samples.push({})) return 1;
  samples.close();
  topology_builder b{"first-result"};
  auto doubled = b.bolt("double", [](const sample& s) {
                    return sample{s.key, s.amount * 2 + 1, 0};
                  }).input(b.spout("samples", samples));
  b.sink("first", [](const sample&) {
     std::printf("%lld %llu\n", static_cast<long long>(clock::now().time_since_epoch().count()),
                 static_cast<unsigned long long>(resident_bytes()));
   }).input(doubled, key_grouping{&sample::key});
  start(plain(which, shortest_interval(asked), 1), asked, b.build()).wait();
  return 0;
}

std::chrono::duration<double, std::micro> small_batch(const options& asked) {
  constexpr std::uint64_t batches = 200;
  topology_builder b{"small-batches"};
  auto one = b.spout("one", generator_spout{[](std::uint64_t i) { return i; }, {.rate = 1000, .count = batches}});
  auto by_key = key_grouping{std::identity{}};
  auto first = b.bolt("second stage", [](std::uint64_t n) { return n * 2; }, {.parallelism = 2}).input(one, by_key);
  auto second = b.bolt("third stage", [](std::uint64_t n) { return n + 1; }, {.parallelism = 2}).input(first, by_key);
  b.sink("end", [](std::uint64_t) {}, {.parallelism = 2}).input(second);
  auto run =
      batch_executor{{.interval = 1ms, .workers = asked.workers, .idle = asked.idle, .recent_batches = batches}}.start(
          b.build());
  run.wait();
  std::vector<std::chrono::nanoseconds> took;
  for (const auto& batch : run.metrics().batches) took.push_back(batch.processing_time);
  if (took.empty()) return {};
  std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2), took.end());
  return took[took.size() / 2];
}

}  // namespace freshet::latency
