// Tokens: a bolt takes over the ack of a tuple and consumes it later, on any thread.
#include <set>

#include "event_fixture.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::event_tests {
namespace {

/// Gathers `size` values, emits their sum anchored to all of them, and acks.
struct gather {
  std::size_t size;
  std::vector<held_tuple> waiting;
  int sum = 0;
  void process(const int& v, emitter<int>& out) {
    waiting.push_back(out.hold());
    sum += v;
    if (waiting.size() == size) release(out);
  }
  void flush(emitter<int>& out) {
    if (!waiting.empty()) release(out);
  }
  void release(emitter<int>& out) {
    out.emit(std::exchange(sum, 0), waiting);
    for (auto& w : waiting) w.ack();
    waiting.clear();
  }
};
/// Each task starts without tokens: they are not copied.
auto gatherer(std::size_t size) {
  return [size] { return gather{size, {}, 0}; };
}

TEST(hold, a_gathered_result_is_anchored_to_all_it_holds) {
  for (auto g : all_guarantees()) {
    topology_builder b{"gather"};
    collect_sink<int> got;
    auto n = b.spout("n", vector_spout<int>{numbers(100)});
    auto s = b.bolt("gather", gatherer(7)).input(n, global_grouping{});
    (void)b.sink("out", got).input(s, shuffle_grouping{});
    const auto m = run_to_end(b.build(), fast(g));
    const auto sums = got.values();
    EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), 0), 4950);
    EXPECT_EQ(sums.size(), 15u);
    if (g == guarantee::at_least_once) { EXPECT_EQ(m.node("n").acked, 100u); }
  }
}

TEST(hold, a_failure_behind_a_gathered_result_replays_every_message_in_it) {
  topology_builder b{"gather-fail"};
  std::atomic<int> failures{1};
  std::atomic<int> total{0};
  auto n = b.spout("n", vector_spout<int>{numbers(10)});
  auto s = b.bolt("gather", gatherer(5)).input(n, global_grouping{});
  (void)
      b.sink("out", [&](const int& v) {
         if (failures.fetch_sub(1) > 0) throw std::runtime_error("once");
         total += v;
       }).input(s, shuffle_grouping{});
  const auto m = run_to_end(b.build());
  EXPECT_EQ(total.load(), 45);
  EXPECT_EQ(m.node("n").replayed, 5u);
  EXPECT_EQ(m.node("n").acked, 10u);
}

/// Hands tokens to a thread that consumes them later.
struct hand_over {
  struct desk {
    std::mutex mutex;
    std::vector<std::pair<int, held_tuple>> tokens;
  };
  std::shared_ptr<desk> shared = std::make_shared<desk>();
  void process(const int& v, emitter<int>& out) {
    std::lock_guard lock(shared->mutex);
    shared->tokens.emplace_back(v, out.hold());
  }
};

TEST(hold, tokens_are_consumed_on_another_thread_acked_failed_or_dropped) {
  for (auto g : {guarantee::at_least_once}) {
    topology_builder b{"tokens"};
    hand_over bolt;
    auto n = b.spout("n", vector_spout<int>{numbers(300)});
    auto h = b.bolt("hold", bolt, {.parallelism = 2}).input(n, shuffle_grouping{});
    (void)b.sink("out", [](const int&) {}).input(h);
    std::atomic<bool> over{false};
    std::map<int, int> seen;
    std::thread consumer([&] {
      while (!over.load()) {
        std::vector<std::pair<int, held_tuple>> some;
        {
          std::lock_guard lock(bolt.shared->mutex);
          some.swap(bolt.shared->tokens);
        }
        for (auto& [v, token] : some) {
          const int times = ++seen[v];
          if (v % 3 == 0 && times == 1) token.fail("first time");
          else if (v % 3 == 1 && times == 1) {
            held_tuple dropped = std::move(token);
          } else token.ack();
        }
        std::this_thread::yield();
      }
    });
    const auto m = run_to_end(b.build(), fast(g));
    over.store(true);
    consumer.join();
    EXPECT_EQ(m.node("n").acked, 300u);
    EXPECT_EQ(m.node("n").replayed, 200u);
    EXPECT_EQ(seen.size(), 300u);
  }
}

