#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/core/keyed_state.hpp"
#include "freshet/state/list_state.hpp"

// What state by key has to do, wherever it is kept: instantiated for memory alone, and for each kind of store.
namespace freshet {

/// Null: no store.
struct kind_of_store {
  std::string name;
  std::function<std::unique_ptr<state_store>()> open;
};
inline std::string name_of_store(const ::testing::TestParamInfo<kind_of_store>& p) { return p.param.name; }

class keyed_states : public ::testing::TestWithParam<kind_of_store> {
 protected:
  template <class K, class S>
  std::unique_ptr<keyed_state<K, S>> make(std::uint32_t groups, state_ttl ttl = {}) const {
    auto made = std::make_unique<keyed_state<K, S>>(groups, ttl);
    if (GetParam().open) made->keep_in(GetParam().open());
    return made;
  }
};

namespace {

using text_state = keyed_state<int, std::string>;

std::string& use(text_state& s, int key) { return s.use(key, stable_hash<int>::of(key)); }
std::map<int, std::string> all_of(text_state& s) {
  std::map<int, std::string> all;
  s.for_each([&](int key, std::string& value) { all[key] = value; });
  return all;
}

TEST_P(keyed_states, is_default_constructed_for_a_new_key) {
  const auto made = make<int, std::string>(16);
  auto& s = *made;
  EXPECT_EQ(use(s, 1), "");
  use(s, 1) = "one";
  s.evict();
  EXPECT_EQ(s.rows(), 1u);
  EXPECT_EQ(use(s, 1), "one");
  EXPECT_EQ(s.rows(), 1u);
  EXPECT_GT(s.bytes(), 0u);
  EXPECT_EQ(s.touched(), 0u) << "nothing is kept for a rollback without begin";
  EXPECT_EQ(s.find(2), nullptr);
}

/// Random batches that commit or roll back, against a copy.
TEST_P(keyed_states, rolls_back_to_what_it_was) {
  random_source random(3);
  const auto made = make<int, std::string>(8);
  auto& s = *made;
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
    s.evict();
    ASSERT_EQ(all_of(s), expected) << batch;
    EXPECT_EQ(s.rows(), expected.size());
    EXPECT_EQ(s.touched(), 0u);
  }
}

TEST_P(keyed_states, touched_keys_come_in_the_order_of_their_first_use) {
  const auto made = make<int, std::string>(8);
  auto& s = *made;
  s.begin();
  for (int key : {7, 3, 7, 12, 1, 3}) use(s, key);
  std::vector<int> order;
  s.for_each_touched([&](int key, std::string&) { order.push_back(key); });
  EXPECT_EQ(order, (std::vector<int>{7, 3, 12, 1}));
}

TEST_P(keyed_states, saves_and_loads_each_key_group_apart) {
  const auto one = make<int, std::string>(4), other = make<int, std::string>(4);
  auto &from = *one, &to = *other;
  for (int i = 0; i < 100; ++i) use(from, i) = std::to_string(i);
  ASSERT_TRUE(from.is_durable());
  from.evict();
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

event_time at(std::int64_t ms) { return event_time{event_span{ms}}; }

/// Of the last use at each key, and of what begins anew.
TEST_P(keyed_states, begins_anew_when_its_time_to_live_is_over) {
  const auto made = make<int, std::string>(4, {event_span{10}});
  auto& s = *made;
  const auto alive = [&s](int key, std::int64_t used, std::int64_t now) -> std::string& {
    s.evict();
    return s.use_alive(key, stable_hash<int>::of(key), at(used), at(now));
  };
  alive(1, 100, 90) = "one";
  EXPECT_EQ(alive(1, 95, 109), "one");   // an older use takes nothing away
  EXPECT_EQ(alive(1, 105, 109), "one");  // and a later one adds
  EXPECT_EQ(alive(1, 112, 114), "one");
  EXPECT_EQ(s.expired(), 0u);
  EXPECT_EQ(alive(1, 130, 122), "");
  EXPECT_EQ(s.expired(), 1u);
}

TEST_P(keyed_states, gives_the_memory_of_what_is_over_back_bit_by_bit) {
  const auto made = make<int, std::string>(4, {event_span{10}});
  auto& s = *made;
  for (int key = 0; key < 200; ++key) s.use_alive(key, stable_hash<int>::of(key), at(key), at(0));
  const auto sweep = [&s](std::int64_t now) {
    s.evict();
    for (int n = 0; n < 400; ++n) s.expire(at(now), 7);
    for (int n = 0; n < 4; ++n) s.expire(at(now), 100'000);  // in a store only now and then
  };
  sweep(109);
  EXPECT_EQ(s.rows(), 100u);
  EXPECT_EQ(s.find(99), nullptr);
  EXPECT_NE(s.find(100), nullptr);
  EXPECT_EQ(s.expired(), 100u);
  sweep(1000);
  EXPECT_EQ(s.rows(), 0u);
}

TEST_P(keyed_states, rolls_back_uses_and_expiry) {
  const auto made = make<int, std::string>(4, {event_span{10}});
  auto& s = *made;
  const auto hash = stable_hash<int>::of(1);
  s.use_alive(1, hash, at(100), at(90)) = "one";
  s.evict();
  s.begin();
  s.use_alive(1, hash, at(200), at(190)) = "other";
  EXPECT_EQ(s.expired(), 1u);
  s.rollback();
  EXPECT_EQ(s.expired(), 0u);
  EXPECT_EQ(s.use_alive(1, hash, at(100), at(109)), "one");
  EXPECT_EQ(s.use_alive(1, hash, at(100), at(110)), "") << "the use at 200 is undone as well";
}

TEST_P(keyed_states, last_uses_are_saved) {
  const auto one = make<int, std::string>(1, {event_span{10}}), other = make<int, std::string>(1, {event_span{10}}),
             third = make<int, std::string>(1);
  auto &from = *one, &to = *other, &for_ever = *third;
  const auto hash = stable_hash<int>::of(1);
  from.use_alive(1, hash, at(100), at(90)) = "one";
  from.evict();
  writer w;
  from.save(0, w);
  reader r(w.data()), again(w.data());
  ASSERT_TRUE(to.load(0, r));
  EXPECT_EQ(to.use_alive(1, hash, at(100), at(109)), "one");
  EXPECT_EQ(to.use_alive(1, hash, at(100), at(110)), "");
  ASSERT_TRUE(for_ever.load(0, again));
  EXPECT_EQ(use(for_ever, 1), "one");
  writer without;
  for_ever.save(0, without);
  reader old(without.data());
  ASSERT_TRUE(to.load(0, old));
  EXPECT_EQ(to.use_alive(1, hash, at(5000), at(5000)), "one") << "when it was used last isn't known";
  EXPECT_EQ(to.use_alive(1, hash, at(5010), at(5010)), "");
}

/// A state whose copy throws, if told to.
struct breakable {
  breakable() = default;
  breakable(const breakable& other) : value(other.value) {
    if (breaks) throw std::runtime_error("cannot be copied");
  }
  breakable(breakable&&) noexcept = default;
  breakable& operator=(const breakable&) = default;
  breakable& operator=(breakable&&) noexcept = default;
  friend auto freshet_fields(breakable& b) { return std::tie(b.value); }
  friend auto freshet_fields(const breakable& b) { return std::tie(b.value); }
  int value = 0;
  static inline bool breaks = false;
};
TEST_P(keyed_states, a_copy_that_throws_costs_no_state) {
  const auto made = make<int, breakable>(4);
  auto& s = *made;
  const auto hash = stable_hash<int>::of(1);
  s.use(1, hash).value = 7;
  s.evict();
  s.begin();
  breakable::breaks = true;
  EXPECT_THROW(s.use(1, hash), std::runtime_error);
  breakable::breaks = false;
  s.use(1, hash).value = 8;
  s.rollback();
  s.evict();
  EXPECT_EQ(s.use(1, hash).value, 7);
}

TEST_P(keyed_states, touched_keys_come_once_also_when_they_were_forgotten_meanwhile) {
  const auto made = make<int, list_state<int>>(4);
  auto& s = *made;
  const auto use_key = [&s](int key) { s.use(key, stable_hash<int>::of(key)).push_back(key); };
  use_key(1);
  s.evict();
  s.begin();
  use_key(1);
  use_key(2);
  s.forget(1, stable_hash<int>::of(1));
  use_key(1);
  std::vector<int> order;
  s.for_each_touched([&](int key, auto&) { order.push_back(key); });
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(s.touched(), 3u) << "uses are counted: it was new when it came again";
  s.rollback();
  EXPECT_EQ(s.find(1)->size(), 1u);
  EXPECT_EQ(s.find(2), nullptr);
}

TEST_P(keyed_states, rolls_back_a_state_that_expired_after_it_was_used) {
  const auto made = make<int, list_state<int>>(4, {event_span{10}});
  auto& s = *made;
  const auto hash = stable_hash<int>::of(1);
  s.use_alive(1, hash, at(0), at(0)).push_back(0);
  s.evict();
  s.begin();
  s.use_alive(1, hash, at(5), at(5)).push_back(1);
  s.use_alive(1, hash, at(50), at(50)).push_back(2);
  s.rollback();
  const auto& back = s.use_alive(1, hash, at(5), at(5));
  EXPECT_EQ((std::vector<int>{back.begin(), back.end()}), std::vector<int>{0});
}

TEST_P(keyed_states, a_timer_does_not_prolong_the_life_of_a_state) {
  const auto made = make<int, std::string>(4, {event_span{10}});
  auto& s = *made;
  const auto hash = stable_hash<int>::of(1);
  s.use_alive(1, hash, at(100), at(99)) = "one";
  s.evict();
  EXPECT_EQ(s.use_alive(1, hash, at(108), at(107), false), "one");
  EXPECT_EQ(s.use_alive(1, hash, at(112), at(110)), "");
}

/// Containers that undo themselves, with keys that are forgotten and come again.
TEST_P(keyed_states, rolls_back_states_that_undo_themselves) {
  struct state {
    list_state<int> all;
    int sum = 0;
  };
  random_source random(9);
  const auto made = make<int, state>(8);
  auto& s = *made;
  std::map<int, std::vector<int>> expected;
  const auto contents = [&s] {
    std::map<int, std::vector<int>> all;
    s.for_each([&](int key, state& v) {
      all[key] = {v.all.begin(), v.all.end()};
      EXPECT_EQ(v.sum, std::accumulate(v.all.begin(), v.all.end(), 0));
    });
    return all;
  };
  for (int batch = 0; batch < 1000; ++batch) {
    auto changed = expected;
    s.begin();
    for (auto n = random.below(30); n > 0; --n) {
      const int key = static_cast<int>(random.below(12)), value = static_cast<int>(random.below(100));
      const auto hash = stable_hash<int>::of(key);
      state& of_key = s.use(key, hash);
      if (random.chance(0.2)) {
        s.forget(key, hash);
        changed.erase(key);
        continue;
      }
      undo_point<state> call(of_key);
      of_key.all.push_back(value);
      of_key.sum += value;
      if (random.chance(0.3)) {
        call.undo(of_key);
        changed[key];
      } else {
        call.keep(of_key);
        changed[key].push_back(value);
      }
    }
    if (random.chance(0.4)) {
      s.rollback();
    } else {
      s.commit();
      expected = changed;
    }
    s.evict();
    ASSERT_EQ(contents(), expected) << batch;
    EXPECT_EQ(s.rows(), expected.size());
  }
}

/// Everything that can happen to a key, between batches and within, against a map.
TEST_P(keyed_states, is_like_a_map_whatever_is_done_with_it) {
  random_source random(21);
  const auto made = make<int, std::string>(8, {event_span{200}});
  auto& s = *made;
  struct row {
    std::string value;
    std::int64_t used = 0;
  };
  std::map<int, row> expected;
  std::int64_t now = 0;
  const auto step = [&](std::map<int, row>& all) {
    const int key = static_cast<int>(random.below(300));
    const auto hash = stable_hash<int>::of(key);
    now += static_cast<std::int64_t>(random.below(3));
    if (const auto known = all.find(key); known != all.end() && known->second.used + 200 <= now) all.erase(known);
    row& r = all[key];
    r.used = now;
    std::string& value = s.use_alive(key, hash, at(now), at(now));
    ASSERT_EQ(value, r.value);
    r.value = value += static_cast<char>('a' + random.below(26));
    if (!random.chance(0.2)) return;
    s.forget(key, hash);
    all.erase(key);
  };
  const auto clean = [&] {
    std::erase_if(expected, [&](const auto& r) { return r.second.used + 200 <= now; });
    for (int n = 0; n < 3; ++n) s.expire(at(now), 100'000);
    ASSERT_EQ(s.rows(), expected.size());
    std::map<int, std::string> left;
    for (const auto& [key, r] : expected) left[key] = r.value;
    ASSERT_EQ(all_of(s), left);
  };
  for (int round = 0; round < 300; ++round) {
    if (random.chance(0.5)) s.evict();
    auto changed = expected;
    const bool is_batch = random.chance(0.5), commits = random.chance(0.6);
    if (is_batch) s.begin();
    for (auto n = random.below(100); n > 0; --n) {
      step(changed);
      if (HasFatalFailure()) return;
      if (!is_batch && random.chance(0.1)) s.evict();
    }
    if (is_batch && !commits) s.rollback();
    else expected = changed;
    if (is_batch && commits) s.commit();
    if (random.chance(0.2)) clean();
    if (HasFatalFailure()) return;
  }
}

/// A save of one is loaded by another, whatever each has in memory.
TEST_P(keyed_states, moves_all_groups_to_another_task) {
  random_source random(5);
  const auto one = make<int, std::string>(4, {event_span{1000}}), other = make<int, std::string>(4, {event_span{1000}});
  for (int i = 0; i < 2000; ++i) {
    const int key = static_cast<int>(random.below(500));
    one->use_alive(key, stable_hash<int>::of(key), at(i), at(0)) += std::to_string(i);
    if (i % 100 == 0) one->evict();
  }
  for (std::uint32_t g = 0; g < 4; ++g) {
    writer w;
    one->save(g, w);
    reader r(w.data());
    ASSERT_TRUE(other->load(g, r));
    EXPECT_EQ(r.left(), 0u);
  }
  EXPECT_EQ(all_of(*other), all_of(*one));
  EXPECT_EQ(other->rows(), one->rows());
  for (std::uint32_t g = 0; g < 4; ++g) one->drop(g);
  EXPECT_EQ(one->rows(), 0u);
  EXPECT_EQ(all_of(*one).size(), 0u);
  EXPECT_EQ(one->find(7), nullptr);
}

TEST_P(keyed_states, a_question_about_a_key_changes_nothing) {
  const auto made = make<int, std::string>(4);
  auto& s = *made;
  for (int key = 0; key < 100; ++key) use(s, key) = std::to_string(key);
  for (int round = 0; round < 3; ++round) {
    s.evict();
    for (int key = 0; key < 200; ++key) {
      const auto* found = s.find(key);
      EXPECT_EQ(found ? *found : "none", key < 100 ? std::to_string(key) : "none");
    }
    EXPECT_EQ(s.rows(), 100u);
  }
}

}  // namespace
}  // namespace freshet
