// Keys that are shared by two tasks, against a loop: half of all tuples are of one key.
#include "freshet/stream/partial_stream.hpp"

#include <gtest/gtest.h>

#include <map>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

std::vector<reading> skewed(std::uint64_t seed) {
  random_source random(seed);
  std::vector<reading> all;
  for (std::int64_t i = 1; i <= 600; ++i) {
    const auto key = random.below(2) ? 0 : 1 + random.below(9);
    all.push_back({"key " + std::to_string(key), ms(i - static_cast<std::int64_t>(random.below(10))), i});
  }
  return all;
}

/// Starts with something, which must be counted once.
struct sum_and_count {
  struct pair {
    std::int64_t sum = 0, count = 0;
    friend auto operator<=>(const pair&, const pair&) = default;
  };
  pair init() const { return {1'000'000, 0}; }
  void add(pair& p, const reading& r) const {
    p.sum += r.value;
    ++p.count;
  }
  void merge(pair& into, const pair& from) const {
    into.sum += from.sum - 1'000'000;
    into.count += from.count;
  }
};
using totals = std::map<std::string, sum_and_count::pair>;
totals totals_of_loop(const std::vector<reading>& all) {
  totals by;
  for (const auto& r : all) sum_and_count{}.add(by.try_emplace(r.key, sum_and_count{}.init()).first->second, r);
  return by;
}