TEST(hold, a_token_held_too_long_times_out_and_its_late_ack_changes_nothing) {
  topology_builder b{"timeout"};
  hand_over bolt;
  std::atomic<int> done{0};
  auto n = b.spout("n", vector_spout<int>{numbers(3)});
  auto h = b.bolt("hold", bolt).input(n, global_grouping{});
  (void)b.sink("out", [&](const int&) { ++done; }).input(h);
  auto o = fast();
  o.message_timeout = 2ms;
  o.retry.max_attempts = 2;
  auto run = event_executor{o}.start(b.build());
  const auto m = finish(run);
  EXPECT_EQ(m.total().timed_out, 6u);
  EXPECT_EQ(m.node("n").failed, 3u);
  EXPECT_EQ(run.status().unread_dead_letters.size(), 3u);
  EXPECT_NE(run.status().unread_dead_letters[0].error.find("message_timeout"), std::string::npos);
  for (auto& [v, token] : bolt.shared->tokens) token.ack();
  EXPECT_EQ(run.metrics().node("n").acked, 0u);
}

TEST(hold, a_token_outlives_its_run) {
  hand_over bolt;
  {
    topology_builder b{"outlive"};
    auto n = b.spout("n", vector_spout<int>{numbers(3)});
    auto h = b.bolt("hold", bolt).input(n, global_grouping{});
    (void)b.sink("out", [](const int&) {}).input(h);
    auto o = fast();
    o.drain_timeout = 5ms;
    auto run = event_executor{o}.start(b.build());
    for (bool all = false; !all;) {
      std::lock_guard lock(bolt.shared->mutex);
      all = bolt.shared->tokens.size() == 3;
    }
    EXPECT_THROW(run.stop(), run_error);
  }
  std::lock_guard lock(bolt.shared->mutex);
  for (auto& [v, token] : bolt.shared->tokens) token.ack();
}

TEST(hold, a_run_without_ledger_waits_for_its_tokens_too) {
  for (auto g : {guarantee::best_effort, guarantee::exactly_once}) {
    topology_builder b{"no-ledger"};
    hand_over bolt;
    auto n = b.spout("n", vector_spout<int>{numbers(5)});
    auto h = b.bolt("hold", bolt).input(n, global_grouping{});
    (void)b.sink("out", [](const int&) {}).input(h);
    auto run = event_executor{fast(g)}.start(b.build());
    for (bool all = false; !all;) {
      std::lock_guard lock(bolt.shared->mutex);
      all = bolt.shared->tokens.size() == 5;
    }
    EXPECT_FALSE(run.wait_for(5ms));
    while (!run.wait_for(100us)) {
      std::lock_guard lock(bolt.shared->mutex);
      for (auto& [v, token] : bolt.shared->tokens) {
        if (v == 2) token.fail("two");
        else token.ack();
      }
      bolt.shared->tokens.clear();
    }
    EXPECT_EQ(run.metrics().total().dead_lettered, 1u);
    const auto letter = run.status().unread_dead_letters.at(0);
    EXPECT_EQ(letter.error, "two");
    EXPECT_EQ(letter.node, "hold");
    EXPECT_EQ(letter.attempts, g == guarantee::exactly_once ? 5u : 1u);
    EXPECT_EQ(letter.bytes.size(), sizeof(int)) << "what it held is in the letter";
  }
}

/// Consumes its token on the spot, the first `bad` times for each value in a bad way.
struct bad_at_first {
  int bad;
  attempts tried;
  void process(const int& v, emitter<int>& out) {
    auto held = out.hold();
    const auto n = tried(v);
    if (v % 10 == 0 && n <= bad) return held.fail("not yet");
    if (v % 10 == 1 && n <= bad) return;  // dropped
    out.emit(v, held);
    held.ack();
  }
};

