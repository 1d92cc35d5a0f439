// What fails in front of the clock: the clock sees each message once, in the order of its partition, whatever fails.
#include "event_fixture.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet::event_tests {
namespace {

event_time ms(std::int64_t n) { return event_time{event_span{n}}; }

/// The watermark is the number of tuples that the clock has seen: it tells of each that was seen twice, or not at all.
struct number_seen {
  using state = std::int64_t;
  state start() const { return 0; }
  event_time observe(state& n, event_time) const { return ms(++n); }
};

struct seen {
  int value;
  event_time stamp;
  friend auto operator<=>(const seen&, const seen&) = default;
  friend std::ostream& operator<<(std::ostream& out, const seen& s) {
    return out << s.value << " at " << s.stamp.time_since_epoch().count();
  }
};
seen with_stamp(const int& v, emitter<seen>& out) { return {v, out.stamp()}; }

/// What each value's stamp has to be when the clock sees one tuple for each.
std::vector<seen> numbered(const std::vector<int>& values) {
  std::vector<seen> all;
  for (std::int64_t n = 0; const int v : values) {
    all.push_back({v, n ? ms(n) : beginning_of_time});
    ++n;
  }
  return all;
}

/// Fails values that divide by `every` until they were tried `times` times.
struct luck {
  int every, times;
  attempts tried;
  void operator()(int v) {
    if (v % every == 0 && tried(v) <= times) throw std::runtime_error("no luck with " + std::to_string(v));
  }
};

/// By the spout, which can read again or can't, and the guarantee.
class clock_failures : public ::testing::TestWithParam<std::tuple<bool, guarantee>> {
 protected:
  stream<int> values(int n) {
    const spout_options few{.max_batch = 7};
    if (std::get<0>(GetParam())) return builder.spout("values", vector_spout<int>{numbers(n)}, few);
    return builder.spout("values", counting_spout{n}, few);
  }
  event_options options() const { return fast(std::get<1>(GetParam())); }
  /// What was seen behind the clock, each once, in their order.
  std::vector<seen> run() {
    metrics = run_to_end(builder.build(), options());
    auto all = sorted(got.take());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
  template <class S>
  void see(const S& timed) {
    timed.process("seen", with_stamp).to("got", got);
  }
  stream_builder builder{"clock"};
  collect_sink<seen> got;
  run_metrics metrics;
};
INSTANTIATE_TEST_SUITE_P(, clock_failures,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(guarantee::at_least_once, guarantee::exactly_once)),
                         [](const auto& p) {
                           return std::string(std::get<0>(p.param) ? "read_again_" : "kept_") +
                                  std::string(to_string(std::get<1>(p.param)));
                         });

TEST_P(clock_failures, of_the_function_that_tells_the_time) {
  const auto time = [fails = luck{5, 2, {}}](const int& v) mutable { return fails(v), ms(v); };
  see(values(100).event_time(time, number_seen{}));
  EXPECT_EQ(run(), numbered(numbers(100)));
}

TEST_P(clock_failures, of_a_bolt_in_front) {
  const auto parse = [fails = luck{3, 3, {}}](const int& v) mutable { return fails(v), v; };
  see(values(100).map("parse", parse).event_time(ms, number_seen{}));
  EXPECT_EQ(run(), numbered(numbers(100)));
}

TEST_P(clock_failures, of_a_bolt_beside_it) {
  const auto all = values(100);
  all.map("beside", [fails = luck{4, 1, {}}](const int& v) mutable { return fails(v), v; }).to("nowhere", [](int) {});
  see(all.event_time(ms, number_seen{}));
  EXPECT_EQ(run(), numbered(numbers(100)));
}

TEST_P(clock_failures, half_way_through_what_a_message_gives) {
  const auto twice = [fails = luck{6, 2, {}}](const int& v, emitter<int>& out) mutable {
    out.emit(v);
    fails(v);
    out.emit(1000 + v);
  };
  see(values(60).process("twice", twice).event_time(ms, number_seen{}));
  std::vector<seen> wanted;
  for (int v = 0; v < 60; ++v)
    for (const int of : {v, 1000 + v}) wanted.push_back({of, v ? ms(2 * v) : beginning_of_time});
  EXPECT_EQ(run(), sorted(wanted));
}

/// The clock has seen nothing of what is given up in front of it.
TEST_P(clock_failures, half_way_through_what_a_message_gives_for_good) {
  const auto twice = [](const int& v, emitter<int>& out) {
    out.emit(v);
    if (v % 6 == 1) throw std::runtime_error("poison");
    out.emit(1000 + v);
  };
  collect_sink<dead_letter> letters;
  see(values(30).process("twice", twice).event_time(ms, number_seen{}));
  builder.dead_letters().to("letters", letters);
  std::vector<seen> wanted;
  for (int v = 0, n = 0; v < 30; ++v) {
    if (v % 6 == 1) continue;
    for (const int of : {v, 1000 + v}) wanted.push_back({of, n ? ms(n) : beginning_of_time});
    n += 2;
  }
  EXPECT_EQ(run(), sorted(wanted));
  EXPECT_EQ(letters.size(), 5u);
  for (std::size_t rows : {1, 7, 100}) {
    batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = rows, .max_task_attempts = 2};
    o.log = {};
    batch_executor{o}.start(builder.build()).wait();
    EXPECT_EQ(sorted(got.take()), sorted(wanted)) << "batches of " << rows;
  }
}

