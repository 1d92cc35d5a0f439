#include "runtime/query_desk.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

namespace {
using freshet::query_desk;

/// Under ThreadSanitizer this also shows that nobody looks while the owner works.
TEST(query_desk, the_owner_lets_look_between_two_changes) {
  query_desk desk;
  struct {
    int first = 0, second = 0;
  } state;
  std::atomic<bool> asked{false};
  std::thread asks([&] {
    for (int n = 0; n < 1000; ++n) {
      int difference = 1;
      desk.ask([&] { difference = state.first - state.second; }, [] {});
      EXPECT_EQ(difference, 0);
    }
    asked = true;
  });
  while (!asked) {
    ++state.first;
    ++state.second;
    desk.answer();
  }
  asks.join();
}

TEST(query_desk, a_closed_one_lets_everybody_look_at_once) {
  query_desk desk;
  desk.close();
  int seen = 0;
  desk.ask([&] { ++seen; }, [] { FAIL() << "there is nobody to wake"; });
  EXPECT_EQ(seen, 1);
}

TEST(query_desk, what_a_look_throws_comes_through) {
  query_desk desk;
  std::string thrown;
  std::thread asks([&] {
    try {
      desk.ask([] { throw std::runtime_error("cannot be copied"); }, [] {});
    } catch (const std::runtime_error& e) { thrown = e.what(); }
  });
  desk.close();
  asks.join();
  EXPECT_EQ(thrown, "cannot be copied");
}

}  // namespace