TEST(hold, a_failed_token_has_its_tuple_tried_again_whatever_the_guarantee) {
  for (auto g : {guarantee::at_least_once, guarantee::exactly_once})
    for (bool chained : {true, false}) {
      topology_builder b{"again"};
      collect_sink<int> got;
      auto n = b.spout("n", counting_spout{200});
      auto h = b.bolt("hold", bad_at_first{3, {}});
      if (chained) h.input(n);
      else h.input(n, shuffle_grouping{});
      (void)b.sink("out", got).input(h);
      const auto m = run_to_end(b.build(), fast(g));
      EXPECT_EQ(sorted(got.values()), numbers(200));
      EXPECT_EQ(m.total().dead_lettered, 0u);
    }
}

TEST(hold, a_call_that_fails_after_its_token_has_is_made_again_once) {
  struct fails_twice {
    attempts tried;
    void process(const int& v, emitter<int>& out) {
      if (v == 1 && tried(v) == 1) {
        std::jthread([token = out.hold()]() mutable { token.fail("refused"); }).join();
        throw std::runtime_error("and thrown");
      }
      out.emit(v);
    }
  };
  topology_builder b{"fails-twice"};
  collect_sink<int> got;
  auto f = b.bolt("fails", fails_twice{}).input(b.spout("n", counting_spout{4}), shuffle_grouping{});
  (void)b.sink("out", got).input(f);
  const auto m = run_to_end(b.build(), fast(guarantee::exactly_once));
  EXPECT_EQ(sorted(got.values()), numbers(4));
  EXPECT_EQ(m.total().retried, 1u);
}

TEST(hold, a_tuple_tried_again_after_the_flush_is_flushed_too) {
  topology_builder b{"gather-again"};
  std::atomic<int> failures{3};
  std::atomic<int> total{0};
  auto n = b.spout("n", vector_spout<int>{numbers(10)});
  auto s = b.bolt("gather", gatherer(4)).input(n, global_grouping{});
  auto checked = b.bolt("check", [&](const int& v) {
                    if (failures.fetch_sub(1) > 0) throw std::runtime_error("not yet");
                    return v;
                  }).input(s);  // in gather's chain: its failures are those of gather's calls
  (void)b.sink("out", [&](const int& v) { total += v; }).input(checked);
  const auto m = run_to_end(b.build(), fast(guarantee::exactly_once));
  EXPECT_EQ(total.load(), 45);
  EXPECT_EQ(m.total().timed_out, 0u);
}

TEST(hold, a_chained_bolt_fails_by_its_own_name_and_policy) {
  struct refuses {
    void process(const int&, emitter<int>& out) { out.hold().fail("no"); }
  };
  for (auto g : all_guarantees())
    for (auto policy : {on_failure::skip, on_failure::dead_letter}) {
      topology_builder b{"policy"};
      auto n = b.spout("n", vector_spout<int>{{7}});
      auto h = b.bolt("refuses", refuses{}, {.on_failure = policy}).input(n);
      (void)b.sink("out", [](const int&) {}).input(h);
      auto run = event_executor{fast(g)}.start(b.build());
      const auto m = finish(run);
      const auto letters = run.status().unread_dead_letters;
      EXPECT_EQ(m.total().skipped, policy == on_failure::skip ? 1u : 0u);
      ASSERT_EQ(letters.size(), policy == on_failure::skip ? 0u : 1u);
      if (!letters.empty()) { EXPECT_EQ(letters[0].node, "refuses"); }
    }
}

TEST(hold, a_failure_that_is_told_at_the_very_end_is_not_lost) {
  for (int n = 0; n < 200; ++n) {
    topology_builder b{"last"};
    hand_over bolt;
    auto source = b.spout("n", vector_spout<int>{{1}});
    auto h = b.bolt("hold", bolt).input(source, global_grouping{});
    (void)b.sink("out", [](const int&) {}).input(h);
    auto run = event_executor{fast(guarantee::best_effort)}.start(b.build());
    std::jthread other([&] {
      for (bool some = false; !some;) {
        std::lock_guard lock(bolt.shared->mutex);
        some = !bolt.shared->tokens.empty();
        if (some) bolt.shared->tokens[0].second.fail("last");
      }
    });
    ASSERT_EQ(finish(run).total().dead_lettered, 1u);
  }
}

struct odd_held : side_output<int, "odd"> {};

