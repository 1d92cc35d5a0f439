#include "freshet/core/value_words.hpp"

#include <gtest/gtest.h>

#include <array>

namespace freshet {
namespace {

template <class T>
T there_and_back(const T& value) {
  return from_words<T>(to_words(value));
}

TEST(value_words, carry_values_of_every_size) {
  EXPECT_EQ(there_and_back(std::uint8_t{200}), 200);
  EXPECT_EQ(there_and_back(-5), -5);
  EXPECT_EQ(there_and_back(1.5), 1.5);
  using three = std::array<unsigned char, 3>;
  using nine = std::array<unsigned char, 9>;
  using sixteen = std::array<unsigned char, 16>;
  EXPECT_EQ(there_and_back(three{1, 2, 3}), (three{1, 2, 3}));
  EXPECT_EQ(there_and_back(nine{1, 2, 3, 4, 5, 6, 7, 8, 9}), (nine{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  sixteen all;
  for (std::size_t i = 0; i < 16; ++i) all[i] = static_cast<unsigned char>(i * 17);
  EXPECT_EQ(there_and_back(all), all);
}

TEST(value_words, pad_with_zeros) {
  const auto w = to_words(std::uint16_t{0xffff});
  EXPECT_EQ(w.second, 0u);
  std::uint64_t low = 0;
  std::memcpy(&low, &w.first, 8);
  EXPECT_EQ(low & 0xffff, 0xffffu);
  EXPECT_EQ(low >> 16, 0u);
}

TEST(value_words, write_no_more_than_the_value) {
  std::array<unsigned char, 16> place;
  place.fill(0xee);
  write_words<std::uint32_t>(place.data(), to_words(std::uint32_t{0}));
  EXPECT_EQ(place[3], 0);
  EXPECT_EQ(place[4], 0xee);
}

}  // namespace
}  // namespace freshet
