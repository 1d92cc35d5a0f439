#include "freshet/core/topology_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct same {
  void process(const int& n, emitter<int>& out) { out.emit(n); }
};
struct ticking {
  void process(const int&, emitter<int>&) {}
  void on_tick(emitter<int>&) {}
};
struct counting {
  using state = int;
  void process(const int&, state&, emitter<int>&) {}
};
const auto identity = [](int n) { return n; };

std::vector<std::string> mistakes(const topology_builder& b) {
  try {
    (void)b.build();
    return {};
  } catch (const topology_error& e) {
    for (const auto& m : e.mistakes()) EXPECT_NE(std::string(e.what()).find(m), std::string::npos);
    return e.mistakes();
  }
}
spout_node<int> numbers(topology_builder& b, std::string name = "numbers", spout_options o = {}) {
  return b.spout(std::move(name), vector_spout<int>{{}}, o);
}

TEST(topology_builder, builds_what_is_right) {
  topology_builder b{"right"};
  const auto n = numbers(b);
  const auto s = b.bolt("same", same{}, {.parallelism = 2}).input(n, shuffle_grouping{});
  (void)b.sink("sink", [](int) {}).input(s);
  const auto graph = b.build();
  EXPECT_EQ(graph.name(), "right");
  ASSERT_EQ(graph.nodes().size(), 3u);
  EXPECT_EQ(graph.find("same"), 1u);
  EXPECT_EQ(graph.find("nobody"), 3u);
  EXPECT_EQ(graph.nodes()[0].kind, node_kind::spout);
  EXPECT_TRUE(graph.nodes()[0].replayable);
  EXPECT_EQ(graph.nodes()[1].inputs[0].grouping, grouping_kind::shuffle);
  EXPECT_EQ(graph.nodes()[1].inputs[0].from, (stream_end{0, 0}));
  EXPECT_EQ(graph.nodes()[1].parallelism(), 2u);
  EXPECT_EQ(graph.nodes()[2].inputs[0].grouping, grouping_kind::forward);
}

TEST(topology_builder, a_built_topology_does_not_change) {
  topology_builder b{"grows"};
  const auto n = numbers(b);
  const auto graph = b.build();
  (void)b.bolt("later", same{}).input(n);
  EXPECT_EQ(graph.nodes().size(), 1u);
  EXPECT_EQ(b.build().nodes().size(), 2u);
}

TEST(topology_builder, an_empty_topology_is_a_mistake) {
  EXPECT_THAT(mistakes(topology_builder{""}), ElementsAre("the topology has no name", "it is empty: add a spout"));
}

TEST(topology_builder, names_are_there_and_differ) {
  topology_builder b{"names"};
  const auto n = numbers(b, "twice");
  (void)b.bolt("twice", same{}).input(n);
  (void)b.bolt("twice", same{}).input(n);
  (void)b.bolt("", same{}).input(n);
  const auto all = mistakes(b);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], "bolt \"twice\" repeats a name: names identify nodes in checkpoints and metrics");
  EXPECT_EQ(all[1].substr(0, 8), "a bolt (");
  EXPECT_NE(all[1].find("same) has no name"), std::string::npos);
}

TEST(topology_builder, every_bolt_and_sink_reads_something) {
  topology_builder b{"inputs"};
  numbers(b);
  (void)b.bolt("deaf", same{});
  (void)b.sink("blind", [](int) {});
  EXPECT_THAT(mistakes(b), ElementsAre("bolt \"deaf\" has no input: call .input(stream)",
                                       "sink \"blind\" has no input: call .input(stream)"));
}

TEST(topology_builder, an_output_that_does_not_exist_cannot_be_read) {
  topology_builder b{"ports"};
  const auto n = numbers(b);
  (void)b.sink("port", [](int) {}).input(stream_ref<int>(n.builder_state(), {{0, 3}}));
  (void)b.sink("node", [](int) {}).input(stream_ref<int>(n.builder_state(), {{17, 0}}));
  (void)b.sink("type", [](const std::string&) {}).input(stream_ref<std::string>(n.builder_state(), {{0, 0}}));
  EXPECT_THAT(mistakes(b), ElementsAre("sink \"port\" reads an output that doesn't exist: port 3 of spout \"numbers\"",
                                       "sink \"node\" reads an output that doesn't exist: port 0 of an unknown node",
                                       "sink \"type\" reads spout \"numbers\" as another type than it emits"));
}

TEST(topology_builder, a_bolt_that_emits_nothing_cannot_be_read) {
  topology_builder b{"void"};
  const auto silent = b.bolt("silent", [](const int&) {}).input(numbers(b));
  (void)b.sink("sink", [](int) {}).input(stream_ref<int>(silent.builder_state(), silent.ends()));
  EXPECT_THAT(mistakes(b), ElementsAre("sink \"sink\" reads bolt \"silent\", which emits nothing"));
}

