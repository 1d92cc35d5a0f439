#include "freshet/core/timer_queue.hpp"

#include <gtest/gtest.h>

#include <map>

#include "freshet/base/random.hpp"
#include "freshet/base/time_arithmetic.hpp"

namespace freshet {
namespace {

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

/// With the hashes left out.
template <class K>
struct queue : timer_queue<K> {
  using base = timer_queue<K>;
  auto set(const K& key, event_time time, std::uint64_t tag = 0, event_time stamp = {}) {
    return base::set(key, stable_hash<K>::of(key), tag, time, stamp);
  }
  auto erase(const K& key, std::uint64_t tag = 0) { return base::erase(key, stable_hash<K>::of(key), tag); }
  /// The keys of all that are due.
  std::vector<K> fire(event_time watermark) {
    std::vector<K> keys;
    while (auto t = this->take_due(watermark)) keys.push_back(t->key);
    return keys;
  }
};
using strings = std::vector<std::string>;

TEST(timer_queue, fires_in_time_order_when_the_watermark_is_there) {
  queue<std::string> q;
  EXPECT_EQ(q.next_time(), end_of_time);
  q.set("b", at(20));
  q.set("a", at(10), 0, at(3));
  q.set("c", at(-5));
  EXPECT_EQ(q.next_time(), at(-5));
  EXPECT_EQ(q.fire(at(-6)), strings{});
  EXPECT_EQ(q.fire(at(-5)), strings{"c"});
  const auto a = q.take_due(at(15));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->time, at(10));
  EXPECT_EQ(a->stamp, at(3));
  EXPECT_EQ(q.size(), 1u);
  EXPECT_EQ(q.fire(end_of_time), strings{"b"});
  EXPECT_TRUE(q.empty());
}

TEST(timer_queue, is_replaced_earlier_and_later) {
  queue<std::string> q;
  EXPECT_FALSE(q.set("a", at(10)));
  EXPECT_EQ(q.set("a", at(30))->time, at(10));
  q.set("b", at(20));
  EXPECT_EQ(q.next_time(), at(20));
  EXPECT_EQ(q.set("b", at(5))->time, at(20));
  EXPECT_EQ(q.next_time(), at(5));
  EXPECT_EQ(q.size(), 2u);
  EXPECT_EQ(q.fire(at(29)), strings{"b"});
  EXPECT_EQ(q.fire(at(30)), strings{"a"});
}

TEST(timer_queue, is_deleted) {
  queue<std::string> q;
  q.set("a", at(10));
  q.set("b", at(20));
  EXPECT_EQ(q.erase("a")->time, at(10));
  EXPECT_FALSE(q.erase("a"));
  EXPECT_EQ(q.next_time(), at(20));
  q.set("c", at(15));  // takes the place of a
  EXPECT_EQ(q.fire(end_of_time), (strings{"c", "b"}));
}

TEST(timer_queue, tags_tell_timers_of_a_key_apart) {
  queue<std::string> q;
  q.set("a", at(10), 1);
  q.set("a", at(5), 2);
  q.erase("a", 1);
  q.set("a", at(7), 3);
  std::vector<std::uint64_t> tags;
  while (auto t = q.take_due(end_of_time)) tags.push_back(t->tag);
  EXPECT_EQ(tags, (std::vector<std::uint64_t>{2, 3}));
}

TEST(timer_queue, equal_times_come_by_key_and_then_as_they_were_set) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    random_source random(seed);
    queue<int> q;
    std::map<std::pair<std::uint64_t, int>, std::uint64_t> order;  // by hash, key and order of setting
    for (int i = 1; i <= 100; ++i) {
      const int key = static_cast<int>(random.below(10));
      q.set(key, at(7), static_cast<std::uint64_t>(i));
      order[{stable_hash<int>::of(key), i}] = static_cast<std::uint64_t>(i);
    }
    for (const auto& [by, tag] : order) {
      auto t = q.take_due(at(7));
      ASSERT_TRUE(t);
      ASSERT_EQ(t->tag, tag);
    }
    ASSERT_TRUE(q.empty());
  }
}

TEST(timer_queue, one_set_meanwhile_takes_its_turn) {
  queue<std::string> q;
  for (const char* k : {"a", "b"}) q.set(k, at(k[0]));
  EXPECT_EQ(q.take_due(at(1000))->key, "a");
  q.set("a", at(-1));  // already due
  EXPECT_EQ(q.take_due(at(1000))->key, "a");
  EXPECT_EQ(q.take_due(at(1000))->key, "b");
  EXPECT_FALSE(q.take_due(at(1000)));
}

