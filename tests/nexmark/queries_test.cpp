#include "nexmark/queries.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <variant>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/event/event_executor.hpp"
#include "nexmark/reference.hpp"

namespace freshet::nexmark {
namespace {

using std::chrono::milliseconds;

/// An engine and its settings.
struct promise {
  const char* name;
  std::variant<event_options, batch_options> options;
  friend std::ostream& operator<<(std::ostream& out, const promise& p) { return out << p.name; }
};
batch_options batches_of(std::size_t rows) {
  return {.trigger = batch_trigger::rows, .rows_per_batch = rows, .workers = 2};
}

/// A stream, and how it is read.
struct scene {
  suite_options suite;
  event_span bound;
  event_span allowed_lateness{};
  friend std::ostream& operator<<(std::ostream& out, const scene& s) {
    return out << "seed " << s.suite.seed << ", " << s.suite.events_per_second << " a second, out of order "
               << s.suite.out_of_order.count() << " ms, bound " << s.bound.count() << " ms, allowed lateness "
               << s.allowed_lateness.count() << " ms";
  }
};
const scene scenes[] = {
    // In order. Slow streams have many windows, fast ones many events in a millisecond.
    {{.seed = 1, .events_per_second = 300}, milliseconds{1}},
    {{.seed = 2, .events_per_second = 20'000}, milliseconds{1}},
    // Out of order, within the bound.
    {{.seed = 3, .events_per_second = 500, .out_of_order = milliseconds{900}}, milliseconds{901}},
    {{.seed = 4, .events_per_second = 10'000, .out_of_order = milliseconds{300}}, milliseconds{1'000}},
    // Beyond it: what is late is so by the order within its partition alone, and hence the same everywhere.
    {{.seed = 5, .events_per_second = 500, .out_of_order = milliseconds{4'000}}, milliseconds{1'000}},
    {{.seed = 6, .events_per_second = 1'000, .out_of_order = milliseconds{2'000}},
     milliseconds{500},
     milliseconds{700}},
};

/// The topologies against the models, on the same events.
class nexmark_queries : public testing::TestWithParam<promise> {
 protected:
  static constexpr std::uint64_t count = 8'000;

  template <class Row, class Model>
  static void expect_answers(stream<Row> (*query)(const stream<event>&, const queries::options&), Model&& model) {
    for (const auto& s : scenes)
      for (const std::uint32_t parallelism : {1u, 2u}) {
        const generator source{s.suite};
        const auto events = events_of(source, 0, count);
        expect_same(model(events, reference::time_rules{s.bound, s.allowed_lateness, parallelism}),
                    run(query, source, {parallelism, s.bound, s.allowed_lateness}));
        if (HasFailure()) FAIL() << s << ", parallelism " << parallelism;
      }
  }

 private:
  /// The rows that a query gives, sorted; of a table, the last ones.
  template <class Row>
  static std::vector<Row> run(stream<Row> (*query)(const stream<event>&, const queries::options&),
                              const generator& source, const queries::options& o) {
    stream_builder builder{"nexmark"};
    collect_sink<Row> rows;
    query(queries::events(builder, source, count, o.parallelism), o).to("rows", rows, {.parallelism = o.parallelism});
    const auto graph = builder.build();
    const auto& options = GetParam().options;
    if (const auto* events = std::get_if<event_options>(&options)) event_executor{*events}.start(graph).wait();
    else batch_executor{std::get<batch_options>(options)}.start(graph).wait();
    auto found = rows.take();
    if constexpr (table_row<Row>) found = table_of(found);
    std::sort(found.begin(), found.end());
    return found;
  }
  template <class Row>
  static void expect_same(const std::vector<Row>& expected, const std::vector<Row>& found) {
    EXPECT_FALSE(expected.empty());
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(expected[i], found[i]) << "row " << i;
  }
};

/// A model that doesn't look at time.
template <class Row>
auto timeless(std::vector<Row> (*model)(const std::vector<event>&)) {
  return [model](const std::vector<event>& events, const reference::time_rules&) { return model(events); };
}

TEST_P(nexmark_queries, q0) { expect_answers(queries::q0, timeless(reference::q0)); }
TEST_P(nexmark_queries, q1) { expect_answers(queries::q1, timeless(reference::q1)); }
TEST_P(nexmark_queries, q2) { expect_answers(queries::q2, timeless(reference::q2)); }
TEST_P(nexmark_queries, q3) { expect_answers(queries::q3, timeless(reference::q3)); }
TEST_P(nexmark_queries, q4) { expect_answers(queries::q4, reference::q4); }
TEST_P(nexmark_queries, q5) { expect_answers(queries::q5, reference::q5); }
TEST_P(nexmark_queries, q6) { expect_answers(queries::q6, reference::q6); }
TEST_P(nexmark_queries, q7) { expect_answers(queries::q7, reference::q7); }
TEST_P(nexmark_queries, q8) { expect_answers(queries::q8, reference::q8); }
TEST_P(nexmark_queries, q11) { expect_answers(queries::q11, reference::q11); }
TEST_P(nexmark_queries, q12) { expect_answers(queries::q12, reference::q12); }
TEST_P(nexmark_queries, q17) { expect_answers(queries::q17, timeless(reference::q17)); }
TEST_P(nexmark_queries, q18) { expect_answers(queries::q18, timeless(reference::q18)); }
TEST_P(nexmark_queries, q19) { expect_answers(queries::q19, timeless(reference::q19)); }

const promise promises[] = {
    {"best_effort", event_options{.guarantee = guarantee::best_effort, .workers = 2}},
    {"at_least_once", event_options{.guarantee = guarantee::at_least_once, .workers = 2}},
    {"exactly_once", event_options{.guarantee = guarantee::exactly_once, .workers = 2}},
    {"batches_of_100", batches_of(100)},
    {"batches_of_4096", batches_of(4'096)},
    {"one_batch", batches_of(1'000'000)},
};
INSTANTIATE_TEST_SUITE_P(engines, nexmark_queries, testing::ValuesIn(promises),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace freshet::nexmark
