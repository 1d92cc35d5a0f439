#include "freshet/core/state_slot.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

using text_state = keyed_state<int, std::string>;

std::string& use(text_state& s, int key) { return s.use(key, stable_hash<int>::of(key)); }
std::map<int, std::string> all_of(text_state& s) {
  std::map<int, std::string> all;
  s.for_each([&](int key, std::string& value) { all[key] = value; });
  return all;
}

TEST(keyed_state, is_default_constructed_for_a_new_key) {
  text_state s(16);
  EXPECT_EQ(use(s, 1), "");
  use(s, 1) = "one";
  EXPECT_EQ(use(s, 1), "one");
  EXPECT_EQ(s.rows(), 1u);
  EXPECT_GT(s.bytes(), 0u);
  EXPECT_EQ(s.find(2), nullptr);
}

/// Random batches that commit or roll back, against a copy.
TEST(keyed_state, rolls_back_to_what_it_was) {
  random_source random(3);
  text_state s(8);
  std::map<int, std::string> expected;
  for (int batch = 0; batch < 500; ++batch) {
    auto changed = expected;
    std::map<int, int> touched;
    s.begin();
    for (auto n = random.below(30); n > 0; --n) {
      const int key = static_cast<int>(random.below(60));
      changed[key] = use(s, key) += std::to_string(batch) + ".";
      ++touched[key];
    }
    EXPECT_EQ(s.touched(), touched.size());
    std::map<int, int> flushed;
    s.for_each_touched([&](int key, std::string& value) {
      EXPECT_EQ(value, changed[key]);
      ++flushed[key];
    });
    EXPECT_EQ(flushed.size(), touched.size());
    if (random.chance(0.4)) {
      s.rollback();
    } else {
      s.commit();
      expected = changed;
    }
    ASSERT_EQ(all_of(s), expected) << batch;
    EXPECT_EQ(s.touched(), 0u);
  }
}

TEST(keyed_state, touched_keys_come_in_the_order_of_their_first_use) {
  text_state s(8);
  s.begin();
  for (int key : {7, 3, 7, 12, 1, 3}) use(s, key);
  std::vector<int> order;
  s.for_each_touched([&](int key, std::string&) { order.push_back(key); });
  EXPECT_EQ(order, (std::vector<int>{7, 3, 12, 1}));
}

TEST(keyed_state, saves_and_loads_each_key_group_apart) {
  text_state from(4), to(4);
  for (int i = 0; i < 100; ++i) use(from, i) = std::to_string(i);
  ASSERT_TRUE(from.is_durable());
  for (std::uint32_t g = 0; g < 4; ++g) {
    writer w;
    from.save(g, w);
    reader r(w.data());
    EXPECT_TRUE(to.load(g, r));
    EXPECT_EQ(r.left(), 0u);
  }
  EXPECT_EQ(all_of(to), all_of(from));
  const auto before = to.rows();
  to.drop(2);
  EXPECT_LT(to.rows(), before);
  writer w;
  from.save(2, w);
  reader damaged(std::string_view(w.data()).substr(0, w.size() - 1));
  EXPECT_FALSE(to.load(2, damaged));
}

TEST(keyed_state, without_codec_is_not_durable) {
  keyed_state<int, transient<std::shared_ptr<int>>> s(4);
  EXPECT_FALSE(s.is_durable());
  reader r("");
  EXPECT_FALSE(s.load(0, r));
}

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
