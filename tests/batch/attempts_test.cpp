#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>
#include <thread>

#include "batch/batch_probe.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/simulated_files.hpp"

// What a throw does: attempts, policies, and the errors that end a run.
namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using namespace std::chrono_literals;
using freshet::testing::fault_plan;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// in -> same (x 2) -> sums (keyed, x 3) -> out
topology three_stages(const collect_sink<std::pair<int, long>>& sink, int n,
                      on_failure policy = on_failure::dead_letter) {
  topology_builder builder{"three stages"};
  auto source = builder.spout("in", vector_spout{numbers(n)});
  auto same = builder.bolt("same", [](int v) { return v; }, {.parallelism = 2, .on_failure = policy})
                  .input(source, shuffle_grouping{});
  auto sums = builder.bolt("sums", sum_by_last_digit{}, {.parallelism = 3, .on_failure = policy})
                  .input(same, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});
  return builder.build();
}
std::vector<std::pair<int, long>> answer(batch_options options, int n = 1000) {
  collect_sink<std::pair<int, long>> sink;
  batch_executor{std::move(options)}.start(three_stages(sink, n)).wait();
  return sink.take();
}

TEST(attempts, fewer_than_the_limit_change_nothing) {
  const auto expected = answer(batches_of(100));
  ASSERT_EQ(expected.size(), 1000u);
  for (const char* node : {"in", "same", "sums"})
    for (std::size_t workers : {1, 2, 8}) {
      auto faults = std::make_shared<fault_plan>();
      faults->throw_at(node, 0, 7, 3);
      EXPECT_EQ(answer(batches_of(100, {.workers = workers, .faults = faults})), expected) << node;
      EXPECT_EQ(faults->done().thrown, 3u);
    }
}

TEST(attempts, spouts_that_cannot_read_again_take_part) {
  topology_builder builder{"push"};
  push_like_spout spout;
  for (int v = 0; v < 1000; ++v) spout.source().push(v);
  spout.source().close();
  collect_sink<int> sink;
  auto source = builder.spout("push", spout);
  auto same = builder.bolt("same", [](int v) { return v; }).input(source);  // in the spout's chain
  builder.sink("out", sink).input(same);
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("same", 0, 300, 3);  // a fresh copy counts anew
  auto run = batch_executor{batches_of(500, {.faults = faults})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(1000));
  EXPECT_EQ(faults->done().thrown, 3u);
  EXPECT_EQ(run.metrics().batches[0].attempts_failed, 3u);
}

/// The fresh copy starts from what the user gave, in an attempt of its own number.
TEST(attempts, each_starts_from_a_fresh_copy) {
  topology_builder builder{"copies"};
  collect_sink<int> sink;
  struct remembers {
    std::shared_ptr<std::vector<std::uint32_t>> opened;
    int calls = 0;
    void open(const task_context& c) { opened->push_back(c.attempt); }
    int process(int) {
      if (++calls == 50 && opened->size() < 3) throw std::runtime_error("not yet");
      return calls;
    }
  };
  auto opened = std::make_shared<std::vector<std::uint32_t>>();
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto bolt = builder.bolt("copy", remembers{opened}).input(source, global_grouping{});
  builder.sink("out", sink).input(bolt);
  auto run = batch_executor{batches_of(100)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(100, 1));
  EXPECT_EQ(*opened, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(run.metrics().node("copy").retried, 2u);
  EXPECT_EQ(run.metrics().batches[0].attempts_failed, 2u);
}

TEST(attempts, a_tuple_that_fails_them_all_becomes_a_dead_letter) {
  for (std::size_t workers : {1, 2}) {
    topology_builder builder{"letters"};
    collect_sink<int> sink;
    collect_sink<dead_letter> letters;
    auto source = builder.spout("in", vector_spout{numbers(100)});
    auto picky = builder
                     .bolt("picky",
                           [](int v) {
                             if (v % 40 == 13) throw std::runtime_error("unlucky " + std::to_string(v));
                             return v;
                           })
                     .input(source, shuffle_grouping{});
    builder.sink("out", sink).input(picky, global_grouping{});
    builder.sink("letters", letters).input(builder.dead_letters());
    auto run = batch_executor{batches_of(50, {.workers = workers})}.start(builder.build());
    run.wait();
    EXPECT_EQ(sink.size(), 97u);
    const auto all = letters.take();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].node, "picky");
    EXPECT_EQ(all[0].error, "unlucky 13");
    EXPECT_EQ(all[0].attempts, 4u);
    EXPECT_EQ(all[0].type, "int");
    EXPECT_FALSE(all[0].bytes.empty());
    EXPECT_EQ(all[2].error, "unlucky 93");
    EXPECT_EQ(run.metrics().node("picky").dead_lettered, 3u);
    // 13: four times, and once more when it is given up; 53 the same, and with 93 until that is given up too.
    EXPECT_EQ(run.metrics().node("picky").failed, 5u + 4 + 5 * 2);
  }
}

