#include "core/stored_rows.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "core/memory_store.hpp"

namespace freshet {
namespace {

class rows_in_memory : public ::testing::Test {
 protected:
  static constexpr std::uint32_t groups = 4;
  std::string value_of(std::uint32_t group, const std::string& key) {
    std::string value;
    return rows.read(group, key, value) ? value : "none";
  }
  testing::memory_store::contents stored;
  stored_rows rows{std::make_unique<testing::memory_store>(stored, 1000), groups};
};

TEST_F(rows_in_memory, count_what_is_in_no_table) {
  rows.put(1, "a", "1");
  rows.put(1, "b", "2");
  rows.put(2, "c", "3");
  rows.flush();
  EXPECT_EQ(rows.rows(), 3u);
  EXPECT_EQ(rows.rows(1), 2u);
  std::string value;
  EXPECT_TRUE(rows.take(1, "a", value));
  EXPECT_EQ(value, "1");
  EXPECT_FALSE(rows.take(1, "c", value)) << "it is in another group";
  EXPECT_EQ(rows.rows(), 2u);
  EXPECT_EQ(stored.rows(), 3u) << "a copy stays";
  rows.drop(1);
  EXPECT_EQ(rows.rows(), 1u);
  EXPECT_EQ(value_of(1, "b"), "none");
  EXPECT_EQ(value_of(2, "c"), "3");
}

TEST_F(rows_in_memory, are_hidden_from_the_moment_they_are_forgotten) {
  rows.put(0, "a", "1");
  rows.flush();
  std::string value;
  ASSERT_TRUE(rows.take(0, "a", value));
  rows.forget(0, "a");
  EXPECT_EQ(value_of(0, "a"), "none");
  EXPECT_EQ(stored.rows(), 1u);
  rows.put(0, "a", "2");  // it has come again, and leaves its table once more
  rows.flush();
  EXPECT_EQ(value_of(0, "a"), "2");
  EXPECT_EQ(rows.rows(), 1u);
}

TEST_F(rows_in_memory, are_written_when_much_has_come_together) {
  for (int i = 0; i < 300; ++i) rows.put(0, std::to_string(i), std::string(10'000, 'x'));
  EXPECT_GT(stored.rows(), 200u);
  for (int i = 0; i < 10'000; ++i) rows.forget(1, std::to_string(i));
  const auto before = stored.writes;
  rows.flush_if_large();
  EXPECT_GT(stored.writes, before + 9'000);
}

TEST_F(rows_in_memory, are_swept_in_turn) {
  for (std::uint32_t g = 0; g < groups; ++g)
    for (int i = 0; i < 25; ++i) rows.put(g, std::to_string(g) + "." + std::to_string(i), std::to_string(i));
  rows.flush();
  std::multiset<std::pair<std::uint32_t, std::string>> seen;
  const auto see = [&](std::uint32_t group, std::string_view key, std::string_view) {
    seen.emplace(group, key);
    return false;
  };
  for (int n = 0; n < 20; ++n) rows.sweep(5, see);
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 100u) << "each once";
  const auto over = [](std::uint32_t, std::string_view, std::string_view value) { return value.back() == '7'; };
  EXPECT_EQ(rows.sweep(1000, over), 2u * groups);
  EXPECT_EQ(rows.rows(), 100 - 2 * groups);
  EXPECT_EQ(rows.sweep(1000, over), 0u);
  EXPECT_EQ(value_of(2, "2.17"), "none");
  rows.flush();
  EXPECT_EQ(stored.rows(), 100 - 2 * groups);
}

TEST_F(rows_in_memory, tell_again_what_has_gone_wrong) {
  rows.check();
  stored.breaks = true;
  std::string value;
  EXPECT_THROW(rows.take(0, "a", value), state_store_error);
  stored.breaks = false;
  EXPECT_THROW(rows.check(), state_store_error);
}

}  // namespace
}  // namespace freshet
