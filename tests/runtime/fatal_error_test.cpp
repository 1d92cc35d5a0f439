// An error that says that what gave it is of no use any more ends the run, whatever the policy of the node is.
#include <gmock/gmock.h>

#include <atomic>
#include <memory>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

namespace freshet {
namespace {

using ::testing::HasSubstr;

/// Answers for each tuple when it is flushed, with the same error.
struct broken_sink {
  std::shared_ptr<std::vector<held_tuple>> held = std::make_shared<std::vector<held_tuple>>();
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  bool at_once = false;
  void write(const int&, emitter<void>& out) {
    ++*calls;
    held->push_back(out.hold());
    if (at_once) flush();
  }
  void flush() {
    for (auto& h : std::exchange(*held, {})) h.fail(error{.code = errc::io, .message = "it is broken", .fatal = true});
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

class fatal_error : public ::testing::TestWithParam<std::tuple<on_failure, guarantee, bool>> {
 protected:
  void ends(const std::function<topology_run(const topology&)>& start) {
    const auto [policy, ignored, at_once] = GetParam();
    const broken_sink to{.at_once = at_once};
    const collect_sink<dead_letter> letters;
    EXPECT_THAT(error_of(start(breaking(to, letters, policy))), HasSubstr("it is broken"));
    EXPECT_EQ(*to.calls, 1);
    EXPECT_EQ(letters.size(), 0u);
  }
  static guarantee wanted() { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(policies, fatal_error,
                         ::testing::Combine(::testing::Values(on_failure::dead_letter, on_failure::skip),
                                            ::testing::Values(guarantee::best_effort, guarantee::at_least_once),
                                            ::testing::Bool()));

TEST_P(fatal_error, ends_a_run_by_events) {
  ends([](const topology& t) { return event_executor({.guarantee = wanted(), .workers = 1}).start(t); });
}
TEST_P(fatal_error, ends_a_run_by_batches) {
  ends([](const topology& t) {
    batch_options o;
    o.workers = 1;
    o.guarantee = wanted();
    return batch_executor(o).start(t);
  });
}

}  // namespace
}  // namespace freshet
