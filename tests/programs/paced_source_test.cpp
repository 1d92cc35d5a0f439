#include "paced_source.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "pipeline.hpp"

// No coordinated omission: what stops the source for a while is in the latencies of all that was due meanwhile.
namespace freshet::latency {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const timetable> times(double rate, clock::time_point begin, clock::duration how_long) {
  timetable made(rate, 1);
  made.set_times(begin, how_long);
  return std::make_shared<timetable>(made);
}
const std::atomic<bool> go_on{false}, give_up{true};

/// Sends 400 values in 40 ms to a sink that is reached directly; the tenth call returns 20 ms after the start.
struct stalled_source {
  const clock::time_point start = clock::now();
  const std::shared_ptr<arrivals> into = std::make_shared<arrivals>();
  std::vector<std::int64_t> intended;
  std::uint64_t sent = 0;

  stalled_source() {
    const auto all = times(10'000, start, 40ms);
    latency_sink sink{all, into};
    sent = pace(*all, go_on, [&](const sample& s) {
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

/// Values 9 to 199 were due until the stall was over, and wait for at least what was left of it; those up to 39 warm
/// up. A slow machine makes latencies longer, never shorter.
TEST(paced_source, a_stall_is_in_the_percentiles_of_all_that_was_due_meanwhile) {
  const auto latency = stalled_source().into->all();
  EXPECT_EQ(latency.count(), 360u);
  EXPECT_GE(latency.max(), 15'000'000u);
  EXPECT_GE(latency.percentile(90), 11'000'000u);  // 36 of 360 are above it, and 46 waited for 11.5 ms or more
  EXPECT_GE(latency.percentile(75), 6'000'000u);   // 90; 96 waited for 6.5 ms or more
}

TEST(paced_source, gives_up_when_asked_or_when_nobody_takes_more) {
  const auto start = clock::now();
  EXPECT_EQ(pace(*times(10'000, start, 1h), give_up, [](const sample&) { return true; }), 0u);
  int taken = 0;
  EXPECT_EQ(pace(*times(1e6, start, 1h), go_on, [&](const sample&) { return ++taken <= 5; }), 5u);
}

}  // namespace
}  // namespace freshet::latency