TEST(topology_builder, cycles_are_shown) {
  topology_builder b{"cycle"};
  const auto one = b.bolt("one", same{});
  const auto two = b.bolt("two", same{}).input(one);
  const auto three = b.bolt("three", same{}).input(two);
  one.input(three).input(numbers(b));
  const auto self = b.bolt("self", same{});
  self.input(self);
  EXPECT_THAT(mistakes(b),
              UnorderedElementsAre(
                  "the graph has a cycle: \"two\" -> \"three\" -> \"one\" -> \"two\" (feed tuples back through a push "
                  "spout)",
                  "the graph has a cycle: \"self\" -> \"self\" (feed tuples back through a push spout)"));
}

TEST(topology_builder, state_needs_a_grouping_that_keeps_keys_together) {
  topology_builder b{"state"};
  const auto n = numbers(b);
  (void)b.bolt("forward", counting{}).input(n);
  (void)b.bolt("shuffle", counting{}).input(n, shuffle_grouping{});
  (void)b.bolt("partial", counting{}).input(n, partial_key_grouping{identity});
  (void)b.bolt("key", counting{}).input(n, key_grouping{identity});
  (void)b.bolt("global", counting{}).input(n, global_grouping{});
  (void)b.bolt("all", counting{}).input(n, all_grouping{});
  const std::string rest =
      " grouping, where tuples of one key reach several tasks: use key_grouping{f} (one state a key), global_grouping "
      "or all_grouping (one state a task)";
  EXPECT_THAT(mistakes(b), ElementsAre("bolt \"forward\" has state behind a forward" + rest,
                                       "bolt \"shuffle\" has state behind a shuffle" + rest,
                                       "bolt \"partial\" has state behind a partial_key" + rest +
                                           "; key_by(f).partial() merges what two tasks have of a key"));
}

struct two_inputs {
  using state = int;
  using output = emitter<int>;
  void on_number(const int&, state&, output&) {}
  void on_text(const std::string&, state&, output&) {}
};

TEST(topology_builder, inputs_of_one_bolt_share_their_keys) {
  topology_builder b{"keys"};
  const auto n = numbers(b);
  const auto texts = b.spout("texts", vector_spout<std::string>{{}});
  const auto size = [](const std::string& s) { return static_cast<int>(s.size()); };
  (void)b.bolt("agrees", two_inputs{})
      .input<&two_inputs::on_number>(n, key_grouping{identity})
      .input<&two_inputs::on_text>(texts, key_grouping{size});
  (void)b.bolt("differs", two_inputs{})
      .input<&two_inputs::on_number>(n, key_grouping{identity})
      .input<&two_inputs::on_text>(texts, key_grouping{std::identity{}});
  (void)b.bolt("mixes", two_inputs{})
      .input<&two_inputs::on_number>(n, key_grouping{identity})
      .input<&two_inputs::on_text>(texts, global_grouping{});
  EXPECT_THAT(mistakes(b),
              ElementsAre("bolt \"differs\" has state under different keys: int and std::string",
                          "bolt \"mixes\" has state under different keys: int and none (one state a task)"));
}

TEST(topology_builder, parallelism_is_at_least_one_and_at_most_the_key_groups) {
  topology_builder b{"parallelism"};
  const auto n = numbers(b, "numbers", {.parallelism = 0});
  (void)b.bolt("none", same{}, {.parallelism = 0}).input(n);
  (void)b.bolt("many", counting{}, {.parallelism = 129}).input(n, key_grouping{identity});
  (void)b.bolt("allowed", counting{}, {.parallelism = 129, .max_parallelism = 256}).input(n, key_grouping{identity});
  (void)b.bolt("keyless", same{}, {.parallelism = 129}).input(n, shuffle_grouping{});
  (void)b.bolt("groupless", same{}, {.max_parallelism = 0}).input(n);
  EXPECT_THAT(
      mistakes(b),
      ElementsAre("spout \"numbers\" has parallelism 0: it needs at least one task",
                  "bolt \"none\" has parallelism 0: it needs at least one task",
                  "bolt \"many\" has parallelism 129, above its 128 key groups: raise max_parallelism, or tasks "
                  "would never get a key",
                  "bolt \"groupless\" has max_parallelism 0: it needs at least one key group"));
}

TEST(topology_builder, a_topology_can_be_had_with_other_numbers_of_tasks) {
  topology_builder b{"parallelism"};
  const auto n = numbers(b, "numbers", {.parallelism = 2});
  (void)b.bolt("counts", counting{}, {.max_parallelism = 8}).input(n, key_grouping{identity});
  const auto graph = b.build();
  const auto counts = static_cast<std::uint32_t>(graph.find("counts"));
  const auto other = graph.with_parallelism({counts}, 8);
  EXPECT_EQ(other.nodes()[counts].parallelism(), 8u);
  EXPECT_EQ(other.nodes()[graph.find("numbers")].parallelism(), 2u);
  EXPECT_EQ(graph.nodes()[counts].parallelism(), 1u);
  EXPECT_THROW((void)graph.with_parallelism({counts}, 9), topology_error);
  EXPECT_THROW((void)graph.with_parallelism({counts}, 0), topology_error);
}