TEST(attempts, unread_dead_letters_are_kept_for_the_status) {
  topology_builder builder{"unread"};
  auto source = builder.spout("in", vector_spout{numbers(10)});
  auto picky = builder
                   .bolt("picky",
                         [](int v) {
                           if (v == 3) throw std::runtime_error("three");
                           return v;
                         })
                   .input(source);  // in the spout's chain
  collect_sink<int> sink;
  builder.sink("out", sink).input(picky);
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 9u);
  const auto unread = run.status().unread_dead_letters;
  ASSERT_EQ(unread.size(), 1u);
  EXPECT_EQ(unread[0].error, "three");
  EXPECT_EQ(run.metrics().node("in").acked, 9u);
}

TEST(attempts, a_letter_that_a_grouping_throws_at_is_shown_and_is_sent_to_nobody) {
  topology_builder builder{"thrown-at"};
  collect_sink<int> sink;
  collect_sink<dead_letter> letters;
  auto source = builder.spout("in", vector_spout{numbers(10)});
  auto picky = builder.bolt("picky", [](int v) {
    if (v == 3) throw std::runtime_error("three");
    return v;
  });
  builder.sink("out", sink).input(picky.input(source, shuffle_grouping{}));
  builder.sink("all", letters).input(builder.dead_letters());
  const auto thrown_at = [](const dead_letter&, std::size_t) -> std::size_t { throw std::runtime_error("no box"); };
  builder.sink("letters", letters).input(builder.dead_letters(), custom_grouping{thrown_at});
  auto run = batch_executor{batches_of(10)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 9u);
  EXPECT_EQ(letters.size(), 0u);
  const auto unread = run.status().unread_dead_letters;
  ASSERT_EQ(unread.size(), 1u);
  EXPECT_EQ(unread[0].node, "picky");
  EXPECT_EQ(unread[0].error, "three; its letter could not be sent to sink \"letters\": no box");
  EXPECT_EQ(run.metrics().node("picky").dead_lettered, 1u);
}

TEST(attempts, state_of_a_tuple_given_up_is_as_before_it) {
  topology_builder builder{"state"};
  struct half_done {
    using state = long;
    std::pair<int, long> process(int v, state& sum) {
      sum += v;
      if (v == 55) throw std::runtime_error("too late");
      return {v % 10, sum};
    }
  };
  collect_sink<std::pair<int, long>> sink;
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto sums =
      builder.bolt("sums", half_done{}, {.on_failure = on_failure::skip}).input(source, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});
  auto run = batch_executor{batches_of(30)}.start(builder.build());
  run.wait();
  long greatest = 0;
  for (auto [k, v] : sink.values())
    if (k == 5) greatest = std::max(greatest, v);
  EXPECT_EQ(greatest, 5 + 15 + 25 + 35 + 45 + 65 + 75 + 85 + 95);
  EXPECT_EQ(run.metrics().node("sums").skipped, 1u);
  EXPECT_EQ(run.metrics().node("sums").dead_lettered, 0u);
}

TEST(attempts, policy_stop_ends_the_run_and_names_everything) {
  collect_sink<std::pair<int, long>> sink;
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("sums", 1, 0, fault_plan::always);
  auto run = batch_executor{batches_of(100, {.faults = faults})}.start(three_stages(sink, 1000, on_failure::stop));
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("batch 1"), HasSubstr("stage"), HasSubstr("(\"sums\")"),
                                   HasSubstr("partition 1"), HasSubstr("attempt 4"), HasSubstr("injected fault")));
  EXPECT_EQ(sink.size(), 0u);
  EXPECT_EQ(run.status().state, run_state::failed);
}

