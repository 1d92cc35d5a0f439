#include "freshet/time/watermark.hpp"

#include <gtest/gtest.h>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

TEST(watermark, bounded_is_the_largest_time_less_the_bound) {
  partition_watermark w{bounded_out_of_orderness{10ms}};
  EXPECT_EQ(w.watermark(), beginning_of_time);
  EXPECT_EQ(w.observe(at(100)), beginning_of_time);  // nothing was seen before the first
  EXPECT_EQ(w.watermark(), at(90));
  EXPECT_EQ(w.observe(at(95)), at(90));
  EXPECT_EQ(w.watermark(), at(90));
  EXPECT_EQ(w.observe(at(101)), at(90));
  EXPECT_EQ(w.observe(at(91)), at(91));  // exactly the bound behind: on the watermark, not below it
  EXPECT_EQ(w.watermark(), at(91));
}

TEST(watermark, ascending_times_may_repeat) {
  partition_watermark<ascending> w;
  EXPECT_EQ(w.observe(at(5)), beginning_of_time);
  EXPECT_EQ(w.observe(at(5)), at(4));  // a tie is above its stamp
  EXPECT_EQ(w.observe(at(6)), at(4));
  EXPECT_EQ(w.observe(at(2)), at(5));
  EXPECT_EQ(w.watermark(), at(5));
}

TEST(watermark, punctuated_by_time_or_by_value) {
  partition_watermark by_time{
      punctuated{[](event_time t) { return t.time_since_epoch() % 10ms == 0ms ? std::optional(t) : std::nullopt; }}};
  by_time.observe(at(13));
  EXPECT_EQ(by_time.watermark(), beginning_of_time);
  by_time.observe(at(20));
  EXPECT_EQ(by_time.watermark(), at(20));
  by_time.observe(at(10));  // never back
  EXPECT_EQ(by_time.watermark(), at(20));

  struct reading {
    bool last;
  };
  partition_watermark by_value{
      punctuated{[](event_time t, const reading& r) { return r.last ? std::optional(t) : std::nullopt; }}};
  EXPECT_EQ(by_value.observe(at(7), reading{false}), beginning_of_time);
  EXPECT_EQ(by_value.observe(at(8), reading{true}), beginning_of_time);
  EXPECT_EQ(by_value.observe(at(9), reading{true}), at(8));
  EXPECT_EQ(by_value.watermark(), at(9));
}

/// A policy of a user's: the watermark follows the third largest time.
struct third_largest {
  using state = std::vector<event_time>;
  state start() const { return {}; }
  event_time observe(state& s, event_time t) const {
    s.push_back(t);
    std::sort(s.rbegin(), s.rend());
    if (s.size() > 3) s.pop_back();
    return s.size() == 3 ? s.back() : beginning_of_time;
  }
};
static_assert(watermark_policy<third_largest, int>);
static_assert(watermark_policy<bounded_out_of_orderness, int> && watermark_policy<ascending, std::string>);
static_assert(!watermark_policy<int, int>);

TEST(watermark, custom_policies_are_classes) {
  partition_watermark<third_largest> w;
  for (int t : {5, 9, 7, 1}) w.observe(at(t));
  EXPECT_EQ(w.watermark(), at(5));
  EXPECT_EQ(w.observe(at(8)), at(5));
  EXPECT_EQ(w.watermark(), at(7));
}

/// A policy that takes back what it said.
struct swaying {
  using state = int;
  state start() const { return 0; }
  event_time observe(state& n, event_time t) const { return ++n % 2 ? t : beginning_of_time; }
};

TEST(watermark, never_goes_back) {
  partition_watermark<swaying> w;
  event_time before = w.watermark();
  random_source random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(w.observe(at(static_cast<std::int64_t>(random.below(100)))), before);
    EXPECT_GE(w.watermark(), before);
    before = w.watermark();
  }
}

TEST(watermark, holds_at_both_ends_of_time) {
  partition_watermark w{bounded_out_of_orderness{event_span::max()}};
  w.observe(first_event_time);
  EXPECT_EQ(w.watermark(), beginning_of_time);
  w.observe(at(-2));
  EXPECT_EQ(w.watermark(), beginning_of_time);
  w.observe(at(0));
  EXPECT_EQ(w.watermark(), first_event_time);  // 0 - (2^63 - 1)

  partition_watermark none{bounded_out_of_orderness{}};
  none.observe(beginning_of_time);
  EXPECT_EQ(none.watermark(), first_event_time);
  none.observe(end_of_time);  // one broken clock doesn't end the stream
  EXPECT_EQ(none.watermark(), last_event_time);
  partition_watermark<swaying> ends;
  ends.observe(end_of_time);
  EXPECT_EQ(ends.watermark(), last_event_time);
}

TEST(watermark, leaps_through_years_in_one_step) {
  partition_watermark w{bounded_out_of_orderness{1s}};
  w.observe(at(0));
  w.observe(event_time(std::chrono::years(1000)));
  EXPECT_EQ(w.watermark(), event_time(std::chrono::years(1000)) - 1s);
}

TEST(watermark, goes_on_from_what_was_saved) {
  random_source random(2);
  partition_watermark<third_largest> whole;
  std::string bytes;
  std::optional<partition_watermark<third_largest>> resumed;
  for (int i = 0; i < 200; ++i) {
    if (i == 77) {
      writer out;
      codec<partition_watermark<third_largest>::state>::write(out, whole.saved());
      bytes = out.take();
      partition_watermark<third_largest>::state from;
      reader in(bytes);
      codec<partition_watermark<third_largest>::state>::read(in, from, 0);
      ASSERT_FALSE(in.failed());
      resumed.emplace(third_largest{}, from);
    }
    const auto t = at(static_cast<std::int64_t>(random.below(1000)));
    const event_time stamp = whole.observe(t);
    if (resumed) {
      EXPECT_EQ(resumed->observe(t), stamp);
      EXPECT_EQ(resumed->watermark(), whole.watermark());
    }
  }
}

TEST(watermark, mistakes_are_sentences) {
  EXPECT_TRUE(mistakes_of(bounded_out_of_orderness{}).empty());
  EXPECT_EQ(mistakes_of(bounded_out_of_orderness{-5ms}),
            std::vector<std::string>{"the bound of out-of-orderness must not be negative, but is -5 ms"});
}

}  // namespace
}  // namespace freshet
