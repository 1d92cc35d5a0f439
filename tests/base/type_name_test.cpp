#include "freshet/base/type_name.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/base/random.hpp"

namespace shop {
struct order {};
template <class A, class B>
struct both {
  struct inner {};
};
template <class T, std::size_t N, bool B>
struct sized {};
template <freshet::fixed_string Name>
struct named {};
}  // namespace shop

namespace freshet {
namespace {

struct hidden {};
template <class T>
struct hidden_box {};

TEST(type_name, is_the_compilers_name_and_a_constant) {
  static_assert(type_name<int>() == "int");
  static_assert(type_name<shop::order>() == "shop::order");
  static_assert(type_name<double>() == "double");
}

TEST(type_name, keeps_commas_brackets_and_semicolons_within_the_name) {
  EXPECT_EQ(type_name<shop::order[3]>().back(), ']');
  auto lambda = [](int) {};
  EXPECT_FALSE(type_name<decltype(lambda)>().empty());
  EXPECT_EQ((readable_type_name<shop::both<int, shop::both<char, bool>>>()), "shop::both<int, shop::both<char, bool>>");
}

TEST(readable_type_name, gives_std_names) {
  EXPECT_EQ(readable_type_name<std::string>(), "std::string");
  EXPECT_EQ(readable_type_name<std::string_view>(), "std::string_view");
  EXPECT_EQ(readable_type_name<std::vector<std::string>>(), "std::vector<std::string>");
  EXPECT_EQ((readable_type_name<std::map<std::string, std::vector<shop::order>>>()),
            "std::map<std::string, std::vector<shop::order>>");
  EXPECT_EQ((readable_type_name<std::unordered_map<std::string, int>>()), "std::unordered_map<std::string, int>");
  EXPECT_EQ(readable_type_name<std::set<std::string>>(), "std::set<std::string>");
  EXPECT_EQ(readable_type_name<std::deque<double>>(), "std::deque<double>");
  EXPECT_EQ(readable_type_name<std::unique_ptr<std::string>>(), "std::unique_ptr<std::string>");
  EXPECT_EQ(readable_type_name<std::optional<std::string>>(), "std::optional<std::string>");
  EXPECT_EQ((readable_type_name<std::pair<std::string, std::tuple<int, std::string>>>()),
            "std::pair<std::string, std::tuple<int, std::string>>");
  EXPECT_EQ((readable_type_name<std::variant<std::monostate, std::string>>()),
            "std::variant<std::monostate, std::string>");
}

TEST(readable_type_name, keeps_arguments_that_are_no_defaults) {
  EXPECT_EQ((readable_type_name<std::map<int, int, std::greater<int>>>()), "std::map<int, int, std::greater<int>>");
  EXPECT_EQ((readable_type_name<std::tuple<int, std::less<int>>>()), "std::tuple<int, std::less<int>>");
  EXPECT_EQ((readable_type_name<std::map<int, std::less<int>>>()), "std::map<int, std::less<int>>");
  EXPECT_EQ((readable_type_name<std::pair<int, std::allocator<int>>>()), "std::pair<int, std::allocator<int>>");
}

TEST(readable_type_name, names_integers_by_their_width) {
  EXPECT_EQ(readable_type_name<std::uint64_t>(), "std::uint64_t");
  EXPECT_EQ(readable_type_name<std::int64_t>(), "std::int64_t");
  EXPECT_EQ(readable_type_name<std::uint32_t>(), "std::uint32_t");
  EXPECT_EQ(readable_type_name<std::uint16_t>(), "std::uint16_t");
  EXPECT_EQ(readable_type_name<std::uint8_t>(), "std::uint8_t");
  EXPECT_EQ(readable_type_name<std::int8_t>(), "std::int8_t");
  EXPECT_EQ(readable_type_name<char>(), "char");
  EXPECT_EQ(readable_type_name<int>(), "int");
  EXPECT_EQ(readable_type_name<long double>(), "long double");
  EXPECT_EQ(readable_type_name<const unsigned long*>(), "const std::uint64_t*");
  EXPECT_EQ((readable_type_name<std::function<unsigned long(const std::string&, short)>>()),
            "std::function<std::uint64_t(const std::string&, std::int16_t)>");
  EXPECT_EQ((readable_type_name<std::array<unsigned char, 16>>()), "std::array<std::uint8_t, 16>");
}

TEST(readable_type_name, names_times) {
  EXPECT_EQ(readable_type_name<event_time>(), "freshet::event_time");
  EXPECT_EQ(readable_type_name<std::chrono::nanoseconds>(), "std::chrono::nanoseconds");
  EXPECT_EQ(readable_type_name<std::chrono::milliseconds>(), "std::chrono::milliseconds");
  EXPECT_EQ(readable_type_name<std::chrono::seconds>(), "std::chrono::seconds");
  EXPECT_EQ(readable_type_name<std::chrono::minutes>(), "std::chrono::minutes");
}

TEST(readable_type_name, drops_anonymous_namespaces) {
  EXPECT_EQ(readable_type_name<hidden>(), "freshet::hidden");
  EXPECT_EQ(readable_type_name<std::vector<hidden_box<hidden>>>(), "std::vector<freshet::hidden_box<freshet::hidden>>");
  EXPECT_EQ(readable_type_name("std::vector<(anonymous namespace)::hidden>"), "std::vector<hidden>");
}

TEST(readable_type_name, handles_nested_classes_numbers_and_text_arguments) {
  EXPECT_EQ((readable_type_name<shop::both<std::string, int>::inner>()), "shop::both<std::string, int>::inner");
  EXPECT_EQ((readable_type_name<shop::sized<std::string, 7, true>>()), "shop::sized<std::string, 7, true>");
  const auto named = readable_type_name<shop::named<"a, b>">>();
  EXPECT_NE(named.find("\"a, b>\""), std::string::npos) << named;
}

TEST(readable_type_name, reads_the_long_forms_of_other_compilers) {
  EXPECT_EQ(readable_type_name("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"),
            "std::string");
  EXPECT_EQ(readable_type_name("std::__1::vector<std::__1::basic_string<char>, "
                               "std::__1::allocator<std::__1::basic_string<char> > >"),
            "std::vector<std::string>");
  EXPECT_EQ(readable_type_name("std::unordered_map<long, unsigned int, std::hash<long>, std::equal_to<long>, "
                               "std::allocator<std::pair<const long, unsigned int> > >"),
            "std::unordered_map<std::int64_t, std::uint32_t>");
  EXPECT_EQ(readable_type_name("unsigned long long"), "std::uint64_t");
}

TEST(readable_type_name, keeps_what_it_does_not_understand) {
  for (const char* odd : {"a<b", "a>b", "f(", "x)", "{", "a<b,", "\"open", "", "<", ",", "-", "long ", "'\\"})
    EXPECT_EQ(readable_type_name(odd).empty(), std::string_view(odd).empty()) << odd;
  EXPECT_EQ(readable_type_name("a<b"), "a<b");
  EXPECT_EQ(readable_type_name("main()::<lambda(int)>"), "main()::<lambda(int)>");
}

TEST(readable_type_name, takes_any_text) {
  constexpr std::string_view pieces[] = {"<",      ">",
                                         ",",      "(",
                                         ")",      "{",
                                         "}",      "[",
                                         "]",      "'",
                                         "\"",     "\\",
                                         "->",     "::",
                                         " ",      "std::",
                                         "long",   "unsigned ",
                                         "a",      "7u",
                                         "char ",  "allocator",
                                         "less",   "map",
                                         "double", "(anonymous namespace)::"};
  random_source random(5);
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (auto n = random.below(14); n != 0; --n) text += pieces[random.below(std::size(pieces))];
    EXPECT_EQ(readable_type_name(text).empty(), text.empty());
  }
}

TEST(fixed_string, views_and_compares) {
  constexpr fixed_string a("late"), same("late");
  constexpr fixed_string other("later");
  static_assert(a.view() == "late");
  static_assert(a == same && !(a == other));
}

}  // namespace
}  // namespace freshet
