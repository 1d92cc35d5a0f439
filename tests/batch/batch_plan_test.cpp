// A topology compiled for batches: which blocks lead from where to where, in which order a stage reads them, and which
// stages it waits for.
#include "batch/batch_plan.hpp"

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using texts = std::vector<std::string>;

struct sum {
  using state = int;
  void process(const int& n, state& s, emitter<int>& out) { out.emit(s += n); }
};
constexpr auto same = [](const int& n) { return n; };
constexpr auto by_itself = key_grouping{[](int n) { return n; }};
constexpr auto see = [](const int&) {};

/// A plan, and the tasks that it was made of. Stages are called by their heads.
struct compiled {
  explicit compiled(topology t) : graph(std::move(t)) {
    plan.chains = make_plan(graph, false);
    compile(plan, graph, [this](std::uint32_t chain) -> const chain_task& {
      chain_setup setup;
      setup.graph = &graph;
      setup.plan = &plan.chains;
      setup.chain = chain;
      return *tasks.emplace_back(std::make_unique<chain_task>(setup));
    });
  }
  std::string name(std::uint32_t chain) const { return graph.nodes()[plan.chains.chains[chain].head()].name; }
  std::uint32_t chain(const std::string& head) const { return plan.chains.chain_of[graph.find(head)]; }
  texts names(const std::vector<std::uint32_t>& chains) const {
    texts all;
    for (auto c : chains) all.push_back(name(c));
    return all;
  }
  texts waits_for(const std::string& head) const { return names(plan.waits_for[chain(head)]); }
  texts awaited_by(const std::string& head) const { return names(plan.awaited_by[chain(head)]); }
  /// "2 <- numbers": for its input 2.
  texts sources(const std::string& head) const {
    texts all;
    for (const auto& s : plan.sources[chain(head)])
      all.push_back(std::to_string(s.input) + " <- " + name(plan.routes[s.route].from_chain));
    return all;
  }
  const batch_route& route(const std::string& from, const std::string& to) const {
    for (const auto& r : plan.routes)
      if (r.from_chain == chain(from) && r.to_chain == chain(to)) return r;
    throw std::out_of_range(from + " -> " + to);
  }

  topology graph;
  batch_plan plan;
  std::vector<std::unique_ptr<chain_task>> tasks;
};

/// Every pair of tasks has a block of its own, but for routes all of whose readers share one: and no two are the same.
void check_blocks(const compiled& c) {
  std::set<block_store::id> taken;
  for (const auto& r : c.plan.routes)
    for (std::uint32_t producer = 0; producer < r.producers; ++producer) {
      std::set<block_store::id> of_producer;
      for (std::uint32_t target = 0; target < r.targets; ++target) {
        EXPECT_LT(r.block(producer, target), c.plan.blocks);
        of_producer.insert(r.block(producer, target));
      }
      EXPECT_EQ(of_producer.size(), r.shared ? 1u : r.targets);
      for (auto id : of_producer) EXPECT_TRUE(taken.insert(id).second) << "block " << id << " has two meanings";
    }
  EXPECT_EQ(taken.size(), c.plan.blocks) << "a block of nobody";
}

topology wide() {
  topology_builder b{"wide"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{}}, {.parallelism = 3});
  const auto sums = b.bolt("sum", sum{}, {.parallelism = 4}).input(numbers, by_itself);
  (void)b.sink("all", see, {.parallelism = 2}).input(sums, all_grouping{});
  (void)b.sink("one", see).input(sums, global_grouping{});
  (void)b.sink("raw", see, {.parallelism = 3}).input(numbers);
  return b.build();
}

TEST(batch_plan, each_pair_of_tasks_has_a_block_and_readers_of_all_share_theirs) {
  const compiled c{wide()};
  check_blocks(c);
  EXPECT_EQ(c.plan.routes.size(), 4u);
  EXPECT_EQ(c.plan.blocks, 3u * 4 + 4 + 4 + 3u * 3);
  const auto& keyed = c.route("numbers", "sum");
  EXPECT_EQ(keyed.producers, 3u);
  EXPECT_EQ(keyed.targets, 4u);
  EXPECT_EQ(keyed.readers(), 1u);
  const auto& shared = c.route("sum", "all");
  EXPECT_TRUE(shared.shared);
  EXPECT_EQ(shared.readers(), 2u);
  EXPECT_EQ(shared.block(3, 0), shared.block(3, 1));
  EXPECT_NE(shared.block(3, 0), shared.block(2, 0));
  EXPECT_FALSE(c.route("sum", "one").shared);
}

