#include "freshet/core/scatter_buffer.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

event_time at(int ms) { return event_time{std::chrono::milliseconds(ms)}; }

/// A value that doesn't fit into two registers.
struct wide {
  std::uint64_t a = 0, b = 0, c = 0;
  bool operator==(const wide&) const = default;
};
static_assert(scatterable<wide> && !passed_in_words<wide> && !scatterable<std::string>);

/// A scatter buffer in front of a few outboxes, against a plain list for each.
template <class T>
class scattering {
 public:
  explicit scattering(std::size_t targets, bool roots = true) {
    for (std::size_t i = 0; i < targets; ++i) {
      owned_.emplace_back(batch_layout{.capacity = 8, .roots = roots, .times = true}, frame);
      boxes_.push_back(&owned_.back());
    }
    buffer.emplace(boxes_, batch_layout{.capacity = 8, .roots = roots, .times = true}, frame);
  }
  struct row {
    T value;
    std::uint32_t root;
    event_time time, stamp;
    bool operator==(const row&) const = default;
  };
  std::vector<row> take(std::size_t target) {
    std::vector<row> all;
    auto& box = owned_[target];
    box.seal();
    while (box.has_sealed()) {
      auto* b = static_cast<batch<T>*>(box.pop());
      for (std::size_t i = 0; i < b->size(); ++i)
        all.push_back({b->value(i), b->root_of(i).bits, b->time_of(i), b->stamp_of(i)});
      box.pool.give(b);
    }
    return all;
  }
  outbox<T>& box(std::size_t target) { return owned_[target]; }

  call_frame frame;
  std::optional<scatter_buffer<T>> buffer;

 private:
  std::deque<outbox<T>> owned_;
  std::vector<any_outbox*> boxes_;
};

TEST(scatter_buffer, an_outbox_that_is_looked_into_has_everything) {
  scattering<wide> s(2);
  s.frame.begin(root{3, 1}, nullptr, at(5), at(4));
  s.buffer->append(1, wide{1, 2, 3});
  EXPECT_FALSE(s.buffer->empty());
  EXPECT_TRUE(s.box(0).empty());
  EXPECT_TRUE(s.buffer->empty());
  EXPECT_FALSE(s.box(1).empty());
  EXPECT_EQ(s.box(1).appended(), 1u);
  const auto rows = s.take(1);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].value, (wide{1, 2, 3}));
  EXPECT_EQ(rows[0].root, (root{3, 1}).bits);
  EXPECT_EQ(rows[0].time, at(5));
  EXPECT_EQ(rows[0].stamp, at(4));
}

TEST(scatter_buffer, a_tuple_with_several_roots_keeps_its_place) {
  scattering<int> s(1);
  const root_list both{root{1, 0}, root{2, 0}};
  s.frame.begin(root{1, 0}, nullptr, {}, {});
  s.buffer->append(0, 1);
  s.frame.begin(root::several(0), &both, {}, {});
  s.buffer->append(0, 2);
  s.frame.begin(root{3, 0}, nullptr, {}, {});
  s.buffer->append(0, 3);
  s.box(0).seal();
  auto* b = static_cast<batch<int>*>(s.box(0).pop());
  ASSERT_EQ(b->size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(b->value(static_cast<std::size_t>(i)), i + 1);
  EXPECT_EQ(b->roots_of(1), both);
  s.box(0).pool.give(b);
}

/// Random calls, some of which fail, some longer than the buffer and the batches; looks into outboxes in between.
template <class T>
void compare(std::size_t targets, std::uint64_t seed, T (*make)(std::uint64_t)) {
  random_source random{seed};
  scattering<T> s(targets, seed % 2 == 0);
  std::vector<std::vector<T>> expected(targets), got(targets);
  std::uint64_t next = 0;
  for (int call = 0; call < 120; ++call) {
    s.frame.begin(root{1, static_cast<std::uint32_t>(call)}, nullptr, at(call), {});
    const auto count = random.below(10) ? random.below(4) : random.below(200);
    const bool fails = random.below(4) == 0;
    std::vector<std::vector<T>> written(targets);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto target = random.below(targets);
      const T value = make(next++);
      s.buffer->append(static_cast<std::uint32_t>(target), value);
      written[target].push_back(value);
    }
    for (std::size_t t = 0; t < targets; ++t) {
      if (fails) s.box(t).cut_back();
      else expected[t].insert(expected[t].end(), written[t].begin(), written[t].end());
    }
    if (random.below(3) == 0) {
      const auto target = random.below(targets);
      for (auto& row : s.take(target)) got[target].push_back(row.value);
    }
  }
  for (std::size_t t = 0; t < targets; ++t) {
    for (auto& row : s.take(t)) got[t].push_back(row.value);
    EXPECT_EQ(got[t], expected[t]) << "target " << t << " of " << targets << ", seed " << seed;
  }
}

TEST(scatter_buffer, gives_each_target_its_tuples_in_order_without_those_of_failed_calls) {
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (const std::size_t targets : {1, 2, 3, 16, 17, 40}) {
      compare<std::uint64_t>(targets, seed, [](std::uint64_t n) { return n; });
      compare<wide>(targets, seed, [](std::uint64_t n) { return wide{n, n * n, n * n * n}; });
    }
}

}  // namespace
}  // namespace freshet
