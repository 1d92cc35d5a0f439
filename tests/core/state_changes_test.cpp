#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/memory_store.hpp"
#include "freshet/base/random.hpp"
#include "freshet/core/broadcast_state.hpp"
#include "freshet/core/timed_state.hpp"

// What `save_changes` wrote, made in another task's state, makes it the same: also where other tasks have the groups.
namespace freshet {
namespace {

constexpr std::uint32_t groups = 16;
using states = timed_state<std::string, std::vector<int>>;

event_time ms(std::uint64_t t) { return event_time{event_span{static_cast<std::int64_t>(t)}}; }

/// What a state has, by key.
std::map<std::string, std::string> seen(states& all, std::uint64_t keys) {
  std::map<std::string, std::string> found;
  for (std::uint64_t k = 0; k < keys; ++k) {
    const auto key = "key " + std::to_string(k);
    if (const auto* s = all.states.find(key))
      for (int v : *s) found[key] += std::to_string(v) + " ";
  }
  return found;
}

/// How many keys have a state, whatever it is.
std::size_t seen_or_empty(states& all) {
  std::size_t n = 0;
  all.states.for_each([&](auto&, auto&) { ++n; });
  return n;
}

/// Takes out all timers, in their order.
std::vector<std::string> fired(states& all) {
  std::vector<std::string> order;
  while (auto t = all.timers.take_due(last_event_time))
    order.push_back(t->key + " " + std::to_string(t->tag) + " " + std::to_string(t->time.time_since_epoch().count()) +
                    " " + std::to_string(t->stamp.time_since_epoch().count()));
  return order;
}

void change_some(states& all, random_source& random, std::uint64_t keys) {
  for (auto n = random.below(40); n > 0; --n) {
    const auto key = "key " + std::to_string(random.below(keys));
    const auto hash = stable_hash<std::string>::of(key);
    all.states.use(key, hash).push_back(static_cast<int>(random.below(100)));
    const auto tag = random.below(2);
    switch (random.below(5)) {
      case 0:
        all.states.forget(key, hash);
        break;
      case 1:
        all.timers.erase(key, tag);
        break;
      case 2:
        (void)all.timers.take_due(ms(random.below(50)));
        break;
      default:
        all.timers.set(key, tag, ms(random.below(100)), ms(random.below(100)));
    }
  }
}

void make_same(std::uint64_t seed, bool with_store) {
  constexpr std::uint64_t keys = 30;
  random_source random(seed);
  states first(groups);
  const auto tasks = static_cast<std::uint32_t>(1 + random.below(3));
  std::vector<freshet::testing::memory_store::contents> stored(tasks);
  std::vector<std::unique_ptr<states>> others;
  for (std::uint32_t t = 0; t < tasks; ++t) {
    others.push_back(std::make_unique<states>(groups));
    if (with_store) others.back()->keep_in(std::make_unique<freshet::testing::memory_store>(stored[t], 400));
  }
  for (int round = 0; round < 20; ++round) {
    first.begin();
    change_some(first, random, keys);
    if (random.chance(0.2)) {  // an attempt that failed
      first.rollback();
      continue;
    }
    writer w;
    first.save_changes(w);
    first.commit();
    for (std::uint32_t t = 0; t < tasks; ++t) {
      reader r(w.data());
      ASSERT_TRUE(others[t]->load_changes(groups_of_task(t, groups, tasks), r));
      EXPECT_EQ(r.left(), 0u);
    }
  }
  std::map<std::string, std::string> all;
  std::size_t rows = 0;
  for (auto& o : others) {
    for (const auto& [key, values] : seen(*o, keys)) EXPECT_TRUE(all.emplace(key, values).second) << key;
    rows += o->rows();
  }
  EXPECT_EQ(all, seen(first, keys)) << "seed " << seed;
  EXPECT_EQ(rows, first.rows());
  if (tasks == 1) { EXPECT_EQ(fired(*others[0]), fired(first)) << "seed " << seed; }
}

TEST(state_changes, make_another_state_the_same) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) make_same(seed, false);
}
TEST(state_changes, make_another_state_the_same_that_is_kept_in_a_store) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) make_same(seed, true);
}