/// Nothing of a batch is visible before all of it has succeeded.
TEST(attempts, nothing_of_a_batch_that_keeps_failing_reaches_a_sink) {
  topology_builder builder{"last stage"};
  collect_sink<int> direct, after;
  auto source = builder.spout("in", vector_spout{numbers(1000)});
  builder.sink("direct", direct).input(source);  // could write at once
  auto last = builder
                  .bolt("last",
                        [](int v) {
                          if (v >= 500) throw std::runtime_error("the second half fails");
                          return v;
                        },
                        {.parallelism = 2, .on_failure = on_failure::stop})
                  .input(source, shuffle_grouping{});
  builder.sink("after", after).input(last, global_grouping{});
  auto run = batch_executor{batches_of(250, {.workers = 2})}.start(builder.build());
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("batch 3"), HasSubstr("the second half fails")));
  EXPECT_EQ(direct.take(), numbers(500));
  EXPECT_EQ(sorted(after.take()), numbers(500));
}

struct fails_in {
  const char* where;
  std::shared_ptr<std::atomic<int>> times;
  void maybe(const char* here) const {
    if (std::string_view(here) == where && times->fetch_sub(1) > 0) throw std::runtime_error(std::string("no ") + here);
  }
  void open(const task_context& c) {
    if (c.attempt > 1) maybe("reopen");
    else maybe("open");
  }
  int process(int v) {
    maybe("process");
    return v;
  }
  void flush() { maybe("flush"); }
  void on_tick() { maybe("tick"); }
  void close() { maybe("close"); }
};

std::string error_with(const char* where, int times, bool chained) {
  topology_builder builder{"fails"};
  auto left = std::make_shared<std::atomic<int>>(times);
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto bolt = builder.bolt("fails", fails_in{where, left}, {.tick = 1ns, .on_failure = on_failure::stop});
  auto out = chained ? bolt.input(source) : bolt.input(source, shuffle_grouping{});
  builder.sink("out", sink).input(out);
  try {
    auto run = batch_executor{batches_of(50)}.start(builder.build());
    auto error = error_of(run);
    if (error.empty()) { EXPECT_EQ(sorted(sink.take()), numbers(100)) << where; }
    return error;
  } catch (const run_error& e) { return e.what(); }
}

TEST(attempts, every_function_may_fail_now_and_then) {
  for (bool chained : {false, true})
    for (const char* where : {"process", "flush", "tick"}) EXPECT_EQ(error_with(where, 3, chained), "") << where;
}

TEST(attempts, every_function_that_keeps_failing_ends_the_run_by_name) {
  for (bool chained : {false, true}) {
    for (const char* where : {"process", "flush", "tick"})
      EXPECT_THAT(error_with(where, 1000, chained),
                  AllOf(HasSubstr("batch 1"), HasSubstr("stage"), HasSubstr("partition 0"), HasSubstr("attempt 4"),
                        HasSubstr("\"fails\" task 0"), HasSubstr(std::string("no ") + where)))
          << chained;
    EXPECT_THAT(error_with("open", 1, chained),
                AllOf(HasSubstr("\"fails\" task 0"), HasSubstr("open failed: no open")));
    EXPECT_THAT(error_with("close", 1, chained),
                AllOf(HasSubstr("\"fails\" task 0"), HasSubstr("close failed: no close")));
  }
}

TEST(attempts, opening_a_fresh_copy_may_fail_too) {
  topology_builder builder{"reopen"};
  struct bolt {
    std::shared_ptr<std::atomic<int>> calls;
    void open(const task_context& c) {
      if (c.attempt == 2) throw std::runtime_error("not the second");
    }
    int process(int v) {
      if (v == 5 && calls->fetch_add(1) == 0) throw std::runtime_error("once");
      return v;
    }
  };
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(10)});
  builder.sink("out", sink)
      .input(builder.bolt("bolt", bolt{std::make_shared<std::atomic<int>>(0)}).input(source, shuffle_grouping{}));
  batch_executor{batches_of(10)}.start(builder.build()).wait();
  EXPECT_EQ(sink.take(), numbers(10));
}

struct failing_spout {
  std::shared_ptr<std::atomic<int>> failures;
  int next = 0;
  poll_status poll(spout_emitter<int>& out) {
    if (failures->fetch_sub(1) > 0) throw std::runtime_error("no poll");
    out.emit(next++);
    return next == 10 ? poll_status::ended() : poll_status::emitted();
  }
};

