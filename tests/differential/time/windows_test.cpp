// Random windows over random rows, out of order and from several partitions, on both engines, with faults: results and
// late rows are those of a plain loop, to the last one.
//
// A test that fails names the seed. To run it alone:
//     FRESHET_SEED=123 build/dev/tests/differential_time_tests
// More seeds a case: FRESHET_SEEDS=2000.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "differential/time/run_windows.hpp"
#include "freshet/testing/fault_plan.hpp"

namespace freshet::differential {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct promise {
  const char* name;
  bool batches;
  guarantee kept;
  bool has_faults;
};

/// Under at_least_once nothing fails in front of the clock: it would not see the row, and those that follow would be
/// judged without it. Nor what reads updates: a call that had changed its state would be made again.
std::vector<std::string> failing_nodes(const promise& p, const window_scene& s) {
  if (!p.has_faults) return {};
  std::vector<std::string> all{"windows", "late", "further windows", "further results"};
  const bool is_exact = p.kept == guarantee::exactly_once;
  if (is_exact || !s.options.gives_updates()) all.insert(all.end(), {"results", "chained", "windows.final"});
  if (is_exact) all.push_back("rows.event_time");
  return all;
}

any_options options_of(const promise& p, const window_scene& s, random_source& random) {
  const auto failing = failing_nodes(p, s);
  auto faults = std::make_shared<testing::fault_plan>(random.below(1u << 30));
  for (const auto& node : failing) faults->throw_at_random(node, 0.03, random.below(5));
  if (!p.batches) {
    event_options o{.guarantee = p.kept, .workers = 1 + random.below(2), .max_batch = 1 + random.below(40)};
    o.retry = {.max_attempts = 50, .first = std::chrono::microseconds(1), .longest = std::chrono::microseconds(20)};
    if (!failing.empty()) o.faults = faults;
    return o;
  }
  const std::size_t sizes[] = {1, 7, 100, 100'000};
  batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = sizes[random.below(4)]};
  o.workers = 1 + random.below(2);
  o.max_task_attempts = 100;
  o.max_batch = 1 + random.below(40);
  if (!failing.empty()) o.faults = faults;
  return o;
}

class random_windows : public ::testing::TestWithParam<std::tuple<promise, std::uint64_t>> {};

TEST_P(random_windows, are_those_of_a_plain_loop) {
  const auto& [kept, part] = GetParam();
  const auto only = number_from("FRESHET_SEED", 0), each = number_from("FRESHET_SEEDS", 60);
  std::uint64_t seeds = 0, differences = 0;
  for (auto seed = only ? only : 1 + part * each; seed < (only ? only + 1 : 1 + (part + 1) * each); ++seed, ++seeds) {
    const auto scene = some_window_scene(seed);
    random_source random(seed * 31 + part);
    std::string wrong;
    const auto got = run_windows(scene, options_of(kept, scene, random), wrong);
    const auto wanted = answers_of(scene);
    wrong += difference(wanted, got);
    if (wrong.empty()) continue;
    ++differences;
    ADD_FAILURE() << described(scene) << '\n' << wrong;
    if (differences == 3) break;
  }
  std::printf("%s: seeds=%llu differences=%llu\n", kept.name, static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(differences));
}

const promise promises[] = {{"best_effort", false, guarantee::best_effort, false},
                            {"at_least_once", false, guarantee::at_least_once, false},
                            {"at_least_once_with_faults", false, guarantee::at_least_once, true},
                            {"exactly_once_with_faults", false, guarantee::exactly_once, true},
                            {"batches", true, guarantee::exactly_once, false},
                            {"batches_with_faults", true, guarantee::exactly_once, true}};

INSTANTIATE_TEST_SUITE_P(seeds, random_windows,
                         ::testing::Combine(::testing::ValuesIn(promises), ::testing::Range<std::uint64_t>(0, 3)),
                         [](const auto& of) {
                           return std::string(std::get<0>(of.param).name) + "_" + std::to_string(std::get<1>(of.param));
                         });

}  // namespace
}  // namespace freshet::differential
