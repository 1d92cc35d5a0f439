// What a run is, whichever engine drives its tasks.
#include "runtime/engine_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/error_of.hpp"
#include "freshet/freshet.hpp"
#include "freshet/testing/manual_clock.hpp"
#include "runtime/sleeping_thread.hpp"
#include "runtime/stack_size.hpp"

namespace freshet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

enum class engine { event, batch };

class engine_runs : public ::testing::TestWithParam<engine> {
 protected:
  topology_run start(const topology& graph) const {
    if (GetParam() == engine::event) return event_executor{{.workers = 2, .log = {}}}.start(graph);
    return batch_executor{{.interval = std::chrono::milliseconds(1), .workers = 2, .log = {}}}.start(graph);
  }
};
INSTANTIATE_TEST_SUITE_P(engines, engine_runs, ::testing::Values(engine::event, engine::batch),
                         [](const auto& i) { return i.param == engine::event ? "event" : "batch"; });

/// Says when it is opened and closed.
struct tells {
  std::shared_ptr<std::multiset<std::string>> told;
  std::string name;
  bool fails = false;
  void open(const task_context&) {
    if (fails) throw std::runtime_error("no connection");
    told->insert(name + " opened");
  }
  void close() { told->insert(name + " closed"); }
  void process(int v, emitter<int>& out) { out.emit(v); }
};

/// numbers -> first -> second (chained) -> third -> end
topology with_failing_second(const std::shared_ptr<std::multiset<std::string>>& told) {
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  auto first = b.bolt("first", tells{told, "first"}).input(numbers, global_grouping{});
  auto second = b.bolt("second", tells{told, "second", true}).input(first);
  auto third = b.bolt("third", tells{told, "third"}).input(second, global_grouping{});
  b.sink("end", [](int) {}).input(third);
  return b.build();
}

TEST_P(engine_runs, only_what_was_opened_is_closed) {
  const auto told = std::make_shared<std::multiset<std::string>>();
  const auto graph = with_failing_second(told);
  try {
    auto run = start(graph);
    FAIL();
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("bolt \"second\" task 0"), HasSubstr("open failed")));
  }
  // Readers are opened before those who feed them; "second" never was.
  EXPECT_THAT(*told, ElementsAre("first closed", "first opened", "third closed", "third opened"));
}

TEST_P(engine_runs, the_first_error_is_the_one_that_is_told) {
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  b.sink("end", [](int v) { throw std::runtime_error("no " + std::to_string(v)); }, {.on_failure = on_failure::stop})
      .input(numbers, global_grouping{});
  const auto graph = b.build();
  auto run = GetParam() == engine::event
                 ? event_executor{{.guarantee = guarantee::best_effort, .log = {}}}.start(graph)
                 : batch_executor{{.guarantee = guarantee::best_effort, .log = {}}}.start(graph);
  EXPECT_THROW(run.wait(), run_error);
  EXPECT_EQ(run.status().state, run_state::failed);
  EXPECT_THAT(run.status().error.message, HasSubstr("no 1"));
  EXPECT_THROW(run.wait(), run_error);  // as often as it is asked
}

TEST_P(engine_runs, end_whatever_their_workers_do_while_there_is_no_work) {
  for (const auto how : {idle::spin, idle::adaptive, idle::park})
    for (const bool pin : {false, usable_processors().size() >= 2}) {
      topology_builder b{"t"};
      std::atomic<int> got{0};
      const auto numbers = b.spout("numbers", vector_spout<int>{std::vector<int>(2000, 1)});
      const auto passed =
          b.bolt("pass", [](int v) { return v; }, {.parallelism = 2}).input(numbers, shuffle_grouping{});
      b.sink("end", [&](int v) { got += v; }).input(passed, global_grouping{});
      const auto graph = b.build();
      if (GetParam() == engine::event) event_executor{{.workers = 2, .idle = how, .pin = pin}}.start(graph).wait();
      else batch_executor{{.interval = 1ms, .workers = 2, .idle = how, .pin = pin}}.start(graph).wait();
      EXPECT_EQ(got, 2000);
    }
}

TEST_P(engine_runs, are_refused_where_pinned_workers_have_not_a_processor_each) {
  topology_builder b{"t"};
  b.sink("end", [](int) {}).input(b.spout("numbers", vector_spout<int>{{1}}));
  const auto graph = b.build();
  const auto workers = usable_processors().size() + 1;
  const auto error = error_of([&] {
    if (GetParam() == engine::event) (void)event_executor{{.workers = workers, .pin = true}}.start(graph);
    else (void)batch_executor{{.workers = workers, .pin = true}}.start(graph);
  });
  EXPECT_THAT(error, AllOf(HasSubstr("_options::pin is true: "), HasSubstr("leave it out")));
}

