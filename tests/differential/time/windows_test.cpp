// Random windows over random rows, out of order and from several partitions, on both engines, with faults: results and
// late rows are those of a plain loop, to the last one.
//
// A test that fails names the seed. To run it alone:
//     FRESHET_SEED=123 build/dev/tests/differential_tests --gtest_filter='*random_windows*'
// More seeds a case: FRESHET_SEEDS=2000.
#include <gtest/gtest.h>

#include "differential/time/run_windows.hpp"
#include "differential/time/seeds.hpp"

namespace freshet::differential {
namespace {

/// Under at_least_once nothing fails that reads updates, nor what combines rows: a call that had changed its state
/// would be made again.
std::vector<std::string> failing_nodes(const promise& p, const window_scene& s) {
  if (!p.has_faults) return {};
  std::vector<std::string> all{"in front", "in front.event_time", "windows",
                               "late",     "further windows",     "further results"};
  if (p.is_exact() || !s.options.gives_updates()) all.insert(all.end(), {"results", "chained", "windows.final"});
  if (p.is_exact()) all.push_back("windows.combine");
  return all;
}

std::string wrong_with(const window_scene& scene, const promise& kept, random_source& random) {
  std::string wrong;
  const auto got = run_windows(scene, some_options(kept, failing_nodes(kept, scene), random), wrong);
  return wrong + difference(answers_of(scene), got);
}

class random_windows : public ::testing::TestWithParam<part_of_promise> {};

TEST_P(random_windows, are_those_of_a_plain_loop) { compare_seeds(GetParam(), 60, some_window_scene, wrong_with); }

INSTANTIATE_TEST_SUITE_P(seeds, random_windows, parts_of_promises(), name_of_part);

}  // namespace
}  // namespace freshet::differential
