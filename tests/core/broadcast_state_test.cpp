#include "freshet/core/broadcast_state.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

struct order {
  std::string user;
  int cents = 0;
};
struct limit {
  std::string user;
  int cents = 0;
};
struct limits {
  std::map<std::string, int> by_user;
};
struct alert {
  std::string user;
  int cents = 0, limit = 0, nth = 0;
  friend auto operator<=>(const alert&, const alert&) = default;
};
/// A change or an order has gone through a task.
struct changed : side_output<std::string, "changed"> {};

/// With state of each user, and limits that all tasks know.
struct check_limits {
  using state = int;
  using broadcast = limits;
  using output = emitter<alert, changed>;
  void process(const order& o, state& seen, const limits& all, output& out) const {
    ++seen;
    out.emit<changed>(o.user);
    const auto found = all.by_user.find(o.user);
    if (found != all.by_user.end() && o.cents > found->second) out.emit({o.user, o.cents, found->second, seen});
  }
  void change(const limit& l, limits& all, output& out) const {
    if (l.cents < 0) all.by_user.erase(l.user);
    else all.by_user[l.user] = l.cents;
    out.emit<changed>(l.user);
  }
};
/// Without other state.
struct look_up {
  using broadcast = limits;
  using output = emitter<alert, changed>;
  void process(const order& o, const limits& all, output& out) const {
    out.emit<changed>(o.user);
    if (all.by_user.count(o.user)) out.emit({o.user, o.cents, all.by_user.at(o.user), 0});
  }
  void change(const limit& l, limits& all, output& out) const { check_limits{}.change(l, all, out); }
};

/// With one state for all keys.
struct count_all {
  using state = int;
  using broadcast = limits;
  using output = emitter<alert, changed>;
  void process(const order& o, state& seen, const limits& all, output& out) const {
    ++seen;
    if (all.by_user.count(o.user)) out.emit({o.user, o.cents, all.by_user.at(o.user), seen});
  }
  void change(const limit& l, limits& all, output& out) const { check_limits{}.change(l, all, out); }
};

class broadcast_runs : public samples::on_every_engine {
 protected:
  static constexpr int tasks = 3;
  /// Changes are pushed and have reached every task before orders follow, so the answer is one.
  template <class B, class G>
  std::vector<alert> alerts(B bolt, G grouping) {
    auto engine = samples::answering_at_once(GetParam().second);
    const auto faults = std::make_shared<testing::fault_plan>(5);
    // A call that is made again in place, or from a copy, changes nothing twice; at_least_once sends a change again.
    const auto* events = std::get_if<event_options>(&engine);
    if (!events || events->guarantee == guarantee::exactly_once) faults->throw_at_random("check", 0.05, 20);
    std::visit([&](auto& o) { o.faults = faults; }, engine);
    if (auto* batches = std::get_if<batch_options>(&engine)) batches->max_task_attempts = 100;

    push_spout<order> orders({.capacity = 1000});
    push_spout<limit> changes({.capacity = 1000});
    collect_sink<alert> got;
    std::atomic<int> applied{0};
    topology_builder low("limits");
    auto checked = low.bolt("check", std::move(bolt), {.parallelism = tasks})
                       .input(low.spout("orders", orders), std::move(grouping))
                       .template input<&B::change>(low.spout("changes", changes), all_grouping{});
    low.sink("alerts", got).input(checked);
    low.sink("applied", [&applied](const std::string&) { ++applied; }).input(checked.template side<changed>());
    auto run = samples::start_on(engine, low.build());

    random_source random(8);
    int sent = 0;
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 10; ++i, ++sent)
        EXPECT_TRUE(changes.push({user(random), static_cast<int>(random.below(100)) - 20}));
      while (applied < sent * tasks + round * 100) std::this_thread::sleep_for(100us);
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(orders.push({user(random), static_cast<int>(random.below(100))}));
      // By what has come out: calls that failed are counted as executed too.
      while (applied < sent * tasks + (round + 1) * 100) std::this_thread::sleep_for(200us);
    }
    orders.close();
    changes.close();
    run.wait();
    return samples::sorted(got.take());
  }
  static std::string user(random_source& random) { return "u" + std::to_string(random.below(12)); }
  /// The same by a loop.
  std::vector<alert> expected(bool keyed) const {
    random_source random(8);
    limits all;
    std::map<std::string, int> seen;
    std::vector<alert> alerts;
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 10; ++i) {
        const auto who = user(random);
        const int cents = static_cast<int>(random.below(100)) - 20;
        if (cents < 0) all.by_user.erase(who);
        else all.by_user[who] = cents;
      }
      for (int i = 0; i < 100; ++i) {
        const auto who = user(random);
        const int cents = static_cast<int>(random.below(100)), nth = ++seen[who];
        const auto found = all.by_user.find(who);
        if (found == all.by_user.end()) continue;
        if (keyed && cents > found->second) alerts.push_back({who, cents, found->second, nth});
        if (!keyed) alerts.push_back({who, cents, found->second, 0});
      }
    }
    return samples::sorted(alerts);
  }
};
INSTANTIATE_TEST_SUITE_P(engines, broadcast_runs, ::testing::ValuesIn(samples::every_engine()),
                         samples::name_of_engine);

