#include "freshet/event/event_executor.hpp"

#include "event_fixture.hpp"

namespace freshet::event_tests {
namespace {

struct word_count {
  std::string word;
  std::uint64_t count = 0;
};
struct split_words {
  void process(const std::string& line, emitter<std::string>& out) {
    std::size_t from = 0;
    while (from < line.size()) {
      const auto to = std::min(line.find(' ', from), line.size());
      if (to > from) out.emit(line.substr(from, to - from));
      from = to + 1;
    }
  }
};
struct count_words {
  using state = std::uint64_t;
  void process(const std::string& word, state& n, emitter<word_count>& out) { out.emit({word, ++n}); }
};

TEST(event_executor, counts_words_under_every_guarantee_and_any_number_of_workers) {
  for (auto g : all_guarantees())
    for (std::size_t workers : {1, 2, 5}) {
      std::vector<std::string> text;
      for (int i = 0; i < 500; ++i) text.insert(text.end(), {"to be or not to be", "", "that is the question"});
      topology_builder b{"words"};
      collect_sink<word_count> got;
      auto lines = b.spout("lines", vector_spout<std::string>{text});
      auto words = b.bolt("split", split_words{}, {.parallelism = 2}).input(lines, shuffle_grouping{});
      auto counts = b.bolt("count", count_words{}, {.parallelism = 4}).input(words, key_grouping{std::identity{}});
      (void)b.sink("out", got).input(counts, global_grouping{});
      auto o = fast(g);
      o.workers = workers;
      const auto m = run_to_end(b.build(), o);
      std::map<std::string, std::vector<std::uint64_t>> by_word;
      for (const auto& w : got.values()) by_word[w.word].push_back(w.count);
      ASSERT_EQ(by_word.size(), 8u);
      for (auto& [word, counts_of] : by_word) {
        const std::uint64_t expected = word == "to" || word == "be" ? 1000 : 500;
        ASSERT_EQ(counts_of.size(), expected) << word;
        EXPECT_TRUE(std::is_sorted(counts_of.begin(), counts_of.end())) << word << ": one key keeps its order";
        EXPECT_EQ(counts_of.back(), expected) << word;
      }
      EXPECT_EQ(m.node("lines").emitted, 1500u);
      if (g == guarantee::at_least_once) { EXPECT_EQ(m.node("lines").acked, 1500u); }
      EXPECT_EQ(m.node("count").executed, 5000u);
      EXPECT_EQ(m.node("count").state_rows, 8u);
    }
}

TEST(event_executor, every_grouping_delivers_every_tuple) {
  const auto run = [](auto grouping, std::size_t copies = 1) {
    topology_builder b{"groupings"};
    collect_sink<int> got;
    auto n = b.spout("n", vector_spout<int>{numbers(1000)});
    auto p = b.bolt("pass", [](const int& v) { return v; }, {.parallelism = 3}).input(n, grouping);
    (void)b.sink("out", got, {.parallelism = 2}).input(p, shuffle_grouping{});
    run_to_end(b.build());
    std::vector<int> expected;
    for (std::size_t i = 0; i < copies; ++i)
      for (int v : numbers(1000)) expected.push_back(v);
    EXPECT_EQ(sorted(got.values()), sorted(expected));
  };
  run(forward_grouping{});
  run(shuffle_grouping{});
  run(local_or_shuffle_grouping{});
  run(global_grouping{});
  run(key_grouping{std::identity{}});
  run(partial_key_grouping{[](const int& v) { return v % 10; }});
  run(custom_grouping{[](const int& v, std::size_t tasks) { return static_cast<std::size_t>(v) % tasks; }});
  run(direct_grouping{[](const int& v) { return static_cast<std::size_t>(v % 3); }});
  run(all_grouping{}, 3);
}

struct odd : side_output<int, "odd"> {};
struct split_parity {
  void process(const int& v, emitter<int, odd>& out) {
    if (v % 2) out.emit<odd>(v);
    else out.emit(v);
  }
};
struct join_both {
  using output = emitter<std::pair<char, int>>;
  void on_even(const int& v, output& out) { out.emit({'e', v}); }
  void on_odd(const int& v, output& out) { out.emit({'o', v}); }
};

TEST(event_executor, side_outputs_several_inputs_diamonds_and_unions) {
  for (auto g : all_guarantees()) {
    topology_builder b{"shapes"};
    collect_sink<std::pair<char, int>> joined;
    collect_sink<int> both;
    auto n = b.spout("n", vector_spout<int>{numbers(300)});
    auto parity = b.bolt("parity", split_parity{}, {.parallelism = 2}).input(n, shuffle_grouping{});
    auto join = b.bolt("join", join_both{}, {.parallelism = 2})
                    .input<&join_both::on_even>(parity, key_grouping{std::identity{}})
                    .input<&join_both::on_odd>(parity.side<odd>(), all_grouping{});
    (void)b.sink("joined", joined).input(join, global_grouping{});
    (void)b.sink("both", both).input(merge(static_cast<const stream_ref<int>&>(parity), parity.side<odd>()));
    run_to_end(b.build(), fast(g));
    EXPECT_EQ(sorted(both.values()), numbers(300));
    EXPECT_EQ(joined.size(), 150u + 2 * 150u);
  }
}

TEST(event_executor, chained_bolts_share_a_task_and_count_what_they_execute) {
  topology_builder b{"chain"};
  collect_sink<int> got;
  auto n = b.spout("n", vector_spout<int>{numbers(100)});
  auto twice = b.bolt("twice", [](const int& v) { return 2 * v; }).input(n);
  auto even = b.bolt("div4", [](const int& v) { return v % 4 ? std::optional<int>{} : v; }).input(twice);
  (void)b.sink("out", got).input(even);
  const auto m = run_to_end(b.build());
  std::vector<int> expected;
  for (int v = 0; v < 200; v += 4) expected.push_back(v);
  EXPECT_EQ(got.values(), expected);
  EXPECT_EQ(m.total().transferred, 0u) << "nothing crosses a channel";
  EXPECT_EQ(m.node("twice").executed, 100u);
  EXPECT_EQ(m.node("div4").executed, 100u);
  EXPECT_EQ(m.node("out").executed, 50u);
}

struct needs_batch_of_three {
  std::vector<int> kept;
  void process(const int& v, emitter<int>&) { kept.push_back(v); }
  void flush(emitter<int>& out) {
    for (int v : std::exchange(kept, {})) out.emit(v);
  }
};

TEST(event_executor, flush_lets_go_what_a_bolt_keeps) {
  for (auto g : {guarantee::best_effort, guarantee::exactly_once}) {
    topology_builder b{"flush"};
    collect_sink<int> got;
    auto n = b.spout("n", vector_spout<int>{numbers(10)});
    auto k = b.bolt("keep", needs_batch_of_three{}).input(n, global_grouping{});
    (void)b.sink("out", got).input(k);
    run_to_end(b.build(), fast(g));
    EXPECT_EQ(sorted(got.values()), numbers(10));
  }
}

struct ticking {
  int ticks = 0;
  void process(const int&, emitter<int>&) {}
  void on_tick(emitter<int>& out) { out.emit(++ticks); }
};

TEST(event_executor, ticks_come_while_the_stream_is_quiet) {
  topology_builder b{"ticks"};
  collect_sink<int> got;
  struct quiet_spout {
    poll_status poll(spout_emitter<int>&) { return poll_status::idle(); }
  };
  auto n = b.spout("n", quiet_spout{});
  auto t = b.bolt("tick", ticking{}, {.tick = 1ms}).input(n, global_grouping{});
  (void)b.sink("out", got).input(t);
  auto run = event_executor{fast()}.start(b.build());
  while (got.size() < 3) std::this_thread::sleep_for(1ms);
  run.drain();
  EXPECT_GE(got.size(), 3u);
}

/// Sets a timer that is due at once again and again, until it is told to stop, or has been called a hundred thousand
/// times.
struct beats {
  using state = int;
  std::shared_ptr<std::atomic<bool>> may_stop;
  std::shared_ptr<std::atomic<int>> calls;
  void process(const int& v, state&, processing_timers& t) {
    if (v == 0) t.at(t.now());
  }
  void on_processing_timer(const int&, event_time, state&, processing_timers& t) {
    if (++*calls < 100'000 && !*may_stop) t.at(t.now());
  }
};

TEST(event_executor, timers_without_end_leave_the_others_of_their_worker_their_turn) {
  struct second_when_it_beats {
    std::shared_ptr<std::atomic<int>> calls;
    int next = 0;
    poll_status poll(spout_emitter<int>& out) {
      if (next == 1 && *calls == 0) return poll_status::idle_until(std::chrono::steady_clock::now() + 100us);
      out.emit(next++);
      return next == 2 ? poll_status::ended() : poll_status::emitted();
    }
  };
  const auto may_stop = std::make_shared<std::atomic<bool>>(false);
  const auto calls = std::make_shared<std::atomic<int>>(0);
  topology_builder b{"beats"};
  auto n = b.spout("n", second_when_it_beats{calls});
  (void)b.bolt("beats", beats{may_stop, calls}).input(n, key_grouping{std::identity{}});
  (void)b.sink("out", [&](const int& v) { *may_stop = v == 1; }).input(n, shuffle_grouping{});
  auto o = fast();
  o.workers = 1;
  run_to_end(b.build(), o);
  EXPECT_TRUE(*may_stop);
  EXPECT_LT(*calls, 100'000);
}

TEST(event_executor, a_blocking_bolt_has_a_thread_of_its_own_and_does_not_stop_the_others) {
  topology_builder b{"blocking"};
  std::atomic<bool> release{false};
  collect_sink<int> fast_ones, slow_ones;
  auto n = b.spout("n", vector_spout<int>{numbers(100)});
  auto slow = b.bolt("slow",
                     [&](const int& v) {
                       while (!release.load()) std::this_thread::sleep_for(1ms);
                       return v;
                     },
                     {.blocking = true})
                  .input(n, global_grouping{});
  (void)b.sink("slow-out", slow_ones).input(slow);
  (void)b.sink("fast-out", fast_ones).input(n, shuffle_grouping{});
  auto o = fast();
  o.workers = 1;
  auto run = event_executor{o}.start(b.build());
  while (fast_ones.size() < 100) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(slow_ones.size(), 0u);
  release.store(true);
  finish(run);
  EXPECT_EQ(slow_ones.size(), 100u);
}

TEST(event_executor, a_slow_bolt_bounds_memory_all_the_way_to_the_spout) {
  for (auto g : all_guarantees()) {
    topology_builder b{"bounded"};
    std::atomic<bool> release{false};
    auto n = b.spout("n", endless_spout{}, {.max_pending = 1'000'000});
    auto slow = b.bolt("slow",
                       [&](const int& v) {
                         while (!release.load()) std::this_thread::sleep_for(1ms);
                         return v;
                       },
                       {.blocking = true})
                    .input(n, global_grouping{});
    (void)b.sink("out", [](const int&) {}).input(slow);
    auto o = fast(g);
    o.max_batch = 16;
    o.channel_batches = 4;
    auto run = event_executor{o}.start(b.build());
    // Until the spout stands still: what it emitted no longer grows although it could emit for ever.
    std::uint64_t emitted = 0;
    for (int same = 0; same < 20;) {
      std::this_thread::sleep_for(2ms);
      const auto now = run.metrics().node("n").emitted;
      same = now == emitted && now != 0 ? same + 1 : 0;
      emitted = now;
    }
    const auto m = run.metrics();
    EXPECT_LE(m.total().batches, 4u + 4u) << "channel, one being filled, one sealed, one in the reader's hand";
    EXPECT_LE(emitted, 16u * 8u + 256u) << "one turn of the spout beyond the channel";
    release.store(true);
    run.drain();
  }
}

TEST(event_executor, spouts_without_tasks_for_their_partitions_end) {
  topology_builder b{"partitions"};
  collect_sink<int> got;
  auto n = b.spout("n", vector_spout<int>{numbers(50)}, {.parallelism = 4});
  (void)b.sink("out", got).input(n, shuffle_grouping{});
  run_to_end(b.build());
  EXPECT_EQ(sorted(got.values()), numbers(50));
}

TEST(event_executor, one_topology_runs_many_times_and_side_by_side) {
  topology_builder b{"again"};
  collect_sink<int> got;
  auto n = b.spout("n", vector_spout<int>{numbers(200)});
  (void)b.sink("out", got).input(n);
  const auto graph = b.build();
  const event_executor engine{fast()};
  auto first = engine.start(graph), second = engine.start(graph);
  finish(first);
  finish(second);
  EXPECT_EQ(got.size(), 400u);
}

TEST(event_executor, a_move_only_bolt_comes_from_a_factory) {
  struct move_only {
    std::unique_ptr<int> add;
    int process(const int& v) { return v + *add; }
  };
  topology_builder b{"factory"};
  collect_sink<int> got;
  auto n = b.spout("n", vector_spout<int>{numbers(10)});
  auto p = b.bolt("add", [] { return move_only{std::make_unique<int>(5)}; }, {.parallelism = 2})
               .input(n, shuffle_grouping{});
  (void)b.sink("out", got).input(p, global_grouping{});
  run_to_end(b.build());
  EXPECT_EQ(sorted(got.values()).front(), 5);
  EXPECT_EQ(got.size(), 10u);
}

TEST(event_executor, start_names_every_mistake_of_its_options_at_once) {
  topology_builder b{"options"};
  auto n = b.spout("n", endless_spout{}, {.max_pending = 10'000'000, .max_batch = 5000});
  (void)b.sink("out", [](const int&) {}).input(n);
  event_options o;
  o.max_batch = 0;
  o.channel_batches = 0;
  o.retry.max_attempts = 0;
  try {
    (void)event_executor{o}.start(b.build());
    FAIL() << "started";
  } catch (const topology_error& e) {
    EXPECT_EQ(e.mistakes().size(), 5u) << e.what();
    EXPECT_NE(std::string(e.what()).find("spout \"n\" has max_batch 5000"), std::string::npos) << e.what();
  }
}

std::vector<std::string> mistakes_of(const event_options& o, spout_options spout = {}) {
  topology_builder b{"options"};
  (void)b.sink("out", [](const int&) {}).input(b.spout("n", counting_spout{1}, spout));
  try {
    event_executor{o}.start(b.build()).wait();
  } catch (const topology_error& e) { return e.mistakes(); }
  return {};
}

TEST(event_executor, times_cannot_be_negative) {
  const auto o = [] {
    auto all = fast();
    all.message_timeout = -1s;
    all.drain_timeout = -1500ms;
    all.stop_timeout = -1ns;
    all.stall_limit = -1s;
    all.commit_interval = -1s;
    return all;
  }();
  EXPECT_EQ(
      mistakes_of(o),
      (std::vector<std::string>{
          "event_options::message_timeout is -1 s: a time cannot be negative; 0 or nanoseconds::max() for no limit",
          "event_options::drain_timeout is -1500 ms: a time cannot be negative; nanoseconds::max() for no limit",
          "event_options::stop_timeout is -1 ns: a time cannot be negative; nanoseconds::max() for no limit",
          "event_options::stall_limit is -1 s: a time cannot be negative; 0 for no stall detector",
          "event_options::commit_interval is -1 s: a time cannot be negative; 0 to commit as soon as there is "
          "something"}));
}

TEST(event_executor, sizes_can_be_had) {
  auto o = fast();
  o.channel_batches = ~std::size_t{0};
  const auto channels = mistakes_of(o);
  ASSERT_EQ(channels.size(), 1u);
  EXPECT_EQ(channels[0],
            "event_options::channel_batches is 18446744073709551615: it must be 1 to 65536, as each channel has room "
            "for so many from the start");
  ASSERT_EQ(mistakes_of(fast(), {.max_pending = ~std::size_t{0}}).size(), 1u);
  EXPECT_NE(mistakes_of(fast(), {.max_pending = ~std::size_t{0}})[0].find("lower max_pending"), std::string::npos);
  EXPECT_TRUE(mistakes_of(fast(guarantee::best_effort), {.max_pending = ~std::size_t{0}}).empty());
}

TEST(event_executor, times_without_end_are_taken_for_that) {
  constexpr auto ever = std::chrono::nanoseconds::max();
  for (auto g : all_guarantees()) {
    auto o = fast(g);
    o.message_timeout = o.drain_timeout = o.stop_timeout = o.stall_limit = o.commit_interval = ever;
    o.retry.longest = ever;
    attempts tried;
    topology_builder b{"for-ever"};
    std::atomic<int> written{0};
    auto n = b.spout("n", vector_spout<int>{numbers(100)});
    auto f = b.bolt("flaky", [tried](const int& v) mutable {
                if (v % 10 == 0 && tried(v) < 3) throw std::runtime_error("again");
                return v;
              }).input(n, shuffle_grouping{});
    (void)b.sink("out", [&](const int&) { ++written; }).input(f);
    run_to_end(b.build(), o);
    EXPECT_EQ(written.load(), g == guarantee::best_effort ? 90 : 100);
  }
}

TEST(retry_options, back_off_for_no_longer_than_there_is_time) {
  retry_options o;
  EXPECT_EQ(o.backoff(2), 10ms);
  EXPECT_EQ(o.backoff(4), 40ms);
  EXPECT_EQ(o.backoff(50), 10s);
  o.longest = std::chrono::nanoseconds::max();
  EXPECT_EQ(o.backoff(4'000'000'000), std::chrono::nanoseconds::max());
  o.first = 0ns;
  EXPECT_EQ(o.backoff(4'000'000'000), 0ns);
}

}  // namespace
}  // namespace freshet::event_tests