#ifdef __linux__
/// A push spout that counts how often it is asked, and says by which thread.
struct counted_pushes : push_spout<int> {
  struct counts {
    std::atomic<int> polls{0};
    thread_number thread{0};
  };
  std::shared_ptr<counts> seen = std::make_shared<counts>();
  poll_status poll(spout_emitter<int>& out) {
    ++seen->polls;
    seen->thread.store(gettid());
    return push_spout<int>::poll(out);
  }
};

/// Where nothing happens nobody does anything: the worker sleeps, and the spout is asked when something was pushed.
TEST_P(engine_runs, leave_an_idle_spout_alone_until_a_push_wakes_it) {
  struct setting {
    std::size_t workers;
    freshet::idle idle;
  };
  for (const auto& [workers, how] : {setting{0, idle::adaptive}, setting{1, idle::park}}) {
    counted_pushes numbers;
    std::atomic<int> got{0};
    topology_builder b{"t"};
    b.sink("end", [&](int v) { got = v; }).input(b.spout("numbers", numbers));
    const auto graph = b.build();
    const auto trigger = batch_trigger::back_to_back;
    auto run = GetParam() == engine::event
                   ? event_executor{{.workers = workers, .idle = how}}.start(graph)
                   : batch_executor{{.trigger = trigger, .workers = workers, .idle = how}}.start(graph);
    for (int n = 1; n <= 50 && !HasFailure(); ++n) {
      EXPECT_TRUE(falls_asleep(numbers.seen->thread));
      const int before = numbers.seen->polls;
      ASSERT_TRUE(numbers.push(n));
      while (got != n) std::this_thread::yield();
      EXPECT_TRUE(falls_asleep(numbers.seen->thread));
      EXPECT_GT(numbers.seen->polls, before);
      EXPECT_LE(numbers.seen->polls, before + 3) << "one for the value, one that finds nothing";
    }
    numbers.close();
    run.wait();
  }
}
#endif

// --- the start ---

/// numbers -> first (x 2) -> second (chained), whose factory makes so many
topology with_factory(int makes) {
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  auto first = b.bolt("first", [](int v) { return v; }, {.parallelism = 2}).input(numbers, shuffle_grouping{});
  auto made = std::make_shared<int>(0);
  const auto make = [made, makes] {
    if ((*made)++ == makes) throw std::runtime_error("no licence");
    return [](int v) { return v; };
  };
  b.sink("end", [](int) {}, {.parallelism = 2}).input(b.bolt("second", make, {.parallelism = 2}).input(first));
  return b.build();
}