/// What the clock has seen it doesn't see again, also where the next attempt fails before it comes there.
TEST_P(clock_failures, behind_it_and_then_in_front) {
  attempts parsed, reached;
  const auto parse = [parsed](const int& v) mutable {
    if (parsed(v) == 2) throw std::runtime_error("no luck the second time");
    return v;
  };
  const auto behind = [reached](const int& v) mutable {
    if (v % 3 == 0 && reached(v) == 1) throw std::runtime_error("no luck the first time");
    return v;
  };
  see(values(100).map("parse", parse).event_time(ms, number_seen{}).map("behind", behind));
  EXPECT_EQ(run(), numbered(numbers(100)));
}

TEST_P(clock_failures, behind_it_of_the_first_of_what_a_message_gives) {
  const auto twice = [](const int& v, emitter<int>& out) {
    out.emit(v);
    out.emit(1000 + v);
  };
  const auto behind = [fails = luck{6, 2, {}}](const int& v) mutable { return v < 1000 ? fails(v) : void(), v; };
  see(values(60).process("twice", twice).event_time(ms, number_seen{}).map("behind", behind));
  std::vector<seen> wanted;
  for (int v = 0; v < 60; ++v)
    for (const int of : {v, 1000 + v}) wanted.push_back({of, v ? ms(2 * v) : beginning_of_time});
  EXPECT_EQ(run(), sorted(wanted));
}

TEST_P(clock_failures, in_front_of_it_and_behind) {
  const auto parse = [fails = luck{3, 1, {}}](const int& v) mutable { return fails(v), v; };
  const auto behind = [fails = luck{2, 1, {}}](const int& v) mutable { return fails(v), v; };
  const auto timed = values(200).map("parse", parse).event_time(ms, number_seen{}).map("chained", behind);
  see(timed.shuffle().map("elsewhere", behind, {.parallelism = 2}));
  EXPECT_EQ(run(), numbered(numbers(200)));
}

TEST_P(clock_failures, of_messages_that_are_filtered_out_or_given_up) {
  collect_sink<dead_letter> letters;
  const auto parse = [](const int& v) {
    if (v % 10 == 7) throw std::runtime_error("can't read " + std::to_string(v));
    return v;
  };
  const auto few = values(100).map("parse", parse).filter("odd", [](const int& v) { return v % 2 == 1; });
  see(few.event_time(ms, number_seen{}));
  builder.dead_letters().to("letters", letters);
  std::vector<int> wanted;
  for (const int v : numbers(100))
    if (v % 2 == 1 && v % 10 != 7) wanted.push_back(v);
  EXPECT_EQ(run(), numbered(wanted));
  const auto all = letters.take();
  ASSERT_EQ(all.size(), 10u) << "each once";
  for (const auto& letter : all) {
    EXPECT_EQ(letter.node, "parse");
    EXPECT_EQ(letter.attempts, 5u);
    reader bytes{letter.bytes};
    EXPECT_EQ(bytes.raw<int>() % 10, 7);
  }
  EXPECT_EQ(metrics.node("values").failed, 10u);
  EXPECT_EQ(metrics.node("values").acked, 90u);
  EXPECT_EQ(metrics.node("values").pending, 0u);
}

