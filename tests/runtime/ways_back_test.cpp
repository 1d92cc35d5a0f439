#include "runtime/ways_back.hpp"

#include <gtest/gtest.h>

#include <tuple>
#include <utility>

#include "freshet/core/keyed_state.hpp"
#include "freshet/state/map_state.hpp"

namespace freshet {
namespace {

/// So many types, each of which was another number once.
template <int>
struct length_v1 {
  std::int32_t metres = 0;
};
template <int N>
struct length {
  double metres = 0;
  static length migrate(length_v1<N> old) { return {static_cast<double>(old.metres)}; }
};
/// In turn of two, of which the one in the midst has the newest layout.
struct weight_v1 {
  std::int32_t grams = 0;
};
struct weight_v2 {
  double grams = 0;
  static weight_v2 migrate(weight_v1 old) { return {static_cast<double>(old.grams)}; }
};
struct weight {
  double kilograms = 0;
  static weight migrate(weight_v2 old) { return {old.grams / 1000}; }
};

template <class S>
ways_back back_to(const std::string& was) {
  return find_way_back(keyed_state<int, S>(1), was);
}
template <class... T>
older_types older() {
  older_types all;
  (all.add(&detail::type_identity<T>), ...);
  return all;
}

TEST(ways_back, are_found_by_the_layout) {
  using state = std::tuple<length<1>, map_state<int, length<2>>>;
  EXPECT_EQ(back_to<state>("{i32 versioned<i32 f64>} by i32").found, older<length<1>>());
  EXPECT_EQ(back_to<state>("{f64 versioned<i32 i32>} by i32").found, older<length<2>>());
  EXPECT_EQ(back_to<state>("{i32 versioned<i32 i32>} by i32").found, (older<length<1>, length<2>>()));
}

TEST(ways_back, are_none_where_nothing_fits) {
  EXPECT_FALSE(back_to<length<1>>("text by i32").found);
  EXPECT_FALSE(back_to<length<1>>("i32 by i64").found);
  EXPECT_FALSE(back_to<int>("i64 by i32").found);
  EXPECT_FALSE(back_to<int>("i64 by i32").are_too_many);
}

/// Whether the type as it is fits is for others to say: where its name was another it does not count.
TEST(ways_back, have_a_step_and_no_more_than_needed) {
  EXPECT_EQ(back_to<weight>("f64 by i32").found, older<weight>());
  EXPECT_EQ(back_to<weight>("i32 by i32").found, (older<weight, weight_v2>()));
}

TEST(ways_back, are_tried_up_to_a_bound) {
  const auto many = []<std::size_t... I>(std::index_sequence<I...>) { return std::tuple<length<int{I}>...>(); };
  using thirteen = decltype(many(std::make_index_sequence<13>()));
  using fourteen = decltype(many(std::make_index_sequence<14>()));
  EXPECT_FALSE(back_to<thirteen>("text").are_too_many);
  const auto found = back_to<fourteen>("text");
  EXPECT_TRUE(found.are_too_many);
  EXPECT_FALSE(found.found);
}

}  // namespace
}  // namespace freshet