/// A bolt of one's own, whose result is the last word of a key.
struct span_of_values {
  struct state {
    std::int64_t least = INT64_MAX, most = INT64_MIN;
    list_state<std::int64_t> all;
  };
  void process(const reading& r, state& s) {
    s.least = std::min(s.least, r.value);
    s.most = std::max(s.most, r.value);
    s.all.push_back(r.value);
  }
  void merge(state& into, const state& from) {
    into.least = std::min(into.least, from.least);
    into.most = std::max(into.most, from.most);
    for (const auto v : from.all) into.all.push_back(v);
  }
  void result(const std::string& key, const state& s, emitter<keyed<std::string, std::int64_t>>& out) {
    out.emit({key, s.most - s.least + 1'000 * static_cast<std::int64_t>(s.all.size())});
  }
};

class partial_streams : public on_every_engine {
 protected:
  /// With faults in front of the calls of these nodes, so that nothing is counted twice where calls are not undone.
  any_engine engine(std::uint64_t seed, std::initializer_list<const char*> failing) {
    auto options = GetParam().second;
    const auto* events = std::get_if<event_options>(&options);
    if (events && events->guarantee == guarantee::best_effort) return options;  // what fails is gone
    const auto faults = std::make_shared<freshet::testing::fault_plan>(seed);
    for (const auto* node : failing) faults->throw_at_random(node, 0.05, 15);
    const bool undoes = !events || events->guarantee == guarantee::exactly_once;
    if (undoes) faults->throw_at_random("chained", 0.05, 15);  // behind the merge, in its task
    std::visit([&](auto& o) { o.faults = faults; }, options);
    if (auto* batches = std::get_if<batch_options>(&options)) batches->max_task_attempts = 100;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(, partial_streams, ::testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(partial_streams, say_last_what_a_loop_says) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto all = skewed(seed);
    totals last;
    const bolt_options tasks{.parallelism = seed % 2 ? 4u : 1u};
    stream_builder b{"partial"};
    b.spout("readings", vector_spout<reading>{all}, {.max_batch = 1 + seed * 7})
        .key_by(&reading::key)
        .partial()
        .aggregate("totals", sum_and_count{}, tasks)
        .peek(
            "chained", [](const keyed<std::string, sum_and_count::pair>&) {}, tasks)
        .to("last", [&last](const keyed<std::string, sum_and_count::pair>& k) {
          auto& so_far = last[k.key];
          if (k.value.count > so_far.count) so_far = k.value;
        });
    start_on(engine(seed, {"totals.choose", "totals.partial", "totals"}), b.build()).wait();
    EXPECT_EQ(last, totals_of_loop(all)) << "seed " << seed;
  }
}

TEST_P(partial_streams, take_bolts_whose_states_can_be_merged) {
  const auto all = skewed(9);
  std::map<std::string, std::int64_t> last;
  stream_builder b{"partial"};
  b.spout("readings", vector_spout<reading>{all})
      .key_by(&reading::key)
      .partial()
      .process("spans", span_of_values{}, {.parallelism = 3})
      .to("last", [&last](const keyed<std::string, std::int64_t>& k) { last[k.key] = std::max(last[k.key], k.value); });
  start_on(engine(9, {"spans.partial", "spans"}), b.build()).wait();
  std::map<std::string, span_of_values::state> by;
  for (const auto& r : all) span_of_values{}.process(r, by[r.key]);
  std::map<std::string, std::int64_t> expected;
  for (const auto& [key, s] : by) expected[key] = s.most - s.least + 1'000 * static_cast<std::int64_t>(s.all.size());
  EXPECT_EQ(last, expected);
}

TEST_P(partial_streams, share_a_key_among_two_tasks_and_keep_nothing_there) {
  stream_builder b{"partial"};
  std::vector<reading> all;
  for (int i = 0; i < 1000; ++i) all.push_back({"b", {}, i});
  b.spout("readings", vector_spout<reading>{all})
      .key_by(&reading::key)
      .partial()
      .count("n", {.parallelism = 8})
      .to("out", [](const keyed<std::string, std::uint64_t>&) {});
  auto run = start_on(GetParam().second, b.build());
  run.wait();
  std::vector<std::uint64_t> executed;
  for (const auto& t : run.metrics().tasks)
    if (t.node == "n.partial" && t.executed != 0) executed.push_back(t.executed);
  const auto* batches = std::get_if<batch_options>(&GetParam().second);
  const bool has_choice = !batches || batches->rows_per_batch > 1;  // each batch begins with the first of the two
  EXPECT_EQ(executed.size(), has_choice ? 2u : 1u);
  EXPECT_EQ(run.metrics().node("n.partial").state_rows, 0u);
  EXPECT_EQ(run.metrics().node("n").state_rows, 1u);
}

/// What is held for a moment isn't late for it, and is in the window of its time.
TEST_P(partial_streams, hold_no_tuple_until_time_has_passed_it) {
  std::vector<reading> all;
  for (std::int64_t i = 0; i < 900; ++i) all.push_back({i % 3 ? "a" : std::to_string(i % 10), ms(i), 1});
  const auto counts = readings(all).key_by(&reading::key).partial().count("n", {.parallelism = 4});
  const auto w = counts.key_by([](const auto&) { return std::string("all"); })
                     .window(tumbling{1ms})
                     .aggregate("most", aggregates::max{&keyed<std::string, std::uint64_t>::value});
  collect_sink<late_tuple<keyed<std::string, std::uint64_t>>> late;
  w.late().to("late", late);
  EXPECT_EQ(rows(w).back().end, 900);  // the last tuple's
  EXPECT_TRUE(late.take().empty());
}

/// A key whose only tuple can't be added has no row.
TEST_P(partial_streams, what_fails_gives_no_row) {
  struct picky {
    using state = std::int64_t;
    void process(const reading& r, state& s) {
      if (r.key == "bad") throw std::runtime_error("bad");
      s += r.value;
    }
    void merge(state& into, const state& from) { into += from; }
    void result(const std::string& key, const state&, emitter<std::string>& out) { out.emit(key); }
  };
  collect_sink<std::string> got;
  auto engine = GetParam().second;
  if (auto* events = std::get_if<event_options>(&engine))
    events->retry = {.max_attempts = 2, .first = {}, .longest = {}};
  builder.spout("in", vector_spout<reading>{{{"bad"}, {"good"}}})
      .key_by(&reading::key)
      .partial()
      .process("rows", picky{}, {.parallelism = 2})
      .to("got", got);
  start_on(engine, builder.build()).wait();
  EXPECT_EQ(got.take(), std::vector<std::string>{"good"});
}

}  // namespace
}  // namespace freshet
