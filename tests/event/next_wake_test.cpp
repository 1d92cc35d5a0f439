// What a run that has nothing to do waits for. By hand: when a round has done nothing, nobody may want to run again at
// once, or a worker would spin.
#include "event/event_run.hpp"
#include "event_fixture.hpp"
#include "freshet/testing/manual_clock.hpp"

namespace freshet::event_tests {
namespace {

/// Emits, and then waits to be woken.
struct resting_spout : vector_spout<int> {
  explicit resting_spout(int n) : vector_spout(numbers(n)) {}
  poll_status poll(spout_emitter<int>& out) {
    const auto status = vector_spout::poll(out);
    return status.what() == poll_status::kind::ended ? poll_status::idle() : status;
  }
};

class next_wake : public ::testing::Test {
 protected:
  next_wake() {
    options = fast();
    options.workers = 1;
    options.max_batch = 8;
    options.channel_batches = 1;
    options.stall_limit = {};
    options.commit_interval = {};
    options.clock = &time;
  }
  ~next_wake() override {
    if (!run) return;
    run->fail({errc::closed, "the test is over"});
    run->pool().run_until_quiet();
  }
  /// How long the run would sleep when it has done all it can; nothing: until it is woken.
  std::optional<std::chrono::nanoseconds> pause() {
    if (!run) {
      run = std::make_unique<event_run>(b.build(), options);
      run->start_by_hand();
    }
    run->pool().run_until_quiet();
    const auto at = run->pool().next_wake();
    return at == tasklet::time_point::max() ? std::nullopt : std::optional<std::chrono::nanoseconds>(at - time.now());
  }

