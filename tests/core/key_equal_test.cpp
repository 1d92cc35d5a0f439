#include "freshet/core/key_equal.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "core/sample_types.hpp"

namespace freshet {
namespace {

using namespace samples;

/// Its own `==` wins over its fields.
struct modulo_ten {
  int value = 0;
  friend bool operator==(const modulo_ten& a, const modulo_ten& b) { return a.value % 10 == b.value % 10; }
};

template <class T>
bool equal(const T& a, const T& b) {
  return key_equal{}(a, b);
}

TEST(key_equal, compares_fields_where_there_is_no_operator) {
  EXPECT_TRUE(equal(point{1, 2}, point{1, 2}));
  EXPECT_FALSE(equal(point{1, 2}, point{1, 3}));
  EXPECT_TRUE(equal(money(1, "EUR"), money(1, "EUR")));
  EXPECT_FALSE(equal(money(1, "EUR"), money(1, "USD")));
  EXPECT_TRUE(equal(nothing{}, nothing{}));
  EXPECT_TRUE(equal(modulo_ten{1}, modulo_ten{11}));
}

TEST(key_equal, goes_into_containers) {
  EXPECT_TRUE(equal(std::vector<point>{{1, 2}}, std::vector<point>{{1, 2}}));
  EXPECT_FALSE(equal(std::vector<point>{{1, 2}}, std::vector<point>{{1, 2}, {1, 2}}));
  EXPECT_TRUE(equal(std::pair(point{1, 2}, 3), std::pair(point{1, 2}, 3)));
  EXPECT_FALSE(equal(std::tuple(3, point{1, 2}), std::tuple(3, point{2, 2})));
  EXPECT_TRUE(equal(std::optional<point>(), std::optional<point>()));
  EXPECT_FALSE(equal(std::optional<point>(), std::optional(point{})));
  EXPECT_TRUE(equal(std::optional(point{}), std::optional(point{})));
  EXPECT_TRUE(equal(std::array<modulo_ten, 1>{{{3}}}, std::array<modulo_ten, 1>{{{13}}}));
  EXPECT_TRUE(equal(tree{1, {{2, {}}}}, tree{1, {{2, {}}}}));
  EXPECT_FALSE(equal(tree{1, {{2, {}}}}, tree{1, {{2, {{0, {}}}}}}));
}

TEST(key_equal, tells_alternatives_apart_also_of_one_type) {
  using either = std::variant<point, int, int>;
  EXPECT_TRUE(equal(either(point{1, 2}), either(point{1, 2})));
  EXPECT_FALSE(equal(either(std::in_place_index<1>, 1), either(std::in_place_index<2>, 1)));
  EXPECT_TRUE(equal(either(std::in_place_index<2>, 1), either(std::in_place_index<2>, 1)));
  EXPECT_FALSE(equal(either(std::in_place_index<2>, 1), either(std::in_place_index<2>, 2)));
}

TEST(key_equal, compares_different_types_by_their_operator) {
  EXPECT_TRUE(key_equal{}(std::string("a"), std::string_view("a")));
  EXPECT_FALSE(key_equal{}("a", std::string("b")));
}

}  // namespace
}  // namespace freshet
