// How a topology is cut into chains, by its description: what runs in one task, and in which order chains come.
#include "runtime/plan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet {
namespace {

using testing::ElementsAre;
using texts = std::vector<std::string>;

struct parse {
  struct malformed : side_output<int, "malformed"> {};
  void process(const int& n, emitter<int, malformed>& out) { out.emit(n); }
};
struct sum {
  using state = int;
  void process(const int& n, state& s, emitter<int>& out) { out.emit(s += n); }
};
constexpr auto same = [](const int& n) { return n; };
constexpr auto by_itself = key_grouping{[](int n) { return n; }};
constexpr auto see = [](const int&) {};
constexpr auto see_letter = [](const dead_letter&) {};

/// A chain in words: "a b<a s<b*" is a head with a bolt behind it, and a local sink behind that.
std::string in_words(const topology& graph, const chain_plan& chain) {
  const auto name = [&](std::uint32_t member) { return graph.nodes()[chain.members[member].node].name; };
  std::string text = name(0);
  for (std::uint32_t m = 1; m < chain.members.size(); ++m)
    text += " " + name(m) + "<" + name(chain.members[m].parent) + (chain.members[m].local_sink ? "*" : "");
  return text;
}
texts in_words(const topology& graph, const run_plan& plan) {
  texts all;
  for (const auto& c : plan.chains) all.push_back(in_words(graph, c));
  return all;
}

/// What holds of every plan: a node is in one chain, where `chain_of` says; parents come before children; who is read
/// comes before who reads, and all who may write dead letters before those who read them.
void check_order(const topology& graph, const run_plan& plan) {
  std::vector<int> seen(graph.nodes().size(), 0);
  for (std::uint32_t c = 0; c < plan.chains.size(); ++c)
    for (std::uint32_t m = 0; m < plan.chains[c].members.size(); ++m) {
      const auto& member = plan.chains[c].members[m];
      ++seen[member.node];
      EXPECT_EQ(plan.chain_of[member.node], c) << graph.nodes()[member.node].name;
      EXPECT_TRUE(m == 0 ? member.parent == 0 : member.parent < m) << graph.nodes()[member.node].name;
      for (const auto& e : graph.nodes()[member.node].inputs)
        if (e.from.node != stream_end::dead_letters) {
          EXPECT_LE(plan.chain_of[e.from.node], c) << graph.nodes()[member.node].name;
        }
      if (c != 0) { EXPECT_LE(plan.chains[c - 1].below_dead_letters, plan.chains[c].below_dead_letters); }
    }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()));
}
texts checked(const topology& graph, bool local_sinks = true) {
  const auto plan = make_plan(graph, local_sinks);
  check_order(graph, plan);
  return in_words(graph, plan);
}

TEST(plan, forward_edges_join_nodes_to_a_tree_in_one_task) {
  topology_builder b{"tree"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{}});
  const auto parsed = b.bolt("parse", parse{}).input(numbers);
  const auto left = b.bolt("left", same).input(parsed);
  (void)b.sink("bad", see).input(parsed.side<parse::malformed>());
  (void)b.sink("all", see).input(left);
  (void)b.sink("raw", see).input(numbers);
  const auto graph = b.build();
  EXPECT_THAT(checked(graph), ElementsAre("numbers parse<numbers left<parse bad<parse* all<left* raw<numbers*"));
}

TEST(plan, a_batch_keeps_sinks_apart) {
  topology_builder b{"sinks"};
  const auto doubled = b.bolt("double", same).input(b.spout("numbers", vector_spout<int>{{}}));
  (void)b.sink("all", see).input(doubled);
  (void)b.sink("more", see).input(doubled);
  EXPECT_THAT(checked(b.build(), false), ElementsAre("numbers double<numbers", "all", "more"));
}

