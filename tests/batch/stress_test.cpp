#include <gtest/gtest.h>

#include "batch/batch_probe.hpp"
#include "freshet/base/random.hpp"
#include "freshet/testing/fault_plan.hpp"

// Random faults, workers and batch sizes: the answer is that of a plain loop.
namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using freshet::testing::fault_plan;

/// Faults that go by: throws below the limit of each tuple, and blocks that are lost in one of three ways.
std::shared_ptr<fault_plan> some_faults(random_source& random) {
  auto faults = std::make_shared<fault_plan>(random());
  const char* nodes[] = {"left", "right", "add", "parts", "sums"};
  const auto node = [&] { return std::string(nodes[random.below(5)]); };
  const auto small = [&] { return static_cast<std::uint32_t>(random.below(3)); };
  for (auto n = random.below(3); n > 0; --n) faults->throw_at(node(), small(), random.below(40), 1 + random.below(3));
  for (auto n = random.below(4); n > 0; --n) {
    const auto batch = random.chance(0.3) ? fault_plan::any_batch : 1 + random.below(6);
    const auto to = random.chance(0.3) ? fault_plan::any_task : small();
    switch (small()) {
      case 0:
        faults->lose_block(node(), small(), to, batch);
        break;
      case 1:
        faults->flip_block(node(), small(), to, batch);
        break;
      default:
        faults->evict_block(node(), small(), to, batch);
    }
  }
  return faults;
}

/// Holds its tuple for a moment: the answer comes from the next call, or from flush.
struct hesitates {
  std::vector<std::pair<int, held_tuple>> held;
  using output = emitter<int>;
  void process(int v, output& out) {
    if (v % 7 == 0) held.emplace_back(v, out.hold());
    else out.emit(v);
    if (held.size() > 3) flush(out);
  }
  void flush(output& out) {
    for (auto& [v, token] : held) {
      out.emit(v, token);
      token.ack();
    }
    held.clear();
  }
};

/// left (re-readable, x 2) and right (not) -> add (x 2) -> parts (chained, combines) -> sums (keyed, x 3) -> out
void run_once(std::uint64_t seed) {
  random_source random(seed);
  constexpr int each = 300;
  topology_builder builder{"stress"};
  push_like_spout right;
  for (int v = 0; v < each; ++v) right.source().push(2 * each + v);
  right.source().close();
  collect_sink<std::pair<int, long>> sink;
  auto left = builder.spout("left", partitioned_spout_probe{2, each}, {.parallelism = 2});
  auto other = builder.spout("right", right);
  auto add = builder.bolt("add", [] { return hesitates{}; }, {.parallelism = 2})
                 .input(merge(stream_ref<int>(left), stream_ref<int>(other)), shuffle_grouping{});
  auto parts = builder.bolt("parts", [](int v) { return v + 1; }, {.parallelism = 2}).input(add);
  auto sums = builder.bolt("sums", sum_once_a_batch{}, {.parallelism = 3}).input(parts, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});

  auto options = quiet({.workers = 1 + random.below(4), .faults = some_faults(random)});
  options.trigger = random.chance(0.5) ? batch_trigger::rows : batch_trigger::back_to_back;
  options.rows_per_batch = 20 + random.below(300);
  if (random.chance(0.2)) options.block_store_bytes = 16 * 1024;
  options.max_batch = 1 + random.below(64);
  options.max_task_attempts = 16;  // faults of several plans may meet in one tuple
  auto run = batch_executor{options}.start(builder.build());
  run.wait();

  std::map<int, long> expected, got;
  for (int v = 1; v <= 3 * each; ++v) expected[v % 10] += v;
  for (auto [k, v] : sink.take()) got[k] = std::max(got[k], v);
  EXPECT_EQ(got, expected) << "seed " << seed;
  EXPECT_EQ(run.metrics().total().dead_lettered, 0u) << "seed " << seed;
}

TEST(batch_stress, random_faults_change_nothing) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    run_once(seed);
    if (HasFailure()) break;
  }
}

}  // namespace