/// Made by a factory that throws from its second call on, `failures` times.
struct factory_probe {
  int failures;
  std::shared_ptr<std::atomic<int>> made = std::make_shared<std::atomic<int>>(0);
  auto operator()() const {
    const int n = made->fetch_add(1);
    if (n > 0 && n <= failures) throw std::runtime_error("no licence");
    return [](int v) { return v; };
  }
};
struct copied_with_trouble {
  int failures;
  std::shared_ptr<std::atomic<int>> copies = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<std::atomic<bool>> armed = std::make_shared<std::atomic<bool>>(false);
  copied_with_trouble(int n) : failures(n) {}
  copied_with_trouble(const copied_with_trouble& o) : failures(o.failures), copies(o.copies), armed(o.armed) {
    if (*armed && ++*copies <= failures) throw std::runtime_error("no memory");
  }
  copied_with_trouble(copied_with_trouble&&) = default;
  void open(const task_context&) { *armed = true; }
  int process(int v) { return v; }
};

/// Where a bolt is: behind a shuffle, or in the chain of a spout that can or can't read again.
enum class seat { stage, spout_chain, push_chain };
template <class Bolt>
std::string error_with(Bolt bolt, seat where, std::vector<int>& rows) {
  topology_builder builder{"factories"};
  collect_sink<int> sink;
  push_like_spout push;
  for (int v : numbers(100)) push.source().push(v);
  push.source().close();
  auto source = where == seat::push_chain ? stream_ref<int>(builder.spout("in", push))
                                          : stream_ref<int>(builder.spout("in", vector_spout{numbers(100)}));
  auto probe = builder.bolt("probe", std::move(bolt));
  if (where == seat::stage) probe.input(source, shuffle_grouping{});
  else probe.input(source);
  builder.sink("out", sink).input(probe, global_grouping{});
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("probe", 0, 7);
  auto run = batch_executor{batches_of(50, {.workers = 2, .faults = faults})}.start(builder.build());
  const auto error = batch_tests::error_of(run);
  rows = sink.take();
  return error;
}

TEST(attempts, a_factory_or_copy_that_fails_on_a_retry_is_a_failed_attempt) {
  for (auto where : {seat::stage, seat::spout_chain, seat::push_chain}) {
    std::vector<int> rows;
    EXPECT_EQ(error_with(factory_probe{2}, where, rows), "");
    EXPECT_EQ(rows, numbers(100));
    EXPECT_EQ(error_with(copied_with_trouble{2}, where, rows), "");
    EXPECT_EQ(rows, numbers(100));
  }
}

TEST(attempts, a_factory_that_keeps_failing_ends_the_run_by_name) {
  for (auto where : {seat::stage, seat::spout_chain, seat::push_chain}) {
    std::vector<int> rows;
    EXPECT_THAT(
        error_with(factory_probe{1000}, where, rows),
        AllOf(HasSubstr("batch 1"), HasSubstr("bolt \"probe\" task 0"), HasSubstr("factory failed: no licence")));
    EXPECT_TRUE(rows.empty());
  }
}

TEST(attempts, state_outlives_a_factory_that_fails) {
  topology_builder builder{"state"};
  collect_sink<std::pair<int, long>> sink;
  auto made = std::make_shared<std::atomic<int>>(0);
  auto make = [made] {
    if (const int n = (*made)++; n > 0 && n < 3) throw std::runtime_error("no licence");
    return sum_by_last_digit{};
  };
  auto source = builder.spout("in", vector_spout{numbers(200)});
  auto sums = builder.bolt("sums", make).input(source, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums);
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("sums", 0, 150);  // in the second batch
  batch_executor{batches_of(100, {.faults = faults})}.start(builder.build()).wait();
  EXPECT_EQ(made->load(), 4);
  ASSERT_EQ(sink.size(), 200u);
  EXPECT_EQ(sink.values().back(), (std::pair<int, long>{9, 20 * 9 + 10 * 190}));
}

TEST(attempts, a_factory_may_fail_while_lost_blocks_are_computed_again) {
  for (int failures : {2, 1000}) {
    topology_builder builder{"lost"};
    collect_sink<int> sink;
    auto source = builder.spout("in", vector_spout{numbers(100)});
    auto probe = builder.bolt("probe", factory_probe{failures}).input(source);  // in the spout's chain
    auto same = builder.bolt("same", [](int v) { return v; }).input(probe, shuffle_grouping{});
    builder.sink("out", sink).input(same);
    auto faults = std::make_shared<fault_plan>();
    faults->lose_block("probe", 0, 0, 1);
    auto run = batch_executor{batches_of(50, {.faults = faults})}.start(builder.build());
    const auto error = batch_tests::error_of(run);
    if (failures == 2) {
      EXPECT_EQ(error, "");
      EXPECT_EQ(sink.take(), numbers(100));
    } else {
      EXPECT_THAT(error, AllOf(HasSubstr("bolt \"probe\" task 0"), HasSubstr("factory failed: no licence")));
    }
  }
}

