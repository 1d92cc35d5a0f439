#include "freshet/stream/stream.hpp"

#include <gtest/gtest.h>

#include "stream/run_stream.hpp"

namespace freshet {
namespace {

using namespace samples;

struct malformed : side_output<std::string, "malformed"> {};
struct parse {
  void process(const std::string& line, emitter<int, malformed>& out) {
    if (line.empty()) return out.emit<malformed>(line);
    out.emit(std::stoi(line));
  }
};
/// Says which task a tuple came to.
struct where {
  std::size_t task = 0;
  void open(const task_context& c) { task = c.task; }
  void process(const int& n, emitter<std::pair<std::size_t, int>>& out) { out.emit({task, n}); }
};
using placed = std::pair<std::size_t, int>;

std::vector<std::size_t> tuples_by_task(const std::vector<placed>& all, std::size_t tasks) {
  std::vector<std::size_t> n(tasks);
  for (const auto& [task, value] : all) ++n[task];
  return n;
}

TEST(stream, process_gives_a_bolt_and_its_side_outputs) {
  stream_builder b{"side"};
  const auto numbers = b.spout("lines", vector_spout<std::string>{{"7", "", "8"}}).process("parse", parse{});
  collect_sink<std::string> bad;
  numbers.side<malformed>().to("bad", bad);
  EXPECT_EQ(results(numbers), (std::vector<int>{7, 8}));
  EXPECT_EQ(bad.values(), std::vector<std::string>{""});
}

TEST(stream, process_may_have_no_output) {
  stream_builder b{"void"};
  auto sum = std::make_shared<int>(0);
  (void)b.spout("numbers", vector_spout<int>{{1, 2}}).process("sum", [sum](const int& n) { *sum += n; });
  run(b);
  EXPECT_EQ(*sum, 3);
}

TEST(stream, process_takes_a_function_that_makes_the_bolt) {
  stream_builder b{"factory"};
  const auto placed_at = b.spout("numbers", vector_spout<int>{numbers_to(4)}).process("where", [] { return where{}; });
  EXPECT_EQ(tuples_by_task(results(placed_at), 1)[0], 4u);
}

TEST(stream, is_read_by_all_who_name_it) {
  stream_builder b{"fan out"};
  collect_sink<std::string> one, two;
  b.spout("lines", vector_spout<std::string>{{"a", "b"}}).to("one", one).to("two", two);
  run(b);
  EXPECT_EQ(one.values(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(two.values(), one.values());
}

TEST(stream, merges_several) {
  stream_builder b{"merge"};
  const auto a = b.spout("a", vector_spout<int>{{1, 2}});
  const auto c = b.spout("c", vector_spout<int>{{3}});
  const auto d = b.spout("d", vector_spout<int>{{4, 5}});
  EXPECT_EQ(sorted(results(a.merge(c, d).map("same", [](int n) { return n; }))), (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST(stream, of_the_low_level_becomes_fluent) {
  topology_builder b{"low"};
  const auto node = b.bolt("parse", parse{}).input(b.spout("lines", vector_spout<std::string>{{"1", "2"}}));
  const stream numbers{node};
  static_assert(std::is_same_v<decltype(numbers), const stream<int>>);
  EXPECT_EQ(results(numbers.map("next", [](int n) { return n + 1; })), (std::vector<int>{2, 3}));
}

TEST(grouping_of_a_stream, shuffle_spreads_evenly) {
  stream_builder b{"shuffle"};
  const auto all =
      b.spout("n", vector_spout<int>{numbers_to(30)}).shuffle().process("where", where{}, {.parallelism = 3});
  EXPECT_EQ(tuples_by_task(results(all), 3), (std::vector<std::size_t>{10, 10, 10}));
}

TEST(grouping_of_a_stream, local_or_shuffle_loses_nothing) {
  stream_builder b{"local"};
  const auto all =
      b.spout("n", vector_spout<int>{numbers_to(30)}).local_or_shuffle().process("where", where{}, {.parallelism = 4});
  EXPECT_EQ(results(all).size(), 30u);
}

TEST(grouping_of_a_stream, broadcast_reaches_every_task) {
  stream_builder b{"broadcast"};
  const auto all =
      b.spout("n", vector_spout<int>{numbers_to(5)}).broadcast().process("where", where{}, {.parallelism = 3});
  EXPECT_EQ(tuples_by_task(results(all), 3), (std::vector<std::size_t>{5, 5, 5}));
}

TEST(grouping_of_a_stream, global_goes_to_task_0) {
  stream_builder b{"global"};
  const auto all =
      b.spout("n", vector_spout<int>{numbers_to(5)}).global().process("where", where{}, {.parallelism = 3});
  EXPECT_EQ(tuples_by_task(results(all), 3), (std::vector<std::size_t>{5, 0, 0}));
}

TEST(grouping_of_a_stream, takes_any_grouping) {
  stream_builder b{"custom"};
  const auto all = b.spout("n", vector_spout<int>{numbers_to(9)})
                       .group(custom_grouping{[](int n, std::size_t) { return static_cast<std::size_t>(n % 2); }})
                       .process("where", where{}, {.parallelism = 3});
  EXPECT_EQ(tuples_by_task(results(all), 3), (std::vector<std::size_t>{5, 4, 0}));
}

TEST(grouping_of_a_stream, holds_for_sinks_too) {
  stream_builder b{"sinks"};
  auto tasks = std::make_shared<std::vector<std::size_t>>(2);
  struct counting {
    std::shared_ptr<std::vector<std::size_t>> counts;
    std::size_t task = 0;
    void open(const task_context& c) { task = c.task; }
    void write(const int&) { ++(*counts)[task]; }
  };
  b.spout("n", vector_spout<int>{numbers_to(6)}).broadcast().to("count", counting{tasks}, {.parallelism = 2});
  run(b);
  EXPECT_EQ(*tasks, (std::vector<std::size_t>{6, 6}));
}

TEST(stream_builder, gives_the_dead_letters_as_a_stream) {
  stream_builder b{"dead"};
  b.spout("n", vector_spout<int>{{1}})
      .map("fails", [](int) -> int { throw std::runtime_error("no"); })
      .to("never", [](int) {});
  EXPECT_EQ(results(b.dead_letters().map("why", &dead_letter::error)), std::vector<std::string>{"no"});
}

TEST(stream_builder, keeps_the_sentences_of_build) {
  stream_builder b{"x"}, other{"y"};
  const auto numbers = b.spout("n", vector_spout<int>{{1}});
  numbers.map("n", [](int n) { return n; }, {.parallelism = 0}).to("", [](int) {});
  numbers.merge(other.spout("m", vector_spout<int>{{1}})).to("sink", [](int) {});
  try {
    (void)b.build();
    FAIL();
  } catch (const topology_error& e) { EXPECT_EQ(e.mistakes().size(), 4u) << e.what(); }
}

TEST(stream, shows_the_users_class_in_descriptions) {
  stream_builder b{"names"};
  b.spout("lines", vector_spout<std::string>{{}}).map("size", &std::string::size).to("sink", [](std::size_t) {});
  EXPECT_EQ(b.build().describe().find("map_bolt"), std::string::npos);
}

}  // namespace
}  // namespace freshet
