#include "freshet/core/state_slot.hpp"

#include <gtest/gtest.h>

#include <string>

namespace freshet {
namespace {

TEST(single_state, begins_commits_and_rolls_back) {
  single_state<std::string> s;
  s.use() = "before";
  s.begin();
  EXPECT_EQ(s.touched(), 0u);
  s.use() += " and after";
  EXPECT_EQ(s.touched(), 1u);
  s.rollback();
  EXPECT_EQ(s.use(), "before");
  s.begin();
  s.use() = "kept";
  s.commit();
  s.rollback();
  EXPECT_EQ(s.use(), "kept");
  EXPECT_EQ(s.rows(), 1u);
}

TEST(single_state, is_saved_in_group_0) {
  single_state<std::string> from, to;
  from.use() = "text";
  for (std::uint32_t g = 0; g < 2; ++g) {
    writer w;
    from.save(g, w);
    EXPECT_EQ(w.size() > 0, g == 0);
    reader r(w.data());
    EXPECT_TRUE(to.load(g, r));
  }
  EXPECT_EQ(to.use(), "text");
  to.drop(0);
  EXPECT_EQ(to.use(), "");
}

}  // namespace
}  // namespace freshet
