// Windows whose contents undo themselves, in calls and batches that fail half way.
#include <gtest/gtest.h>

#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using samples::ms;
using samples::reading;
using values = std::vector<std::int64_t>;

std::vector<reading> nine_readings() {
  std::vector<reading> all;
  for (std::int64_t i = 1; i <= 9; ++i) all.push_back({"a", ms(i), i});
  return all;
}
/// Runs with one failure at each call of the node, one after the other, and gives what came out of the last.
template <class Wire>
void expect_whatever_fails(const samples::any_engine& engine, const std::string& node,
                           const std::vector<values>& expected, Wire wire) {
  for (std::uint64_t call = 0; call < 12; ++call) {
    auto options = engine;
    const auto faults = std::make_shared<testing::fault_plan>();
    faults->throw_at(node, 0, call);
    std::visit([&](auto& o) { o.faults = faults; }, options);
    stream_builder builder{"panes"};
    collect_sink<values> got;
    wire(builder.spout("readings", vector_spout<reading>{nine_readings()}), got);
    samples::start_on(options, builder.build()).wait();
    EXPECT_EQ(got.take(), expected) << node << " fails at call " << call;
  }
}

class window_undo : public ::testing::TestWithParam<std::pair<std::string, samples::any_engine>> {};
std::vector<std::pair<std::string, samples::any_engine>> exact_engines() {
  auto all = samples::every_engine();
  std::erase_if(all, [](const auto& named) {
    const auto* events = std::get_if<event_options>(&named.second);
    return events && events->guarantee != guarantee::exactly_once;
  });
  return all;
}
INSTANTIATE_TEST_SUITE_P(engines, window_undo, ::testing::ValuesIn(exact_engines()), samples::name_of_engine);

TEST_P(window_undo, panes_that_are_discarded_come_back) {
  const auto wire = [](const stream<reading>& in, collect_sink<values>& got) {
    in.event_time(&reading::at)
        .key_by(&reading::key)
        .window(tumbling{event_span{1000}}, {.early = {.every_tuples = 3}, .panes = panes::discarding})
        .aggregate("windows", aggregates::collect{&reading::value})
        .map("chained", [](const auto& w) { return w.value; })
        .to("got", got);
  };
  const std::vector<values> expected{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  expect_whatever_fails(GetParam().second, "windows", expected, wire);
  expect_whatever_fails(GetParam().second, "chained", expected, wire);
}

TEST_P(window_undo, counted_windows_come_back) {
  const auto wire = [](const stream<reading>& in, collect_sink<values>& got) {
    in.key_by(&reading::key)
        .window(tumbling_count{3})
        .aggregate("windows", aggregates::collect{&reading::value})
        .map("chained", [](const auto& w) { return w.value; })
        .to("got", got);
  };
  const std::vector<values> expected{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  expect_whatever_fails(GetParam().second, "windows", expected, wire);
  expect_whatever_fails(GetParam().second, "chained", expected, wire);
}

}  // namespace
}  // namespace freshet