using freshet::testing::memory_store;
enum class kept_where { in_memory, in_store, as_snapshot };

/// A state that is written while calls change it is written as it was: what has changed, and all of it.
void freeze_some(std::uint64_t seed, kept_where how) {
  constexpr std::uint64_t keys = 60;
  random_source random(seed);
  states first(groups, seed % 2 ? state_ttl{event_span{50}} : state_ttl{});
  memory_store::contents stored;
  if (how != kept_where::in_memory) first.keep_in(std::make_unique<memory_store>(stored, 3000));
  std::unique_ptr<states> other = std::make_unique<states>(groups, first.states.ttl());
  first.note();
  for (int round = 0; round < 8; ++round) {
    change_some(first, random, keys);
    const bool all = random.chance(0.5);
    const auto wanted = seen(first, keys);
    const auto rows = first.rows();
    std::vector<std::string> whole;
    for (std::uint32_t g = 0; g < groups && all; ++g) {
      writer w;
      first.save(g, w);
      whole.push_back(w.take());
    }
    first.freeze(all ? std::optional(key_group_range{0, groups}) : std::nullopt, how == kept_where::as_snapshot);
    std::optional<std::string> changes;
    for (bool is_written = false; !is_written;) {
      if (random.chance(0.7)) change_some(first, random, keys);
      if (random.chance(0.3)) first.evict();
      is_written = first.write_frozen(1 + random.below(5));
      if (!changes && first.has_frozen_changes() && random.chance(0.3)) changes = first.take_frozen_changes();
    }
    EXPECT_TRUE(first.has_frozen_changes());
    auto frozen = first.take_frozen();
    EXPECT_TRUE(!changes || frozen.changes.empty());
    if (changes) frozen.changes = *std::move(changes);
    reader r(frozen.changes);
    ASSERT_TRUE(other->load_changes({0, groups}, r));
    EXPECT_EQ(r.left(), 0u);
    EXPECT_EQ(seen(*other, keys), wanted) << "seed " << seed << ", round " << round;
    EXPECT_EQ(other->rows(), rows);
    ASSERT_EQ(frozen.groups.size(), whole.size());
    if (!all) continue;
    states again(groups, first.states.ttl()), as_saved(groups, first.states.ttl());
    ASSERT_EQ(frozen.snapshot.has_value(), how == kept_where::as_snapshot);
    memory_store::contents snapshot;
    if (frozen.snapshot) {
      snapshot = static_cast<const memory_store::copy&>(*frozen.snapshot->files).rows;
      again.keep_in(std::make_unique<memory_store>(snapshot, 2000), frozen.snapshot->rows);
    }
    for (std::uint32_t g = 0; g < groups; ++g) {
      reader mine(frozen.groups[g]), saved(whole[g]);
      ASSERT_TRUE(frozen.snapshot ? again.load_beside_snapshot(g, mine) : again.load(g, mine));
      ASSERT_TRUE(as_saved.load(g, saved));
      EXPECT_EQ(mine.left(), 0u);
    }
    EXPECT_EQ(seen(again, keys), wanted) << "seed " << seed << ", round " << round;
    EXPECT_EQ(again.rows(), as_saved.rows());
    EXPECT_EQ(fired(again), fired(as_saved));
    again.note();
    change_some(again, random, keys);  // and goes on as one that was always there
    again.evict();
    EXPECT_EQ(again.rows(), seen_or_empty(again));
  }
  if (how != kept_where::in_memory) { EXPECT_GT(stored.reads + stored.writes, 20u); }
}

TEST(state_changes, are_frozen_while_calls_go_on) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) freeze_some(seed, kept_where::in_memory);
}
TEST(state_changes, are_frozen_while_calls_go_on_and_states_go_to_a_store) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) freeze_some(seed, kept_where::in_store);
}
TEST(state_changes, are_frozen_with_a_snapshot_of_the_store) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) freeze_some(seed, kept_where::as_snapshot);
}

