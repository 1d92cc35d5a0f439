// Another number of tasks while a run works: nothing is lost, nothing comes twice, and what can't be is refused.
#include <gmock/gmock.h>

#include <barrier>
#include <future>
#include <set>
#include <stdexcept>

#include "event_fixture.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/testing/simulated_files.hpp"
#include "runtime/checkpoint_scene.hpp"

namespace freshet::event_tests {
namespace {

using counted = std::pair<int, std::uint64_t>;
constexpr int keys = 97;

struct count_up {
  using state = std::uint64_t;
  void process(const int& v, state& n, emitter<counted>& out) { out.emit({v % keys, ++n}); }
};

/// Each key's counts: 1, 2, 3 and so on, each once.
std::vector<counted> counts_of(int rows) {
  std::vector<counted> all;
  std::map<int, std::uint64_t> n;
  for (int v = 0; v < rows; ++v) all.push_back({v % keys, ++n[v % keys]});
  return sorted(all);
}

using permission = std::shared_ptr<std::atomic<bool>>;
permission not_yet() { return std::make_shared<std::atomic<bool>>(false); }

/// Ends when it may, and not when a fast machine is through with its values.
template <class T>
class lasting_spout : public vector_spout<T> {
 public:
  lasting_spout(std::vector<T> values, permission may_end)
      : vector_spout<T>(std::move(values)), may_end_(std::move(may_end)) {}
  poll_status poll(spout_emitter<T>& out) {
    const auto status = vector_spout<T>::poll(out);
    if (status.what() != poll_status::kind::ended || *may_end_) return status;
    return poll_status::idle_until(std::chrono::steady_clock::now() + 100us);
  }

