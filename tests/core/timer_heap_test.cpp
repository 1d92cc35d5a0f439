// The heap of timers and the index beside it, against what the standard library would do.
#include "freshet/core/timer_heap.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "freshet/base/random.hpp"

namespace freshet::detail {
namespace {

event_time at(std::uint64_t ms) { return event_time{std::chrono::milliseconds(ms)}; }

/// Few times and hashes, so that each part of the order decides.
timer_entry some_entry(random_source& r, std::uint64_t order) {
  return {at(r.below(5)), order, static_cast<std::uint32_t>(r.below(3)), static_cast<std::uint32_t>(order)};
}
std::uint64_t popped(timer_heap& heap) {
  const auto order = heap.top().order;
  heap.pop();
  return order;
}

TEST(timer_heap, gives_the_least_first_by_time_then_key_then_order_of_setting) {
  timer_heap heap;
  EXPECT_TRUE(heap.empty());
  heap.push({at(2), 1, 0, 1});
  heap.push({at(1), 4, 7, 4});
  heap.push({at(1), 3, 7, 3});
  heap.push({at(1), 5, 6, 5});
  heap.push({at(1), 2, 8, 2});
  EXPECT_EQ(heap.size(), 5u);
  for (std::uint64_t order : {5u, 3u, 4u, 2u, 1u}) EXPECT_EQ(popped(heap), order);
  EXPECT_TRUE(heap.empty());
}

/// Pushes, pops and sweeps in any order, of heaps of all sizes up to some levels of four children.
TEST(timer_heap, does_as_a_sorted_set_does) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    random_source r(seed);
    const auto most = 1 + r.below(100);
    timer_heap heap;
    std::set<timer_entry> model;
    for (std::uint64_t step = 0; step < 300; ++step) {
      const auto what = r.below(40);
      if (what == 0) {
        const auto part = 1 + r.below(4);
        const auto keep = [&](const timer_entry& e) { return e.order % part == 0; };
        heap.retain(keep);
        std::erase_if(model, [&](const timer_entry& e) { return !keep(e); });
      } else if (what < 25 && model.size() < most) {
        const auto e = some_entry(r, step);
        heap.push(e);
        model.insert(e);
      } else if (!model.empty()) {
        ASSERT_EQ(popped(heap), model.begin()->order);
        model.erase(model.begin());
      }
      ASSERT_EQ(heap.size(), model.size());
      if (!model.empty()) { ASSERT_EQ(heap.top().order, model.begin()->order); }
    }
    while (!model.empty()) {
      ASSERT_EQ(popped(heap), model.begin()->order);
      model.erase(model.begin());
    }
  }
}

TEST(slot_index, tells_slots_of_one_hash_apart) {
  slot_index index;
  const auto slot = [](std::uint32_t s) { return [s](std::uint32_t found) { return found == s; }; };
  EXPECT_EQ(index.find(7, slot(1)), slot_index::none);
  index.insert(7, 1);
  index.insert(7, 2);
  EXPECT_EQ(index.find(7, slot(1)), 1u);
  EXPECT_EQ(index.find(7, slot(2)), 2u);
  EXPECT_EQ(index.find(7, slot(3)), slot_index::none);
  EXPECT_EQ(index.find(8, slot(1)), slot_index::none) << "another hash";
  index.erase(7, 1);
  EXPECT_EQ(index.find(7, slot(1)), slot_index::none);
  EXPECT_EQ(index.find(7, slot(2)), 2u) << "it stood behind what was taken out";
  EXPECT_EQ(index.size(), 1u);
}

/// Hashes that fall upon each other, and run over the end of the table.
TEST(slot_index, finds_what_a_set_has_however_cells_were_moved) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    random_source r(seed);
    const auto hashes = 1 + static_cast<std::uint32_t>(r.below(40)), base = static_cast<std::uint32_t>(r());
    slot_index index;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> model;
    for (std::uint32_t step = 0; step < 200; ++step) {
      if (model.empty() || r.below(5) < 3) {
        model.emplace_back(base + static_cast<std::uint32_t>(r.below(hashes)), step);
        index.insert(model.back().first, step);
      } else {
        std::swap(model[r.below(model.size())], model.back());
        index.erase(model.back().first, model.back().second);
        const auto gone = model.back();
        model.pop_back();
        ASSERT_EQ(index.find(gone.first, [&](auto slot) { return slot == gone.second; }), slot_index::none);
      }
      ASSERT_EQ(index.size(), model.size());
      for (const auto& [hash, slot] : model)
        ASSERT_EQ(index.find(hash, [s = slot](auto found) { return found == s; }), slot);
    }
  }
}

}  // namespace
}  // namespace freshet::detail
