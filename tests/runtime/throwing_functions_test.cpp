#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

// Whatever function of the user's throws, on whichever engine: the error names node, task and attempt, and says why.
namespace freshet {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

/// Throws from the function that it is told.
struct trap {
  std::string where;
  void at(const char* here) const {
    if (where == here) throw std::runtime_error("no " + where);
  }
};
struct spout_trap : trap {
  int next = 0;
  void open(const task_context&) { at("open"); }
  poll_status poll(spout_emitter<int>& out) {
    at("poll");
    if (next == 4) return poll_status::ended();
    // Before the end there is time for ticks, and for who was woken.
    if (next++ == 3) return poll_status::idle_until(std::chrono::steady_clock::now() + 20ms);
    out.emit(next);
    return poll_status::emitted();
  }
  void close() { at("close"); }
};
struct bolt_trap : trap {
  waker wake;
  void open(const task_context& c) {
    at("open");
    wake = c.wake;
  }
  int process(int v) {
    at("process");
    if (where == "wake") wake();
    return v;
  }
  void on_tick(emitter<int>&) { at("tick"); }
  void on_wake(emitter<int>&) { at("wake"); }
  void flush(emitter<int>&) { at("flush"); }
  void close() { at("close"); }
};
struct sink_trap : trap {
  void open(const task_context&) { at("open"); }
  void write(int) { at("write"); }
  void flush() { at("flush"); }
  void close() { at("close"); }
};

enum class engine { event, batch };
struct throws {
  std::string node, function;
  engine on;
  friend void PrintTo(const throws& t, std::ostream* out) { *out << t.function << " of the " << t.node; }
};
std::vector<throws> every_function() {
  std::vector<throws> all;
  const std::pair<const char*, std::vector<const char*>> functions[] = {
      {"spout", {"open", "poll", "close"}},
      {"bolt", {"open", "process", "tick", "wake", "flush", "close"}},
      {"sink", {"open", "write", "flush", "close"}}};
  for (const auto& [node, names] : functions)
    for (const auto* name : names)
      for (const auto on : {engine::event, engine::batch}) all.push_back({node, name, on});
  return all;
}

class throwing_functions : public testing::TestWithParam<throws> {};
INSTANTIATE_TEST_SUITE_P(, throwing_functions, testing::ValuesIn(every_function()), [](const auto& p) {
  return p.param.node + "_" + p.param.function + (p.param.on == engine::event ? "_event" : "_batch");
});

TEST_P(throwing_functions, are_named_with_task_and_attempt) {
  const auto& [node, function, on] = GetParam();
  const auto trap_of = [&](const char* here) { return trap{node == here ? function : ""}; };
  topology_builder b{"t"};
  const auto in = b.spout("source", spout_trap{trap_of("spout")});
  const auto passed =
      b.bolt("middle", bolt_trap{trap_of("bolt"), {}}, {.tick = 1ms, .on_failure = on_failure::stop}).input(in);
  b.sink("end", sink_trap{trap_of("sink")}, {.on_failure = on_failure::stop}).input(passed, global_grouping{});
  const auto graph = b.build();
  const auto said = error_of([&] {
    if (GetParam().on == engine::event)
      event_executor{{.retry = {.max_attempts = 3, .first = 1us, .longest = 1us}, .log = {}}}.start(graph).wait();
    else batch_executor{{.interval = 1ms, .log = {}}}.start(graph).wait();
  });
  const std::string name = node == "spout" ? "source" : node == "bolt" ? "middle" : "end";
  EXPECT_THAT(said, AllOf(HasSubstr("\"" + name + "\" task 0"), HasSubstr("attempt "), HasSubstr("no " + function)));
}

}  // namespace
}  // namespace freshet