TEST(attempts, a_poll_is_tried_again_before_it_ends_the_run) {
  for (int failures : {3, 4}) {
    topology_builder builder{"poll"};
    collect_sink<int> sink;
    auto source = builder.spout("in", failing_spout{std::make_shared<std::atomic<int>>(failures)});
    builder.sink("out", sink).input(source);
    auto run = batch_executor{batches_of(10)}.start(builder.build());
    if (failures < 4) {
      EXPECT_EQ(error_of(run), "");
      EXPECT_EQ(sink.take(), numbers(10));
    } else {
      EXPECT_THAT(error_of(run),
                  AllOf(HasSubstr("\"in\" task 0"), HasSubstr("attempt 4"), HasSubstr("poll failed: no poll")));
    }
  }
}

TEST(attempts, key_functions_and_groupings_fail_for_the_reader) {
  topology_builder builder{"keys"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(100)});
  auto same = builder.bolt("same", [](int v) { return v; }).input(source, shuffle_grouping{});
  auto keyed =
      builder.bolt("keyed", [](int v) { return v; }, {.parallelism = 2}).input(same, key_grouping{[](int v) {
                                                                                 if (v == 42)
                                                                                   throw std::runtime_error("no key");
                                                                                 return v;
                                                                               }});
  auto custom =
      builder.bolt("custom", [](int v) { return v; }, {.parallelism = 2})
          .input(keyed, custom_grouping{[](int v, std::size_t) { return static_cast<std::size_t>(v == 7 ? 9 : 0); }});
  builder.sink("out", sink).input(custom, global_grouping{});
  auto run = batch_executor{batches_of(100)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 98u);
  const auto unread = run.status().unread_dead_letters;
  ASSERT_EQ(unread.size(), 2u);
  EXPECT_EQ(unread[0].node, "keyed");
  EXPECT_EQ(unread[1].node, "custom");
}

TEST(attempts, key_functions_and_groupings_that_keep_failing_end_the_run_by_name) {
  for (const char* where : {"key", "custom"}) {
    topology_builder builder{"named"};
    const auto fails = [where = std::string_view(where)](std::string_view here) {
      if (where == here) throw std::runtime_error("no " + std::string(here));
    };
    auto source = builder.spout("in", vector_spout{numbers(10)});
    auto pass = builder.bolt("pass", [](int v) { return v; }).input(source, shuffle_grouping{});
    auto keyed = builder.bolt("keyed", [](int v) { return v; }, {.on_failure = on_failure::stop})
                     .input(pass, key_grouping{[fails](int v) {
                              fails("key");
                              return v;
                            }});
    builder.sink("out", collect_sink<int>{}, {.parallelism = 2, .on_failure = on_failure::stop})
        .input(keyed, custom_grouping{[fails](int, std::size_t) {
                 fails("custom");
                 return std::size_t{1};
               }});
    auto run = batch_executor{batches_of(10)}.start(builder.build());
    EXPECT_THAT(error_of(run),
                AllOf(HasSubstr("batch 1"), HasSubstr(std::string("no ") + where), HasSubstr("attempt 4"),
                      HasSubstr(std::string_view(where) == "key" ? "\"keyed\" task 0" : "\"out\" task 0")));
  }
}

TEST(attempts, a_read_that_fails_half_way_leaves_nothing_behind) {
  struct fails_to_read : partitioned_spout_probe {
    std::shared_ptr<std::atomic<int>> failures = std::make_shared<std::atomic<int>>(2);
    fails_to_read() : partitioned_spout_probe(1, 20) {}
    poll_status poll(spout_emitter<int>& out) { return partitioned_spout_probe::poll(out); }
    void read(const position_range& range, spout_emitter<int>& out) {
      if (failures->fetch_sub(1) <= 0) return partitioned_spout_probe::read(range, out);
      partitioned_spout_probe::read({range.partition, range.from, range.from + 3}, out);
      throw std::runtime_error("cable out");
    }
  };
  topology_builder builder{"half a read"};
  collect_sink<int> sink;
  auto source = builder.spout("in", fails_to_read{});
  builder.sink("out", sink).input(builder.bolt("same", [](int v) { return v; }).input(source));
  auto faults = std::make_shared<fault_plan>();
  faults->throw_at("same", 0, 11);
  batch_executor{batches_of(20, {.faults = faults})}.start(builder.build()).wait();
  EXPECT_EQ(sink.take(), numbers(20));
}

