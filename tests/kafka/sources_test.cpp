#include "connect/kafka/sources.hpp"

#include <gtest/gtest.h>

namespace freshet::kafka {
namespace {

TEST(sources, are_found_by_id_and_by_place) {
  source_list all;
  source& first = all.add("orders", 0, 7);
  source& other = all.add("orders", 1, 8);
  EXPECT_EQ(all.by_id(7), &first);
  EXPECT_EQ(all.at("orders", 1), &other);
  EXPECT_EQ(all.at("orders", 0), &first);
  EXPECT_EQ(all.at("orders", 2), nullptr);
  EXPECT_EQ(all.at("other", 0), nullptr);
  EXPECT_EQ(all.by_id(9), nullptr);
}
TEST(sources, one_that_comes_back_is_another) {
  source_list all;
  source& old = all.add("orders", 0, 1);
  ASSERT_EQ(all.at("orders", 0), &old);
  all.remove(old);
  EXPECT_TRUE(old.gone);
  EXPECT_EQ(all.at("orders", 0), nullptr);
  EXPECT_EQ(all.by_id(1), &old) << "what is under way of it is still told to it";
  source& again = all.add("orders", 0, 2);
  EXPECT_EQ(all.at("orders", 0), &again);
  all.remove(old);
  EXPECT_EQ(all.at("orders", 0), &again) << "it is not the old one's place any more";
}
TEST(sources, are_finished_when_all_that_was_emitted_is_committed) {
  source s{.topic = "orders"};
  EXPECT_TRUE(s.is_finished()) << "nothing was emitted";
  s.emitted = 5;
  EXPECT_FALSE(s.is_finished());
  s.committed = 4;
  EXPECT_FALSE(s.is_finished());
  s.committed = 5;
  EXPECT_TRUE(s.is_finished());
}
TEST(sources, keep_what_is_not_wanted_yet) {
  source_list all;
  source& one = all.add("orders", 0, 0);
  source& other = all.add("orders", 1, 1);
  EXPECT_FALSE(all.has_asides());
  for (std::size_t i = 0; i < source::most_aside; ++i) {
    EXPECT_FALSE(one.is_full());
    all.set_aside(one, nullptr);
  }
  EXPECT_TRUE(one.is_full());
  all.set_aside(other, nullptr);
  all.take_aside(one);
  EXPECT_FALSE(one.is_full());
  all.forget_aside(one);
  EXPECT_TRUE(all.has_asides()) << "the other has one";
  all.remove(other);
  EXPECT_FALSE(all.has_asides());
}

}  // namespace
}  // namespace freshet::kafka
