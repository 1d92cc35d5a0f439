// Sinks that hold, in batches: a batch waits for its tokens, and a tuple whose token fails is written again. In the
// event engine: event/holding_sinks_test.cpp; both at random: differential/holding_sinks_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batch/batch_probe.hpp"
#include "core/courier.hpp"

namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using namespace std::chrono_literals;
using answer = courier::answer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Runs `graph` in batches of 10 to the end.
topology_run run_to_end(const topology& graph, batch_options options = {}) {
  auto run = batch_executor{batches_of(10, std::move(options))}.start(graph);
  if (!run.wait_for(60s)) {
    ADD_FAILURE() << "the run hangs\n" << run.describe();
    std::abort();
  }
  return run;
}

/// The numbers below `n` into `sink`.
template <class S>
topology into(S sink, int n, bolt_options options = {}) {
  topology_builder builder{"holding"};
  builder.sink("out", std::move(sink), std::move(options))
      .input(builder.spout("in", vector_spout{numbers(n)}), shuffle_grouping{});
  return builder.build();
}

TEST(holding_sinks_in_batches, a_tuple_whose_token_fails_is_written_again) {
  for (const auto bad : {answer::fail, answer::drop})
    for (std::size_t parallelism : {1, 2}) {
      const auto by =
          std::make_shared<courier>([bad](int v, int nth) { return v % 3 == 0 && nth <= 2 ? bad : answer::ack; });
      auto run = run_to_end(into(posting_sink{by}, 60, {.parallelism = parallelism}));
      EXPECT_EQ(sorted(by->delivered()), numbers(60));
      EXPECT_EQ(by->times(3), 3);
      EXPECT_EQ(by->times(4), 1);
      EXPECT_EQ(run.metrics().node("out").failed, 40u);
      EXPECT_EQ(run.metrics().node("out").retried, 40u);
      EXPECT_EQ(run.metrics().total().dead_lettered, 0u);
    }
}

}  // namespace