/// Each of these needs a task of its own, or tasks of its own number.
TEST(plan, what_is_divided_kept_or_waited_for_begins_a_chain) {
  topology_builder b{"cuts"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{}});
  (void)b.bolt("shuffled", same).input(numbers, shuffle_grouping{});
  (void)b.bolt("stateful", sum{}).input(numbers, by_itself);
  (void)b.bolt("blocking", same, {.blocking = true}).input(numbers);
  (void)b.bolt("wider", same, {.parallelism = 2}).input(numbers, shuffle_grouping{});
  (void)b.bolt("of_two", same).input(merge(numbers, numbers));
  (void)b.bolt("chained", same).input(numbers);
  const auto graph = b.build();
  const auto plan = make_plan(graph);
  check_order(graph, plan);
  EXPECT_THAT(in_words(graph, plan),
              ElementsAre("numbers chained<numbers", "shuffled", "stateful", "blocking", "wider", "of_two"));
  EXPECT_TRUE(plan.chains[0].is_spout);
  EXPECT_FALSE(plan.chains[1].is_spout);
  EXPECT_TRUE(plan.chains[3].blocking);
  EXPECT_FALSE(plan.chains[0].blocking);
  EXPECT_EQ(plan.chains[4].parallelism, 2u);
  EXPECT_EQ(plan.chains[0].parallelism, 1u);
  EXPECT_FALSE(plan.uses_dead_letters);
}

/// Whatever the order in which nodes were added: here, each reader before what it reads.
TEST(plan, who_is_read_comes_before_who_reads) {
  topology_builder b{"diamond"};
  const auto left = b.bolt("left", sum{}).input(b.spout("numbers", vector_spout<int>{{}}), by_itself);
  auto both = b.bolt("both", sum{});
  const auto summed = both.input(merge(left, b.bolt("right", sum{}).input(left, by_itself)), by_itself);
  (void)b.sink("seen", see).input(summed, shuffle_grouping{});
  const auto graph = b.build();
  ASSERT_LT(graph.find("left"), graph.find("numbers"));
  ASSERT_LT(graph.find("both"), graph.find("right"));
  EXPECT_THAT(checked(graph), ElementsAre("numbers", "left", "right", "both", "seen"));
}

/// Every chain may write dead letters, so whoever reads them ends last; what fails there, or behind it, is no dead
/// letter again.
TEST(plan, readers_of_dead_letters_come_last_with_all_that_is_behind_them) {
  topology_builder b{"letters"};
  const auto sizes =
      b.bolt("size", [](const dead_letter& d) { return static_cast<int>(d.attempts); }).input(b.dead_letters());
  const auto summed = b.bolt("sum", sum{}).input(sizes, by_itself);
  const auto numbers = b.spout("numbers", vector_spout<int>{{}});
  (void)b.sink("both", see).input(merge(summed, numbers));
  (void)b.sink("plain", see).input(numbers, shuffle_grouping{});
  (void)b.sink("letters", see_letter).input(b.dead_letters());
  const auto graph = b.build();
  const auto plan = make_plan(graph);
  check_order(graph, plan);
  EXPECT_THAT(in_words(graph, plan), ElementsAre("numbers", "plain", "size", "sum", "both", "letters"));
  EXPECT_TRUE(plan.uses_dead_letters);
  texts below;
  for (const auto& c : plan.chains)
    if (c.below_dead_letters) below.push_back(graph.nodes()[c.head()].name);
  EXPECT_THAT(below, ElementsAre("size", "sum", "both", "letters"));
}

TEST(plan, names_the_inputs_that_read_an_output) {
  topology_builder b{"readers"};
  const auto parsed = b.bolt("parse", parse{}).input(b.spout("numbers", vector_spout<int>{{}}));
  (void)b.sink("twice", see).input(parsed).input(parsed.side<parse::malformed>()).input(parsed);
  (void)b.sink("once", see).input(parsed);
  (void)b.sink("letters", see_letter).input(b.dead_letters());
  const auto graph = b.build();
  const auto words = [&](stream_end end) {
    texts all;
    for (auto r : readers_of(graph, end)) all.push_back(graph.nodes()[r.node].name + " " + std::to_string(r.input));
    return all;
  };
  const auto parse_node = static_cast<std::uint32_t>(graph.find("parse"));
  EXPECT_THAT(words({parse_node, 0}), ElementsAre("twice 0", "twice 2", "once 0"));
  EXPECT_THAT(words({parse_node, 1}), ElementsAre("twice 1"));
  EXPECT_THAT(words({stream_end::dead_letters, 0}), ElementsAre("letters 0"));
  EXPECT_THAT(words({parse_node, 2}), ElementsAre());
}

}  // namespace
}  // namespace freshet
