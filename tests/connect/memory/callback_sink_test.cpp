#include "freshet/connect/memory/callback_sink.hpp"

#include <gtest/gtest.h>

#include <set>

#include "freshet/freshet.hpp"

namespace freshet {
namespace {

TEST(callback_sink, calls_one_function_for_all_tasks_one_at_a_time) {
  std::set<int> seen;  // changed without a lock: the sink's calls never overlap
  topology_builder b{"t"};
  auto numbers =
      b.spout("numbers", generator_spout{[](std::uint64_t i) { return static_cast<int>(i); }, {.count = 5'000}});
  b.sink("see", callback_sink<int>{[&seen](const int& v) { seen.insert(v); }}, {.parallelism = 4})
      .input(numbers, shuffle_grouping{});
  event_executor{{.workers = 3}}.start(b.build()).wait();
  EXPECT_EQ(seen.size(), 5'000u);
}

TEST(callback_sink, copies_call_the_same_function) {
  int calls = 0;
  callback_sink<int> a{[n = 0, &calls](const int&) mutable { calls = ++n; }};
  auto b = a;
  a.write(1);
  b.write(1);
  EXPECT_EQ(calls, 2);
}

TEST(callback_sink, what_the_function_throws_fails_the_tuple) {
  int calls = 0;
  topology_builder b{"t"};
  b.sink("fails", callback_sink<int>{[&](const int&) {
           if (++calls < 3) throw std::runtime_error("not yet");
         }})
      .input(b.spout("one", vector_spout<int>{{7}}));
  auto run = event_executor{{.workers = 1, .retry = {.first = std::chrono::milliseconds(1)}}}.start(b.build());
  run.wait();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(run.metrics().node("one").replayed, 2u);
}

TEST(callback_sink, an_empty_function_is_refused) {
  EXPECT_THROW(callback_sink<int>{std::function<void(const int&)>{}}, std::invalid_argument);
}

}  // namespace
}  // namespace freshet
