// No wake-up is lost: many short runs in which everybody parks whenever there is nothing to do, with room for next to
// nothing in the channels, so that every hand-over has to wake somebody. A lost wake-up is a run that doesn't end.
// FRESHET_ROUNDS=1000000 makes hours of it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "freshet/base/random.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

std::uint64_t rounds() {
  const char* asked = std::getenv("FRESHET_ROUNDS");
  return asked ? std::strtoull(asked, nullptr, 10) : 500;
}

/// in -> forth (keyed, several tasks) -> async (replies on this thread, later) -> out
topology back_and_forth(random_source& random, const push_spout<int>& in, const collect_sink<int>& out) {
  const auto tasks = [&] { return 1 + random.below(3); };
  stream_builder b("wakes");
  b.spout("in", in, {.parallelism = tasks(), .max_pending = 1 + random.below(20), .max_batch = 1 + random.below(4)})
      .shuffle()
      .map("forth", [](int v) { return v + 1; }, {.parallelism = tasks()})
      .shuffle()
      .map_async<int>("async", [](const int& v, async_reply<int> reply) { reply(v - 1); },
                      {.parallelism = tasks(), .capacity = 1 + random.below(4)})
      .to("out", out);
  return b.build();
}

topology_run start(random_source& random, const topology& graph) {
  const auto workers = 1 + random.below(4);
  if (random.chance(0.5)) {
    const auto g = random.chance(0.5) ? guarantee::at_least_once : guarantee::exactly_once;
    return event_executor{{.guarantee = g,
                           .workers = workers,
                           .idle = idle::park,
                           .max_batch = 1 + random.below(3),
                           .channel_batches = 1 + random.below(2),
                           .log = {}}}
        .start(graph);
  }
  const auto trigger = random.chance(0.5) ? batch_trigger::back_to_back : batch_trigger::interval;
  return batch_executor{{.trigger = trigger,
                         .interval = 1ms,
                         .rows_per_batch = 1 + random.below(20),
                         .workers = workers,
                         .idle = idle::park,
                         .log = {}}}
      .start(graph);
}

void run_once(std::uint64_t seed) {
  random_source random(seed);
  push_spout<int> in{{.capacity = 1 + random.below(8)}};
  collect_sink<int> out;
  const auto graph = back_and_forth(random, in, out);
  auto run = start(random, graph);
  const int count = static_cast<int>(random.below(60));
  for (int v = 0; v < count; ++v) {
    ASSERT_TRUE(in.push(v));
    if (random.chance(0.1)) std::this_thread::sleep_for(std::chrono::microseconds(random.below(200)));
  }
  if (random.chance(0.5)) run.request_drain();
  else in.close();
  if (!run.wait_for(60s)) {
    std::fprintf(stderr, "seed %llu: the run sleeps\n%s\n", static_cast<unsigned long long>(seed),
                 run.describe().c_str());
    std::abort();  // its threads can't be ended
  }
  const auto got = out.take();
  EXPECT_EQ(std::set<int>(got.begin(), got.end()).size(), static_cast<std::size_t>(count)) << "seed " << seed;
}

class wake_stress : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(parts, wake_stress, testing::Range<std::uint64_t>(0, 2));

TEST_P(wake_stress, nobody_sleeps_while_there_is_something_to_do) {
  for (std::uint64_t n = 0; n < rounds() && !HasFailure(); ++n) run_once(GetParam() * rounds() + n + 1);
}

}  // namespace
}  // namespace freshet
