#include "freshet/base/assert.hpp"

#include <gtest/gtest.h>

#include <string>

namespace freshet {
namespace {

enum class colour : std::uint8_t { red = 3 };

TEST(assert, says_nothing_when_the_condition_holds) {
  int evaluated = 0;
  FRESHET_ASSERT(++evaluated == 1, "evaluated once");
  EXPECT_EQ(evaluated, 1);
}

TEST(assert_death, prints_place_condition_text_and_values) {
  const std::string name = "orders";
  const char* reason = "late";
  EXPECT_DEATH(FRESHET_ASSERT(1 + 1 == 3, "sums must add up", -7, 8u, name, reason, colour::red, true, 0.5),
               "assert_test.cpp:[0-9]+: invariant broken: 1 \\+ 1 == 3: sums must add up: "
               "-7, 8, \"orders\", \"late\", 3, true, 0.5");
}

TEST(assert_death, needs_no_values) {
  EXPECT_DEATH(FRESHET_ASSERT(false, "never"), "invariant broken: false: never\n");
}

TEST(assert_death, takes_conditions_that_convert_explicitly_and_pointers) {
  int x = 0;
  int* none = nullptr;
  FRESHET_ASSERT(&x, "a pointer is a condition");
  EXPECT_DEATH(FRESHET_ASSERT(none, "null", &x), "invariant broken: none: null: 0x");
}

}  // namespace
}  // namespace freshet
