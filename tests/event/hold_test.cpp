// Tokens: a bolt takes over the ack of a tuple and consumes it later, on any thread.
#include "event_fixture.hpp"

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

TEST(hold, an_ack_inside_a_call_that_then_fails_does_not_lose_the_held_tuple) {
  struct ack_then_throw {
    std::vector<held_tuple> waiting;
    attempts tried;
    void process(const int& v, emitter<int>& out) {
      waiting.push_back(out.hold());
      if (waiting.size() < 2) return;
      out.emit(v, waiting);
      for (auto& w : waiting) w.ack();
      waiting.clear();
      if (tried(0) == 1) throw std::runtime_error("after the acks");
    }
    void flush(emitter<int>&) {
      for (auto& w : waiting) w.ack();
      waiting.clear();
    }
  };
  topology_builder b{"ack-throw"};
  std::atomic<int> got{0};
  auto n = b.spout("n", vector_spout<int>{numbers(2)});
  auto h = b.bolt("hold", [] { return ack_then_throw{}; }).input(n, global_grouping{});
  (void)b.sink("out", [&](const int&) { ++got; }).input(h, shuffle_grouping{});
  const auto m = run_to_end(b.build());
  EXPECT_LE(got.load(), 1) << "the first result was cut back; the two may be replayed in rounds of their own";
  EXPECT_EQ(m.node("n").acked, 2u);
  EXPECT_EQ(m.node("n").replayed, 2u);
}

}  // namespace
}  // namespace freshet::event_tests
