// What a failure does: replay, retry in place, dead letters and the other policies, and the errors that end a run.
#include "event/event_run.hpp"
#include "event_fixture.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/manual_clock.hpp"

namespace freshet::event_tests {
namespace {

/// Passes values on; fails those that divide by `every` until they were tried `times` times.
struct flaky {
  int every, times;
  attempts tried;
  int process(const int& v) {
    if (v % every == 0 && tried(v) <= times) throw std::runtime_error("no luck with " + std::to_string(v));
    return v;
  }
};

TEST(failure, a_failed_message_is_replayed_by_a_spout_that_can_read_again) {
  topology_builder b{"replay"};
  collect_sink<int> got;
  auto n = b.spout("n", vector_spout<int>{numbers(1000)});
  auto f = b.bolt("flaky", flaky{7, 2, {}}, {.parallelism = 2}).input(n, shuffle_grouping{});
  (void)b.sink("out", got).input(f);
  const auto m = run_to_end(b.build());
  EXPECT_EQ(sorted(got.values()), numbers(1000)) << "the failed attempts emitted nothing";
  EXPECT_EQ(m.node("n").replayed, 2u * 143u);
  EXPECT_EQ(m.node("n").acked, 1000u);
  EXPECT_EQ(m.node("n").failed, 0u);
}

TEST(failure, and_by_the_engine_for_a_spout_that_cannot) {
  topology_builder b{"replay-kept"};
  collect_sink<int> got;
  auto n = b.spout("n", counting_spout{1000});
  auto f = b.bolt("flaky", flaky{7, 3, {}}, {.parallelism = 3}).input(n, shuffle_grouping{});
  (void)b.sink("out", got).input(f);
  const auto m = run_to_end(b.build());
  EXPECT_EQ(sorted(got.values()), numbers(1000));
  EXPECT_EQ(m.node("n").replayed, 3u * 143u);
}

TEST(failure, inside_the_spouts_own_chain_too) {
  for (bool replayable : {true, false}) {
    topology_builder b{"replay-chain"};
    collect_sink<int> got;
    auto chain = [&](auto n) {
      auto f = b.bolt("flaky", flaky{5, 2, {}}).input(n);
      (void)b.sink("out", got).input(f);
    };
    if (replayable) chain(b.spout("n", vector_spout<int>{numbers(500)}));
    else chain(b.spout("n", counting_spout{500}));
    const auto m = run_to_end(b.build());
    EXPECT_EQ(sorted(got.values()), numbers(500));
    EXPECT_EQ(m.node("n").replayed, 200u);
  }
}

TEST(failure, a_call_that_fails_half_way_emits_nothing) {
  struct half {
    attempts tried;
    void process(const int& v, emitter<int>& out) {
      for (int i = 0; i < 600; ++i) out.emit(v);
      if (tried(v) == 1) throw std::runtime_error("half way");
    }
  };
  for (auto g : {guarantee::at_least_once, guarantee::exactly_once}) {
    topology_builder b{"cut-back"};
    collect_sink<int> got;
    auto n = b.spout("n", vector_spout<int>{numbers(20)});
    auto h = b.bolt("half", half{}, {.parallelism = 2}).input(n, shuffle_grouping{});
    auto again = b.bolt("again", [](const int& v) { return v; }, {.parallelism = 2}).input(h, shuffle_grouping{});
    (void)b.sink("out", got).input(again);
    run_to_end(b.build(), fast(g));
    EXPECT_EQ(got.size(), 20u * 600u);
  }
}

TEST(failure, exactly_once_repeats_the_call_with_state_as_before_it) {
  struct count_then_throw {
    using state = std::uint64_t;
    attempts tried;
    void process(const int& v, state& n, emitter<std::uint64_t>& out) {
      ++n;
      if (v % 3 == 0 && tried(v) < 4) throw std::runtime_error("after the change");
      out.emit(n);
    }
  };
  topology_builder b{"in-place"};
  collect_sink<std::uint64_t> got;
  auto n = b.spout("n", counting_spout{300});
  auto c = b.bolt("count", count_then_throw{}, {.parallelism = 2}).input(n, key_grouping{[](const int& v) {
                                                                           return v % 4;
                                                                         }});
  (void)b.sink("out", got).input(c);
  const auto m = run_to_end(b.build(), fast(guarantee::exactly_once));
  EXPECT_EQ(got.size(), 300u);
  std::map<std::uint64_t, int> seen;
  for (auto v : got.values()) ++seen[v];
  for (std::uint64_t i = 1; i <= 75; ++i) EXPECT_EQ(seen[i], 4) << i;
  EXPECT_EQ(m.node("count").retried, 3u * 100u);
}

TEST(failure, a_fault_before_a_call_leaves_the_other_keys_alone) {
  struct count {
    using state = int;
    std::pair<int, int> process(const int& v, state& n) { return {v % 7, ++n}; }
  };
  topology_builder b{"other-keys"};
  collect_sink<std::pair<int, int>> got;
  auto n = b.spout("n", vector_spout<int>{numbers(700)});
  auto c = b.bolt("count", count{}).input(n, key_grouping{[](const int& v) { return v % 7; }});
  (void)b.sink("out", got).input(c);
  auto options = fast(guarantee::best_effort);
  auto faults = std::make_shared<testing::fault_plan>();
  for (std::uint64_t call : {0, 31, 40, 63, 64, 500}) faults->throw_at("count", 0, call);
  options.faults = faults;
  run_to_end(b.build(), options);
  EXPECT_EQ(faults->done().thrown, 6u);
  std::map<int, int> so_far;
  for (const auto& [key, count] : got.values()) EXPECT_EQ(count, ++so_far[key]) << "key " << key;
}

dead_letter only(const collect_sink<dead_letter>& letters) {
  const auto all = letters.values();
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? dead_letter{} : all[0];
}

/// It waits an hour for its second attempt, and the others don't.
TEST(failure, a_message_that_waits_to_be_emitted_again_keeps_nobody_back) {
  for (const std::size_t parallelism : {1, 2}) {
    topology_builder b{"waits"};
    std::atomic<int> got{0};
    auto n = b.spout("n", vector_spout<int>{numbers(200)});
    auto poison = b.bolt("poison",
                         [](const int& v) {
                           if (v == 7) throw std::runtime_error("poison");
                           return v;
                         },
                         {.parallelism = parallelism});
    if (parallelism == 1) poison.input(n);  // chained
    else poison.input(n, key_grouping{std::identity{}});
    (void)b.sink("out", [&](const int&) { ++got; }).input(poison);
    auto o = fast(guarantee::at_least_once);
    o.retry = {.first = std::chrono::hours(1), .longest = std::chrono::hours(1)};
    o.drain_timeout = std::chrono::milliseconds(1);
    auto run = event_executor{o}.start(b.build());
    const auto pending = [&] { return run.metrics().node("n").pending; };
    while ((got < 199 || pending() != 1) && run.status().state == run_state::running)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(got, 199);
    EXPECT_EQ(pending(), 1u);
  }
}

TEST(failure, a_poison_message_becomes_a_dead_letter_and_stops_nobody) {
  for (auto g : all_guarantees()) {
    topology_builder b{"poison"};
    collect_sink<int> got;
    collect_sink<dead_letter> letters;
    auto n = b.spout("n", vector_spout<int>{numbers(200)});
    auto p = b.bolt("poison",
                    [](const int& v) {
                      if (v == 77) throw std::runtime_error("can't digest 77");
                      return v;
                    },
                    {.parallelism = 2})
                 .input(n, key_grouping{std::identity{}});
    (void)b.sink("out", got).input(p);
    (void)b.sink("letters", letters).input(b.dead_letters());
    const auto m = run_to_end(b.build(), fast(g));
    EXPECT_EQ(got.size(), 199u);
    const auto letter = only(letters);
    EXPECT_EQ(letter.node, "poison");
    EXPECT_EQ(letter.error, "can't digest 77");
    EXPECT_EQ(letter.attempts, g == guarantee::best_effort ? 1u : 5u);
    EXPECT_EQ(letter.type, "int");
    reader bytes{letter.bytes};
    EXPECT_EQ(bytes.raw<int>(), 77);
    EXPECT_EQ(m.total().dead_lettered, 1u);
    if (g == guarantee::at_least_once) {
      EXPECT_EQ(letter.positions, (std::vector<position>{{0, 77, 78}}));
      EXPECT_EQ(m.node("n").acked, 199u);
      EXPECT_EQ(m.node("n").failed, 1u);
      EXPECT_EQ(m.node("n").pending, 0u);
    }
  }
}

/// Emits two values, and ends when it may.
struct two_and_no_end {
  std::shared_ptr<std::atomic<bool>> may_end;
  int next = 0;
  poll_status poll(spout_emitter<int>& out) {
    if (next == 2)
      return *may_end ? poll_status::ended() : poll_status::idle_until(std::chrono::steady_clock::now() + 1ms);
    out.emit(next++);
    return poll_status::emitted();
  }
};

/// 0 sets a timer that sets itself again, and whatever else comes is refused (fifty times at most).
struct refuses_beside_timers {
  using state = int;
  std::shared_ptr<std::atomic<bool>> is_over;
  std::shared_ptr<std::atomic<int>> refused;
  void process(const int& v, state&, processing_timers& t) {
    if (v == 0) return t.at(t.now());
    if (++*refused <= 50) throw std::runtime_error("refused");
    *is_over = true;
  }
  void on_processing_timer(const int&, event_time, state&, processing_timers& t) {
    if (!*is_over) t.at(t.now() + 1ms);
  }
};

TEST(failure, timers_that_come_in_between_do_not_hide_how_often_a_tuple_was_tried) {
  const auto is_over = std::make_shared<std::atomic<bool>>(false);
  const auto refused = std::make_shared<std::atomic<int>>(0);
  topology_builder b{"timers-between"};
  auto n = b.spout("n", two_and_no_end{is_over});
  (void)b.bolt("picky", refuses_beside_timers{is_over, refused}).input(n, key_grouping{std::identity{}});
  (void)b.sink("letters", [&](const dead_letter&) { *is_over = true; }).input(b.dead_letters());
  auto o = fast(guarantee::exactly_once);
  o.retry = {.max_attempts = 5, .first = 5ms, .longest = 5ms};  // a timer is due when such a pause is over
  const auto m = run_to_end(b.build(), o);
  EXPECT_EQ(*refused, 5);
  EXPECT_EQ(m.total().dead_lettered, 1u);
}

TEST(failure, dead_letters_that_nobody_reads_are_counted_and_kept) {
  for (auto g : all_guarantees()) {
    topology_builder b{"unread"};
    auto n = b.spout("n", counting_spout{10});
    (void)
        b.sink("out", [](const int& v) {
           if (v % 2) throw std::runtime_error("odd");
         }).input(n, shuffle_grouping{});
    auto o = fast(g);
    o.kept_dead_letters = 3;
    auto run = event_executor{o}.start(b.build());
    const auto m = finish(run);
    EXPECT_EQ(m.total().dead_lettered, 5u);
    const auto kept = run.status().unread_dead_letters;
    ASSERT_EQ(kept.size(), 3u);
    EXPECT_EQ(kept.back().node, "out");
    EXPECT_EQ(kept.back().error, "odd");
  }
}

TEST(failure, what_fails_below_the_dead_letters_is_retried_there_and_then_counted) {
  topology_builder b{"letters-fail"};
  attempts tried;
  std::atomic<int> written{0};
  auto n = b.spout("n", counting_spout{3});
  (void)b.sink("out", [](const int&) { throw std::runtime_error("never"); }).input(n, shuffle_grouping{});
  (void)
      b.sink("letters", [&](const dead_letter& l) {
         reader r{l.bytes};
         const int v = r.raw<int>();
         if (v == 0 || tried(v) < 3) throw std::runtime_error("letter box full");
         ++written;
       }).input(b.dead_letters());
  auto run = event_executor{fast()}.start(b.build());
  const auto m = finish(run);
  EXPECT_EQ(written.load(), 2);
  EXPECT_EQ(run.status().unread_dead_letters.size(), 1u);
  EXPECT_EQ(m.node("n").pending, 0u);
}

TEST(failure, a_letter_that_a_grouping_throws_at_is_shown_and_is_sent_to_nobody) {
  for (auto g : all_guarantees()) {
    topology_builder b{"letters-thrown-at"};
    std::atomic<int> read{0};
    auto n = b.spout("n", vector_spout<int>{numbers(5)});
    auto f = b.bolt("fails", [](const int& v) {
                if (v == 2) throw std::runtime_error("poison");
                return v;
              }).input(n, shuffle_grouping{});
    (void)b.sink("out", [](const int&) {}).input(f);
    (void)b.sink("all", [&](const dead_letter&) { ++read; }).input(b.dead_letters());
    const auto thrown_at = [](const dead_letter&, std::size_t) -> std::size_t { throw std::runtime_error("no box"); };
    (void)b.sink("letters", [&](const dead_letter&) { ++read; }).input(b.dead_letters(), custom_grouping{thrown_at});
    auto run = event_executor{fast(g)}.start(b.build());
    ASSERT_TRUE(run.wait_for(20s)) << to_string(g);
    EXPECT_EQ(read.load(), 0);
    const auto unread = run.status().unread_dead_letters;
    ASSERT_EQ(unread.size(), 1u) << to_string(g);
    EXPECT_EQ(unread[0].node, "fails");
    EXPECT_EQ(unread[0].error, "poison; its letter could not be sent to sink \"letters\": no box");
    const auto m = run.metrics();
    EXPECT_EQ(m.total().dead_lettered, 1u);
    EXPECT_EQ(m.node("n").pending, 0u);
  }
}

TEST(failure, skip_counts_and_goes_on) {
  for (auto g : all_guarantees()) {
    topology_builder b{"skip"};
    collect_sink<int> got;
    auto n = b.spout("n", counting_spout{10});
    auto s = b.bolt("picky",
                    [](const int& v) {
                      if (v == 3) throw std::runtime_error("not three");
                      return v;
                    },
                    {.on_failure = on_failure::skip})
                 .input(n, shuffle_grouping{});
    (void)b.sink("out", got).input(s);
    const auto m = run_to_end(b.build(), fast(g));
    EXPECT_EQ(got.size(), 9u);
    EXPECT_EQ(m.total().skipped, 1u);
    EXPECT_EQ(m.total().dead_lettered, 0u);
  }
}

/// The error a run ends with.
std::string error_of(const topology& graph, event_options options) {
  try {
    auto run = event_executor{std::move(options)}.start(graph);
    if (!run.wait_for(60s)) std::abort();
  } catch (const run_error& e) { return e.what(); }
  return "no error";
}

TEST(failure, stop_ends_the_run_with_node_task_and_attempt) {
  for (auto g : all_guarantees()) {
    topology_builder b{"stop"};
    auto n = b.spout("n", counting_spout{10});
    auto s = b.bolt("strict", [](const int& v) -> int { throw std::runtime_error("refused " + std::to_string(v)); },
                    {.on_failure = on_failure::stop})
                 .input(n, global_grouping{});
    (void)b.sink("out", [](const int&) {}).input(s);
    const auto e = error_of(b.build(), fast(g));
    EXPECT_NE(
        e.find("bolt \"strict\" task 0, attempt " + std::string(g == guarantee::best_effort ? "1" : "5") + ": refused"),
        std::string::npos)
        << e;
  }
}

template <class Bolt>
topology with_bolt(Bolt bolt) {
  topology_builder b{"throwing"};
  auto n = b.spout("n", counting_spout{5});
  auto t = b.bolt("culprit", std::move(bolt), {.on_failure = on_failure::stop}).input(n, global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(t);
  return b.build();
}

TEST(failure, a_throwing_open_flush_or_close_names_itself) {
  struct bad_open {
    void open(const task_context&) { throw std::runtime_error("no connection"); }
    int process(const int& v) { return v; }
  };
  struct bad_flush {
    int process(const int& v) { return v; }
    void flush(emitter<int>&) { throw std::runtime_error("stuck"); }
  };
  struct bad_close {
    int process(const int& v) { return v; }
    void close() { throw std::runtime_error("hinge"); }
  };
  for (auto g : all_guarantees()) {
    EXPECT_EQ(error_of(with_bolt(bad_open{}), fast(g)),
              "bolt \"culprit\" task 0, attempt 1: open failed: no connection");
    const auto n = g == guarantee::best_effort ? "1" : "5";
    EXPECT_EQ(error_of(with_bolt(bad_flush{}), fast(g)),
              std::string("bolt \"culprit\" task 0, attempt ") + n + ": flush failed: stuck");
    EXPECT_EQ(error_of(with_bolt(bad_close{}), fast(g)), "bolt \"culprit\" task 0, attempt 1: close failed: hinge");
  }
}

TEST(failure, ticks_that_come_in_between_do_not_hide_how_often_a_flush_was_tried) {
  struct stuck {
    int tried = 0;
    int process(const int& v) { return v; }
    void on_tick(emitter<int>&) {}
    void flush(emitter<int>&) {
      if (++tried <= 50) throw std::runtime_error("stuck");
    }
  };
  topology_builder b{"ticks-between"};
  auto s = b.bolt("culprit", stuck{}, {.tick = 1ms, .on_failure = on_failure::stop})
               .input(b.spout("n", counting_spout{5}), global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(s);
  auto o = fast();
  o.retry = {.max_attempts = 5, .first = 5ms, .longest = 5ms};  // a tick is due when such a pause is over
  EXPECT_EQ(error_of(b.build(), o), "bolt \"culprit\" task 0, attempt 5: flush failed: stuck");
}

TEST(failure, a_throwing_poll_is_tried_again_and_then_ends_the_run) {
  struct bad_poll {
    int failures;
    int tried = 0;
    poll_status poll(spout_emitter<int>& out) {
      if (tried++ < failures) throw std::runtime_error("cable out");
      out.emit(1);
      return poll_status::ended();
    }
  };
  for (auto g : all_guarantees()) {
    for (int failures : {3, 100}) {
      topology_builder b{"poll"};
      collect_sink<int> got;
      auto n = b.spout("n", bad_poll{failures});
      (void)b.sink("out", got).input(n);
      const auto e = error_of(b.build(), fast(g));
      EXPECT_EQ(e, failures == 3 ? "no error" : "spout \"n\" task 0, attempt 5: poll failed: cable out");
      EXPECT_EQ(got.size(), failures == 3 ? 1u : 0u);
    }
  }
}

TEST(failure, a_spout_counts_as_failed_only_messages_that_are_given_up) {
  struct stumbling_spout {
    int tried = 0, next = 0;
    poll_status poll(spout_emitter<int>& out) {
      if (tried++ % 2 == 0) throw std::runtime_error("cable loose");
      out.emit(next++);
      return next == 10 ? poll_status::ended() : poll_status::emitted();
    }
  };
  for (auto g : all_guarantees()) {
    topology_builder b{"stumbles"};
    auto n = b.spout("n", stumbling_spout{});
    auto f = b.bolt("flaky", flaky{5, g == guarantee::best_effort ? 0 : 2, {}}).input(n);  // in the spout's chain
    auto picky = b.bolt("picky", [](const int& v) {
                    if (v == 7) throw std::runtime_error("not seven");
                    return v;
                  }).input(f);
    (void)b.sink("out", [](const int&) {}).input(picky);
    const auto m = run_to_end(b.build(), fast(g));
    EXPECT_EQ(m.node("n").emitted, 10u);
    EXPECT_EQ(m.node("n").failed, 1u) << to_string(g);
    EXPECT_EQ(m.node("n").acked, 9u);
  }
}

TEST(failure, a_throwing_key_or_grouping_is_the_reading_nodes_failure) {
  for (auto g : all_guarantees()) {
    topology_builder b{"keys"};
    collect_sink<dead_letter> letters;
    collect_sink<int> got;
    auto n = b.spout("n", counting_spout{10});
    auto pass = b.bolt("pass", [](const int& v) { return v; }, {.parallelism = 2}).input(n, shuffle_grouping{});
    auto by_key =
        b.bolt("by-key", [](const int& v) { return v; }, {.parallelism = 2}).input(pass, key_grouping{[](const int& v) {
                                                                                     if (v == 4)
                                                                                       throw std::runtime_error(
                                                                                           "no key");
                                                                                     return v;
                                                                                   }});
    (void)b.sink("out", got, {.parallelism = 2}).input(by_key, custom_grouping{[](const int& v, std::size_t) {
                                                         return static_cast<std::size_t>(v == 6 ? 9 : 0);
                                                       }});
    (void)b.sink("letters", letters).input(b.dead_letters());
    run_to_end(b.build(), fast(g));
    EXPECT_EQ(got.size(), 8u);
    std::map<std::string, std::string> errors;
    for (const auto& l : letters.values()) errors[l.node] = l.error;
    EXPECT_EQ(errors["by-key"], "no key");
    EXPECT_EQ(errors["out"], "the grouping chose task 9, but there are only 2 (0 to 1)");
  }
}

TEST(failure, key_functions_groupings_and_sinks_that_throw_end_a_run_by_name) {
  struct place {
    const char* what;
    std::string expected;
  };
  for (auto g : all_guarantees()) {
    const std::string attempt = g == guarantee::best_effort ? "1" : "5";
    for (const auto& [what, expected] : {place{"key", "bolt \"by-key\" task 0, attempt " + attempt + ": no key"},
                                         place{"custom", "sink \"out\" task 0, attempt " + attempt + ": no choice"},
                                         place{"sink", "sink \"out\" task 1, attempt " + attempt + ": no ink"}}) {
      const auto fails = [what = std::string_view(what)](std::string_view here) {
        if (what == here)
          throw std::runtime_error(here == "key" ? "no key" : here == "custom" ? "no choice" : "no ink");
      };
      topology_builder b{"named"};
      auto n = b.spout("n", counting_spout{5});
      auto pass = b.bolt("pass", [](const int& v) { return v; }).input(n, shuffle_grouping{});
      auto keyed = b.bolt("by-key", [](const int& v) { return v; }, {.on_failure = on_failure::stop})
                       .input(pass, key_grouping{[fails](const int& v) {
                                fails("key");
                                return v;
                              }});
      (void)b.sink("out", [fails](const int&) { fails("sink"); }, {.parallelism = 2, .on_failure = on_failure::stop})
          .input(keyed, custom_grouping{[fails](const int&, std::size_t) {
                   fails("custom");
                   return std::size_t{1};
                 }});
      EXPECT_EQ(error_of(b.build(), fast(g)), expected);
    }
  }
}

TEST(failure, a_throwing_sink_is_a_failure_like_any_other) {
  for (bool local : {true, false}) {
    topology_builder b{"sink"};
    attempts tried;
    std::mutex mutex;
    std::vector<int> written;
    auto n = b.spout("n", vector_spout<int>{numbers(100)});
    auto sink = b.sink("out", [&](const int& v) {
      if (v % 10 == 0 && tried(v) < 3) throw std::runtime_error("disk full");
      std::lock_guard lock(mutex);
      written.push_back(v);
    });
    if (local) (void)sink.input(n);
    else (void)sink.input(n, shuffle_grouping{});
    const auto m = run_to_end(b.build());
    EXPECT_EQ(sorted(written), numbers(100));
    EXPECT_EQ(m.node("n").replayed, 20u);
  }
}

TEST(failure, exceptions_of_any_type_are_caught) {
  topology_builder b{"odd-exceptions"};
  collect_sink<dead_letter> letters;
  auto n = b.spout("n", counting_spout{3});
  (void)
      b.sink("out", [](const int& v) {
         if (v == 0) throw "a text";
         if (v == 1) throw 7;
         throw std::string("a string");
       }).input(n);
  (void)b.sink("letters", letters).input(b.dead_letters());
  run_to_end(b.build(), fast(guarantee::best_effort));
  std::vector<std::string> errors;
  for (const auto& l : letters.values()) errors.push_back(l.error);
  EXPECT_EQ(sorted(errors),
            (std::vector<std::string>{"a string", "a text", "an exception that is not a std::exception"}));
}

/// Commits what is finished, in order.
struct committing_spout : vector_spout<int> {
  std::shared_ptr<std::vector<position>> committed;
  committing_spout(std::vector<int> v, std::shared_ptr<std::vector<position>> c)
      : vector_spout(std::move(v)), committed(std::move(c)) {}
  poll_status poll(spout_emitter<int>& out) { return vector_spout::poll(out); }
  void commit(const position& p) { committed->push_back(p); }
};

TEST(failure, positions_are_committed_up_to_what_is_finished) {
  for (auto g : all_guarantees()) {
    topology_builder b{"commit"};
    auto committed = std::make_shared<std::vector<position>>();
    auto n = b.spout("n", committing_spout{numbers(100), committed});
    (void)b.sink("out", [](const int&) {}).input(n, shuffle_grouping{});
    run_to_end(b.build(), fast(g));
    ASSERT_FALSE(committed->empty());
    EXPECT_EQ(committed->back(), (position{0, 100, 100}));
    EXPECT_TRUE(std::is_sorted(committed->begin(), committed->end()));
  }
}

TEST(failure, positions_are_committed_behind_what_was_written) {
  struct watching_spout : vector_spout<int> {
    std::shared_ptr<std::atomic<std::uint64_t>> written, ahead;
    poll_status poll(spout_emitter<int>& out) { return vector_spout::poll(out); }
    void commit(const position& p) { *ahead += p.next - std::min(p.next, written->load()); }
  };
  for (auto g : {guarantee::at_least_once, guarantee::exactly_once}) {
    topology_builder b{"commit-behind"};
    const auto written = std::make_shared<std::atomic<std::uint64_t>>(0),
               ahead = std::make_shared<std::atomic<std::uint64_t>>(0);
    auto n = b.spout("n", watching_spout{vector_spout<int>{numbers(100)}, written, ahead});
    auto pass = b.bolt("pass", [](const int& v) { return v; }).input(n, global_grouping{});
    (void)b.sink("out", [written](const int&) { ++*written; }).input(pass, shuffle_grouping{});
    auto o = fast(g);
    o.workers = 1;  // the spout has ended before the bolt sees its first tuple
    run_to_end(b.build(), o);
    EXPECT_EQ(written->load(), 100u);
    EXPECT_EQ(ahead->load(), 0u) << to_string(g);
  }
}

TEST(failure, sinks_in_one_task_are_tried_again_each_for_itself) {
  topology_builder b{"two-sinks"};
  std::atomic<int> a{0}, c{0};
  auto n = b.spout("n", vector_spout<int>{{1, 2, 3}});
  (void)
      b.sink("a", [&](const int&) {
         ++a;
         throw std::runtime_error("a");
       }).input(n);
  (void)
      b.sink("c", [&](const int&) {
         ++c;
         throw std::runtime_error("c");
       }).input(n);
  (void)b.sink("healthy", [](const int&) {}).input(n);
  const auto m = run_to_end(b.build(), fast(guarantee::exactly_once));
  EXPECT_EQ(a.load(), 15);
  EXPECT_EQ(c.load(), 15);
  EXPECT_EQ(m.total().dead_lettered, 6u);
}

TEST(failure, a_healthy_sink_does_not_hide_how_often_a_tuple_was_tried) {
  topology_builder b{"poison"};
  int calls = 0;
  auto n = b.spout("n", vector_spout<int>{{1, 2, 3}});
  auto f = b.bolt("fails", [&](const int& v) {
              if (v == 2) {
                ++calls;
                throw std::runtime_error("poison");
              }
              return v;
            }).input(n);
  (void)b.sink("out", [](const int&) {}).input(f);
  auto run = event_executor{fast(guarantee::exactly_once)}.start(b.build());
  finish(run);
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(run.status().unread_dead_letters.at(0).attempts, 5u);
}

TEST(failure, attempts_whose_trees_stay_open_make_polls_and_replays_wait) {
  // Every attempt keeps its slot while the other branch holds its tuple: the slots run out.
  struct keeper {
    struct desk {
      std::mutex mutex;
      std::vector<held_tuple> tokens;
    };
    std::shared_ptr<desk> shared = std::make_shared<desk>();
    void process(const int&, emitter<int>& out) {
      std::lock_guard lock(shared->mutex);
      shared->tokens.push_back(out.hold());
    }
  };
  constexpr int messages = 2000;
  topology_builder b{"slots"};
  keeper keep;
  std::atomic<int> letters{0};
  auto n = b.spout("n", counting_spout{messages}, {.max_pending = messages});
  auto f = b.bolt("fails", [](const int&) -> int { throw std::runtime_error("always"); }).input(n, shuffle_grouping{});
  auto k = b.bolt("keeps", keep).input(n, shuffle_grouping{});
  (void)b.sink("out", [](const int&) {}).input(merge(stream_ref<int>(f), stream_ref<int>(k)), shuffle_grouping{});
  (void)b.sink("letters", [&](const dead_letter&) { ++letters; }).input(b.dead_letters());
  auto run = event_executor{fast()}.start(b.build());
  while (run.metrics().node("n").replayed < messages) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);  // until no slot is left
  while (!run.wait_for(1ms)) {
    std::vector<held_tuple> some;
    {
      std::lock_guard lock(keep.shared->mutex);
      some.swap(keep.shared->tokens);
    }
    for (auto& token : some) token.ack();
  }
  const auto m = run.metrics().node("n");
  EXPECT_EQ(m.emitted, 2000u);
  EXPECT_EQ(m.failed, 2000u);
  EXPECT_EQ(letters.load(), messages);
}

/// `each` tuples a message; reads `surplus` more than asked for.
struct wide_spout {
  std::uint64_t messages;
  int each;
  std::uint64_t surplus = 0;
  std::uint64_t next = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> committed = std::make_shared<std::atomic<std::uint64_t>>(0);
  poll_status poll(spout_emitter<int>& out) {
    if (next == messages) return poll_status::ended();
    emit(next++, out);
    return poll_status::emitted();
  }
  void emit(std::uint64_t i, spout_emitter<int>& out) {
    for (int k = 0; k < each; ++k) out.emit({0, i, i + 1}, static_cast<int>(i));
  }
  void read(const position_range& r, spout_emitter<int>& out) {
    for (auto i = r.from; i < r.to + surplus; ++i) emit(i, out);
  }
  void seek(const position& p) { next = p.offset; }
  void commit(const position& p) { *committed = p.next; }
};

TEST(failure, a_message_of_many_tuples_dies_as_one) {
  topology_builder b{"wide"};
  std::vector<dead_letter> letters;
  std::map<int, int> got;
  auto n = b.spout("n", wide_spout{3, 3000});
  auto f = b.bolt("fails", [seen = 0](const int& v) mutable {
              if (v == 1 && ++seen % 3000 == 2500) throw std::runtime_error("one of many");
              return v;
            }).input(n, global_grouping{});
  (void)b.sink("out", [&](const int& v) { ++got[v]; }).input(f, global_grouping{});
  (void)b.sink("letters", [&](const dead_letter& l) { letters.push_back(l); }).input(b.dead_letters());
  const auto m = run_to_end(b.build()).node("n");
  EXPECT_EQ(m.acked, 2u);
  EXPECT_EQ(m.failed, 1u);
  EXPECT_EQ(got[0], 3000);
  EXPECT_EQ(got[2], 3000);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].bytes.size(), 3000 * sizeof(int));
}

/// One message of three tuples, whose first `read` throws behind the first of them.
struct torn_read_spout : wide_spout {
  torn_read_spout() : wide_spout{.messages = 1, .each = 3} {}
  int reads = 0;
  poll_status poll(spout_emitter<int>& out) {
    if (next == messages) return poll_status::ended();
    ++next;
    for (int k = 0; k < each; ++k) out.emit({0, 0, 1}, k);
    return poll_status::emitted();
  }
  void read(const position_range& r, spout_emitter<int>& out) {
    if (r.from > 0 || r.to < 1) return;
    ++reads;
    for (int k = 0; k < each; ++k) {
      if (reads == 1 && k == 1) throw std::runtime_error("connection reset");
      out.emit({0, 0, 1}, k);
    }
  }
};

/// What the read had emitted is done, or has failed: either way the message is read once more.
TEST(failure, a_message_of_which_a_read_gave_only_a_part_is_read_again) {
  for (const bool chained : {true, false})
    for (const int failures : {3, 4}) {
      topology_builder b{"torn"};
      std::map<int, int> got;
      torn_read_spout spout;
      const auto committed = spout.committed;
      auto n = b.spout("n", spout);
      auto f = b.bolt("fails", [calls = 0, failures](const int& v) mutable {
        if (++calls <= failures) throw std::runtime_error("not yet");
        return v;
      });
      if (chained) f.input(n);
      else f.input(n, global_grouping{});
      (void)b.sink("out", [&](const int& v) { ++got[v]; }).input(f, global_grouping{});
      const auto m = run_to_end(b.build()).node("n");
      for (int v = 0; v < 3; ++v) EXPECT_GE(got[v], 1) << v << (chained ? ", chained, " : ", ") << failures;
      EXPECT_EQ(m.acked, 1u);
      EXPECT_EQ(m.failed, 0u);
      EXPECT_EQ(m.pending, 0u);
      EXPECT_EQ(m.replayed, 2u);
      EXPECT_EQ(committed->load(), 1u);
    }
}

/// One message of two damaged parts and a tuple, and one that is whole.
struct half_damaged_spout : wide_spout {
  half_damaged_spout() : wide_spout{.messages = 2, .each = 1} {}
  poll_status poll(spout_emitter<int>& out) {
    if (next == messages) return poll_status::ended();
    emit(next++, out);
    return poll_status::emitted();
  }
  void read(const position_range& r, spout_emitter<int>& out) {
    for (auto i = r.from; i < r.to; ++i) emit(i, out);
  }

