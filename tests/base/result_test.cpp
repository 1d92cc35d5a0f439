#include "freshet/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace freshet {
namespace {

result<int> parse_digit(char c) {
  if (c < '0' || c > '9') return error{errc::invalid_argument, "not a digit"};
  return c - '0';
}
result<void> refuse(bool yes) {
  if (yes) return error{errc::permission, "no"};
  return {};
}

TEST(result, holds_a_value) {
  const auto r = parse_digit('7');
  ASSERT_TRUE(r);
  EXPECT_TRUE(r.has_value());
  EXPECT_EQ(*r, 7);
  EXPECT_EQ(r.value(), 7);
  EXPECT_EQ(r.value_or(1), 7);
}

TEST(result, holds_an_error) {
  const auto r = parse_digit('x');
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::invalid_argument);
  EXPECT_EQ(r.value_or(1), 1);
}

TEST(result, value_of_an_error_throws_its_message) {
  try {
    parse_digit('x').value();
    FAIL();
  } catch (const bad_result_access& e) {
    EXPECT_STREQ(e.what(), "no value, because of an error: invalid_argument: not a digit");
    EXPECT_EQ(e.why().code, errc::invalid_argument);
  }
  EXPECT_THROW(refuse(true).value(), bad_result_access);
}

TEST(result, moves_a_move_only_value_out) {
  result<std::unique_ptr<int>> r = std::make_unique<int>(5);
  EXPECT_EQ(**r, 5);
  const std::unique_ptr<int> taken = *std::move(r);
  EXPECT_EQ(*taken, 5);
  const auto other = result<std::unique_ptr<int>>(error{}).value_or(std::make_unique<int>(6));
  EXPECT_EQ(*other, 6);
}

TEST(result, gives_what_it_holds_away_when_it_is_about_to_go) {
  const auto words = [] { return result<std::vector<std::string>>({std::string(40, 'a'), std::string(40, 'b')}); };
  std::string all;
  for (const auto& word : words().value()) all += word[0];
  for (const auto& word : *words()) all += word[0];
  EXPECT_EQ(all, "abab");
  static_assert(std::is_same_v<decltype(words().value()), std::vector<std::string>>);
  static_assert(std::is_same_v<decltype(*words()), std::vector<std::string>>);
  static_assert(std::is_same_v<decltype(refuse(true).error()), error>);
}

TEST(result, converts_what_its_value_converts_from_and_gives_members) {
  result<std::string> r = "abc";
  EXPECT_EQ(r->size(), 3u);
  r->push_back('d');
  EXPECT_EQ(*r, "abcd");
  static_assert(!std::is_convertible_v<std::vector<int>, result<std::string>>);
}

TEST(result, without_value_is_success_or_an_error) {
  EXPECT_TRUE(refuse(false));
  refuse(false).value();
  auto r = refuse(true);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().message, "no");
  EXPECT_EQ(std::move(r).error().message, "no");
}

TEST(result, copies_and_assigns_across_states) {
  auto r = parse_digit('1');
  const auto copy = r;
  r = parse_digit('x');
  EXPECT_FALSE(r);
  r = copy;
  EXPECT_EQ(*r, 1);
}

}  // namespace
}  // namespace freshet
