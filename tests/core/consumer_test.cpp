#include "freshet/core/consumer.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

using namespace samples;

TEST(outlet, goes_nowhere_until_it_is_connected) {
  outlet<std::string> out;
  out.target().take("lost");
  keeping<std::string> one;
  out.connect({&one});
  out.target().take("kept");
  EXPECT_EQ(one.values, std::vector<std::string>{"kept"});
  EXPECT_EQ(one.moved, 1);
}

TEST(fan_out, copies_for_all_but_the_last) {
  outlet<std::string> out;
  keeping<std::string> a, b, c;
  out.connect({&a, &b, &c});
  out.target().take(std::string("moved"));
  EXPECT_EQ(a.moved + b.moved, 0);
  EXPECT_EQ(c.moved, 1);
  const std::string kept = "kept";
  out.target().take(kept);
  EXPECT_EQ(c.moved, 1);
  for (const auto* each : {&a, &b, &c}) EXPECT_EQ(each->values, (std::vector<std::string>{"moved", "kept"}));
}

TEST(outlet, goes_where_it_was_connected_last) {
  outlet<std::string> out;
  keeping<std::string> a, b;
  out.connect({&a, &b});
  out.connect({&b});
  out.target().take("one");
  out.connect({});
  out.target().take("none");
  EXPECT_TRUE(a.values.empty());
  EXPECT_EQ(b.values, std::vector<std::string>{"one"});
}

struct of_12_bytes {
  std::int32_t a = 0;
  std::int32_t b = 0;
  std::int32_t c = 0;
  bool operator==(const of_12_bytes&) const = default;
};

template <class T>
void expect_same_words(const T& value) {
  static_assert(passed_in_words<T>);
  EXPECT_EQ(from_words<T>(to_words(value)), value);
  outlet<T> out;
  keeping<T> a, b;
  out.connect({&a, &b});
  out.target().take(value);
  EXPECT_EQ(a.values, std::vector<T>{value});
  EXPECT_EQ(b.values, std::vector<T>{value});
}

TEST(consumer, small_values_of_every_size_arrive_as_they_were) {
  expect_same_words<char>('x');
  expect_same_words<std::uint16_t>(0xabcd);
  expect_same_words<std::int32_t>(-7);
  expect_same_words<double>(-0.5);
  expect_same_words(of_12_bytes{1, -2, 3});
  expect_same_words(std::array<std::uint64_t, 2>{~0ull, 1});
  static_assert(!passed_in_words<std::array<std::uint64_t, 3>> && !passed_in_words<std::string>);
}

}  // namespace
}  // namespace freshet