TEST(state_changes, are_frozen_also_where_marks_come_round) {
  keyed_state<int, int> all(groups), other(groups);
  const auto use = [&](int key) -> int& { return all.use(key, stable_hash<int>::of(key)); };
  all.note();
  for (int epoch = 1; epoch <= 1000; ++epoch) {
    use(1) = epoch;
    use(2 + epoch % 300) = epoch;  // one that was last used when the number of now was given before
    all.freeze(std::nullopt);
    use(1) = use(3) = -epoch;
    while (!all.write_frozen(1)) {}
    const auto frozen = all.take_frozen();
    reader r(frozen.changes);
    ASSERT_TRUE(other.load_changes({0, groups}, r));
    ASSERT_EQ(*other.find(1), epoch);
    ASSERT_EQ(*other.find(2 + epoch % 300), epoch);
    if (epoch % 50 != 1 && epoch % 300 != 1) { ASSERT_EQ(*other.find(3), 1 - epoch); }
    if (epoch % 50 == 0) all.note(), all.begin(), all.commit(), all.note();  // numbers that nothing is frozen under
  }
}

/// Nothing that isn't used is written, and no state for the sake of a key that was.
TEST(state_changes, that_are_frozen_are_no_more_than_was_used) {
  keyed_state<int, int> all(groups);
  for (int k = 0; k < 1000; ++k) all.use(k, stable_hash<int>::of(k)) = k;
  all.note();
  for (int k = 0; k < 5; ++k) all.use(k, stable_hash<int>::of(k)) = -k;
  all.freeze(std::nullopt);
  EXPECT_TRUE(all.write_frozen(10));
  const auto frozen = all.take_frozen();
  reader r(frozen.changes);
  EXPECT_EQ(r.raw<std::uint64_t>(), 5u);
}

/// A state whose expiry comes in between.
TEST(state_changes, are_frozen_before_time_to_live_takes_them) {
  keyed_state<int, int> all(groups, {event_span{10}});
  const auto use = [&](int k, std::uint64_t at) { all.use_alive(k, stable_hash<int>::of(k), ms(at), ms(at)) = k; };
  for (int k = 0; k < 50; ++k) use(k, 5);
  all.note();
  for (int k = 0; k < 20; ++k) use(k, 6);
  all.freeze(key_group_range{0, groups});
  all.expire(ms(100), 100'000);
  EXPECT_EQ(all.rows(), 0u);
  while (!all.write_frozen(3)) {}
  const auto frozen = all.take_frozen();
  keyed_state<int, int> changed(groups, all.ttl()), whole(groups, all.ttl());
  reader r(frozen.changes);
  ASSERT_TRUE(changed.load_changes({0, groups}, r));
  EXPECT_EQ(changed.rows(), 20u);
  for (std::uint32_t g = 0; g < groups; ++g) {
    reader of_group(frozen.groups[g]);
    ASSERT_TRUE(whole.load(g, of_group));
  }
  EXPECT_EQ(whole.rows(), 50u);
}

TEST(state_changes, go_on_a_full_state) {
  random_source random(3);
  states first(groups), other(groups);
  first.begin();
  change_some(first, random, 30);
  first.commit();
  for (std::uint32_t g = 0; g < groups; ++g) {
    writer w;
    first.save(g, w);
    reader r(w.data());
    ASSERT_TRUE(other.load(g, r));
  }
  first.begin();
  change_some(first, random, 30);
  writer w;
  first.save_changes(w);
  first.commit();
  reader r(w.data());
  ASSERT_TRUE(other.load_changes({0, groups}, r));
  EXPECT_EQ(seen(other, 30), seen(first, 30));
  EXPECT_EQ(fired(other), fired(first));
}

TEST(state_changes, have_the_time_of_last_use) {
  const state_ttl ttl{.after = event_span{10}};
  keyed_state<int, int> first(groups, ttl), other(groups, ttl);
  const auto hash = stable_hash<int>::of(1);
  first.begin();
  first.use_alive(1, hash, ms(5), ms(5)) = 7;
  writer w;
  first.save_changes(w);
  first.commit();
  reader r(w.data());
  ASSERT_TRUE(other.load_changes({0, groups}, r));
  EXPECT_EQ(other.use_alive(1, hash, ms(14), ms(14), false), 7);
  EXPECT_EQ(other.use_alive(1, hash, ms(15), ms(15), false), 0);
}

TEST(state_changes, of_a_whole_task_are_its_value_if_it_was_used) {
  single_state<std::string> first, other;
  for (const bool used : {true, false}) {
    first.begin();
    if (used) first.use() = "rules";
    writer w;
    first.save_changes(w);
    first.commit();
    reader r(w.data());
    ASSERT_TRUE(other.load_changes({0, 1}, r));
    EXPECT_EQ(other.value(), "rules");
    EXPECT_EQ(w.size() > 1, used);
  }
}

TEST(state_changes, of_broadcast_state_are_for_every_task) {
  using kept = with_broadcast<std::string>;
  const auto make = [] { return kept(std::unique_ptr<any_state>(new keyed_state<int, int>(groups))); };
  auto first = make(), other = make();
  const auto own = [](kept& of) -> keyed_state<int, int>& { return static_cast<keyed_state<int, int>&>(*of.own()); };
  first.begin();
  first.shared().use() = "rules";
  const auto hash = stable_hash<int>::of(1);
  own(first).use(1, hash) = 7;
  writer w;
  first.save_changes(w);
  first.commit();
  reader r(w.data());
  ASSERT_TRUE(other.load_changes({0, 0}, r));  // no group is its own
  EXPECT_EQ(other.shared().value(), "rules");
  EXPECT_EQ(own(other).find(1), nullptr);

  writer shared;
  first.save_shared(shared);
  auto third = make();
  ASSERT_TRUE(third.has_shared());
  reader from(shared.data());
  ASSERT_TRUE(third.load_shared(from));
  EXPECT_EQ(third.shared().value(), "rules");
}

TEST(state_changes, that_are_damaged_are_refused) {
  states first(groups);
  first.begin();
  random_source random(5);
  change_some(first, random, 10);
  writer w;
  first.save_changes(w);
  first.commit();
  for (std::size_t n = 0; n < w.size(); ++n) {
    states other(groups);
    reader r(std::string_view(w.data()).substr(0, n));
    EXPECT_FALSE(other.load_changes({0, groups}, r)) << n << " bytes";
  }
}

struct money {
  int cents = 0;
  std::string currency = "none";
};

}  // namespace