 private:
  void emit(std::uint64_t i, spout_emitter<int>& out) {
    const position at{0, i, i + 1};
    if (i == 0) out.reject(at, {errc::user_function, "no number"}, "12x");
    if (i == 0) out.reject(at, {errc::user_function, "no number"}, "x");
    out.emit(at, static_cast<int>(i));
  }
};

TEST(failure, a_message_of_which_parts_are_rejected_counts_once) {
  for (auto g : all_guarantees())
    for (const int failures : {0, 2}) {
      if (g == guarantee::best_effort && failures != 0) continue;  // each would be given up
      topology_builder b{"parts"};
      std::map<int, int> got;
      std::vector<dead_letter> letters;
      auto n = b.spout("n", half_damaged_spout{});
      auto f = b.bolt("flaky", flaky{2, failures, {}}).input(n, global_grouping{});
      (void)b.sink("out", [&](const int& v) { ++got[v]; }).input(f, global_grouping{});
      (void)b.sink("letters", [&](const dead_letter& l) { letters.push_back(l); }).input(b.dead_letters());
      const auto m = run_to_end(b.build(), fast(g)).node("n");
      EXPECT_EQ(got, (std::map<int, int>{{0, 1}, {1, 1}})) << to_string(g);
      EXPECT_EQ(m.emitted, 2u);
      EXPECT_EQ(m.acked, 1u) << to_string(g) << ", " << failures;
      EXPECT_EQ(m.failed, 1u) << to_string(g) << ", " << failures;
      EXPECT_EQ(m.pending, 0u);
      // Each attempt waits for letters of its own.
      EXPECT_EQ(letters.size(), g == guarantee::at_least_once ? 2u * (1u + static_cast<unsigned>(failures)) : 2u);
    }
}

/// A message of three tuples. Its first poll throws behind the first, and the next emits the message from its beginning
/// or goes on.
struct torn_poll_spout : torn_read_spout {
  explicit torn_poll_spout(bool again) : from(again ? 0 : 1) { reads = 1; }
  int polls = 0, from;
  poll_status poll(spout_emitter<int>& out) {
    if (++polls == 1) {
      out.emit({0, 0, 1}, 0);
      throw std::runtime_error("connection reset");
    }
    if (polls > 2) return poll_status::ended();
    for (int k = from; k < each; ++k) out.emit({0, 0, 1}, k);
    return poll_status::emitted();
  }
};

TEST(failure, nothing_is_lost_of_a_message_within_which_a_poll_throws) {
  for (const bool again : {true, false})
    for (const int fails : {0, 1, 2}) {
      topology_builder b{"torn"};
      std::map<int, int> got;
      torn_poll_spout spout{again};
      const auto committed = spout.committed;
      auto n = b.spout("n", spout);
      auto f = b.bolt("flaky", [fails, tried = attempts{}](const int& v) mutable {
                  if (v == fails && tried(v) == 1) throw std::runtime_error("not yet");
                  return v;
                }).input(n, global_grouping{});
      (void)b.sink("out", [&](const int& v) { ++got[v]; }).input(f, global_grouping{});
      const auto m = run_to_end(b.build());
      for (int v = 0; v < 3; ++v) EXPECT_GE(got[v], 1) << v << ", tuple " << fails << " failed once, again " << again;
      EXPECT_EQ(m.total().dead_lettered, 0u);
      EXPECT_EQ(m.node("n").pending, 0u);
      EXPECT_EQ(committed->load(), 1u);
    }
}

/// What a torn poll gave is done long before the rest of its message comes.
TEST(failure, a_message_within_which_a_poll_threw_is_not_committed_before_the_spout_goes_on) {
  for (const bool again : {true, false}) {
    topology_builder b{"paused"};
    torn_poll_spout spout{again};
    (void)b.sink("out", [](const int&) {}).input(b.spout("n", spout), global_grouping{});
    testing::manual_clock time;
    auto o = fast();
    o.commit_interval = {};
    o.clock = &time;
    event_run run{b.build(), o};
    run.start_by_hand();
    run.pool().run_until_quiet();
    EXPECT_EQ(run.metrics().node("n").acked, 1u);
    EXPECT_EQ(spout.committed->load(), 0u) << "the next run would not read the rest";
    time.advance(1ms);
    run.pool().run_until_quiet();
    EXPECT_EQ(spout.committed->load(), 1u);
    EXPECT_TRUE(run.unfinished().empty()) << run.unfinished();
  }
}

TEST(failure, a_spout_that_reads_more_than_it_was_asked_for_is_told_so) {
  topology_builder b{"surplus"};
  auto n = b.spout("numbers", wide_spout{10, 1, 1});
  auto f = b.bolt("flaky", flaky{3, 1, {}}).input(n, global_grouping{});
  (void)b.sink("out", [](const int&) {}).input(f);
  auto run = event_executor{fast()}.start(b.build());
  try {
    ASSERT_TRUE(run.wait_for(60s));
    FAIL();
  } catch (const run_error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("\"numbers\" task 0"), std::string::npos) << text;
    EXPECT_NE(text.find("not asked for"), std::string::npos) << text;
  }
}