/// Three tuples under each position.
class threes_spout {
 public:
  poll_status poll(spout_emitter<int>& out) {
    read({0, next_, next_ + 10}, out);
    next_ += 10;
    return next_ == 50 ? poll_status::ended() : poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<int>& out) const {
    for (auto i = range.from; i < range.to; ++i)
      for (int k = 0; k < 3; ++k) out.emit({0, i, i + 1}, static_cast<int>(3 * i) + k);
  }
  void seek(const position& p) { next_ = p.offset; }
  void commit(const position&) {}

 private:
  std::uint64_t next_ = 0;
};

/// They share the stamp of the first.
std::vector<seen> threes() {
  std::vector<seen> all;
  for (int v = 0; v < 150; ++v) all.push_back({v, v < 3 ? beginning_of_time : ms(v / 3 * 3)});
  return all;
}

TEST(clock_failure, of_one_of_the_tuples_of_a_message) {
  for (const int every : {2, 3, 4, 5, 7})
    for (const auto kept : {guarantee::at_least_once, guarantee::exactly_once}) {
      stream_builder builder{"threes"};
      collect_sink<seen> got;
      const auto parse = [fails = luck{every, 2, {}}](const int& v) mutable { return fails(v), v; };
      builder.spout("values", threes_spout{})
          .map("parse", parse)
          .event_time(ms, number_seen{})
          .process("seen", with_stamp)
          .to("got", got);
      run_to_end(builder.build(), fast(kept));
      auto all = sorted(got.take());
      all.erase(std::unique(all.begin(), all.end()), all.end());
      EXPECT_EQ(all, threes()) << "every " << every << ", " << to_string(kept);
    }
}

TEST(clock_failure, of_tuples_of_one_message_makes_one_dead_letter) {
  stream_builder builder{"threes"};
  collect_sink<dead_letter> letters;
  const auto parse = [](const int& v) {
    if (v == 31 || v == 32) throw std::runtime_error("poison");
    return v;
  };
  builder.spout("values", threes_spout{}).map("parse", parse).event_time(ms, number_seen{}).to("got", [](int) {});
  builder.dead_letters().to("letters", letters);
  const auto m = run_to_end(builder.build());
  const auto all = letters.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].positions, (std::vector<position>{{0, 10, 11}}));
  EXPECT_EQ(all[0].bytes.size(), 3 * sizeof(int)) << "all of the message";
  EXPECT_EQ(m.node("values").acked, 49u);
}

/// With epochs: a barrier doesn't overtake what the clock has still to see, and doesn't wait for ever.
TEST(clock_failure, does_not_keep_epochs_from_being_made) {
  stream_builder builder{"epochs"};
  collect_sink<seen> got;
  const auto parse = [fails = luck{3, 2, {}}](const int& v) mutable { return fails(v), v; };
  builder.spout("values", vector_spout<int>{numbers(500)}, {.max_batch = 5})
      .map("parse", parse)
      .event_time(ms, number_seen{})
      .process("seen", with_stamp)
      .to("got", got);
  testing::simulated_files files;
  auto o = fast();
  o.checkpoint_interval = 1us;
  o.checkpoints.directory = "/kept";
  o.checkpoints.files = &files;
  run_to_end(builder.build(), o);
  auto all = sorted(got.take());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(all, numbered(numbers(500)));
}

/// It waits an hour for its second attempt: those behind it wait with it, and the run may be stopped.
TEST(clock_failure, keeps_back_what_is_behind_it_and_not_the_end_of_the_run) {
  for (const bool again : {true, false}) {
    stream_builder builder{"waits"};
    std::atomic<int> got{0};
    const auto parse = [](const int& v) {
      if (v == 30) throw std::runtime_error("poison");
      return v;
    };
    const auto values = again ? builder.spout("values", vector_spout<int>{numbers(100)}, {.max_batch = 7})
                              : builder.spout("values", counting_spout{100}, {.max_batch = 7});
    values.map("parse", parse).event_time(ms, number_seen{}).to("got", [&](int) { ++got; });
    auto o = fast();
    o.retry = {.first = std::chrono::hours(1), .longest = std::chrono::hours(1)};
    o.drain_timeout = 1ms;
    auto run = event_executor{o}.start(builder.build());
    while (got < 30 && run.status().state == run_state::running) std::this_thread::yield();
    EXPECT_EQ(got, 30);
    run.request_stop();
    EXPECT_THROW(run.wait(), run_error) << "drain_timeout";
  }
}

}  // namespace
}  // namespace freshet::event_tests
