#include "freshet/base/ids.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace freshet {
namespace {

TEST(strong_id, compares_and_mixes_with_no_other) {
  static_assert(node_id{1} < node_id{2} && node_id{2} == node_id{2});
  static_assert(!std::is_convertible_v<task_id, node_id> && !std::is_convertible_v<int, node_id>);
  EXPECT_EQ(node_id{}.value, 0u);
}

}  // namespace
}  // namespace freshet
