#include "freshet/core/batch_list.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(batch_list, is_first_in_first_out) {
  batch_list list;
  any_batch* made[3];
  for (auto*& b : made) b = stream_type_of<int>().make({.capacity = 1});
  list.push_back(made[1]);
  list.push_back(made[2]);
  list.push_front(made[0]);
  EXPECT_EQ(list.size(), 3u);
  for (auto* b : made) {
    EXPECT_EQ(list.pop_front(), b);
    delete b;
  }
  EXPECT_TRUE(list.empty());
  list.push_back(stream_type_of<int>().make({.capacity = 1}));  // the list deletes it
  batch_list other = std::move(list);
  EXPECT_EQ(other.size(), 1u);
}

}  // namespace
}  // namespace freshet