TEST(hold, a_side_output_can_be_anchored_to_what_is_held) {
  struct sorts {
    std::vector<held_tuple> waiting;
    std::vector<int> values;
    void process(const int& v, emitter<int, odd_held>& out) {
      waiting.push_back(out.hold());
      values.push_back(v);
      if (values.size() == 2) flush(out);
    }
    void flush(emitter<int, odd_held>& out) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] % 2) out.emit<odd_held>(values[i], waiting[i]);
        else out.emit(values[i], waiting);
      }
      for (auto& w : waiting) w.ack();
      waiting.clear();
      values.clear();
    }
  };
  topology_builder b{"sides"};
  attempts tried;
  collect_sink<int> even, odds;
  auto n = b.spout("n", vector_spout<int>{numbers(6)});
  auto s = b.bolt("sorts", [] { return sorts{}; }).input(n, global_grouping{});
  (void)b.sink("even", even).input(s, shuffle_grouping{});
  auto checked = b.bolt("check", [tried](const int& v) mutable {
                    if (v == 3 && tried(v) == 1) throw std::runtime_error("once");
                    return v;
                  }).input(s.side<odd_held>(), shuffle_grouping{});
  (void)b.sink("odd", odds).input(checked);
  const auto m = run_to_end(b.build()).node("n");
  EXPECT_EQ(m.acked, 6u);
  EXPECT_EQ(m.replayed, 1u) << "the failure was anchored to one message";
  EXPECT_EQ(sorted(odds.values()), (std::vector<int>{1, 3, 5}));
  const auto evens = even.values();
  EXPECT_EQ(std::set<int>(evens.begin(), evens.end()), (std::set<int>{0, 2, 4}));
}

TEST(hold, a_bolt_chained_behind_a_spout_is_woken) {
  struct later {
    waker wake;
    held_tuple held;
    std::jthread thread;
    void open(const task_context& c) { wake = c.wake; }
    void process(const int&, emitter<int>& out) {
      held = out.hold();
      thread = std::jthread([this] { wake(); });
    }
    void on_wake(emitter<int>& out) {
      if (!held) return;
      out.emit(1, held);
      held.ack();
    }
  };
  for (auto g : all_guarantees()) {
    topology_builder b{"woken"};
    collect_sink<int> got;
    auto n = b.spout("n", vector_spout<int>{{1}});
    auto h = b.bolt("later", [] { return later{}; }).input(n);
    (void)b.sink("out", got).input(h);
    EXPECT_EQ(run_to_end(b.build(), fast(g)).total().timed_out, 0u);
    EXPECT_EQ(got.size(), 1u);
  }
}

/// Keeps what it gets until it is flushed.
struct until_flushed {
  std::shared_ptr<std::atomic<int>> flushes = std::make_shared<std::atomic<int>>(0);
  std::vector<std::pair<int, held_tuple>> kept = {};
  void process(const int& v, emitter<int>& out) { kept.emplace_back(v, out.hold()); }
  void flush(emitter<int>& out) {
    ++*flushes;
    for (auto& [v, token] : std::exchange(kept, {})) {
      out.emit(v, token);
      token.ack();
    }
  }
};

TEST(hold, bolts_that_hold_may_follow_one_another) {
  for (auto g : all_guarantees())
    for (bool chained : {true, false}) {
      stream_builder b("hold-hold");
      collect_sink<int> got;
      auto keep = [] { return until_flushed{}; };
      auto first = b.spout("n", vector_spout<int>{numbers(5)}).process("first", keep);
      auto second = chained ? first.process("second", keep) : first.shuffle().process("second", keep);
      second.to("out", got);
      const auto m = run_to_end(b.build(), fast(g));
      EXPECT_EQ(sorted(got.values()), numbers(5));
      EXPECT_EQ(m.total().timed_out, 0u);
    }
}

