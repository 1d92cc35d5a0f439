#include "freshet/core/state_query.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {
using namespace freshet;

template <class State, class Key>
std::optional<State> asked(any_state& state, const Key& key) {
  state_query<State, queried_key_t<Key>> query{queried_key_t<Key>(key)};
  EXPECT_TRUE(query.look_in(state));
  return std::move(query).take();
}

TEST(state_query, copies_what_a_key_has) {
  keyed_state<std::string, int> state(16);
  state.use(std::string("a"), stable_hash<std::string>::of("a")) = 3;
  EXPECT_EQ(asked<int>(state, "a"), 3);
  EXPECT_EQ(asked<int>(state, std::string_view("a")), 3);
  EXPECT_EQ(asked<int>(state, std::string("b")), std::nullopt);
  EXPECT_EQ(state.rows(), 1u) << "a question makes no state";
}

TEST(state_query, knows_state_with_timers) {
  timed_state<int, std::string> state(16);
  state.states.use(5, stable_hash<int>::of(5)) = "five";
  EXPECT_EQ(asked<std::string>(state, 5), "five");
}

TEST(state_query, says_when_types_differ) {
  keyed_state<std::string, int> state(16);
  single_state<int> of_a_task;
  const auto fits = [](auto query, any_state& in) { return query.look_in(in); };
  EXPECT_TRUE(fits(state_query<int, std::string>{"a"}, state));
  EXPECT_FALSE(fits(state_query<long, std::string>{"a"}, state));
  EXPECT_FALSE(fits(state_query<int, int>{1}, state));
  EXPECT_FALSE(fits(state_query<int, int>{1}, of_a_task));
}

}  // namespace
