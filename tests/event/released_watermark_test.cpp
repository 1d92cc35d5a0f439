#include "event/released_watermark.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

event_time at(std::int64_t ms) { return event_time{event_time::duration{ms}}; }

TEST(released_watermark, is_the_clocks_where_nothing_is_unfinished) {
  released_watermark w;
  EXPECT_EQ(w.advance(beginning_of_time), beginning_of_time);
  EXPECT_EQ(w.advance(at(5)), at(5));
  EXPECT_EQ(w.advance(at(7)), at(7));
  EXPECT_EQ(w.waiting(), 0u);
}

TEST(released_watermark, waits_for_the_first_round) {
  released_watermark w;
  const auto first = w.emitted(2), second = w.emitted(1);
  EXPECT_EQ(w.advance(at(10)), beginning_of_time);
  w.finished(second, 1);
  EXPECT_EQ(w.advance(at(10)), beginning_of_time);
  w.finished(first, 1);
  EXPECT_EQ(w.advance(at(11)), beginning_of_time);
  w.finished(first, 1);
  EXPECT_EQ(w.advance(at(11)), at(11));
}

TEST(released_watermark, goes_on_round_by_round) {
  released_watermark w;
  const auto first = w.emitted(1);
  EXPECT_EQ(w.advance(at(3)), beginning_of_time);
  const auto second = w.emitted(1);
  EXPECT_EQ(w.advance(at(8)), beginning_of_time);
  w.finished(first, 1);
  EXPECT_EQ(w.advance(at(8)), at(3));
  EXPECT_EQ(w.waiting(), 1u);
  w.finished(second, 1);
  EXPECT_EQ(w.advance(at(8)), at(8));
}

TEST(released_watermark, never_goes_back) {
  released_watermark w;
  EXPECT_EQ(w.advance(at(9)), at(9));
  const auto round = w.emitted(1);
  EXPECT_EQ(w.advance(at(4)), at(9));
  w.finished(round, 1);
  EXPECT_EQ(w.advance(at(4)), at(9));
}

}  // namespace
}  // namespace freshet