// --- held tuples ---

/// Keeps what it gets until it is flushed.
struct until_flushed {
  std::vector<std::pair<int, held_tuple>> kept;
  void process(int v, emitter<int>& out) { kept.emplace_back(v, out.hold()); }
  void flush(emitter<int>& out) {
    for (auto& [v, token] : std::exchange(kept, {})) {
      out.emit(v, token);
      token.ack();
    }
  }
};

TEST(held_in_batches, bolts_that_hold_may_follow_one_another_and_a_spout) {
  for (bool behind_the_spout : {true, false}) {
    topology_builder builder{"hold-hold"};
    collect_sink<int> sink;
    auto keep = [] { return until_flushed{}; };
    auto source = builder.spout("in", vector_spout{numbers(20)});
    auto first = builder.bolt("first", keep);
    auto kept = behind_the_spout ? first.input(source) : first.input(source, shuffle_grouping{});
    builder.sink("out", sink).input(builder.bolt("second", keep).input(kept));
    auto run = batch_executor{batches_of(5)}.start(builder.build());
    ASSERT_TRUE(run.wait_for(20s));
    EXPECT_EQ(sink.take(), numbers(20));
    EXPECT_EQ(run.metrics().total().timed_out, 0u);
  }
}

/// Answers on a thread of its own.
struct answers_later {
  struct desk {
    std::vector<std::jthread> threads;
    std::atomic<int> fail_first{0};
  };
  std::shared_ptr<desk> shared = std::make_shared<desk>();
  void process(int v, emitter<int>& out) {
    out.emit(v);
    auto token = out.hold();
    shared->threads.emplace_back([s = shared.get(), t = std::move(token)]() mutable {
      std::this_thread::sleep_for(1ms);
      if (s->fail_first.fetch_sub(1) > 0) t.fail("not now");
      else t.ack();
    });
  }
};

TEST(held_in_batches, a_batch_waits_for_its_tokens) {
  topology_builder builder{"held"};
  answers_later bolt;
  bolt.shared->fail_first = 3;
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(20)});
  builder.sink("out", sink).input(builder.bolt("later", bolt).input(source, shuffle_grouping{}));
  auto run = batch_executor{batches_of(5, {.max_task_attempts = 9})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(20));
  EXPECT_EQ(run.metrics().batches_done, 4u);
}

TEST(held_in_batches, in_the_chain_of_a_spout_too) {
  topology_builder builder{"held"};
  answers_later bolt;
  bolt.shared->fail_first = 3;
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(20)});
  builder.sink("out", sink).input(builder.bolt("later", bolt).input(source));
  auto run = batch_executor{batches_of(5, {.max_task_attempts = 9})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.take(), numbers(20));
}

struct forgets {
  std::shared_ptr<std::vector<held_tuple>> kept = std::make_shared<std::vector<held_tuple>>();
  void process(int v, emitter<int>& out) {
    if (v == 3) kept->push_back(out.hold());
    else out.emit(v);
  }
};

TEST(held_in_batches, a_token_that_nobody_consumes_times_out_and_meets_the_policy) {
  topology_builder builder{"forgotten"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(10)});
  builder.sink("out", sink).input(builder.bolt("forgets", forgets{}).input(source, shuffle_grouping{}));
  auto run = batch_executor{batches_of(10, {.message_timeout = 5ms})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sink.size(), 9u);
  const auto unread = run.status().unread_dead_letters;
  ASSERT_EQ(unread.size(), 1u);
  EXPECT_THAT(unread[0].error, HasSubstr("message_timeout (5 ms)"));
  EXPECT_FALSE(unread[0].bytes.empty());
  EXPECT_EQ(run.metrics().node("forgets").timed_out, 5u);
}

/// Fails once, and its next copies when they are opened: `refusals` times.
struct opens_at_last {
  struct shared_state {
    int refusals = 3;
    bool has_failed = false;
    std::vector<std::chrono::steady_clock::time_point> opened;
  };
  std::shared_ptr<shared_state> shared = std::make_shared<shared_state>();
  void open() {
    shared->opened.push_back(std::chrono::steady_clock::now());
    if (shared->has_failed && shared->refusals-- > 0) throw std::runtime_error("no connection");
  }
  int process(int v) {
    if (!std::exchange(shared->has_failed, true)) throw std::runtime_error("connection lost");
    return v;
  }
};

