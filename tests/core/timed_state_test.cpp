#include "freshet/core/timed_state.hpp"

#include <gtest/gtest.h>

#include <string>

namespace freshet {
namespace {

using state_type = timed_state<std::string, std::uint64_t>;

event_time at(std::int64_t ms) { return event_time{event_time::duration{ms}}; }
std::uint64_t& value_of(state_type& s, const std::string& key) {
  return s.states.use(key, stable_hash<std::string>::of(key));
}
std::vector<std::string> due(state_type& s, event_time watermark) {
  std::vector<std::string> keys;
  while (auto t = s.timers.take_due(watermark)) keys.push_back(t->key);
  return keys;
}

TEST(timed_state, undoes_states_and_timers_together) {
  state_type s(8);
  value_of(s, "a") = 1;
  s.timers.set("a", 0, at(10), at(0));
  s.begin();
  value_of(s, "a") = 2;
  value_of(s, "b") = 3;
  s.timers.set("a", 0, at(5), at(0));
  s.timers.set("b", 0, at(6), at(0));
  EXPECT_EQ(s.touched(), 2u);
  s.rollback();
  EXPECT_EQ(s.rows(), 1u);
  EXPECT_EQ(value_of(s, "a"), 1u);
  EXPECT_TRUE(due(s, at(9)).empty());
  EXPECT_EQ(due(s, at(10)), std::vector<std::string>{"a"});
}

TEST(timed_state, saves_and_loads_a_group_with_its_timers) {
  state_type s(4), other(4);
  for (int i = 0; i < 20; ++i) {
    const auto key = std::to_string(i);
    value_of(s, key) = static_cast<std::uint64_t>(i);
    s.timers.set(key, 0, at(i), at(0));
  }
  ASSERT_TRUE(s.is_durable());
  for (std::uint32_t g = 0; g < 4; ++g) {
    writer w;
    s.save(g, w);
    reader r(w.data());
    ASSERT_TRUE(other.load(g, r));
  }
  EXPECT_EQ(other.rows(), 20u);
  EXPECT_EQ(value_of(other, "7"), 7u);
  EXPECT_EQ(due(other, at(100)), due(s, at(100)));
}

TEST(timed_state, drops_a_group_whole) {
  state_type s(1);
  value_of(s, "a") = 1;
  s.timers.set("a", 0, at(10), at(0));
  s.drop(0);
  EXPECT_EQ(s.rows(), 0u);
  EXPECT_TRUE(due(s, at(100)).empty());
}

TEST(timed_state, a_key_that_was_forgotten_and_came_again_is_undone_to_what_it_was) {
  state_type s(1);
  const auto hash = stable_hash<std::string>::of(std::string{"a"});
  value_of(s, "a") = 1;
  s.begin();
  value_of(s, "a") = 2;
  s.states.forget(std::string{"a"}, hash);
  EXPECT_EQ(s.rows(), 0u);
  value_of(s, "a") = 3;
  s.rollback();
  EXPECT_EQ(value_of(s, "a"), 1u);
}

}  // namespace
}  // namespace freshet