/// A task finds the block of its outbox by its place in the chain's routers.
TEST(batch_plan, routes_of_a_stage_are_in_the_order_of_its_tasks_routers) {
  const compiled c{wide()};
  for (std::uint32_t chain = 0; chain < c.plan.routes_of.size(); ++chain) {
    const auto& routers = c.tasks[chain]->routes;
    ASSERT_EQ(c.plan.routes_of[chain].size(), routers.size());
    for (std::size_t k = 0; k < routers.size(); ++k) {
      const auto& route = c.plan.routes[c.plan.routes_of[chain][k]];
      EXPECT_EQ(route.to.node, routers[k].to.node);
      EXPECT_EQ(route.from, routers[k].from);
      EXPECT_EQ(route.width(), routers[k].router->outboxes().size());
    }
  }
}

/// Spouts have delivered before a batch begins, so nobody waits for them.
TEST(batch_plan, a_stage_waits_for_the_bolts_it_reads_once_each) {
  topology_builder b{"diamond"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{}});
  const auto left = b.bolt("left", sum{}).input(numbers, by_itself);
  const auto right = b.bolt("right", sum{}).input(left, by_itself);
  const auto both = b.bolt("both", sum{}).input(left, by_itself).input(right, by_itself).input(left, by_itself);
  (void)b.sink("seen", see).input(both);
  const compiled c{b.build()};
  check_blocks(c);
  EXPECT_THAT(c.waits_for("left"), ElementsAre());
  EXPECT_THAT(c.waits_for("right"), ElementsAre("left"));
  EXPECT_THAT(c.waits_for("both"), UnorderedElementsAre("left", "right"));
  EXPECT_THAT(c.waits_for("seen"), ElementsAre("both"));
  EXPECT_THAT(c.awaited_by("numbers"), ElementsAre());
  EXPECT_THAT(c.awaited_by("left"), UnorderedElementsAre("right", "both"));
  EXPECT_THAT(c.awaited_by("both"), ElementsAre("seen"));
  EXPECT_TRUE(c.plan.is_sink[c.chain("seen")]);
  EXPECT_FALSE(c.plan.is_sink[c.chain("both")]);
  EXPECT_THAT(c.sources("both"), ElementsAre("0 <- left", "1 <- right", "2 <- left"));
}

/// What every task gets holds for the whole batch.
TEST(batch_plan, a_stage_reads_what_all_its_tasks_get_first_and_else_in_the_order_of_its_inputs) {
  topology_builder b{"order"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{}});
  const auto first = b.spout("first", vector_spout<int>{{}});
  const auto rules = b.spout("rules", vector_spout<int>{{}});
  const auto more = b.spout("more rules", vector_spout<int>{{}});
  (void)b.bolt("read", same, {.parallelism = 2})
      .input(numbers, shuffle_grouping{})
      .input(rules, all_grouping{})
      .input(merge(first, numbers), shuffle_grouping{})
      .input(more, all_grouping{});
  const compiled c{b.build()};
  check_blocks(c);
  EXPECT_THAT(c.sources("read"),
              ElementsAre("1 <- rules", "4 <- more rules", "0 <- numbers", "2 <- first", "3 <- numbers"));
}

/// A sink writes when all stages have succeeded: its dead letters come with the batch after, so nobody waits for them.
TEST(batch_plan, dead_letters_come_from_every_stage_and_those_of_sinks_a_batch_later) {
  topology_builder b{"letters"};
  const auto sums = b.bolt("sum", sum{}).input(b.spout("numbers", vector_spout<int>{{}}), by_itself);
  (void)b.sink("seen", see).input(sums);
  (void)b.sink("letters", [](const dead_letter&) {}, {.parallelism = 2}).input(b.dead_letters());
  const compiled c{b.build()};
  check_blocks(c);
  EXPECT_THAT(c.sources("letters"), ElementsAre("0 <- numbers", "0 <- sum", "0 <- seen"));
  EXPECT_THAT(c.waits_for("letters"), ElementsAre("sum"));
  EXPECT_THAT(c.awaited_by("seen"), ElementsAre());
  EXPECT_EQ(c.route("sum", "letters").from, (stream_end{stream_end::dead_letters, 0}));
}

}  // namespace
}  // namespace freshet