/// A codec of its second version.
template <>
struct codec<money> {
  static constexpr std::uint32_t version = 2;
  static void write(writer& w, const money& m) {
    w.raw(m.cents);
    write_value(w, m.currency);
  }
  static void read(reader& r, money& m, std::uint32_t v) {
    m.cents = r.raw<int>();
    m.currency = "old";
    if (v >= 2) read_value(r, m.currency);
  }
};

namespace {

TEST(state_changes, have_the_version_of_their_codec) {
  keyed_state<int, money> first(groups), other(groups);
  const auto hash = stable_hash<int>::of(1);
  first.begin();
  first.use(1, hash) = {5, "EUR"};
  writer changes, full;
  first.save_changes(changes);
  first.commit();
  first.save(key_group_of(hash, groups), full);
  reader r(changes.data());
  ASSERT_TRUE(other.load_changes({0, groups}, r));
  EXPECT_EQ(other.find(1)->currency, "EUR");
  keyed_state<int, money> third(groups);
  reader from(full.data());
  ASSERT_TRUE(third.load(key_group_of(hash, groups), from));
  EXPECT_EQ(third.find(1)->currency, "EUR");

  // Written by the first version: the number is the only difference ahead.
  auto old = changes.data();
  const auto at = old.find(std::string("\2\0\0\0", 4), 13);
  ASSERT_NE(at, std::string::npos);
  old.erase(at + 8);
  old[at] = 1;
  keyed_state<int, money> migrated(groups);
  reader of_old(old);
  ASSERT_TRUE(migrated.load_changes({0, groups}, of_old));
  EXPECT_EQ(migrated.find(1)->cents, 5);
  EXPECT_EQ(migrated.find(1)->currency, "old");
}

}  // namespace
}  // namespace freshet
