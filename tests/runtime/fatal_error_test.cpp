// An error that says that what gave it is of no use any more ends the run, whatever the policy of the node is.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

namespace freshet {
namespace {

using ::testing::HasSubstr;

/// How a sink says it: of a tuple that it holds, when it is flushed or at once, or by what it throws.
enum class way : std::uint8_t { in_flush, in_write, thrown_by_write, thrown_by_tick };

/// Says of its first tuple that nothing can be done any more.
struct broken_sink {
  static constexpr std::chrono::nanoseconds default_tick = std::chrono::milliseconds(1);
  std::shared_ptr<std::vector<held_tuple>> held = std::make_shared<std::vector<held_tuple>>();
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  way how = way::in_flush;
  void write(const int&, emitter<void>& out) {
    ++*calls;
    if (how == way::thrown_by_write) throw fatal_error("it is broken");
    held->push_back(out.hold());
    if (how == way::in_write) fail_all();
  }
  void flush() {
    if (how == way::in_flush) fail_all();
  }
  void on_tick() {
    if (how == way::thrown_by_tick && !held->empty()) throw fatal_error("it is broken");
  }
  void fail_all() {
    for (auto& h : std::exchange(*held, {})) h.fail(error{.code = errc::io, .message = "it is broken", .fatal = true});
  }
};

/// Throws in its first poll.
struct broken_spout {
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  poll_status poll(spout_emitter<int>&) {
    ++*calls;
    throw fatal_error("it is broken");
  }
};

topology breaking(const broken_sink& to, const collect_sink<dead_letter>& letters, on_failure policy) {
  topology_builder builder("breaking");
  builder.sink("out", to, {.on_failure = policy}).input(builder.spout("in", vector_spout<int>({1})));
  builder.sink("letters", letters).input(builder.dead_letters());
  return builder.build();
}
std::string error_of(topology_run run) {
  try {
    run.wait();
    return "no error";
  } catch (const run_error& e) { return e.what(); }
}

class fatal_errors : public ::testing::TestWithParam<std::tuple<on_failure, guarantee, way>> {
 protected:
  void ends(const std::function<topology_run(const topology&)>& start) {
    const auto [policy, ignored, how] = GetParam();
    const broken_sink to{.how = how};
    const collect_sink<dead_letter> letters;
    EXPECT_THAT(error_of(start(breaking(to, letters, policy))), HasSubstr("it is broken"));
    EXPECT_EQ(*to.calls, 1);
    EXPECT_EQ(letters.size(), 0u);
  }
  static guarantee wanted() { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(policies, fatal_errors,
                         ::testing::Combine(::testing::Values(on_failure::dead_letter, on_failure::skip),
                                            ::testing::Values(guarantee::best_effort, guarantee::at_least_once),
                                            ::testing::Values(way::in_flush, way::in_write, way::thrown_by_write,
                                                              way::thrown_by_tick)));

TEST_P(fatal_errors, ends_a_run_by_events) {
  ends([](const topology& t) { return event_executor({.guarantee = wanted(), .workers = 1}).start(t); });
}
TEST_P(fatal_errors, ends_a_run_by_batches) {
  ends([](const topology& t) {
    batch_options o;
    o.workers = 1;
    o.guarantee = wanted();
    return batch_executor(o).start(t);
  });
}

TEST(fatal_errors_of_a_spout, end_a_run) {
  const auto reading = [](const broken_spout& from) {
    topology_builder builder("breaking");
    builder.sink("out", collect_sink<int>()).input(builder.spout("in", from));
    return builder.build();
  };
  const broken_spout by_events, in_batches;
  EXPECT_THAT(error_of(event_executor().start(reading(by_events))), HasSubstr("it is broken"));
  EXPECT_EQ(*by_events.calls, 1);
  EXPECT_THAT(error_of(batch_executor().start(reading(in_batches))), HasSubstr("it is broken"));
  EXPECT_EQ(*in_batches.calls, 1);
}

}  // namespace
}  // namespace freshet