TEST_P(broadcast_runs, every_task_sees_it_beside_the_state_of_its_keys) {
  EXPECT_EQ(alerts(check_limits{}, key_grouping{&order::user}), expected(true));
}
TEST_P(broadcast_runs, every_task_sees_it_without_other_state) {
  EXPECT_EQ(alerts(look_up{}, shuffle_grouping{}), expected(false));
}

TEST(broadcast_state, stands_beside_one_state_of_a_task) {
  topology_builder low("limits");
  collect_sink<alert> got;
  auto counted = low.bolt("count", count_all{})
                     .input(low.spout("orders", vector_spout<order>{{{"a", 1}, {"a", 2}}}), global_grouping{})
                     .input<&count_all::change>(low.spout("changes", vector_spout<limit>{{{"b", 7}}}), all_grouping{});
  low.sink("got", got).input(counted);
  event_executor{{.guarantee = guarantee::exactly_once}}.start(low.build()).wait();
  EXPECT_TRUE(got.take().empty());
}

TEST(broadcast_state, is_undone_with_the_state_of_keys) {
  auto* keys = new keyed_state<int, int>(4);
  with_broadcast<limits> all{std::unique_ptr<any_state>(keys)};
  all.shared().use().by_user["a"] = 1;
  all.begin();
  all.shared().use().by_user["a"] = 2;
  keys->use(1, stable_hash<int>::of(1)) = 7;
  EXPECT_EQ(all.touched(), 2u);
  all.rollback();
  EXPECT_EQ(all.shared().value().by_user.at("a"), 1);
  EXPECT_EQ(keys->find(1), nullptr);
}

TEST(broadcast_state, is_saved_beside_the_state_of_keys) {
  const auto make = [] { return std::unique_ptr<any_state>(new keyed_state<int, int>(2)); };
  with_broadcast<limits> from{make()}, to{make()};
  from.shared().use().by_user["a"] = 1;
  static_cast<keyed_state<int, int>&>(*from.own()).use(1, stable_hash<int>::of(1)) = 7;
  ASSERT_TRUE(from.is_durable());
  for (std::uint32_t g = 0; g < 2; ++g) {
    writer w;
    from.save(g, w);
    reader r(w.data());
    ASSERT_TRUE(to.load(g, r));
  }
  EXPECT_TRUE(to.shared().value().by_user.empty());  // it is of no group
  ASSERT_TRUE(from.has_shared());
  writer w;
  from.save_shared(w);
  reader r(w.data());
  ASSERT_TRUE(to.load_shared(r));
  EXPECT_EQ(to.shared().value().by_user.at("a"), 1);
  const auto& keys = static_cast<keyed_state<int, int>&>(*to.own());
  EXPECT_EQ(keys.rows(), 1u);
}

TEST(broadcast_state, is_described_and_has_to_be_changed_by_something) {
  topology_builder b("described");
  const auto orders = b.spout("orders", vector_spout<order>{{}});
  const auto changes = b.spout("changes", vector_spout<limit>{{}});
  (void)b.bolt("check", check_limits{})
      .input(orders, key_grouping{&order::user})
      .input<&check_limits::change>(changes, all_grouping{});
  const auto text = b.build().describe();
  EXPECT_NE(text.find("state int by std::string, broadcast "), std::string::npos) << text;
  (void)b.bolt("never", look_up{}).input(orders);
  try {
    (void)b.build();
    FAIL();
  } catch (const topology_error& e) {
    EXPECT_NE(std::string(e.what()).find("bolt \"never\" has broadcast state that nothing changes"), std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace freshet