 private:
  permission may_end_;
};

topology counts(int rows, collect_sink<counted> got, permission may_end) {
  topology_builder b{"counts"};
  auto in = b.spout("in", lasting_spout<int>{numbers(rows), may_end}, {.parallelism = 2, .max_batch = 32});
  auto passed = b.bolt("pass", [](const int& v) { return v; }, {.parallelism = 2}).input(in, shuffle_grouping{});
  auto n = b.bolt("count", count_up{}, {.parallelism = 2}).input(passed, key_grouping{[](const int& v) {
                                                                   return v % keys;
                                                                 }});
  (void)b.sink("got", got, {.parallelism = 2}).input(n);
  return b.build();
}

/// Until the run ends, which it may after some: gives a node another number of tasks, again and again. Gives how often.
int rescale_until_the_end(topology_run& run, const std::vector<std::string>& nodes, const permission& may_end = {}) {
  int times = 0;
  try {
    for (std::size_t i = 0;; ++i) {
      run.rescale(nodes[i % nodes.size()], 1 + (i * 7 + 2) % 5);
      if (++times == 4 && may_end) *may_end = true;
    }
  } catch (const run_error& e) { EXPECT_EQ(e.error().code, errc::closed) << e.what(); }
  return times;
}

class rescaled_runs : public ::testing::TestWithParam<guarantee> {};
INSTANTIATE_TEST_SUITE_P(with, rescaled_runs, ::testing::ValuesIn(all_guarantees()),
                         [](const auto& p) { return std::string(to_string(p.param)); });

TEST_P(rescaled_runs, lose_and_double_nothing) {
  constexpr int rows = 60'000;
  collect_sink<counted> got;
  const auto may_end = not_yet();
  auto run = event_executor{fast(GetParam())}.start(counts(rows, got, may_end));
  EXPECT_GT(rescale_until_the_end(run, {"count", "pass", "got"}, may_end), 3);
  const auto m = finish(run);
  EXPECT_EQ(sorted(got.take()), counts_of(rows));
  // What tasks counted that are gone is counted by those in their place.
  EXPECT_EQ(m.node("in").emitted, std::uint64_t{rows});
  for (const auto* node : {"pass", "count", "got"}) EXPECT_EQ(m.node(node).executed, std::uint64_t{rows}) << node;
  EXPECT_EQ(m.node("count").emitted, std::uint64_t{rows});
  if (GetParam() == guarantee::at_least_once) { EXPECT_EQ(m.node("in").acked, std::uint64_t{rows}); }
}

/// However many tasks have got it: what was emitted once counts once, what arrived as often as it did.
TEST_P(rescaled_runs, count_what_all_tasks_get) {
  constexpr int rows = 30'000;
  const auto may_end = not_yet();
  topology_builder b{"broadcast"};
  auto passed =
      b.bolt("pass", [](const int& v) {
         return v;
       }).input(b.spout("in", lasting_spout<int>{numbers(rows), may_end}, {.max_batch = 32}), shuffle_grouping{});
  (void)b.sink("got", [](const int&) {}, {.parallelism = 2}).input(passed, all_grouping{});
  auto run = event_executor{fast(GetParam())}.start(b.build());
  EXPECT_GT(rescale_until_the_end(run, {"got"}, may_end), 3);
  const auto m = finish(run);
  EXPECT_EQ(m.node("pass").executed, std::uint64_t{rows});
  EXPECT_EQ(m.node("pass").emitted, std::uint64_t{rows});
  EXPECT_GT(m.node("got").executed, std::uint64_t{rows});
  EXPECT_EQ(m.node("pass").transferred, m.node("got").executed);
}

/// A bolt within `ordered` writes through outputs of its own: these lead to the tasks of now, too.
TEST_P(rescaled_runs, are_reached_by_bolts_that_read_in_order) {
  struct row {
    int key = 0;
    event_time at{};
  };
  struct passing {
    using state = int;
    row process(const row& r, state&) { return r; }
  };
  struct counting {
    using state = std::uint64_t;
    counted process(const row& r, state& n) { return {r.key, ++n}; }
  };
  constexpr int rows = 20'000;
  std::vector<row> all;
  for (int v = 0; v < rows; ++v) all.push_back({v % keys, event_time{std::chrono::milliseconds(v)}});
  stream_builder b{"in order"};
  collect_sink<counted> got;
  const auto may_end = not_yet();
  b.spout("in", lasting_spout<row>{all, may_end}, {.max_batch = 32})
      .event_time(&row::at)
      .key_by(&row::key)
      .ordered()
      .process("pass", passing{}, {.parallelism = 2})
      .key_by(&row::key)
      .process("count", counting{}, {.parallelism = 2})
      .to("got", got);
  auto run = event_executor{fast(GetParam())}.start(b.build());
  EXPECT_GT(rescale_until_the_end(run, {"count"}, may_end), 3);
  finish(run);
  EXPECT_EQ(sorted(got.take()), counts_of(rows));
}

TEST_P(rescaled_runs, show_the_tasks_they_have) {
  std::atomic<std::uint64_t> written{0};
  topology_builder b{"endless"};
  auto n = b.spout("n", endless_spout{});
  auto c = b.bolt("count", count_up{}).input(n, key_grouping{[](const int& v) { return v % keys; }});
  (void)b.sink("out", [&](const counted&) { ++written; }).input(c);
  auto run = event_executor{fast(GetParam())}.start(b.build());
  std::uint64_t last = 0;
  for (std::size_t tasks : {4, 1, 3}) {
    run.rescale("count", tasks);
    const auto m = run.metrics();
    std::set<std::uint32_t> seen;
    for (const auto& t : m.tasks)
      if (t.node == "count") seen.insert(t.task);
    EXPECT_EQ(seen.size(), tasks);
    EXPECT_NE(run.describe(describe_format::json).find("\"parallelism\":" + std::to_string(tasks)), std::string::npos)
        << run.describe(describe_format::json);
    const auto before = written.load();
    while (written.load() < before + 500) std::this_thread::yield();  // it goes on
    // From where it was: the task of this key may be behind the others.
    std::uint64_t now = 0;
    while (now <= last) {
      now = run.query<std::uint64_t>("count", 5).value_or(0);
      ASSERT_GE(now, last);
    }
    last = now;
  }
  run.stop();
}

/// A chain moves as one, and is closed as often as it was opened.
TEST(rescale, moves_what_is_chained_to_the_node) {
  struct life {
    std::atomic<int> opened{0}, closed{0};
    std::mutex mutex;
    std::set<std::pair<std::size_t, std::size_t>> tasks;
  };
  const auto seen = std::make_shared<life>();
  struct watched {
    std::shared_ptr<life> seen;
    void open(const task_context& c) {
      ++seen->opened;
      std::lock_guard lock(seen->mutex);
      seen->tasks.insert({c.task, c.task_count});
    }
    void close() { ++seen->closed; }
    counted process(const counted& c) { return c; }
  };
  std::atomic<std::uint64_t> written{0};
  topology_builder b{"chain"};
  auto n = b.spout("n", endless_spout{});
  auto c =
      b.bolt("count", count_up{}, {.parallelism = 2}).input(n, key_grouping{[](const int& v) { return v % keys; }});
  auto w = b.bolt("watched", watched{seen}, {.parallelism = 2}).input(c, forward_grouping{});
  (void)b.sink("out", [&](const counted&) { ++written; }, {.parallelism = 2}).input(w, forward_grouping{});
  auto run = event_executor{fast()}.start(b.build());
  while (written.load() < 100) std::this_thread::yield();
  run.rescale("out", 3);  // any of them names the chain
  while (written.load() < 200) std::this_thread::yield();
  run.drain();
  EXPECT_EQ(seen->opened, 5);
  EXPECT_EQ(seen->closed, 5);
  EXPECT_EQ(seen->tasks, (std::set<std::pair<std::size_t, std::size_t>>{{0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}}));
  EXPECT_EQ(run.metrics().node("out").executed, written.load());
}

/// Each task of a blocking bolt has a thread, and gets or gives back one.
TEST(rescale, moves_bolts_that_block) {
  constexpr int rows = 20'000;
  collect_sink<counted> got;
  const auto may_end = not_yet();
  topology_builder b{"blocking"};
  auto in = b.spout("in", lasting_spout<int>{numbers(rows), may_end}, {.max_batch = 32});
  auto n = b.bolt("count", count_up{}, {.parallelism = 2, .blocking = true}).input(in, key_grouping{[](const int& v) {
                                                                                     return v % keys;
                                                                                   }});
  auto slow = b.bolt("slow", [](const counted& c) { return c; }, {.blocking = true}).input(n, shuffle_grouping{});
  (void)b.sink("got", got).input(slow);
  auto run = event_executor{fast()}.start(b.build());
  EXPECT_GT(rescale_until_the_end(run, {"count", "slow"}, may_end), 3);
  finish(run);
  EXPECT_EQ(sorted(got.take()), counts_of(rows));
}

TEST(rescale, gives_each_task_that_blocks_a_thread) {
  struct meets {
    std::shared_ptr<std::barrier<>> others;
    void process(const int&, emitter<int>& out) {
      others->arrive_and_wait();
      out.emit(0);
    }
  };
  // Four tasks wait for each other: with fewer threads this would not end.
  const auto others = std::make_shared<std::barrier<>>(4);
  push_spout<int> spout;
  topology_builder b{"meeting"};
  auto in = b.spout("in", spout);
  auto m = b.bolt("meets", meets{others}, {.blocking = true}).input(in, all_grouping{});
  collect_sink<int> got;
  (void)b.sink("got", got).input(m);
  auto run = event_executor{fast()}.start(b.build());
  run.rescale("meets", 3);
  run.rescale("meets", 1);
  run.rescale("meets", 4);
  for (int i = 0; i < 10; ++i) spout.push(i).value();
  run.drain();
  EXPECT_EQ(got.take().size(), 40u);
}

/// What bolts hold back is let go before: here until there are ten, or they are asked to.
TEST(rescale, waits_for_what_is_held) {
  struct in_tens {
    std::vector<std::pair<held_tuple, int>> some;
    void process(const int& v, emitter<int>& out) {
      some.emplace_back(out.hold(), v);
      if (some.size() == 10) flush(out);
    }
    void flush(emitter<int>& out) {
      for (auto& [token, v] : some) out.emit(v, token), token.ack();
      some.clear();
    }
  };
  for (auto g : all_guarantees()) {
    collect_sink<int> got;
    topology_builder b{"tens"};
    auto n = b.spout("n", vector_spout<int>{numbers(5'003)}, {.max_batch = 7});
    auto t = b.bolt("tens", [] { return in_tens{}; }, {.parallelism = 2}).input(n, shuffle_grouping{});
    (void)b.sink("got", got).input(t, shuffle_grouping{});
    auto run = event_executor{fast(g)}.start(b.build());
    rescale_until_the_end(run, {"tens", "got"});
    finish(run);
    EXPECT_EQ(sorted(got.take()), numbers(5'003));
  }
}

/// Event time stands where it was, open windows and their timers move.
TEST(rescale, moves_windows_and_their_timers) {
  struct reading {
    int key = 0;
    event_time at{};
  };
  using total = std::tuple<int, std::int64_t, std::uint64_t>;
  std::vector<reading> rows;
  std::vector<total> wanted;
  for (int i = 0; i < 40'000; ++i) rows.push_back({i % 13, event_time{event_span{i / 13}}});
  std::map<std::pair<int, std::int64_t>, std::uint64_t> sums;
  for (const auto& r : rows) ++sums[{r.key, r.at.time_since_epoch().count() / 50 * 50}];
  for (const auto& [of, n] : sums) wanted.push_back({of.first, of.second, n});
  stream_builder b{"windows"};
  collect_sink<total> got;
  b.spout("in", vector_spout<reading>{rows}, {.max_batch = 32})
      .event_time(&reading::at)
      .key_by(&reading::key)
      .window(tumbling{50ms})
      .count("count", {.parallelism = 2})
      .map("row",
           [](const auto& w) {
             return total{w.key, w.window.start.time_since_epoch().count(), w.value};
           },
           {.parallelism = 3})
      .to("got", got);
  auto run = event_executor{fast(guarantee::exactly_once)}.start(b.build());
  EXPECT_GT(rescale_until_the_end(run, {"count", "row"}), 1);
  const auto m = finish(run);
  EXPECT_EQ(sorted(got.take()), wanted);
  EXPECT_EQ(m.total().late, 0u);
}

/// With checkpoints an epoch is made before: a run that goes on, on either engine, finds all that was.
TEST(rescale, is_nothing_that_checkpoints_would_see) {
  using namespace checkpoint_tests;
  for (int round = 0; round < 20; ++round) {
    simulated_files files;
    const auto world = std::make_shared<outside>();
    topology_builder b{"sums"};
    auto in = b.spout("in", paced_numbers{world, partitions, each}, {.parallelism = 2});
    auto sums = b.bolt("sums", sum_by_key{}, {.parallelism = 2}).input(in, key_grouping{key_of{}});
    (void)b.sink("out", epoch_sink{world}, {.parallelism = 2}).input(sums, shuffle_grouping{});
    const auto graph = b.build();
    bool is_over = false;
    for (int life = 0; !is_over; ++life) {
      auto run = life % 2 ? batches::in(files).start(graph) : events::in(files).start(graph);
      if (life % 2 == 0) {
        try {
          run.rescale("sums", 1 + (round + life) % 4);
          run.rescale("out", 1 + (round + life) % 3);
          run.rescale("sums", 3);
        } catch (const run_error& e) { EXPECT_EQ(e.error().code, errc::closed) << e.what(); }
      }
      is_over = life > 3 || run.wait_for(std::chrono::microseconds(100 * round));
      if (!is_over) run.request_stop();
      run.wait();
      if (life > 3) break;
    }
    events::in(files).start(graph).wait();
    EXPECT_EQ(sorted(world->visible), checkpoint_tests::wanted()) << round;
  }
}

/// Also where all states are written, by the tasks that have them by then.
TEST(rescale, is_followed_by_savepoints_that_have_all_states) {
  using namespace checkpoint_tests;
  simulated_files files;
  const auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = true;
  world->polls = 100;  // of some numbers each: the others come behind the savepoint
  topology_builder b{"sums"};
  auto in = b.spout("in", paced_numbers{world, partitions, 400}, {.parallelism = 2});
  auto sums = b.bolt("sums", sum_by_key{}, {.parallelism = 2}).input(in, key_grouping{key_of{}});
  (void)b.sink("out", epoch_sink{world}).input(sums, shuffle_grouping{});
  const auto graph = b.build();
  std::uint64_t kept = 0;
  std::size_t until_then = 0;
  {
    auto run = events::in(files).start(graph);
    while (!events::has_come_on(run)) std::this_thread::yield();
    run.pause();
    run.rescale("sums", 5);
    kept = run.savepoint();
    {
      std::lock_guard lock(world->mutex);
      until_then = world->visible.size();
    }
    world->polls = 1'000'000;
    run.resume();
    run.wait();
  }
  EXPECT_EQ(world->visible.size(), std::size_t{partitions} * 400);
  const auto rows = [&](std::size_t from) {
    return sorted(std::vector(world->visible.begin() + static_cast<std::ptrdiff_t>(from), world->visible.end()));
  };
  const auto behind = rows(until_then);
  const auto all = world->visible.size();
  wishes back;
  back.how.resume_from = kept;
  events::in(files, back).start(graph).wait();
  EXPECT_FALSE(behind.empty());
  EXPECT_EQ(rows(all), behind);  // once more, with the sums of before
}

TEST(rescale, goes_on_while_others_ask_and_look) {
  topology_builder b{"asked"};
  auto n = b.spout("n", endless_spout{});
  auto c = b.bolt("count", count_up{}).input(n, key_grouping{[](const int& v) { return v % keys; }});
  (void)b.sink("out", [](const counted&) {}).input(c);
  auto run = event_executor{fast()}.start(b.build());
  std::vector<std::jthread> others;
  for (int i = 0; i < 2; ++i)
    others.emplace_back([&](const std::stop_token& stop) {
      std::uint64_t last = 0;
      while (!stop.stop_requested()) {
        const auto now = run.query<std::uint64_t>("count", 3).value_or(0);
        EXPECT_GE(now, last);
        last = now;
        EXPECT_FALSE(run.describe().empty());
      }
    });
  for (std::size_t i = 0; i < 30; ++i) run.rescale("count", 1 + i % 4);
  others.clear();
  run.stop();
}

// --- refused ---

std::string refused(topology_run& run, const char* node, std::size_t tasks) {
  try {
    run.rescale(node, tasks);
  } catch (const std::exception& e) { return e.what(); }
  return "not refused";
}

TEST(rescale, refuses_what_cannot_be) {
  using ::testing::HasSubstr;
  struct keeps {
    using state = transient<std::shared_ptr<int>>;
    void process(const int&, state&) {}
  };
  topology_builder b{"refusing"};
  auto n = b.spout("n", endless_spout{});
  auto chained = b.bolt("chained", [](const int& v) { return v; }).input(n, forward_grouping{});
  (void)b.bolt("keeps", keeps{}).input(chained, key_grouping{std::identity{}});
  auto c = b.bolt("count", count_up{}, {.max_parallelism = 8}).input(chained, key_grouping{std::identity{}});
  (void)b.sink("out", [](const counted&) {}).input(c);
  auto run = event_executor{fast()}.start(b.build());
  EXPECT_THAT(refused(run, "none", 2), HasSubstr("has no node \"none\": it has \"n\""));
  EXPECT_THAT(refused(run, "n", 2), HasSubstr("the partitions of a spout are dealt when a run starts"));
  EXPECT_THAT(refused(run, "chained", 2), HasSubstr("it is chained to spout \"n\""));
  EXPECT_THAT(refused(run, "keeps", 2), HasSubstr("has no codec"));
  EXPECT_THAT(refused(run, "count", 0), HasSubstr("parallelism 0"));
  EXPECT_THAT(refused(run, "count", 9), HasSubstr("above its 8 key groups"));
  EXPECT_EQ(refused(run, "count", 8), "not refused");
  run.stop();
  EXPECT_THAT(refused(run, "count", 2), HasSubstr("nothing has changed"));
}

TEST(rescale, refuses_two_tasks_of_a_sink_that_decides) {
  using namespace checkpoint_tests;
  simulated_files files;
  const auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = true;
  topology_builder b{"deciding"};
  auto in = b.spout("in", paced_numbers{world, partitions, each});
  auto sums = b.bolt("sums", sum_by_key{}).input(in, key_grouping{key_of{}});
  (void)b.sink("out", transaction_sink{world}).input(sums, shuffle_grouping{});
  auto run = events::in(files).start(b.build());
  EXPECT_THAT(refused(run, "out", 2),
              ::testing::HasSubstr("decides whether an epoch counts, so it must have one task"));
  EXPECT_EQ(refused(run, "out", 1), "not refused");
  run.request_stop();
  run.wait();
}

TEST(rescale, changes_nothing_where_what_is_under_way_does_not_end) {
  std::atomic<bool> holds_some{false}, may_end{false};
  topology_builder b{"stuck"};
  struct keep {
    std::atomic<bool>*holds_some, *may_end;
    std::vector<held_tuple> some;
    void process(const int&, emitter<int>& out) {
      some.push_back(out.hold());
      *holds_some = true;
    }
    void on_tick(emitter<int>&) {
      if (!*may_end) return;
      for (auto& t : some) t.ack();
      some.clear();
    }
  };
  auto n = b.spout("n", endless_spout{}, {.max_pending = 100});
  auto k = b.bolt("keep", [&] { return keep{&holds_some, &may_end, {}}; }, {.tick = 1ms}).input(n, shuffle_grouping{});
  (void)b.sink("out", [](const int&) {}).input(k);
  auto options = fast();
  options.drain_timeout = 50ms;
  auto run = event_executor{options}.start(b.build());
  while (!holds_some) std::this_thread::yield();
  EXPECT_NE(refused(run, "keep", 2).find("isn't finished after drain_timeout; nothing has changed"), std::string::npos);
  may_end = true;
  run.drain();
}

/// Also where it is an epoch that has to be made before: a token that is out elsewhere keeps that from ending.
TEST(rescale, changes_nothing_where_the_epoch_before_does_not_end) {
  using namespace checkpoint_tests;
  struct kept {
    std::mutex mutex;
    bool keeps = true;
    std::vector<held_tuple> tokens;
  };
  struct keep {
    std::shared_ptr<kept> all;
    void process(const row&, emitter<row>& out) {
      std::lock_guard lock(all->mutex);
      if (all->keeps) all->tokens.push_back(out.hold());
    }
  };
  simulated_files files;
  const auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = true;
  const auto all = std::make_shared<kept>();
  topology_builder b{"stuck"};
  auto in = b.spout("in", paced_numbers{world, partitions, each});
  auto sums = b.bolt("sums", sum_by_key{}).input(in, key_grouping{key_of{}});
  (void)b.sink("out", epoch_sink{world}).input(sums, shuffle_grouping{});
  (void)b.bolt("keep", keep{all}).input(sums, shuffle_grouping{});
  auto options = events::options(files);
  options.message_timeout = 0ns;
  options.drain_timeout = 50ms;
  auto run = event_executor{options}.start(b.build());
  for (bool holds = false; !holds; std::this_thread::yield()) {
    std::lock_guard lock(all->mutex);
    holds = !all->tokens.empty();
  }
  auto answer = std::async(std::launch::async, [&] { return refused(run, "sums", 2); });
  EXPECT_EQ(answer.wait_for(20s), std::future_status::ready);
  {
    std::lock_guard lock(all->mutex);
    all->keeps = false;
    for (auto& t : all->tokens) t.ack();
  }
  EXPECT_THAT(answer.get(), ::testing::HasSubstr("isn't finished after drain_timeout; nothing has changed"));
  run.wait();
  EXPECT_EQ(sorted(world->visible), checkpoint_tests::wanted());
}

/// Whoever waits for an epoch hears when there is none to come.
TEST(rescale, is_told_of_the_end_that_comes_before_its_epoch) {
  using namespace checkpoint_tests;
  for (int round = 0; round < 200; ++round) {
    simulated_files files;
    const auto world = std::make_shared<outside>();
    topology_builder b{"short"};
    auto in = b.spout("in", partitioned_spout_probe{partitions, 4});
    auto sums = b.bolt("sums", sum_by_key{}).input(in, key_grouping{key_of{}});
    (void)b.sink("out", epoch_sink{world}).input(sums, shuffle_grouping{});
    auto options = events::options(files);
    options.checkpoint_interval = 1h;
    auto run = event_executor{options}.start(b.build());
    std::string said = "not refused";
    for (std::size_t tasks = 2; said == "not refused"; tasks = 3 - tasks) said = refused(run, "sums", tasks);
    ASSERT_THAT(said, ::testing::HasSubstr("the run is ending, or its input has")) << "round " << round;
    run.wait();
  }
}

TEST(rescale, of_a_task_that_cannot_be_opened_ends_the_run) {
  struct opens_twice {
    using state = int;
    void open(const task_context& c) {
      if (c.task == 2) throw std::runtime_error("no third one");
    }
    void process(const int&, state& n) { ++n; }
  };
  topology_builder b{"third"};
  auto n = b.spout("n", endless_spout{}, {.parallelism = 2});
  (void)b.bolt("two", opens_twice{}, {.parallelism = 2}).input(n, key_grouping{std::identity{}});
  auto run = event_executor{fast()}.start(b.build());
  run.rescale("two", 1);
  run.rescale("two", 2);
  while (!run.query<int>("two", 1)) std::this_thread::yield();
  EXPECT_NE(refused(run, "two", 3).find("bolt \"two\" task 2, attempt 1: open failed: no third one"),
            std::string::npos);
  // Whoever looks sees the tasks that it had.
  EXPECT_GT(run.query<int>("two", 1).value_or(0), 0);
  EXPECT_NE(run.describe(describe_format::json).find("\"parallelism\":2"), std::string::npos);
  EXPECT_THROW(run.wait(), run_error);
  EXPECT_EQ(run.status().state, run_state::failed);
  const auto m = run.metrics();
  EXPECT_EQ(std::count_if(m.tasks.begin(), m.tasks.end(), [](auto& t) { return t.node == "two"; }), 2);
}

/// Whoever looks then looks at tasks whose channels are gone from the graph.
TEST(rescale, of_a_sink_that_cannot_begin_ends_the_run) {
  using namespace checkpoint_tests;
  struct begins_twice : epoch_sink {
    void begin(const epoch_id& id) {
      if (task == 2) throw std::runtime_error("no third transaction");
      epoch_sink::begin(id);
    }
  };
  simulated_files files;
  const auto world = std::make_shared<outside>();
  world->one_poll_an_epoch = true;
  topology_builder b{"third"};
  auto in = b.spout("in", paced_numbers{world, partitions, each});
  auto sums = b.bolt("sums", sum_by_key{}).input(in, key_grouping{key_of{}});
  (void)b.sink("out", begins_twice{{world}}, {.parallelism = 2}).input(sums, shuffle_grouping{});
  auto run = events::in(files).start(b.build());
  run.pause();
  EXPECT_THAT(refused(run, "out", 3),
              ::testing::HasSubstr("sink \"out\" task 2, attempt 1: begin failed: no third transaction"));
  const auto m = run.metrics();
  EXPECT_EQ(std::count_if(m.tasks.begin(), m.tasks.end(), [](auto& t) { return t.node == "out"; }), 2);
  EXPECT_THROW(run.wait(), run_error);
}

/// When that is found out, the channels are half the old, half the new.
TEST(rescale, of_a_task_that_cannot_be_wired_ends_the_run) {
  struct key {
    std::shared_ptr<std::atomic<int>> copies = std::make_shared<std::atomic<int>>(1'000'000);
    key() = default;
    key(const key& other) : copies(other.copies) {
      if (--*copies == 0) throw std::runtime_error("no copy of the key function");
    }
    int operator()(const int& v) const { return v % keys; }
  };
  const key by;
  std::atomic<std::uint64_t> written{0};
  topology_builder b{"wired"};
  auto n = b.spout("n", endless_spout{}, {.parallelism = 2});
  auto c = b.bolt("count", count_up{}, {.parallelism = 2}).input(n, key_grouping{by});
  (void)b.sink("out", [&](const counted&) { ++written; }, {.parallelism = 2}).input(c, shuffle_grouping{});
  auto run = event_executor{fast()}.start(b.build());
  while (written.load() < 100) std::this_thread::yield();
  // The last copy is for the last task that writes to them.
  const int before = *by.copies;
  run.rescale("count", 3);
  const int needed = before - *by.copies;
  run.rescale("count", 2);
  *by.copies = needed;
  EXPECT_THAT(refused(run, "count", 3), ::testing::HasSubstr("no copy of the key function"));
  const auto m = run.metrics();
  EXPECT_EQ(std::count_if(m.tasks.begin(), m.tasks.end(), [](auto& t) { return t.node == "count"; }), 2);
  EXPECT_THROW(run.wait(), run_error);
}

TEST(rescale, says_what_to_do_instead_in_a_run_of_batches) {
  topology_builder b{"batches"};
  auto n = b.spout("n", vector_spout<int>{numbers(10)});
  (void)b.sink("out", [](const int&) {}).input(n, shuffle_grouping{});
  auto run = batch_executor{}.start(b.build());
  EXPECT_THAT(
      refused(run, "out", 2),
      ::testing::HasSubstr("only runs of the event_executor and of the adaptive_executor can. Stop it and start "
                           "it with the other parallelism: with a checkpoints.directory it goes on where it was"));
  run.wait();
}

}  // namespace
}  // namespace freshet::event_tests
