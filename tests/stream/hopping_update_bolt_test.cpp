#include "freshet/stream/hopping_update_bolt.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/bolt_harness.hpp"
#include "freshet/testing/check_bolt.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using samples::ms;
using samples::reading;

constexpr auto key = &reading::key;
constexpr auto sum = aggregates::sum{&reading::value};
using sliced = hopping_update_bolt<reading, decltype(key), std::string, decltype(sum)>;
/// The same windows, each kept by itself.
using one_by_one = window_bolt<reading, decltype(key), std::string, hopping, decltype(sum)>;

/// Readings out of order, some of them late, gaps among them, and time and the clock in between.
template <class Harness>
void random_steps(Harness& h, std::uint64_t seed) {
  random_source random(seed);
  std::int64_t now = -300;
  for (std::int64_t i = 0; i < 200; ++i) {
    now += random.chance(0.05) ? 200 : static_cast<std::int64_t>(random.below(8));
    const reading r{std::string(1, static_cast<char>('a' + random.below(2))),
                    ms(now - static_cast<std::int64_t>(random.below(90))), i};
    h.process(r, r.at, ms(now - 40));
    if (random.chance(0.2)) h.advance_watermark(ms(now - 45));
    if (random.chance(0.2)) h.advance_clock(3ms);
  }
  h.advance_watermark(end_of_time);
}
using results_of = testing::harness_output<windowed<std::string, std::int64_t>>;
/// Results as text. Of those on the way the stamp is that of whoever has set the timer, which need not be the same.
std::vector<std::string> texts_of(const results_of& results) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < results.values.size(); ++i) {
    const auto& result = results.values[i];
    const auto latest = result_stamp(result.window);
    EXPECT_TRUE(result.is_final ? results.stamps[i] == latest : results.stamps[i] <= latest) << value_text(result);
    all.push_back(value_text(result) + " at " + value_text(results.times[i]));
  }
  return all;
}
std::vector<window_options> some_options() {
  std::vector<window_options> all;
  for (const auto lateness : {0ms, 15ms, 120ms})
    for (const auto every : {0ms, 1ms, 10ms, 50ms})
      for (const auto by : {time_domain::event, time_domain::processing})
        for (const bool late : {false, true})
          if (late || every > 0ms)
            all.push_back({.allowed_lateness = lateness, .early = {0, every, by}, .late_results = late});
  return all;
}

/// To the last early result, with its number and its time.
TEST(hopping_update_bolt, gives_what_windows_give_that_are_kept_one_by_one) {
  std::uint64_t seed = 0;
  std::size_t results = 0, late = 0;
  for (const hopping windows : {hopping{40ms, 15ms}, hopping{60ms, 7ms, -3ms}, hopping{30ms, 30ms}, hopping{9ms, 1ms}})
    for (const auto& options : some_options()) {
      testing::bolt_harness<sliced> got{sliced{key, windows, sum, options}, key_grouping{key}};
      testing::bolt_harness<one_by_one> wanted{one_by_one{key, windows, sum, options}, key_grouping{key}};
      random_steps(got, ++seed);
      random_steps(wanted, seed);
      ASSERT_EQ(texts_of(got.output()), texts_of(wanted.output()))
          << "seed " << seed << ", lateness " << options.allowed_lateness.count() << ", early "
          << options.early.every.count() << ", late results " << options.late_results;
      ASSERT_EQ(testing::detail::first_difference("late", wanted.side<late_output<reading>>(),
                                                  got.side<late_output<reading>>()),
                "");
      results += got.output().values.size();
      late += got.side<late_output<reading>>().values.size();
    }
  EXPECT_GT(results, 10'000u);
  EXPECT_GT(late, 300u);
}

TEST(hopping_update_bolt, survives_snapshots_and_full_outboxes) {
  for (const auto& options : some_options()) {
    const sliced bolt{key, hopping{40ms, 15ms}, sum, options};
    EXPECT_EQ(testing::check_bolt(bolt, key_grouping{key}, [](auto& h) { random_steps(h, 5); }), "");
  }
}

struct count_adds {
  std::shared_ptr<std::atomic<std::uint64_t>> adds;
  void add(std::int64_t& so_far, const reading& r) const {
    so_far += r.value;
    ++*adds;
  }
  void merge(std::int64_t& into, const std::int64_t& from) const { into += from; }
};

class hopping_updates : public samples::on_every_engine {};
INSTANTIATE_TEST_SUITE_P(engines, hopping_updates, ::testing::ValuesIn(samples::every_engine()),
                         samples::name_of_engine);

/// A reading is in 3,600 windows.
TEST_P(hopping_updates, a_reading_is_added_once) {
  std::vector<reading> all;
  for (int i = 0; i < 20; ++i) all.push_back({"a", ms(i * 100), 1});
  const count_adds counting{std::make_shared<std::atomic<std::uint64_t>>(0)};
  const auto windows = readings(all, {.bound = 1s})
                           .key_by(&reading::key)
                           .window(hopping{1h, 1s}, {.early = {.every = 1min}, .late_results = true})
                           .aggregate("sums", counting);
  std::int64_t of_all = 0, finals = 0;
  windows.final_only().to("finals", [&](const auto& w) {
    of_all = std::max(of_all, w.value);
    ++finals;
  });
  run();
  EXPECT_EQ(of_all, 20);
  EXPECT_EQ(finals, 3601);
  EXPECT_EQ(*counting.adds, 20u);
}

}  // namespace
}  // namespace freshet