TEST(failure, positions_are_committed_while_a_spout_is_held_back) {
  topology_builder b{"load"};
  wide_spout spout{1u << 30, 1};
  const auto committed = spout.committed;
  auto n = b.spout("n", spout);
  auto many = b.bolt("many", [](const int& v, emitter<int>& out) {
                 for (int k = 0; k < 300; ++k) out.emit(v);
               }).input(n);
  (void)b.sink("out", [](const int&) { std::this_thread::yield(); }).input(many, shuffle_grouping{});
  auto o = fast();
  o.commit_interval = 1ms;
  auto run = event_executor{o}.start(b.build());
  for (int waited = 0; waited < 60'000 && *committed == 0; ++waited) std::this_thread::sleep_for(1ms);
  EXPECT_GT(committed->load(), 0u);
  run.stop();
}

TEST(failure, a_wake_does_not_end_the_pause_after_a_failed_poll) {
  struct broken {
    std::shared_ptr<std::pair<std::atomic<int>, waker>> shared = std::make_shared<std::pair<std::atomic<int>, waker>>();
    void open(const task_context& c) { shared->second = c.wake; }
    poll_status poll(spout_emitter<int>&) {
      ++shared->first;
      throw std::runtime_error("no connection");
    }
  };
  topology_builder b{"pause"};
  broken spout;
  (void)b.sink("out", [](const int&) {}).input(b.spout("n", spout));
  auto o = fast();
  o.retry = {.first = 1h, .longest = 1h};
  auto run = event_executor{o}.start(b.build());
  while (spout.shared->first == 0) std::this_thread::yield();
  for (int n = 0; n < 100; ++n) {
    spout.shared->second();
    std::this_thread::sleep_for(100us);
  }
  EXPECT_EQ(spout.shared->first.load(), 1);
  run.stop();
}

TEST(failure, a_sink_that_commits_by_epochs_is_refused_by_name) {
  struct ledger_sink {
    using token = int;
    void begin(const epoch_id&) {}
    void write(const int&) {}
    token prepare() { return 1; }
    void commit(const token&) {}
    void abort() {}
  };
  topology_builder b{"epochs"};
  (void)b.sink("books", ledger_sink{}).input(b.spout("n", vector_spout<int>{{1}}));
  const auto graph = b.build();
  try {
    event_executor{fast()}.start(graph);
    FAIL();
  } catch (const topology_error& e) { EXPECT_NE(std::string(e.what()).find("sink \"books\""), std::string::npos); }
}

}  // namespace
}  // namespace freshet::event_tests