TEST(attempts, a_fresh_copy_that_cannot_be_opened_is_followed_by_another_after_a_pause_that_doubles) {
  for (bool behind_a_spout : {false, true}) {
    topology_builder builder{"opens"};
    const opens_at_last bolt;
    collect_sink<int> sink;
    auto source = builder.spout("in", vector_spout{numbers(10)});
    auto opens = builder.bolt("opens", bolt);
    builder.sink("out", sink).input(behind_a_spout ? opens.input(source) : opens.input(source, shuffle_grouping{}));
    batch_executor{batches_of(10)}.start(builder.build()).wait();
    EXPECT_EQ(sink.take(), numbers(10));
    const auto& opened = bolt.shared->opened;
    ASSERT_EQ(opened.size(), 5u);
    for (std::size_t i = 2; i < 5; ++i)
      EXPECT_GE(opened[i] - opened[i - 1], 10ms * (1 << (i - 2))) << i << ' ' << behind_a_spout;
  }
}

/// Holds everything until `let_go`.
struct keeps {
  struct shelf {
    std::mutex mutex;
    std::vector<held_tuple> held;
  };
  std::shared_ptr<shelf> shared = std::make_shared<shelf>();
  void process(int, emitter<int>& out) {
    std::lock_guard lock(shared->mutex);
    shared->held.push_back(out.hold());
  }
  void wait_for(std::size_t n) const {
    while (std::lock_guard(shared->mutex), shared->held.size() < n) std::this_thread::yield();
  }
  void let_go() const {
    std::lock_guard lock(shared->mutex);
    for (auto& token : shared->held) token.ack();
  }
};

/// Counts how often it is asked: each worker does once a round.
struct counting_clock final : freshet::clock {
  mutable std::atomic<std::uint64_t> asked{0};
  std::chrono::steady_clock::time_point now() const noexcept override { return ++asked, real().now(); }
  event_time wall() const noexcept override { return real().wall(); }
  /// In a span in which a worker that does not sleep makes some thousand rounds.
  std::uint64_t asked_in_a_while() const {
    const auto before = asked.load();
    std::this_thread::sleep_for(100ms);
    return asked - before;
  }
};

TEST(held_in_batches, workers_sleep_while_the_cut_waits_for_tokens) {
  for (std::size_t workers : {1, 2}) {
    counting_clock clock;
    topology_builder builder{"asleep"};
    const keeps bolt;
    auto source = builder.spout("in", partitioned_spout_probe{2, 5}, {.parallelism = 2});
    builder.sink("out", collect_sink<int>{})
        .input(builder.bolt("keeps", bolt, {.parallelism = 2}).input(source), global_grouping{});
    auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back,
                                     .workers = workers,
                                     .idle = idle::park,
                                     .message_timeout = 0ns,
                                     .stall_limit = 0ns,
                                     .clock = &clock})}
                   .start(builder.build());
    bolt.wait_for(10);
    EXPECT_LT(clock.asked_in_a_while(), 200u) << workers;
    bolt.let_go();
    run.wait();
  }
}

TEST(held_in_batches, a_savepoint_sleeps_until_the_cut_is_over) {
  counting_clock clock;
  freshet::testing::simulated_files disk;
  topology_builder builder{"asleep"};
  const keeps bolt;
  auto source = builder.spout("in", partitioned_spout_probe{2, 5}, {.parallelism = 2});
  builder.sink("out", collect_sink<int>{})
      .input(builder.bolt("keeps", bolt, {.parallelism = 2}).input(source), global_grouping{});
  auto run = batch_executor{quiet({.trigger = batch_trigger::back_to_back,
                                   .guarantee = guarantee::at_least_once,
                                   .workers = 2,
                                   .idle = idle::park,
                                   .message_timeout = 0ns,
                                   .stall_limit = 0ns,
                                   .clock = &clock,
                                   .checkpoints = {.directory = "/kept", .files = &disk}})}
                 .start(builder.build());
  bolt.wait_for(10);
  auto made = std::async(std::launch::async, [&] { return run.savepoint(); });
  EXPECT_LT(clock.asked_in_a_while(), 200u);
  bolt.let_go();
  EXPECT_GE(made.get(), 1u);
  run.wait();
}