TEST(timer_queue, times_at_the_ends) {
  queue<std::string> q;
  q.set("never", end_of_time);
  q.set("always", beginning_of_time);
  EXPECT_EQ(q.fire(beginning_of_time), strings{"always"});
  EXPECT_EQ(q.fire(last_event_time), strings{});
  EXPECT_EQ(q.next_time(), end_of_time);
  EXPECT_EQ(q.fire(end_of_time), strings{"never"});
}

/// A map of all timers, looked through for the least.
struct model {
  std::map<std::pair<int, std::uint64_t>, std::tuple<event_time, std::uint64_t>> all;  // key, tag: time, order
  std::uint64_t order = 0;
  auto least() {
    return std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
      const auto rank = [](const auto& t) {
        return std::tuple(std::get<0>(t.second), stable_hash<int>::of(t.first.first) >> 32, std::get<1>(t.second));
      };
      return rank(a) < rank(b);
    });
  }
};

TEST(timer_queue, agrees_with_a_map_on_random_changes) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    random_source random(seed);
    queue<int> q;
    model m;
    for (int step = 0; step < 1000; ++step) {
      const int key = static_cast<int>(random.below(20));
      const std::uint64_t tag = random.below(2);
      const auto what = random.below(10);
      if (what < 6) {
        const auto t = at(static_cast<std::int64_t>(random.below(30)));
        q.set(key, t, tag);
        m.all[{key, tag}] = {t, ++m.order};
      } else if (what < 8) {
        ASSERT_EQ(q.erase(key, tag).has_value(), m.all.erase({key, tag}) == 1);
      } else if (const auto due = q.take_due(at(static_cast<std::int64_t>(random.below(30))))) {
        const auto next = m.least();
        ASSERT_EQ(std::pair(due->key, due->tag), next->first) << "seed " << seed << " step " << step;
        ASSERT_EQ(due->time, std::get<0>(next->second));
        m.all.erase(next);
      }
      ASSERT_EQ(q.next_time(), m.all.empty() ? end_of_time : std::get<0>(m.least()->second));
      ASSERT_EQ(q.size(), m.all.size());
    }
  }
}

TEST(timer_queue, is_written_and_read_with_its_order) {
  random_source random(5);
  queue<std::string> q;
  for (int i = 0; i < 500; ++i) {
    q.set(std::to_string(random.below(50)), at(static_cast<std::int64_t>(random.below(5))), random.below(3), at(i));
    if (i % 3 == 0) q.erase(std::to_string(random.below(50)), random.below(3));
  }
  writer w;
  q.save(w);
  queue<std::string> copy;
  copy.set("gone", at(1));
  reader r(w.data());
  ASSERT_TRUE(copy.load(r));
  EXPECT_EQ(r.left(), 0u);
  writer again;
  copy.save(again);
  EXPECT_EQ(again.data(), w.data());
  EXPECT_EQ(copy.size(), q.size());
  while (auto t = q.take_due(end_of_time)) {
    const auto c = copy.take_due(end_of_time);
    ASSERT_TRUE(c);
    ASSERT_EQ(std::tie(c->key, c->tag, c->time, c->stamp), std::tie(t->key, t->tag, t->time, t->stamp));
  }
  for (std::size_t cut = 0; cut < w.size(); cut += 7) {
    reader damaged(std::string_view(w.data()).substr(0, cut));
    EXPECT_FALSE(copy.load(damaged));
  }
}

TEST(timer_queue, what_nobody_needs_is_swept) {
  queue<int> q;
  for (int i = 0; i < 200000; ++i) {
    q.set(i % 10, at(1000000 - i));  // ever earlier: each leaves an entry behind
    q.set(100 + i % 7, at(5));
    q.erase(100 + i % 7);
  }
  EXPECT_EQ(q.size(), 10u);
  EXPECT_LT(q.bytes(), 20000u);
}

TEST(timer_queue, moving_on_needs_no_room) {
  queue<int> q;
  for (int i = 0; i < 100000; ++i) q.set(i % 10, at(i));
  EXPECT_LT(q.bytes(), 3000u);
  EXPECT_EQ(q.next_time(), at(99990));
  EXPECT_EQ(q.fire(at(99995)).size(), 6u);
}

TEST(timer_queue, holds_many_timers_in_about_a_hundred_bytes_each) {
  queue<std::uint64_t> q;
  random_source random(6);
  const std::size_t n = 1 << 17;
  for (std::size_t i = 0; i < n; ++i) q.set(i, at(static_cast<std::int64_t>(random.below(1000000))));
  EXPECT_LE(q.bytes() / n, 112u);
  event_time before = beginning_of_time;
  std::size_t fired = 0;
  while (auto t = q.take_due(end_of_time)) {
    ASSERT_LE(before, t->time);
    before = t->time;
    ++fired;
  }
  EXPECT_EQ(fired, n);
}

}  // namespace
}  // namespace freshet
