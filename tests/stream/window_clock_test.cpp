#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

// Windows that give early results by the executor's clock.
namespace freshet::samples {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::topology_driver;
using sums = windowed<std::string, std::int64_t>;

constexpr early_results every_ten_seconds{.every = 10s, .measured_in = time_domain::processing};

template <class W>
topology early_sums(W windows, panes kept = panes::accumulating) {
  stream_builder b{"sums"};
  b.spout("in", push_spout<reading>{})
      .event_time(&reading::at)
      .key_by(&reading::key)
      .window(windows, {.early = every_ten_seconds, .panes = kept})
      .aggregate("sums", aggregates::sum{&reading::value});
  return b.build();
}

/// Three tuples, the last after a result; time ends.
template <class W>
std::vector<row> given(W windows, panes kept = panes::accumulating) {
  topology_driver driver{early_sums(windows, kept)};
  auto& got = driver.watch<sums>("sums");
  driver.push("in", reading{"a", ms(100), 1});
  driver.push("in", reading{"a", ms(200), 2});
  driver.advance_clock(9s);
  EXPECT_THAT(got, IsEmpty());
  driver.advance_clock(25s);  // twice, but once is news
  driver.push("in", reading{"a", ms(300), 4});
  driver.advance_clock(10s);
  driver.finish();
  std::vector<row> rows;
  for (const auto& w : got) rows.push_back(row_of(w));
  return rows;
}

TEST(early_by_the_clock, gives_what_tumbling_windows_have) {
  EXPECT_THAT(given(tumbling{1min}), ElementsAre(row{"a", 0, 60'000, 3, 0, false}, row{"a", 0, 60'000, 7, 1, false},
                                                 row{"a", 0, 60'000, 7, 2, true}));
}
TEST(early_by_the_clock, gives_what_is_new_in_discarding_panes) {
  EXPECT_THAT(given(tumbling{1min}, panes::discarding),
              ElementsAre(row{"a", 0, 60'000, 3, 0, false}, row{"a", 0, 60'000, 4, 1, false}));
}
TEST(early_by_the_clock, gives_what_sessions_have) {
  EXPECT_THAT(given(sessions{1s}), ElementsAre(row{"a", 100, 1200, 3, 0, false}, row{"a", 100, 1300, 7, 1, false},
                                               row{"a", 100, 1300, 7, 2, true}));
}
TEST(early_by_the_clock, gives_what_the_global_window_has) {
  const auto rows = given(global_windows{});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].value, 3);
  EXPECT_EQ(rows[1].value, 7);
}
TEST(early_by_the_clock, gives_what_hopping_windows_have) {
  const auto rows = given(hopping{1min, 30s});
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [](const row& r) { return r.is_final; }), 2);
}

class early_clock_runs : public on_every_engine {};
INSTANTIATE_TEST_SUITE_P(engines, early_clock_runs, ::testing::ValuesIn(every_engine()), name_of_engine);

/// While no event time goes on.
TEST_P(early_clock_runs, nobody_waits_for_the_watermark) {
  push_spout<reading> in;
  std::atomic<std::int64_t> early{0}, last{0};
  builder.spout("in", in)
      .event_time(&reading::at)
      .key_by(&reading::key)
      .window(tumbling{1h}, {.early = {.every = 5ms, .measured_in = time_domain::processing}})
      .aggregate("sums", aggregates::sum{&reading::value})
      .to("got", callback_sink<sums>{[&](const sums& w) { (w.is_final ? last : early) = w.value; }});
  auto run = start_on(answering_at_once(GetParam().second), builder.build());
  for (std::int64_t n = 1; n <= 5; ++n) {
    ASSERT_TRUE(in.push({"a", ms(n), 1}));
    while (early < n) std::this_thread::sleep_for(1ms);
  }
  in.close();
  run.wait();
  EXPECT_EQ(last, 5);
}

}  // namespace
}  // namespace freshet::samples