TEST(topology_builder, streams_stay_in_their_builder) {
  topology_builder b{"here"}, other{"there"};
  const auto foreign = numbers(other);
  (void)b.bolt("bolt", same{}).input(foreign).input(numbers(b));
  (void)b.sink("sink", [](int) {}).input(foreign);
  EXPECT_THAT(mistakes(b), ElementsAre("bolt \"bolt\" reads a stream of another builder",
                                       "sink \"sink\" has no input: call .input(stream)",
                                       "sink \"sink\" reads a stream of another builder"));
}

TEST(topology_builder, ticks_have_a_function_and_an_interval) {
  topology_builder b{"ticks"};
  const auto n = numbers(b);
  (void)b.bolt("deaf", same{}, {.tick = 1s}).input(n);
  (void)b.bolt("never", ticking{}).input(n);
  (void)b.bolt("back", ticking{}, {.tick = -1s}).input(n);
  (void)b.bolt("good", ticking{}, {.tick = 1s}).input(n);
  EXPECT_THAT(mistakes(b), ElementsAre("bolt \"deaf\" asks for ticks but its class has no on_tick(emitter&)",
                                       "bolt \"never\" has on_tick but no tick interval: set {.tick = 1s}",
                                       "bolt \"back\" has a negative tick interval"));
}

/// The names of functions that the engines call.
struct with_data {
  int open = 1, close = 2, flush = 3, on_tick = 4, on_wake = 5, ready = 6;
  int process(int n) { return n + open; }
};

TEST(topology_builder, members_that_are_data_may_have_any_name) {
  topology_builder b{"data"};
  (void)b.bolt("data", with_data{}).input(numbers(b));
  EXPECT_THAT(mistakes(b), IsEmpty());
}

TEST(topology_builder, spouts_can_emit) {
  topology_builder b{"spouts"};
  numbers(b, "a", {.max_pending = 0});
  numbers(b, "b", {.max_batch = 0});
  numbers(b, "c", {.max_batch = ~std::size_t{0}});
  EXPECT_THAT(mistakes(b), ElementsAre("spout \"a\" has max_pending 0: it could never emit",
                                       "spout \"b\" has max_batch 0: it could never emit",
                                       "spout \"c\" has max_batch 18446744073709551615: at most 1048576"));
}

TEST(topology_builder, tasks_and_key_groups_can_be_counted) {
  topology_builder b{"large"};
  auto a = numbers(b, "a", {.parallelism = 200'000});
  b.sink("b", [](int) {}, {.parallelism = ~std::size_t{0}}).input(a);
  b.sink("c", [](int) {}, {.max_parallelism = ~std::uint32_t{0}}).input(a, global_grouping{});
  b.sink("d", [](int) {}, {.parallelism = 65'536, .max_parallelism = 65'536}).input(a, global_grouping{});
  const std::string rest = " tasks, and more than the machine has threads gain nothing";
  EXPECT_THAT(mistakes(b), ElementsAre("spout \"a\" has parallelism 200000: at most 65536" + rest,
                                       "sink \"b\" has parallelism 18446744073709551615: at most 65536" + rest,
                                       "sink \"c\" has max_parallelism 4294967295: at most 65536 key groups"));
}

TEST(topology_builder, all_mistakes_are_named_at_once) {
  topology_builder b{"wrong"}, other{"other"};
  (void)b.bolt("one", same{});
  (void)b.bolt("one", counting{}, {.parallelism = 0, .tick = 1s}).input(numbers(b), shuffle_grouping{});
  (void)b.sink("", [](int) {}).input(numbers(other));
  const auto all = mistakes(b);
  EXPECT_EQ(all.size(), 8u);
  try {
    (void)b.build();
    FAIL();
  } catch (const topology_error& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, 33), "topology \"wrong\" has 8 mistakes:\n");
  }
}

TEST(topology_builder, dead_letters_are_a_stream) {
  topology_builder b{"dead"};
  numbers(b);
  (void)b.sink("sink", [](const dead_letter&) {}).input(b.dead_letters());
  EXPECT_THAT(mistakes(b), IsEmpty());
}

TEST(topology_builder, a_factory_is_called_once_a_task) {
  topology_builder b{"factory"};
  auto made = std::make_shared<int>(0);
  const auto n = numbers(b);
  const auto make = [made] {
    ++*made;
    return same{};
  };
  (void)b.bolt("made", make).input(n);
  const auto graph = b.build();
  EXPECT_EQ(*made, 0);
  const auto one = graph.nodes()[1].tasks->make(), two = graph.nodes()[1].tasks->make();
  EXPECT_EQ(*made, 2);
  EXPECT_NE(one, two);
}

}  // namespace
}  // namespace freshet
