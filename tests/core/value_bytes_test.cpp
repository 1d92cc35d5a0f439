#include "freshet/core/value_bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "freshet/core/batch.hpp"

namespace freshet {
namespace {

struct order {
  int id = 0;
  std::string text;
  std::vector<std::string> lines;
};
struct tree {
  std::vector<tree> children;
};
class closed {
 public:
  explicit closed(std::string s) : text_(std::move(s)) {}

 private:
  std::string text_;
};

constexpr std::size_t large = 100'000;

TEST(value_bytes, are_the_size_where_nothing_is_owned) {
  static_assert(!owns_memory<int> && !owns_memory<std::array<double, 4>>);
  EXPECT_EQ(value_bytes(7), sizeof(int));
  EXPECT_EQ(value_bytes(std::string("short")), sizeof(std::string));
  EXPECT_EQ(value_bytes(std::vector<int>{}), sizeof(std::vector<int>));
}

TEST(value_bytes, count_what_strings_and_containers_have_allocated) {
  static_assert(owns_memory<std::string> && owns_memory<order>);
  EXPECT_GE(value_bytes(std::string(large, 'x')), large);
  EXPECT_LT(value_bytes(std::string(large, 'x')), 2 * large);
  EXPECT_GE(value_bytes(std::vector<int>(large)), large * sizeof(int));
  std::vector<char> reserved;
  reserved.reserve(large);
  EXPECT_GE(value_bytes(reserved), large);
  EXPECT_GE(value_bytes(std::deque<int>(large)), large * sizeof(int));
  EXPECT_GE(value_bytes(std::list<int>(large)), large * (sizeof(int) + 2 * sizeof(void*)));
  std::map<int, std::string> table;
  for (int i = 0; i < 100; ++i) table[i] = std::string(1000, 'x');
  EXPECT_GE(value_bytes(table), 100'000u);
}

TEST(value_bytes, look_into_the_parts) {
  const std::string text(large, 'x');
  EXPECT_GE(value_bytes(order{1, text, {text, text}}), 3 * large);
  EXPECT_GE(value_bytes(std::optional(text)), large);
  EXPECT_EQ(value_bytes(std::optional<std::string>{}), sizeof(std::optional<std::string>));
  EXPECT_GE(value_bytes(std::variant<int, std::string>(text)), large);
  EXPECT_GE(value_bytes(std::make_tuple(1, text)), large);
  EXPECT_GE(value_bytes(std::array<std::string, 2>{text, text}), 2 * large);
}

TEST(value_bytes, of_a_shared_object_are_divided) {
  const auto alone = std::make_shared<const std::string>(large, 'x');
  EXPECT_GE(value_bytes(alone), large);
  const auto other = alone;
  EXPECT_LT(value_bytes(alone), large);
  EXPECT_GE(value_bytes(alone) + value_bytes(other), large);
  EXPECT_EQ(value_bytes(std::shared_ptr<std::string>{}), sizeof(std::shared_ptr<std::string>));
}

TEST(value_bytes, end_somewhere_and_see_no_more_than_there_is_to_see) {
  tree deep;
  auto* at = &deep;
  for (int i = 0; i < 1000; ++i) {
    at->children.resize(1);
    at = &at->children[0];
  }
  EXPECT_LT(value_bytes(deep), 10 * sizeof(tree));  // four levels of it
  tree wide;
  wide.children.resize(1000);
  for (auto& c : wide.children) c.children.resize(1000);
  EXPECT_GE(value_bytes(wide), 1000 * 1000 * sizeof(tree));
  static_assert(!owns_memory<closed>);
  EXPECT_EQ(value_bytes(closed(std::string(large, 'x'))), sizeof(closed));
}

TEST(value_bytes, of_a_batch_come_from_a_few_of_its_tuples) {
  batch<std::string> b({.capacity = 1000});
  EXPECT_EQ(b.held_bytes(), b.bytes());
  for (int i = 0; i < 1000; ++i) b.append({}, {}, {}, std::string(1000, 'x'));
  EXPECT_GE(b.held_bytes(), 1'000'000u);
  EXPECT_LT(b.held_bytes(), 1'200'000u);
  EXPECT_EQ(stream_type_of<int>().owned_bytes, nullptr);
}

}  // namespace
}  // namespace freshet
