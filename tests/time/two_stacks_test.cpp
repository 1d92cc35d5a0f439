#include "freshet/time/two_stacks.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"

namespace freshet {
namespace {

const auto append = [](std::string& into, const std::string& from) { into += from; };

template <class T>
void reload(T& value) {
  writer w;
  codec<T>::write(w, value);
  reader r(w.data());
  value = {};
  codec<T>::read(r, value, 0);
  ASSERT_TRUE(!r.failed() && r.left() == 0);
}

/// Text, so that the order of merges shows.
TEST(two_stacks, total_is_that_of_a_queue) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    random_source random(seed);
    two_stacks<std::string> stacks;
    std::deque<std::string> queue;
    for (int step = 0; step < 300; ++step) {
      if (queue.empty() || random.chance(0.55)) {
        const std::string c(1, static_cast<char>('a' + random.below(26)));
        stacks.push(c, append);
        queue.push_back(c);
      } else {
        stacks.pop(append);
        queue.pop_front();
      }
      if (random.chance(0.05)) reload(stacks);
      ASSERT_EQ(stacks.size(), queue.size());
      std::string expected;
      for (const auto& c : queue) expected += c;
      if (!queue.empty()) { ASSERT_EQ(stacks.total(append), expected); }
    }
  }
}

TEST(two_stacks, merges_three_times_a_step) {
  two_stacks<int> stacks;
  int merges = 0;
  const auto max = [&](int& into, int from) {
    into = std::max(into, from);
    ++merges;
  };
  for (int i = 0; i < 100000; ++i) {
    stacks.push(i % 1000, max);
    if (stacks.size() > 1000) stacks.pop(max);
    static_cast<void>(stacks.total(max));
  }
  EXPECT_LE(merges, 300000);
}

TEST(sliding_count_window, agrees_with_brute_force) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    random_source random(seed);
    const sliding_count w{1 + random.below(20), 1 + random.below(25)};
    sliding_count_window<std::string> window;
    std::string all;
    for (int i = 0; i < 200; ++i) {
      const char c = static_cast<char>('a' + random.below(26));
      all += c;
      const bool due = window.add(
          w, [] { return std::string(); }, [&](std::string& s) { s += c; }, append);
      ASSERT_EQ(due, all.size() % w.slide == 0);
      if (random.chance(0.05)) reload(window);
      if (due) {
        ASSERT_EQ(window.result(append), all.substr(all.size() - std::min<std::size_t>(all.size(), w.size)))
            << w.size << ' ' << w.slide;
      }
    }
  }
}

}  // namespace
}  // namespace freshet
