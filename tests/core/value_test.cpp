#include "freshet/core/value.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>

#include "core/sample_types.hpp"

namespace freshet {
namespace {

using namespace samples;

struct interned {
  const char* literal;
};
struct view_inside {
  int id = 0;
  std::optional<std::string_view> name;
};
struct reference_inside {
  int& target;
};
struct constant_inside {
  const int id = 0;
};
struct small_array_inside {
  const char* one[1];
};
struct names_a_pointer {
  [[maybe_unused]] friend auto freshet_fields(names_a_pointer& v) { return std::tie(v.p); }
  int* p = nullptr;
  char more[4] = {};
};
struct list_node {
  int value = 0;
  std::vector<list_node> next;
  std::string_view view;
};

}  // namespace

template <>
inline constexpr bool enable_borrowed_value<interned> = true;

namespace {

TEST(owns_its_data, values_and_containers_of_values_do) {
  static_assert(owns_its_data<int> && owns_its_data<std::string> && owns_its_data<journey> && owns_its_data<money>);
  static_assert(owns_its_data<tree> && owns_its_data<secret> && owns_its_data<with_array>);
  static_assert(owns_its_data<std::shared_ptr<const int>> && owns_its_data<std::vector<std::optional<std::string>>>);
  static_assert(owns_its_data<std::chrono::seconds>);
}

TEST(owns_its_data, views_do_not_wherever_they_are) {
  static_assert(!owns_its_data<std::string_view> && !owns_its_data<int*> && !owns_its_data<int&>);
  static_assert(!owns_its_data<std::span<int>> && !owns_its_data<std::reference_wrapper<int>>);
  static_assert(!owns_its_data<std::initializer_list<int>>);
  static_assert(!owns_its_data<std::vector<std::string_view>> && !owns_its_data<std::array<int*, 2>>);
  static_assert(!owns_its_data<std::list<int*>> && !owns_its_data<std::deque<int*>> && !owns_its_data<std::set<int*>>);
  static_assert(!owns_its_data<std::map<int, std::string_view>> && !owns_its_data<std::map<std::string_view, int>>);
  static_assert(!owns_its_data<std::unordered_map<int, std::vector<const char*>>>);
  static_assert(!owns_its_data<std::pair<int, int*>> && !owns_its_data<std::tuple<int&>>);
  static_assert(!owns_its_data<std::variant<int, std::string_view>>);
  static_assert(!owns_its_data<view_inside> && !owns_its_data<names_a_pointer>);
  static_assert(!owns_its_data<small_array_inside> && !owns_its_data<list_node>);
}

TEST(owns_its_data, can_be_promised) { static_assert(owns_its_data<interned> && stream_value<interned>); }

TEST(stream_value, is_copyable_assignable_and_owns) {
  static_assert(stream_value<journey> && stream_value<tree> && stream_value<with_base> && stream_value<colour>);
  static_assert(stream_value<std::shared_ptr<const std::unique_ptr<int>>>);
  static_assert(!stream_value<std::unique_ptr<int>> && !stream_value<void> && !stream_value<int&>);
  static_assert(!stream_value<const int> && !stream_value<reference_inside> && !stream_value<constant_inside>);
  static_assert(check_stream_value<journey>());
}

TEST(owned, replaces_views_by_owners) {
  static_assert(std::is_same_v<owned_t<std::string_view>, std::string>);
  static_assert(std::is_same_v<owned_t<const char* const&>, std::string>);
  static_assert(std::is_same_v<owned_t<const std::string&>, std::string>);
  static_assert(std::is_same_v<owned_t<int&&>, int>);
}

}  // namespace
}  // namespace freshet