TEST(hold, a_flush_waits_for_what_is_still_to_come_out_of_the_bolt_before) {
  for (auto g : all_guarantees())
    for (bool chained : {true, false}) {
      stream_builder b("async-hold");
      collect_sink<int> got;
      const auto flushes = std::make_shared<std::atomic<int>>(0);
      std::mutex mutex;
      std::vector<std::pair<int, async_reply<int>>> asked;
      auto replies = b.spout("n", vector_spout<int>{numbers(5)}).map_async<int>("ask", [&](int v, async_reply<int> r) {
        std::lock_guard lock(mutex);
        asked.emplace_back(v, std::move(r));
      });
      auto keep = [flushes] { return until_flushed{flushes}; };
      auto kept = chained ? replies.process("keep", keep) : replies.shuffle().process("keep", keep);
      kept.to("out", got);
      auto run = event_executor{fast(g)}.start(b.build());
      for (bool all = false; !all;) {
        std::lock_guard lock(mutex);
        all = asked.size() == 5;
      }
      // Time for a flush that doesn't wait.
      for (int i = 0; i < 20 && *flushes == 0; ++i) std::this_thread::sleep_for(1ms);
      for (auto& [v, reply] : asked) reply(v);
      const auto m = finish(run);
      EXPECT_EQ(sorted(got.values()), numbers(5));
      EXPECT_EQ(m.total().timed_out, 0u);
    }
}

TEST(hold, flushes_do_not_multiply_on_their_many_ways) {
  stream_builder b("many-ways");
  const auto flushes = std::make_shared<std::atomic<int>>(0);
  auto same = [](const int& v) { return v; };
  auto s = b.spout("n", vector_spout<int>{numbers(64)}).shuffle().map("0", same, {.parallelism = 4});
  for (int n = 1; n <= 6; ++n) s = s.shuffle().map(std::to_string(n), same, {.parallelism = 4});
  collect_sink<int> got;
  auto keep = [flushes] { return until_flushed{flushes}; };
  s.shuffle().process("keep", keep, {.parallelism = 4}).to("out", got);
  run_to_end(b.build());
  EXPECT_EQ(sorted(got.values()), numbers(64));
  EXPECT_LE(flushes->load(), 1000) << "every task passes on to four: 4^7 ways lead to each of the last";
}

/// Emits the sum of two held tuples, acks both, and throws the first time.
struct ack_then_throw {
  std::shared_ptr<std::atomic<int>> releases = std::make_shared<std::atomic<int>>(0);
  std::vector<held_tuple> waiting = {};
  int sum = 0;
  void process(const int& v, emitter<int>& out) {
    waiting.push_back(out.hold());
    sum += v;
    if (waiting.size() == 2) release(out);
  }
  void flush(emitter<int>& out) {
    if (!waiting.empty()) release(out);
  }
  void release(emitter<int>& out) {
    out.emit(std::exchange(sum, 0), waiting);
    for (auto& w : waiting) w.ack();
    waiting.clear();
    if (releases->fetch_add(1) == 0) throw std::runtime_error("after the acks");
  }
};

TEST(hold, an_ack_inside_a_call_that_then_fails_does_not_lose_the_held_tuple) {
  for (std::size_t workers : {1, 2}) {
    topology_builder b{"ack-throw"};
    collect_sink<int> got;
    const auto releases = std::make_shared<std::atomic<int>>(0);
    auto n = b.spout("n", vector_spout<int>{{1, 2}});
    auto h = b.bolt("hold", [releases] { return ack_then_throw{releases}; }).input(n, global_grouping{});
    (void)b.sink("out", got).input(h, shuffle_grouping{});
    auto o = fast();
    o.workers = workers;
    const auto m = run_to_end(b.build(), o);
    // Both messages fail with the call, and the result that was cut back comes again. On one worker the spout learns of
    // both failures at once, so both are due at the same time and come together. On two it may look between the one and
    // the other: then each is replayed on its own, with a flush behind it, and the result comes in two parts.
    const auto results = got.values();
    EXPECT_EQ(std::accumulate(results.begin(), results.end(), 0), 3);
    if (workers == 1) { EXPECT_EQ(results.size(), 1u); }
    EXPECT_EQ(m.node("n").acked, 2u);
    EXPECT_EQ(m.node("n").replayed, 2u);
  }
}

}  // namespace
}  // namespace freshet::event_tests
