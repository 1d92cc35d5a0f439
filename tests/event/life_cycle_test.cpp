// Pause, drain, stop and the end of a handle, in every phase of a run.
#include <random>

#include "event_fixture.hpp"

namespace freshet::event_tests {
namespace {

topology endless(std::atomic<std::uint64_t>& written, std::size_t parallelism = 2) {
  topology_builder b{"endless"};
  auto n = b.spout("n", endless_spout{}, {.parallelism = 2});
  auto p = b.bolt("pass", [](const int& v) { return v; }, {.parallelism = parallelism})
               .input(n, key_grouping{std::identity{}});
  (void)b
      .sink("out", [&](const int&) { written.fetch_add(1, std::memory_order_relaxed); }, {.parallelism = parallelism})
      .input(p);
  return b.build();
}

void wait_until_written(const std::atomic<std::uint64_t>& written, std::uint64_t n) {
  while (written.load() < n) std::this_thread::sleep_for(1ms);
}

TEST(life_cycle, drain_finishes_everything_that_was_emitted) {
  for (auto g : all_guarantees()) {
    std::atomic<std::uint64_t> written{0};
    auto run = event_executor{fast(g)}.start(endless(written));
    wait_until_written(written, 1000);
    run.drain();
    const auto m = run.metrics();
    EXPECT_EQ(m.node("n").emitted, written.load());
    EXPECT_EQ(run.status().state, run_state::finished);
    if (g == guarantee::at_least_once) { EXPECT_EQ(m.node("n").acked, written.load()); }
  }
}

TEST(life_cycle, pause_stands_still_and_resume_goes_on) {
  std::atomic<std::uint64_t> written{0};
  auto run = event_executor{fast()}.start(endless(written));
  wait_until_written(written, 100);
  run.pause();
  EXPECT_EQ(run.status().state, run_state::paused);
  std::uint64_t seen = 0;
  for (int same = 0; same < 10;) {
    std::this_thread::sleep_for(2ms);
    const bool nothing_is_live = run.metrics().node("n").pending == 0;
    same = written.load() == seen && nothing_is_live ? same + 1 : 0;
    seen = written.load();
  }
  run.resume();
  wait_until_written(written, seen + 100);
  run.stop();
}

TEST(life_cycle, a_paused_run_can_be_drained) {
  std::atomic<std::uint64_t> written{0};
  auto run = event_executor{fast()}.start(endless(written));
  run.pause();
  run.drain();
  EXPECT_EQ(run.status().state, run_state::finished);
}

TEST(life_cycle, a_handle_that_goes_away_stops_its_run) {
  std::atomic<std::uint64_t> written{0};
  for (int i = 0; i < 20; ++i) {
    auto run = event_executor{fast()}.start(endless(written));
    if (i % 2) wait_until_written(written, written.load() + 10);
  }
  const auto after = written.load();
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(written.load(), after);
}

TEST(life_cycle, what_is_not_finished_when_drain_timeout_is_over_is_an_error_with_numbers) {
  topology_builder b{"held-for-ever"};
  struct keep_tokens {
    std::shared_ptr<std::vector<held_tuple>> tokens = std::make_shared<std::vector<held_tuple>>();
    void process(const int&, emitter<int>& out) { tokens->push_back(out.hold()); }
  };
  keep_tokens bolt;
  auto n = b.spout("n", vector_spout<int>{numbers(3)});
  auto k = b.bolt("keep", bolt).input(n, global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(k);
  auto o = fast();
  o.drain_timeout = 20ms;
  auto run = event_executor{o}.start(b.build());
  while (run.metrics().node("keep").executed < 3) std::this_thread::sleep_for(1ms);
  try {
    run.drain();
    FAIL() << "the drain ended although three messages are held";
  } catch (const run_error& e) {
    EXPECT_EQ(std::string(e.what()), "drain_timeout: spout \"n\" task 0 has 3 unfinished messages");
    EXPECT_EQ(e.error().code, errc::timeout);
  }
  EXPECT_EQ(run.status().state, run_state::failed);
}

TEST(life_cycle, random_shutdowns_in_every_phase) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::atomic<std::uint64_t> written{0};
    auto o = fast(all_guarantees()[round % 3]);
    o.workers = 1 + round % 3;
    o.idle = static_cast<idle>(round % 3 == 0 ? 2 : 1);
    auto run = event_executor{o}.start(endless(written, 1 + round % 4));
    for (unsigned steps = random() % 4; steps; --steps) {
      switch (random() % 4) {
        case 0:
          run.pause();
          break;
        case 1:
          run.resume();
          break;
        case 2:
          (void)run.metrics();
          break;
        default:
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
      }
    }
    switch (random() % 3) {
      case 0:
        run.drain();
        break;
      case 1:
        run.stop();
        break;
      default:
        break;  // the handle goes away
    }
  }
}

TEST(life_cycle, drain_while_messages_are_retried_waits_for_them) {
  topology_builder b{"drain-retries"};
  attempts tried;
  std::atomic<std::uint64_t> written{0};
  auto n = b.spout("n", endless_spout{}, {.max_pending = 2000});
  auto f = b.bolt("flaky", [tried](const int& v) mutable {
              if (v % 50 == 0 && tried(v) < 3) throw std::runtime_error("again");
              return v;
            }).input(n, shuffle_grouping{});
  (void)b.sink("out", [&](const int&) { ++written; }).input(f);
  auto run = event_executor{fast()}.start(b.build());
  wait_until_written(written, 500);
  run.drain();
  const auto m = run.metrics();
  EXPECT_EQ(m.node("n").acked, m.node("n").emitted);
  EXPECT_EQ(written.load(), m.node("n").emitted);
}

TEST(life_cycle, wait_for_says_whether_the_run_is_over) {
  std::atomic<std::uint64_t> written{0};
  auto run = event_executor{fast()}.start(endless(written));
  EXPECT_FALSE(run.wait_for(1ms));
  run.request_drain();
  EXPECT_TRUE(run.wait_for(60s));
}

TEST(life_cycle, user_code_that_does_not_come_back_is_named) {
  std::atomic<bool> release{false};
  topology_builder b{"stuck"};
  auto n = b.spout("n", counting_spout{1});
  (void)b
      .sink("deaf",
            [&](const int&) {
              while (!release.load()) std::this_thread::sleep_for(1ms);
            },
            {.blocking = true})
      .input(n, global_grouping{});
  auto o = fast(guarantee::best_effort);
  o.drain_timeout = 5ms;
  o.stop_timeout = 5ms;
  auto run = event_executor{o}.start(b.build());
  while (run.metrics().node("n").emitted == 0) std::this_thread::sleep_for(1ms);
  try {
    run.drain();
    FAIL() << "drained although a sink is stuck";
  } catch (const run_error& e) {
    EXPECT_NE(std::string(e.what()).find("\"deaf\" task 0"), std::string::npos) << e.what();
  }
  release.store(true);
}

struct two_for_one {
  int last = 0;
  void process(const int& v, emitter<int>&) { last = v; }
  void flush(emitter<int>& out) { out.emit(last); }
};

TEST(life_cycle, a_sink_is_flushed_after_it_has_what_the_flush_before_it_emitted) {
  struct flushing_sink {
    std::shared_ptr<std::vector<std::string>> said;
    void write(const int&) { said->push_back("write"); }
    void flush() { said->push_back("flush"); }
    void close() { said->push_back("close"); }
  };
  auto said = std::make_shared<std::vector<std::string>>();
  topology_builder b{"flush-order"};
  auto n = b.spout("n", counting_spout{3});
  auto two = b.bolt("two", two_for_one{}).input(n, global_grouping{});
  (void)b.sink("out", flushing_sink{said}).input(two);
  run_to_end(b.build(), fast(guarantee::best_effort));
  EXPECT_EQ(*said, (std::vector<std::string>{"write", "flush", "close"}));
}

}  // namespace
}  // namespace freshet::event_tests
