#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

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

/// Throws from the function that it is told, in the second of two tasks.
struct trap {
  std::string where;
  bool is_second = false;
  void opened(const task_context& c) {
    is_second = c.task == 1;
    at("open");
  }
  void at(const char* here) const {
    if (is_second && where == here) throw std::runtime_error("no " + where);
  }
};
struct spout_trap : trap {
  int next = 0;
  void open(const task_context& c) { opened(c); }
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
    opened(c);
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
  void open(const task_context& c) { opened(c); }
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
  const auto in = b.spout("source", spout_trap{trap_of("spout")}, {.parallelism = 2});
  const auto passed =
      b.bolt("middle", bolt_trap{trap_of("bolt"), {}}, {.parallelism = 2, .tick = 1ms, .on_failure = on_failure::stop})
          .input(in);
  b.sink("end", sink_trap{trap_of("sink")}, {.parallelism = 2, .on_failure = on_failure::stop})
      .input(passed, direct_grouping{[](int) { return std::size_t{1}; }});
  const auto graph = b.build();
  const auto said = error_of([&] {
    if (GetParam().on == engine::event)
      event_executor{{.retry = {.max_attempts = 3, .first = 1us, .longest = 1us}, .log = {}}}.start(graph).wait();
    else batch_executor{{.interval = 1ms, .max_task_attempts = 3, .log = {}}}.start(graph).wait();
  });
  const std::string name = node == "spout" ? "source" : node == "bolt" ? "middle" : "end";
  // What opens or closes a task isn't called again; all else is, twice.
  const std::string attempt = function == "open" || function == "close" ? "attempt 1" : "attempt 3";
  EXPECT_THAT(said,
              AllOf(HasSubstr("\"" + name + "\" task 1"), HasSubstr(attempt + ": "), HasSubstr("no " + function)));
}

// --- what chooses the task that reads ---

/// Two tasks, the second of which emits 11, 12, 13.
struct numbers_of_task {
  int next = 0, last = 0;
  void open(const task_context& c) {
    next = static_cast<int>(c.task) * 10;
    last = next + 3;
  }
  poll_status poll(spout_emitter<int>& out) {
    if (next == last) return poll_status::ended();
    out.emit(++next);
    return poll_status::emitted();
  }
};
int not_twelve(int v) {
  if (v == 12) throw std::runtime_error("no twelve");
  return v;
}
/// numbers (x 2) -> end (x 2), or with a bolt between the two, by a function that throws
template <class Grouping>
topology with(Grouping by, bool after_a_bolt) {
  topology_builder b{"t"};
  const auto numbers = b.spout("numbers", numbers_of_task{}, {.parallelism = 2});
  auto end = b.sink("end", [](int) {}, {.parallelism = 2, .on_failure = on_failure::stop});
  if (after_a_bolt) end.input(b.bolt("pass", [](int v) { return v; }, {.parallelism = 2}).input(numbers), by);
  else end.input(numbers, by);
  return b.build();
}

class throwing_groupings : public testing::TestWithParam<std::tuple<engine, bool>> {
 protected:
  template <class Grouping>
  std::string error_with(Grouping by) const {
    const auto [on, after_a_bolt] = GetParam();
    const auto graph = with(by, after_a_bolt);
    return error_of([&] {
      if (on == engine::event)
        event_executor{{.retry = {.max_attempts = 3, .first = 1us, .longest = 1us}, .log = {}}}.start(graph).wait();
      else batch_executor{{.interval = 1ms, .max_task_attempts = 3, .log = {}}}.start(graph).wait();
    });
  }
  /// A grouping is its reader's; the task is the one that asked it.
  static auto names_reader_and_sending_task() {
    return AllOf(HasSubstr("sink \"end\" task 1"), HasSubstr("attempt 3: "), HasSubstr("no twelve"));
  }
};
INSTANTIATE_TEST_SUITE_P(, throwing_groupings,
                         testing::Combine(testing::Values(engine::event, engine::batch), testing::Bool()),
                         [](const auto& p) {
                           return std::string(std::get<1>(p.param) ? "of_a_bolt" : "of_a_spout") +
                                  (std::get<0>(p.param) == engine::event ? "_event" : "_batch");
                         });

TEST_P(throwing_groupings, a_key_function) {
  EXPECT_THAT(error_with(key_grouping{not_twelve}), names_reader_and_sending_task());
}
TEST_P(throwing_groupings, a_direct_grouping) {
  EXPECT_THAT(error_with(direct_grouping{[](int v) { return static_cast<std::size_t>(not_twelve(v)) % 2; }}),
              names_reader_and_sending_task());
}
TEST_P(throwing_groupings, a_custom_grouping) {
  EXPECT_THAT(error_with(custom_grouping{
                  [](int v, std::size_t tasks) { return static_cast<std::size_t>(not_twelve(v)) % tasks; }}),
              names_reader_and_sending_task());
}

}  // namespace
}  // namespace freshet
