#include "freshet/core/fields.hpp"

#include <gtest/gtest.h>

#include <any>
#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <variant>

#include "core/sample_types.hpp"

namespace freshet {
namespace {

using namespace samples;

struct mixed {
  std::any first;
  int number = 0;
  std::optional<std::chrono::seconds> wait;
  std::variant<int, std::string> either;
  std::array<int, 3> three{};
  std::function<void()> call;
  std::shared_ptr<int> shared;
  std::filesystem::path path;
  mixed* next = nullptr;
};
class no_default {
 public:
  no_default(int) {}
  no_default(const std::string&) {}
  no_default(int, int) {}
};
struct without_default {
  int i;
  no_default a;
  no_default b;
};
struct move_only {
  int i = 0;
  std::unique_ptr<int> p;
};
struct array_of_one {
  int only[1];
};

TEST(fields, plain_structs_are_seen) {
  static_assert(plain_aggregate<point> && plain_aggregate<journey> && plain_aggregate<tree> &&
                plain_aggregate<nothing>);
  static_assert(plain_aggregate<mixed> && plain_aggregate<without_default> && plain_aggregate<move_only>);
  static_assert(plain_aggregate<array_of_one>);
  static_assert(plain_aggregate<const point> && has_fields<const point>);
}

TEST(fields, structs_that_hide_their_members_are_opaque) {
  static_assert(opaque_aggregate<with_array> && opaque_aggregate<with_strings> && opaque_aggregate<with_bits>);
  static_assert(opaque_aggregate<with_base> && opaque_aggregate<with_empty_base>);
  static_assert(!has_fields<with_array> && !has_fields<with_base>);
}

TEST(fields, naming_them_helps) {
  static_assert(names_its_fields<money> && names_its_fields<named_base>);
  static_assert(has_fields<named_base> && !opaque_aggregate<named_base> && !plain_aggregate<named_base>);
}

TEST(fields, other_classes_have_none) {
  static_assert(!has_fields<secret> && !opaque_aggregate<secret>);
  static_assert(!has_fields<std::string> && !has_fields<int> && !has_fields<std::array<int, 2>>);
  static_assert(!has_fields<std::pair<int, int>> && !has_fields<std::tuple<int>> && !has_fields<std::vector<int>>);
}

TEST(with_fields, visits_in_order_and_gives_back_the_result) {
  const point p{3, 4};
  const nothing none;
  EXPECT_EQ(with_fields(p, [](int x, int y) { return x * 10 + y; }), 34);
  EXPECT_EQ(with_fields(none, [](auto&... field) { return sizeof...(field); }), 0u);
  const money m(5, "EUR");
  EXPECT_EQ(with_fields(m, [](auto& cents, auto& currency) { return std::to_string(cents) + currency; }), "5EUR");
}

TEST(with_fields, gives_references_that_are_as_const_as_the_object) {
  point p{1, 2};
  with_fields(p, [](auto& x, auto&) { x = 7; });
  EXPECT_EQ(p.x, 7);
  money m(1, "USD");
  with_fields(m, [](auto& cents, auto&) { cents = 9; });
  EXPECT_EQ(m.cents(), 9);
  with_fields(std::as_const(m), []<class C>(C&, auto&) { static_assert(std::is_const_v<C>); });
  with_fields(std::as_const(p), []<class X>(X&, auto&) { static_assert(std::is_const_v<X>); });
}

}  // namespace
}  // namespace freshet
