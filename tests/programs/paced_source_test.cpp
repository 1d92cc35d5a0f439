#include "paced_source.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

// No coordinated omission: what stops the source for a while is in the latencies of all that was due meanwhile.
namespace freshet::latency {
namespace {

using namespace std::chrono_literals;

/// Sends 400 values in 40 ms to a sink that is reached directly; the tenth call returns 20 ms after the start.
struct stalled_source {
  const clock::time_point start = clock::now(), end = start + 40ms;
  const std::shared_ptr<arrivals> into = std::make_shared<arrivals>();
  std::vector<std::int64_t> intended;
  std::uint64_t sent = 0;

  stalled_source() {
    latency_sink sink{{start, end}, into};
    sent = pace(10'000, start, end, false, [&](const sample& s) {
      intended.push_back(s.intended_ns);
      if (intended.size() == 10) wait_until(start + 20ms);
      sink.write(s);
      return true;
    });
    sink.close();
  }
};

TEST(paced_source, after_a_stall_each_value_has_the_instant_for_which_it_was_meant) {
  const stalled_source source;
  EXPECT_EQ(source.sent, 400u);
  ASSERT_EQ(source.intended.size(), 400u);
  for (std::size_t i = 0; i < 400; ++i)
    EXPECT_EQ(source.intended[i], (source.start + i * 100us).time_since_epoch().count()) << i;
}

/// Values 9 to 199 were due until the stall was over, and wait for at least what was left of it. A slow machine makes
/// latencies longer, never shorter.
TEST(paced_source, a_stall_is_in_the_percentiles_of_all_that_was_due_meanwhile) {
  const auto latency = stalled_source().into->all();
  EXPECT_EQ(latency.count(), 400u);
  EXPECT_GE(latency.max(), 19'000'000u);
  EXPECT_GE(latency.percentile(90), 14'000'000u);  // 40 of 400 are above it, and 50 waited for 14.1 ms or more
  EXPECT_GE(latency.percentile(75), 9'000'000u);   // 100; 100 waited for 9.1 ms or more
}

TEST(paced_source, gives_up_when_asked_or_when_nobody_takes_more) {
  const auto start = clock::now();
  EXPECT_EQ(pace(10'000, start, start + 1h, true, [](const sample&) { return true; }), 0u);
  int taken = 0;
  EXPECT_EQ(pace(1e6, start, start + 1h, false, [&](const sample&) { return ++taken <= 5; }), 5u);
}

}  // namespace
}  // namespace freshet::latency