/// Holds at most four, and gives its answers in on_wake.
struct async_bolt {
  struct shared_state {
    std::mutex mutex;
    std::vector<std::pair<int, held_tuple>> open, done;
    std::jthread thread;
  };
  std::shared_ptr<shared_state> s;
  waker wake;
  void open(const task_context& c) {
    wake = c.wake;
    s = std::make_shared<shared_state>();
    s->thread = std::jthread([raw = s.get(), w = wake](std::stop_token stop) {
      while (!stop.stop_requested()) {
        bool any = false;
        {
          std::lock_guard lock(raw->mutex);
          any = !raw->open.empty();
          for (auto& o : raw->open) raw->done.push_back(std::move(o));
          raw->open.clear();
        }
        if (any) w();
        else std::this_thread::sleep_for(50us);
      }
    });
  }
  bool ready() const {
    std::lock_guard lock(s->mutex);
    return s->open.size() + s->done.size() < 4;
  }
  void process(int v, emitter<int>& out) {
    std::lock_guard lock(s->mutex);
    s->open.emplace_back(v, out.hold());
  }
  void on_wake(emitter<int>& out) {
    std::lock_guard lock(s->mutex);
    for (auto& [v, token] : s->done) {
      out.emit(v + 1, token);
      token.ack();
    }
    s->done.clear();
  }
};

TEST(held_in_batches, async_bolts_refuse_and_answer_when_woken) {
  topology_builder builder{"async"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(300)});
  builder.sink("out", sink).input(builder.bolt("async", async_bolt{}).input(source));
  auto run = batch_executor{batches_of(100)}.start(builder.build());
  run.wait();
  EXPECT_EQ(sorted(sink.take()), numbers(300, 1));
}

/// Replies are emitted when the bolt is woken, which is nobody's call but that of the tuple that waits for the reply.
TEST(held_in_batches, a_tuple_whose_reply_always_fails_further_down_is_given_up_alone) {
  stream_builder builder{"asked"};
  collect_sink<int> sink;
  collect_sink<dead_letter> letters;
  builder.spout("in", vector_spout{numbers(50)})
      .shuffle()
      .map_async<int>("ask", [](const int& v, async_reply<int> reply) { reply(v); })
      .map("picky",
           [](int v) {
             if (v % 20 == 13) throw std::runtime_error("unlucky " + std::to_string(v));
             return v;
           })
      .to("out", sink);
  builder.dead_letters().to("letters", letters);
  batch_executor{batches_of(50)}.start(builder.build()).wait();
  auto got = sink.take();
  std::sort(got.begin(), got.end());
  auto expected = numbers(50);
  std::erase_if(expected, [](int v) { return v % 20 == 13; });
  EXPECT_EQ(got, expected);
  std::vector<std::string> why;
  for (const auto& l : letters.take()) why.push_back(l.node + ": " + l.error);
  EXPECT_THAT(why, ::testing::UnorderedElementsAre("ask: unlucky 13", "ask: unlucky 33"));
}

TEST(blocking_in_batches, a_blocking_bolt_has_a_thread_of_its_own) {
  topology_builder builder{"blocking"};
  collect_sink<int> sink;
  std::atomic<bool> go{false};
  auto source = builder.spout("in", vector_spout{numbers(10)});
  auto blocks = builder
                    .bolt("blocks",
                          [&go](int v) {
                            while (!go) std::this_thread::sleep_for(1ms);
                            return v;
                          },
                          {.parallelism = 2, .blocking = true})
                    .input(source, shuffle_grouping{});
  struct frees {
    std::atomic<bool>* go;
    int process(int v) {
      *go = true;
      return v;
    }
  };
  builder.sink("other", collect_sink<int>{}).input(builder.bolt("frees", frees{&go}).input(source, shuffle_grouping{}));
  builder.sink("out", sink).input(blocks, global_grouping{});
  batch_executor{batches_of(5, {.workers = 1})}.start(builder.build()).wait();
  EXPECT_EQ(sorted(sink.take()), numbers(10));
}

TEST(attempts, many_tuples_that_fail_once_each_do_not_end_the_run) {
  topology_builder builder{"stumbles"};
  collect_sink<int> sink;
  auto source = builder.spout("in", vector_spout{numbers(300)});
  auto seen = std::make_shared<std::set<int>>();
  auto bolt = builder
                  .bolt("once",
                        [seen](int v) {
                          if (v % 5 == 0 && seen->insert(v).second) throw std::runtime_error("once");
                          return v;
                        })
                  .input(source, global_grouping{});
  builder.sink("out", sink).input(bolt, global_grouping{});
  auto run = batch_executor{quiet({.trigger = batch_trigger::rows, .rows_per_batch = 300})}.start(builder.build());
  run.wait();
  EXPECT_EQ(sorted(sink.take()), numbers(300));
  EXPECT_EQ(run.metrics().total().dead_lettered, 0u);
}

}  // namespace