/// A value that can't be written: a dead letter of it is beyond what a task can deal with.
struct unspeakable {
  int value = 0;
};

}  // namespace
template <>
struct codec<unspeakable> {
  [[maybe_unused]] static constexpr std::uint32_t version = 1;
  static void write(writer&, const unspeakable&) { throw std::runtime_error("no words for it"); }
  static void read(reader&, unspeakable&, std::uint32_t) {}
};
namespace {

/// What is called for a tuple is caught where it is called; here is what stands around it.
TEST_P(engine_runs, what_throws_between_the_calls_ends_the_run_by_name) {
  topology_builder b{"t"};
  auto in = b.spout("in", vector_spout<unspeakable>{std::vector<unspeakable>(10)});
  auto fails = b.bolt("fails", [](const unspeakable& u) -> int { throw std::runtime_error(std::to_string(u.value)); });
  b.sink("end", [](int) {}).input(fails.input(in, global_grouping{}));
  const auto graph = b.build();
  const retry_options soon{.max_attempts = 2, .first = 1ms};
  auto run = GetParam() == engine::event ? event_executor{{.workers = 2, .retry = soon, .log = {}}}.start(graph)
                                         : start(graph);
  try {
    run.wait();
    FAIL();
  } catch (const run_error& e) {
    // Where messages are emitted again, it is the spout's task that gives one up.
    const auto task = GetParam() == engine::event ? "task \"in\" task 0" : "task \"fails\" task 0";
    EXPECT_THAT(e.what(), AllOf(HasSubstr(task), HasSubstr("no words for it")));
  }
  EXPECT_EQ(run.status().state, run_state::failed);
}

/// Keeps what is logged.
class kept_log final : public log_sink {
 public:
  void write(const log_record& r) noexcept override {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::string(to_string(r.level)) + " " + std::string(r.message));
  }
  std::vector<std::string> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Counts commits.
struct committing_spout : vector_spout<int> {
  using vector_spout::vector_spout;
  void commit(const position&) { ++*commits; }
  std::shared_ptr<std::atomic<int>> commits = std::make_shared<std::atomic<int>>(0);
};
struct sums {
  using state = long;
  long process(int v, state& sum) { return sum += v; }
};
struct no_replay {
  poll_status poll(spout_emitter<int>&) { return poll_status::ended(); }
};

struct commits_of_run {
  int commits = 0;
  std::vector<std::string> log;
};
commits_of_run run_with_commits(engine e, bool by_key, bool global) {
  topology_builder b{"t"};
  const committing_spout spout{{1, 2, 3}};
  const auto first = b.spout("first", spout), second = b.spout("second", committing_spout{{4}});
  const auto in = merge(first, second, b.spout("pushed", no_replay{}));
  if (by_key) b.sink("a", [](long) {}).input(b.bolt("by key", sums{}).input(in, key_grouping{std::identity{}}));
  if (global) b.sink("b", [](long) {}).input(b.bolt("all in one", sums{}).input(in, global_grouping{}));
  b.sink("c", [](int) {}).input(in);
  auto log = std::make_shared<kept_log>();
  const auto graph = b.build();
  auto run = e == engine::event ? event_executor{{.workers = 2, .log = logger{log}}}.start(graph)
                                : batch_executor{{.interval = 1ms, .workers = 2, .log = logger{log}}}.start(graph);
  run.wait();
  return {spout.commits->load(), log->lines()};
}

TEST_P(engine_runs, positions_stay_where_state_goes_with_the_process_and_that_is_said_once) {
  const auto without = run_with_commits(GetParam(), false, false);
  EXPECT_GT(without.commits, 0);
  EXPECT_THAT(without.log, ::testing::IsEmpty());
  const auto keyed = run_with_commits(GetParam(), true, false);
  EXPECT_EQ(keyed.commits, 0);
  EXPECT_THAT(keyed.log,
              ElementsAre("info topology \"t\": positions of \"first\", \"second\" are not committed, because "
                          "the state of \"by key\" goes with the process: a restart reads again from where "
                          "the source was committed before"));
  const auto both = run_with_commits(GetParam(), true, true);
  EXPECT_EQ(both.commits, 0);
  EXPECT_THAT(both.log, ElementsAre(HasSubstr("the state of \"by key\", \"all in one\" goes")));
  EXPECT_EQ(run_with_commits(GetParam(), false, true).commits, 0);
}

TEST(event_runs, exactly_once_commits_at_the_end_and_says_so) {
  const committing_spout spout{{1, 2, 3}};
  topology_builder b{"t"};
  b.sink("out", [](int) {}).input(b.spout("first", spout));
  auto log = std::make_shared<kept_log>();
  event_executor{{.guarantee = guarantee::exactly_once, .log = logger{log}}}.start(b.build()).wait();
  EXPECT_EQ(spout.commits->load(), 1);
  EXPECT_THAT(
      log->lines(),
      ElementsAre("info topology \"t\": positions of \"first\" are committed when the run has drained, and not "
                  "before: exactly_once keeps no count of single messages; a restart after a crash reads again"));
}

/// Its broker is away for so many calls.
struct refusing_spout : vector_spout<int> {
  refusing_spout(std::vector<int> all, int n) : vector_spout(std::move(all)), refusals(n) {}
  void commit(const position& p) {
    if (refusals > 0 && refusals-- > 0) throw std::runtime_error("no broker");
    *committed = p.next;
  }
  int refusals;
  std::shared_ptr<std::atomic<std::uint64_t>> committed = std::make_shared<std::atomic<std::uint64_t>>(0);
};
std::string run_with_refusals(engine e, refusing_spout& spout) {
  topology_builder b{"t"};
  b.sink("out", [](int) {}).input(b.spout("first", spout));
  const auto graph = b.build();
  return error_of([&] {
    // The next try is to come before the end.
    const retry_options soon{.first = 1us, .longest = 1us};
    if (e == engine::event) event_executor{{.retry = soon, .commit_interval = 1us, .log = {}}}.start(graph).wait();
    else batch_executor{{.trigger = batch_trigger::rows, .rows_per_batch = 1, .log = {}}}.start(graph).wait();
  });
}

TEST_P(engine_runs, a_commit_that_a_spout_refuses_is_made_again) {
  std::vector<int> many(5000);
  refusing_spout spout{many, 2};
  EXPECT_EQ(run_with_refusals(GetParam(), spout), "no error");
  EXPECT_EQ(spout.committed->load(), many.size());
}

TEST_P(engine_runs, the_last_commit_that_a_spout_refuses_ends_the_run) {
  refusing_spout spout{{1, 2, 3}, 1000};
  EXPECT_THAT(run_with_refusals(GetParam(), spout),
              AllOf(HasSubstr("spout \"first\""), HasSubstr("commit failed: no broker")));
}

TEST_P(engine_runs, a_factory_that_throws_is_named) {
  EXPECT_THAT(error_of([&] { start(with_factory(1)); }),
              AllOf(HasSubstr("bolt \"second\" task 1: "), HasSubstr("factory failed: no licence")));
}

struct no_list {
  std::vector<std::string> partitions() { throw std::runtime_error("no broker"); }
  poll_status poll(spout_emitter<int>&) { return poll_status::ended(); }
};

TEST_P(engine_runs, a_spout_that_cannot_name_its_partitions_is_named) {
  topology_builder b{"t"};
  b.sink("end", [](int) {}).input(b.spout("topic", no_list{}));
  const auto graph = b.build();
  EXPECT_THAT(error_of([&] { start(graph); }),
              AllOf(HasSubstr("spout \"topic\" task 0: "), HasSubstr("partitions failed: no broker")));
}

#if defined(__GLIBC__)
TEST_P(engine_runs, a_thread_that_cannot_be_started_is_an_error_and_everything_is_closed) {
  const auto told = std::make_shared<std::multiset<std::string>>();
  topology_builder b{"t"};
  auto first = b.bolt("first", tells{told, "first"}).input(b.spout("numbers", vector_spout<int>{{1}}));
  b.sink("end", [](int) {}).input(first);
  const auto graph = b.build();
  const stack_size more_than_there_is(std::size_t{1} << 46);
  EXPECT_THAT(error_of([&] { start(graph); }), HasSubstr("could not start worker 1 of 2: "));
  EXPECT_THAT(*told, ElementsAre("first closed", "first opened"));
}
#endif

// --- times ---

/// Keeps what it is given until `release`.
struct keeper {
  struct shelf {
    std::mutex mutex;
    std::vector<held_tuple> tokens;
    void put(held_tuple t) {
      std::lock_guard lock(mutex);
      tokens.push_back(std::move(t));
    }
    bool empty() {
      std::lock_guard lock(mutex);
      return tokens.empty();
    }
    std::size_t release() {
      std::vector<held_tuple> all;
      {
        std::lock_guard lock(mutex);
        all.swap(tokens);
      }
      for (auto& t : all) t.ack();
      return all.size();
    }
  };
  std::shared_ptr<shelf> kept = std::make_shared<shelf>();
  void process(int v, emitter<int>& out) {
    out.emit(v);
    kept->put(out.hold());
  }
};

TEST_P(engine_runs, times_without_end_are_no_limits) {
  constexpr auto ever = std::chrono::nanoseconds::max();
  topology_builder b{"t"};
  keeper keep;
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  b.sink("end", [](int) {}).input(b.bolt("keep", keep).input(numbers, global_grouping{}));
  const auto graph = b.build();
  auto run =
      GetParam() == engine::event
          ? event_executor{{.message_timeout = ever, .drain_timeout = ever, .stop_timeout = ever, .log = {}}}.start(
                graph)
          : batch_executor{{.message_timeout = ever, .drain_timeout = ever, .stop_timeout = ever, .log = {}}}.start(
                graph);
  while (run.metrics().node("numbers").emitted < 3) std::this_thread::sleep_for(1ms);
  run.request_drain();
  EXPECT_FALSE(run.wait_for(20ms));
  std::jthread answers([&] {
    for (std::size_t n = 0; n < 3; std::this_thread::sleep_for(1ms)) n += keep.kept->release();
  });
  EXPECT_TRUE(run.wait_for(ever));
  EXPECT_EQ(run.metrics().node("keep").timed_out, 0u);
}

// --- held tuples ---

/// Holds the first tuple until the last has come, and every other for the time of its call.
struct one_long_hold {
  struct seen {
    held_tuple first;
    std::vector<std::weak_ptr<held_state>> all;
    std::size_t most_alive = 0;
  };
  int last;
  std::shared_ptr<seen> tokens = std::make_shared<seen>();
  void process(int v, emitter<int>& out) {
    auto token = out.hold();
    tokens->all.push_back(token.state());
    if (v == 0) tokens->first = std::move(token);
    else token.ack();
    if (v % 1000 == 999) count();
    if (v == last) tokens->first.ack();
  }
  void count() {
    std::erase_if(tokens->all, [](auto& t) { return t.expired(); });
    tokens->most_alive = std::max(tokens->most_alive, tokens->all.size());
  }
};

TEST_P(engine_runs, one_long_hold_keeps_no_others_in_memory) {
  std::vector<int> numbers(20'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  topology_builder b{"t"};
  one_long_hold bolt{numbers.back()};
  auto source = b.spout("numbers", vector_spout<int>{numbers});
  b.sink("end", [](int) {}).input(b.bolt("hold", bolt).input(source, global_grouping{}));
  const auto graph = b.build();
  // One batch, as each waits for its own tokens.
  auto run = GetParam() == engine::event
                 ? start(graph)
                 : batch_executor{{.trigger = batch_trigger::rows, .rows_per_batch = 20'000, .log = {}}}.start(graph);
  run.wait();
  EXPECT_LE(bolt.tokens->most_alive, 100u);
  EXPECT_EQ(run.metrics().node("hold").timed_out, 0u);
}

// --- shutdown ---

struct endless_numbers {
  int next = 1;
  poll_status poll(spout_emitter<int>& out) {
    out.emit(next++);
    return poll_status::emitted();
  }
};
/// What has come out of a run.
struct outcome {
  std::mutex mutex;
  std::set<int> rows;
  std::size_t letters = 0;
};

/// Some tuples fail for good: there are always back-offs, or attempts, and dead letters under way.
struct fails_now_and_then {
  int process(int v) {
    if (v % 50 == 0) throw std::runtime_error("fifty");
    return v;
  }
};
/// Its first copy opens at once; later ones, which only the batch engine makes, take their time.
struct opens_slowly {
  std::uint32_t attempt = 1;
  void open(const task_context& c) {
    attempt = c.attempt;
    if (attempt > 1) std::this_thread::sleep_for(2ms);
  }
  int process(int v) {
    if (v % 40 == 0 && attempt < 3) throw std::runtime_error("not yet");
    return v;
  }
};
/// Lets go what it has held back, in its own time and not at the first call.
struct holds_back {
  std::vector<int> all;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  void process(int v, emitter<int>&) { all.push_back(v); }
  void flush(emitter<int>& out) {
    if (++*calls % 2) throw std::runtime_error("not yet");
    std::this_thread::sleep_for(1ms);
    for (int v : std::exchange(all, {})) out.emit(v);
  }
};

template <class Bolt>
topology endless(Bolt bolt, const std::shared_ptr<outcome>& into) {
  topology_builder b{"endless"};
  auto numbers = b.spout("numbers", endless_numbers{}, {.max_pending = 500, .max_batch = 16});
  auto work = b.bolt("work", std::move(bolt)).input(numbers, shuffle_grouping{});
  b.sink("end", [into](int v) {
     std::lock_guard lock(into->mutex);
     into->rows.insert(v);
   }).input(work, global_grouping{});
  b.sink("letters", [into](const dead_letter&) {
     std::this_thread::sleep_for(100us);
     std::lock_guard lock(into->mutex);
     ++into->letters;
   }).input(b.dead_letters());
  return b.build();
}

enum class ending { drain, stop, two_drains, drain_and_stop, handle_goes };

class engine_shutdown : public engine_runs {
 protected:
  topology_run start_endless(const topology& graph) const {
    if (GetParam() == engine::event)
      return event_executor{{.workers = 2, .retry = {.first = 1ms, .longest = 4ms}, .log = {}}}.start(graph);
    return batch_executor{{.interval = 1ms, .rows_per_batch = 64, .workers = 2, .log = {}}}.start(graph);
  }
  void end(topology_run& run, ending how) const {
    std::vector<std::jthread> others;
    if (how == ending::two_drains) others.emplace_back([&] { run.drain(); });
    if (how == ending::drain_and_stop) others.emplace_back([&] { run.stop(); });
    if (how == ending::stop) run.stop();
    else run.drain();
  }
  /// All that was emitted has come out, or is a dead letter.
  template <class Bolt>
  void ends_well(const Bolt& bolt) const {
    for (auto how : {ending::drain, ending::stop, ending::two_drains, ending::drain_and_stop, ending::handle_goes})
      for (auto after : {0us, 500us, 20'000us}) {
        const auto into = std::make_shared<outcome>();
        auto run = start_endless(endless(bolt, into));
        std::this_thread::sleep_for(after);
        if (how == ending::handle_goes) continue;
        end(run, how);
        EXPECT_EQ(run.status().state, run_state::finished);
        EXPECT_EQ(run.metrics().node("numbers").emitted, into->rows.size() + into->letters);
      }
  }
};
INSTANTIATE_TEST_SUITE_P(engines, engine_shutdown, ::testing::Values(engine::event, engine::batch),
                         [](const auto& i) { return i.param == engine::event ? "event" : "batch"; });

TEST_P(engine_shutdown, while_tuples_fail_and_become_dead_letters) { ends_well(fails_now_and_then{}); }

TEST_P(engine_shutdown, while_fresh_copies_are_opened) { ends_well(opens_slowly{}); }

TEST_P(engine_shutdown, while_a_flush_lets_go_what_was_held_back) { ends_well(holds_back{}); }

TEST_P(engine_shutdown, while_tuples_are_held) {
  keeper keep;
  std::jthread answers([&](const std::stop_token& over) {
    for (; !over.stop_requested(); std::this_thread::sleep_for(1ms)) keep.kept->release();
  });
  ends_well(keep);
}

TEST_P(engine_shutdown, of_what_is_never_answered_is_an_error_after_drain_timeout) {
  const auto into = std::make_shared<outcome>();
  keeper keep;
  const auto graph = endless(keep, into);
  auto run = GetParam() == engine::event
                 ? event_executor{{.drain_timeout = 30ms, .log = {}}}.start(graph)
                 : batch_executor{{.interval = 1ms, .drain_timeout = 30ms, .log = {}}}.start(graph);
  while (keep.kept->empty()) std::this_thread::sleep_for(1ms);
  std::string other;
  std::jthread second([&] { other = error_of([&] { run.drain(); }); });
  EXPECT_THAT(error_of([&] { run.drain(); }), HasSubstr("drain_timeout: "));
  second.join();
  EXPECT_THAT(other, HasSubstr("drain_timeout: "));
  keep.kept->release();  // tokens outlive their run
}

// --- counts ---

/// Fails some values at first, and 13 for ever.
struct fails {
  std::shared_ptr<std::multiset<int>> tried = std::make_shared<std::multiset<int>>();
  int process(int v) {
    if (v == 13 || (v % 50 == 0 && tried->count(v) < 2)) {
      tried->insert(v);
      throw std::runtime_error("no " + std::to_string(v));
    }
    return v;
  }
};
/// Like a queue: what it emits cannot be read again.
struct once_only {
  int next = 0;
  bool thrown = false;
  poll_status poll(spout_emitter<int>& out) {
    if (next == 50 && !std::exchange(thrown, true)) throw std::runtime_error("a poll may fail");
    if (next == 100) return poll_status::ended();
    out.emit(next++);
    return poll_status::emitted();
  }
};

run_metrics metrics_of(engine e, guarantee g, bool replayable, bool chained) {
  topology_builder b{"t"};
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  stream_ref<int> in =
      replayable ? stream_ref<int>(b.spout("in", vector_spout<int>{values})) : b.spout("in", once_only{});
  auto bolt = b.bolt("fails", fails{});
  if (chained) bolt.input(in);
  else bolt.input(in, shuffle_grouping{});
  auto copy = b.bolt("copy", [](int v) { return v; }).input(bolt);
  b.sink("out", [](int) {}).input(copy, shuffle_grouping{});
  const auto graph = b.build();
  const retry_options soon{.first = std::chrono::microseconds(100), .longest = std::chrono::milliseconds(1)};
  auto run =
      e == engine::event
          ? event_executor{{.guarantee = g, .workers = 2, .retry = soon, .log = {}}}.start(graph)
          : batch_executor{{.interval = std::chrono::milliseconds(1), .guarantee = g, .workers = 2, .log = {}}}.start(
                graph);
  run.wait();
  return run.metrics();
}

TEST_P(engine_runs, every_message_is_finished_or_given_up_and_every_tuple_counted) {
  for (auto g : {guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once})
    for (bool replayable : {true, false})
      for (bool chained : {true, false}) {
        SCOPED_TRACE(std::string(to_string(g)) + (replayable ? ", replayable" : "") + (chained ? ", chained" : ""));
        const auto m = metrics_of(GetParam(), g, replayable, chained);
        const auto in = m.node("in");
        const bool repeats = g != guarantee::best_effort;
        const auto lost = repeats ? 1u : 3u;  // 13; without repetitions also 0 and 50
        EXPECT_EQ(in.emitted, 100u);
        EXPECT_EQ(in.executed, 100u);
        EXPECT_EQ(in.acked + in.failed, 100u);
        EXPECT_EQ(in.pending, 0u);
        // The batch engine repeats a partition for the sake of one tuple: what failed once may not fail again.
        if (GetParam() == engine::event || repeats) { EXPECT_EQ(m.total().dead_lettered, lost); }
        if (GetParam() == engine::batch) continue;  // it counts attempts of whole partitions
        const auto attempts = repeats ? 9u : 3u;    // 4 + 5
        EXPECT_EQ(m.node("fails").failed, attempts);
        EXPECT_EQ(m.node("fails").emitted, 100 - lost);
        EXPECT_EQ(m.node("copy").executed, 100 - lost);
        EXPECT_EQ(m.node("copy").emitted, 100 - lost);
        EXPECT_EQ(m.node("copy").failed, 0u);
        EXPECT_EQ(m.node("out").executed, 100 - lost);
      }
}

// --- shares of time ---

/// numbers (3 in one poll) -> slow, whose calls take 10 ms each of a clock that nobody else moves.
topology with_slow_calls(freshet::testing::manual_clock& clock) {
  topology_builder b{"t"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{1, 2, 3}});
  b.sink("slow", [&clock](int) { clock.advance(10ms); }).input(numbers, global_grouping{});
  return b.build();
}

TEST_P(engine_runs, say_how_long_a_reading_took_and_what_share_of_the_time_is_work) {
  freshet::testing::manual_clock clock;
  const auto graph = with_slow_calls(clock);
  auto run =
      GetParam() == engine::event
          ? event_executor{{.workers = 1, .log = {}, .clock = &clock}}.start(graph)
          : batch_executor{{.trigger = batch_trigger::back_to_back, .workers = 1, .log = {}, .clock = &clock}}.start(
                graph);
  run.wait();
  clock.advance(90ms);
  const auto m = run.metrics();
  EXPECT_EQ(m.uptime, 120ms);
  const auto slow = m.node("slow"), numbers = m.node("numbers");
  EXPECT_EQ(slow.execute_latency.count(), 1u);
  EXPECT_EQ(slow.execute_latency.max(), 30'000'000u);
  EXPECT_DOUBLE_EQ(slow.busy, 0.25);
  EXPECT_DOUBLE_EQ(slow.idle, 0.75);
  EXPECT_DOUBLE_EQ(slow.backpressured, 0);
  EXPECT_DOUBLE_EQ(numbers.busy, 0);
  EXPECT_DOUBLE_EQ(numbers.idle, 1);
}

/// Calls of `function` wait until the test lets them go.
struct gate {
  std::latch entered{1}, opened{1};
  void pass() {
    if (!entered.try_wait()) entered.count_down();
    opened.wait();
  }
};

/// Two batches of one tuple wait in the channel, one is in the sink's hands, and the spout has no room for more.
TEST(event_run, says_how_much_is_queued_and_who_has_no_room) {
  freshet::testing::manual_clock clock;
  gate shut;
  topology_builder b{"t"};
  const auto numbers = b.spout("numbers", vector_spout<int>{std::vector<int>(10, 1)});
  b.sink("shut", [&](int) { shut.pass(); }, {.blocking = true}).input(numbers, global_grouping{});
  auto run =
      event_executor{
          {.workers = 1, .idle = idle::spin, .max_batch = 1, .channel_batches = 2, .log = {}, .clock = &clock}}
          .start(b.build());
  shut.entered.wait();
  // A worker that spins looks at the clock again and again: no moment of it is lost once the spout is blocked.
  while (run.metrics().node("numbers").backpressured == 0) clock.advance(1ms);
  clock.advance(run.metrics().uptime * 99);
  while (run.metrics().node("numbers").backpressured < 0.99) std::this_thread::yield();
  const auto m = run.metrics();
  EXPECT_EQ(m.node("shut").queued, 2u);
  EXPECT_EQ(m.node("numbers").queued, 0u);
  EXPECT_LE(m.node("numbers").backpressured, 1);
  EXPECT_DOUBLE_EQ(m.node("numbers").idle, 1 - m.node("numbers").backpressured);
  EXPECT_DOUBLE_EQ(m.node("shut").backpressured, 0);
  shut.opened.count_down();
  run.wait();
  EXPECT_EQ(run.metrics().node("shut").queued, 0u);
  EXPECT_EQ(run.metrics().node("shut").executed, 10u);
}

TEST_P(engine_runs, name_a_task_that_holds_its_worker) {
  gate shut;
  topology_builder b{"t"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{1}});
  b.sink("shut", [&](int) { shut.pass(); }).input(numbers, global_grouping{});
  const auto graph = b.build();
  auto run = GetParam() == engine::event
                 ? event_executor{{.workers = 1, .stall_limit = 5ms, .log = {}}}.start(graph)
                 : batch_executor{{.interval = 1ms, .workers = 1, .stall_limit = 5ms, .log = {}}}.start(graph);
  shut.entered.wait();
  // On a busy machine others may have, too.
  const auto is_named = ::testing::Contains(
      AllOf(HasSubstr("task \"shut\" task 0 has held its worker for "), HasSubstr("{.blocking = true}")));
  while (!::testing::Value(run.status().stalled, is_named)) std::this_thread::yield();
  shut.opened.count_down();
  run.wait();
  EXPECT_THAT(run.status().stalled, is_named);
}

// --- who is asked to give up ---

/// A sink on a thread of its own that waits for something until it is asked to give up.
struct patient {
  struct seen {
    std::latch waits{1};
    std::mutex mutex;
    std::condition_variable_any comes;
    bool came = false;
  };
  std::shared_ptr<seen> what = std::make_shared<seen>();
  std::stop_token stop{};
  void open(const task_context& c) { stop = c.stop; }
  void write(int) {
    what->waits.count_down();
    std::unique_lock lock(what->mutex);
    if (!what->comes.wait(lock, stop, [&] { return what->came; })) throw std::runtime_error("was asked to give up");
  }
  void come() {
    std::lock_guard lock(what->mutex);
    what->came = true;
    what->comes.notify_all();
  }
};
topology with(const patient& sink) {
  topology_builder b{"t"};
  b.sink("patient", sink, {.blocking = true}).input(b.spout("in", vector_spout<int>{{1}}), global_grouping{});
  return b.build();
}
topology_run start_patient(engine e, const topology& graph, std::chrono::nanoseconds drain_timeout) {
  if (e == engine::event) return event_executor{{.drain_timeout = drain_timeout, .log = {}}}.start(graph);
  return batch_executor{{.interval = 1ms, .drain_timeout = drain_timeout, .log = {}}}.start(graph);
}

TEST_P(engine_runs, ask_a_blocking_call_to_give_up_when_a_stop_takes_too_long) {
  patient sink;
  auto run = start_patient(GetParam(), with(sink), 1ms);
  sink.what->waits.wait();
  // It returns, so nothing is "still inside user code" when stop_timeout is over.
  EXPECT_THAT(error_of([&] { run.stop(); }), AllOf(HasSubstr("drain_timeout: "), Not(HasSubstr("stop_timeout"))));
  EXPECT_EQ(run.status().state, run_state::failed);
}
TEST_P(engine_runs, let_a_blocking_call_finish_while_a_stop_has_time) {
  patient sink;
  auto run = start_patient(GetParam(), with(sink), 1h);
  sink.what->waits.wait();
  run.request_stop();
  EXPECT_EQ(run.status().state, run_state::stopping);
  sink.come();
  run.wait();
  EXPECT_EQ(run.metrics().node("patient").executed, 1u);
  EXPECT_EQ(run.metrics().node("patient").failed, 0u);
}

// --- the log ---

TEST_P(engine_runs, log_a_dead_letter_that_nobody_reads) {
  const auto log = std::make_shared<kept_log>();
  topology_builder b{"t"};
  const auto numbers = b.spout("numbers", vector_spout<int>{{1, 2}});
  b.sink("picky", [](int v) {
     if (v == 2) throw std::runtime_error("no 2");
   }).input(numbers, global_grouping{});
  const auto graph = b.build();
  const logger warnings{log, log_level::warning};
  auto run = GetParam() == engine::event
                 ? event_executor{{.retry = {.max_attempts = 3, .first = 1us}, .log = warnings}}.start(graph)
                 : batch_executor{{.interval = 1ms, .max_task_attempts = 3, .log = warnings}}.start(graph);
  run.wait();
  EXPECT_THAT(log->lines(), ElementsAre("warning dead letter that nobody reads, after 3 attempts: no 2 (int)"));
}

TEST(deal_partitions, deals_in_turn) {
  const auto dealt = deal_partitions({"a", "b", "c", "d", "e"}, 2);
  ASSERT_EQ(dealt.size(), 2u);
  EXPECT_EQ(dealt[0].size(), 3u);
  EXPECT_EQ(dealt[1].size(), 2u);
  EXPECT_EQ(dealt[1][1].name, "d");
  EXPECT_EQ(dealt[0][2].id, 4u);
  EXPECT_EQ(deal_partitions({}, 3).size(), 3u);
}

TEST(merge_edges, sums_what_tasks_say_about_one_input) {
  run_metrics m;
  m.edges = {{"a", "b", 0, 1, 0, 5, {}}, {"a", "b", 0, 1, 1, 7, {}}, {"a", "b", 0, 1, 0, 6, {}}};
  merge_edges(m);
  ASSERT_EQ(m.edges.size(), 2u);
  EXPECT_EQ(m.edges[0].transferred, 11u);
  EXPECT_EQ(m.edges[1].transferred, 7u);
}

}  // namespace
}  // namespace freshet