  topology_builder b{"next-wake"};
  testing::manual_clock time;
  event_options options;
  std::unique_ptr<event_run> run;
};

/// Reads nothing before it may.
struct shut_bolt {
  std::shared_ptr<bool> open = std::make_shared<bool>(false);
  bool ready() const { return *open; }
  int process(const int& v) { return v; }
};

TEST_F(next_wake, is_when_a_call_is_made_again_though_the_spout_could_be_polled) {
  options.guarantee = guarantee::exactly_once;
  options.retry = {.first = 10s, .longest = 10s};
  auto n = b.spout("n", vector_spout<int>{numbers(1000)});
  auto f = b.bolt("fails", [](const int&) -> int { throw std::runtime_error("down"); }).input(n);
  (void)b.sink("out", [](const int&) {}).input(f);
  EXPECT_EQ(pause(), 10s);
}

TEST_F(next_wake, is_when_a_sink_in_the_spouts_task_is_tried_again) {
  options.guarantee = guarantee::exactly_once;
  options.retry = {.first = 10s, .longest = 10s};
  auto n = b.spout("n", vector_spout<int>{numbers(1000)});
  (void)b.sink("out", [](const int&) {}).input(n);
  (void)b.sink("fails", [](const int&) { throw std::runtime_error("down"); }).input(n);
  EXPECT_EQ(pause(), 10s);
}

/// And at the deadline of a drain, if that comes first.
TEST_F(next_wake, is_when_a_drain_has_no_more_time_though_a_sink_waits) {
  options.guarantee = guarantee::exactly_once;
  options.retry = {.first = 10s, .longest = 10s};
  options.drain_timeout = 2s;
  (void)b.sink("fails", [](const int&) { throw std::runtime_error("down"); }).input(b.spout("n", resting_spout{3}));
  pause();
  run->drain();
  EXPECT_EQ(pause(), 2s);
  time.advance(2s + 1ns);
  pause();
  EXPECT_EQ(run->state(), run_state::failed);
  EXPECT_TRUE(run->unfinished().empty()) << run->unfinished();
}

TEST_F(next_wake, is_not_when_a_message_is_due_for_which_there_is_no_room) {
  options.retry = {.first = 10s, .longest = 10s};
  shut_bolt shut;
  auto n = b.spout("n", vector_spout<int>{numbers(1000)});
  auto f = b.bolt("fails", [](const int& v) {
              if (v == 5) throw std::runtime_error("not five");
              return v;
            }).input(n);
  auto s = b.bolt("shut", shut).input(f, global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(s);
  EXPECT_EQ(pause(), std::nullopt) << "the channel is full";
  time.advance(10s);
  EXPECT_EQ(pause(), std::nullopt) << "and the message is due";
  *shut.open = true;
  run->pool().run_until_quiet();
  EXPECT_EQ(run->metrics().node("n").replayed, 1u);
}

TEST_F(next_wake, is_not_when_a_tick_is_overdue_for_which_there_is_no_room) {
  struct ticking {
    std::shared_ptr<int> ticks = std::make_shared<int>(0);
    int process(const int& v) { return v; }
    void on_tick() { ++*ticks; }
  };
  shut_bolt shut;
  ticking ticks;
  auto n = b.spout("n", vector_spout<int>{numbers(1000)});
  auto t = b.bolt("ticks", ticks, {.tick = 10s}).input(n, global_grouping{});
  auto s = b.bolt("shut", shut).input(t, global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(s);
  pause();
  time.advance(10s);
  EXPECT_EQ(pause(), std::nullopt);
  EXPECT_EQ(*ticks.ticks, 0);
  *shut.open = true;
  run->pool().run_until_quiet();
  EXPECT_EQ(*ticks.ticks, 1) << "as soon as there is room";
}

TEST_F(next_wake, is_a_tick_that_failed_when_it_is_made_again) {
  struct failing {
    int process(const int& v) { return v; }
    void on_tick() { throw std::runtime_error("no tick"); }
  };
  options.retry = {.first = 1s, .longest = 1s};
  auto n = b.spout("n", resting_spout{3});
  auto t = b.bolt("ticks", failing{}, {.tick = 10s}).input(n, global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(t);
  EXPECT_EQ(pause(), 10s);
  time.advance(10s);
  EXPECT_EQ(pause(), 1s);
}

TEST_F(next_wake, is_not_for_the_sake_of_a_commit_when_everything_is_committed) {
  for (const auto interval : {0s, 1s}) {
    options.commit_interval = interval;
    topology_builder graph{"commits"};
    (void)graph.sink("out", [](const int&) {}).input(graph.spout("n", resting_spout{3}));
    event_run quiet{graph.build(), options};
    quiet.start_by_hand();
    quiet.pool().run_until_quiet();
    if (interval != 0s) {
      EXPECT_EQ(quiet.pool().next_wake(), time.now() + interval);
      time.advance(interval);
      quiet.pool().run_until_quiet();
    }
    EXPECT_EQ(quiet.pool().next_wake(), tasklet::time_point::max());
    quiet.stop();
    quiet.pool().run_until_quiet();
  }
}

/// Whatever the interval is: a broker that is away would be asked as fast as it can refuse.
TEST_F(next_wake, is_when_a_commit_that_failed_is_made_again) {
  struct refused_spout : resting_spout {
    refused_spout() : resting_spout(3) {}
    std::shared_ptr<int> commits = std::make_shared<int>(0);
    poll_status poll(spout_emitter<int>& out) { return resting_spout::poll(out); }
    void commit(const position&) {
      if (++*commits < 4) throw std::runtime_error("broker away");
    }
  };
  options.retry = {.first = 10s, .longest = 10s};
  refused_spout spout;
  (void)b.sink("out", [](const int&) {}).input(b.spout("n", spout));
  for (int made = 1; made < 4; ++made) {
    EXPECT_EQ(pause(), 10s);
    EXPECT_EQ(*spout.commits, made);
    time.advance(10s);
  }
  EXPECT_EQ(pause(), std::nullopt);
  EXPECT_EQ(*spout.commits, 4);
}

}  // namespace
}  // namespace freshet::event_tests
