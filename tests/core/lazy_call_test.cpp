#include "freshet/core/lazy_call.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/testing/bolt_harness.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using testing::bolt_harness;
using ::testing::ElementsAre;

static_assert(lazy_output<std::ranges::iota_view<int, int>>);
// Can be gone through once only.
static_assert(!lazy_output<std::ranges::istream_view<int>>);
static_assert(!lazy_output<std::vector<int>> && !lazy_output<std::string_view> && !lazy_output<std::string>);

/// The numbers below each tuple.
struct below {
  auto process(const int& n) { return std::views::iota(0, n); }
};
static_assert(std::is_same_v<emitter_of_t<below>, emitter<int>>);

TEST(lazy_call, emits_the_elements) {
  bolt_harness harness{below{}};
  for (int n : {3, 0, 2}) harness.process(n);
  EXPECT_THAT(harness.output().values, ElementsAre(0, 1, 2, 0, 1));
}

TEST(lazy_call, goes_on_where_there_was_no_room) {
  bolt_harness harness{below{}, forward_grouping{}, testing::harness_options{.full_outbox = true}};
  harness.process(1000, event_time{7ms}, event_time{5ms});
  harness.process(2);
  auto& out = harness.output();
  ASSERT_EQ(out.values.size(), 1002u);
  for (int i = 0; i < 1000; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(out.values[at], i);
    EXPECT_EQ(out.times[at], event_time{7ms});
    EXPECT_EQ(out.stamps[at], event_time{5ms});
  }
  EXPECT_EQ(out.values[1001], 1);
}

/// Views may look at the tuple they are made of.
struct letters {
  auto process(const std::string& word) {
    return word | std::views::transform([](char c) { return std::string(20, c); });
  }
};
TEST(lazy_call, may_refer_to_the_tuple) {
  bolt_harness harness{letters{}, forward_grouping{}, testing::harness_options{.full_outbox = true}};
  harness.process("a word longer than what fits into a small string");
  EXPECT_EQ(harness.output().values[2], std::string(20, 'w'));
  EXPECT_EQ(harness.output().values.size(), 48u);
}

/// A bolt with state gives all at once.
struct count_down {
  using state = int;
  auto process(const int& n, state& s) {
    s += n;
    return std::views::iota(0, n);
  }
};
TEST(lazy_call, is_not_for_bolts_with_state_whose_ranges_are_emitted_at_once) {
  bolt_harness harness{count_down{}, key_grouping{std::identity{}}};
  harness.process(2);
  EXPECT_THAT(harness.output().values, ElementsAre(0, 1));
}

TEST(lazy_call, heads_a_chain) {
  stream_builder b{"lazy"};
  b.spout("in", vector_spout<int>{{1}}).process("below", below{}).map("same", [](int i) { return i; });
  const auto graph = b.build();
  EXPECT_FALSE(is_chained(graph.nodes(), graph.nodes()[graph.find("below")]));
  EXPECT_TRUE(is_chained(graph.nodes(), graph.nodes()[graph.find("same")]));
}

class lazy_runs : public samples::on_every_engine {};
INSTANTIATE_TEST_SUITE_P(engines, lazy_runs, ::testing::ValuesIn(samples::every_engine()), samples::name_of_engine);

/// Where every so often something throws: in the view, behind it in the chain, or in the call itself.
TEST_P(lazy_runs, nothing_is_lost_and_nothing_comes_twice) {
  auto engine = GetParam().second;
  const auto* events = std::get_if<event_options>(&engine);
  const bool is_exact = !events || events->guarantee == guarantee::exactly_once;
  const bool repeats = !events || events->guarantee != guarantee::best_effort;
  auto faults = std::make_shared<testing::fault_plan>(11);
  faults->throw_at_random("below", 0.05).throw_at_random("same", 0.0002);
  if (repeats) {
    std::visit([&](auto& options) { options.faults = faults; }, engine);
    if (auto* e = std::get_if<event_options>(&engine)) e->retry = {.max_attempts = 1000, .first = {}, .longest = {}};
    else std::get<batch_options>(engine).max_task_attempts = 1000;
  }
  const auto thrown = std::make_shared<std::atomic<int>>(0);
  const auto sometimes = [thrown, repeats](int i) {
    if (repeats && i == 700 && thrown->fetch_add(1) < 3) throw std::runtime_error("700");
    return i;
  };
  collect_sink<int> got;
  builder.spout("in", vector_spout<int>{{1500, 0, 3, 900, 1}}, {.max_batch = 2})
      .process("below", [sometimes](const int& n) { return std::views::iota(0, n) | std::views::transform(sometimes); })
      .map("same", [](int i) { return i; })
      .key_by(std::identity{})
      .process("each", [](const int& i) { return i; }, {.parallelism = 2})
      .to("got", got);
  samples::start_on(engine, builder.build()).wait();
  std::vector<int> expected;
  for (int n : {1500, 0, 3, 900, 1})
    for (int i = 0; i < n; ++i) expected.push_back(i);
  std::sort(expected.begin(), expected.end());
  auto values = samples::sorted(got.take());
  if (repeats) { EXPECT_GT(*thrown, 0); }
  if (is_exact || !repeats) {
    EXPECT_EQ(values, expected);
  } else {
    EXPECT_TRUE(std::includes(values.begin(), values.end(), expected.begin(), expected.end()));
  }
}

/// A million elements of one tuple, and a slow reader: the event engine keeps no more of them than its channels hold.
TEST(lazy_call, memory_is_bounded) {
  stream_builder b{"endless"};
  std::atomic<std::uint64_t> read{0}, made{0}, furthest{0};
  const auto counted = [&](int i) {
    const auto ahead = ++made - read;
    if (ahead > furthest) furthest = ahead;
    return i;
  };
  b.spout("in", vector_spout<int>{{1'000'000}})
      .process("below", [counted](const int& n) { return std::views::iota(0, n) | std::views::transform(counted); })
      .shuffle()
      .to("slow", callback_sink<int>{[&](const int&) {
            if (++read % 100'000 == 0) std::this_thread::sleep_for(5ms);
          }});
  auto run = event_executor{{.workers = 2}}.start(b.build());
  run.wait();
  EXPECT_EQ(read, 1'000'000u);
  EXPECT_LT(furthest, 100'000u);
}

}  // namespace
}  // namespace freshet
