#include <gmock/gmock.h>

#include <atomic>
#include <numeric>

#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class kafka_spout : public broker_test {
 protected:
  std::string topic(int partitions = 1, const raw_settings& settings = {}) {
    const auto name = unique_name("spout");
    broker_->create_topic(name, partitions, settings);
    return name;
  }
  consumer_options from(const std::string& name) { return {.servers = broker_->bootstrap(), .topics = {name}}; }
  /// Values "0", "1", ... with times 1000, 2000, ...; number n goes to partition n % partitions.
  void fill(const std::string& name, int count, int partitions = 1, int first = 0) {
    std::vector<raw_record> all;
    for (int i = first; i < first + count; ++i)
      all.push_back({.value = std::to_string(i), .time_ms = (i + 1) * 1000, .partition = i % partitions});
    broker_->produce(name, all);
  }
  static std::vector<int> numbers(int from, int to) {
    std::vector<int> all(std::size_t(to - from));
    std::iota(all.begin(), all.end(), from);
    return all;
  }
};

// -------- where reading begins

TEST_F(kafka_spout, begins_where_it_is_told_to) {
  const auto name = topic(2);
  fill(name, 20, 2);
  for (const auto e : both_engines) {
    const auto read = [&](start_at start) {
      auto options = from(name);
      options.start = std::move(start);
      return sorted(read_all<int>(e, options));
    };
    EXPECT_EQ(read(start_at::earliest()), numbers(0, 20));
    EXPECT_THAT(read(start_at::latest()), IsEmpty());
    EXPECT_EQ(read(start_at::committed()), numbers(0, 20));  // without a group nothing is
    EXPECT_EQ(read(start_at::time(event_time{11'000ms})), numbers(10, 20));
    EXPECT_EQ(read(start_at::time(event_time{11'001ms})), numbers(11, 20));
    EXPECT_THAT(read(start_at::time(event_time{1h})), IsEmpty());
    EXPECT_EQ(read(start_at::offsets({{{name, 0}, 9}, {{name, 1}, 10}})), (std::vector{18}));
    EXPECT_EQ(read(start_at::offsets({{{name, 1}, 10}})).size(), 10u);  // the other from its earliest
  }
}

TEST_F(kafka_spout, goes_on_where_the_group_has_committed) {
  for (const auto e : both_engines) {
    const auto name = topic(3), group = unique_name("group");
    auto options = from(name);
    options.group = group;
    fill(name, 30, 3);
    EXPECT_EQ(sorted(read_all<int>(e, options)), numbers(0, 30)) << to_string(e);
    EXPECT_THAT(broker_->committed(group, name), ElementsAre(10, 10, 10)) << to_string(e);
    EXPECT_THAT(read_all<int>(e, options), IsEmpty()) << to_string(e);
    fill(name, 6, 3, 30);
    EXPECT_EQ(sorted(read_all<int>(e, options, {}, 2)), numbers(30, 36)) << to_string(e);
    EXPECT_THAT(broker_->committed(group, name), ElementsAre(12, 12, 12)) << to_string(e);
  }
}

TEST_F(kafka_spout, reads_all_topics_that_a_pattern_matches) {
  const auto stem = unique_name("many");
  for (const auto* end : {"-a", "-b", "-other"}) broker_->create_topic(stem + end, 2);
  fill(stem + "-a", 4, 2);
  fill(stem + "-b", 4, 2, 4);
  fill(stem + "-other", 4, 2, 8);
  consumer_options options{.servers = broker_->bootstrap(), .topic_pattern = stem + "-[ab]"};
  EXPECT_EQ(sorted(read_all<int>(engine::batch, options, {}, 3)), numbers(0, 8));
  options.topic_pattern = stem + "-x+";
  EXPECT_THROW(read_all<int>(engine::event, options), run_error);
}

TEST_F(kafka_spout, an_empty_topic_and_tasks_without_partitions_end_at_once) {
  const auto name = topic(2);
  for (const auto e : both_engines) EXPECT_THAT(read_all<int>(e, from(name), {}, 5), IsEmpty());
}

// -------- offsets with gaps

TEST_F(kafka_spout, sees_nothing_of_transactions_that_were_given_up) {
  const auto name = topic();
  fill(name, 3);
  const auto record = [](int n) { return std::vector<raw_record>{{.value = std::to_string(n)}}; };
  broker_->transact(name, record(100), false);
  broker_->transact(name, record(3), true);
  fill(name, 2, 1, 4);
  broker_->transact(name, record(101), false);  // at the end, so that the last offsets have nothing to read
  for (const auto e : both_engines) {
    auto options = from(name);
    options.group = unique_name("group");
    EXPECT_EQ(read_all<int>(e, options), numbers(0, 6)) << to_string(e);
    // 3, the one given up with its mark, one with its mark, 2: behind the last that was read.
    EXPECT_THAT(broker_->committed(options.group, name), ElementsAre(9)) << to_string(e);
  }
}

TEST_F(kafka_spout, replays_across_gaps) {
  const auto name = topic(2);
  for (int i = 0; i < 20; ++i) {
    fill(name, 10, 2, i * 10);
    broker_->transact(name, {{.value = "-1", .partition = i % 2}}, i % 3 == 0);
  }
  for (const auto e : both_engines) {
    topology_builder builder("replay");
    collect_sink<int> got;
    auto options = from(name);
    options.bounded = true;
    const auto numbers_read = builder.spout("kafka", spout<int>(options), {.parallelism = 2});
    // Each fails the first time: event by event it is read again, in batches its batch is.
    const auto seen = std::make_shared<std::array<std::atomic<int>, 200>>();
    const auto fails_once = [seen](const int& n) {
      if (n >= 0 && n % 7 == 0 && (*seen)[std::size_t(n)]++ == 0) throw std::runtime_error("the first time");
      return n;
    };
    builder.sink("got", got).input(builder.bolt("fails", fails_once).input(numbers_read, shuffle_grouping{}));
    const auto graph = builder.build();
    if (e == engine::event) {
      event_options o;
      o.guarantee = guarantee::at_least_once;
      o.retry.first = 1ms;
      event_executor(o).start(graph).wait();
    } else {
      run_on(e, graph);
    }
    auto all = sorted(got.take());
    EXPECT_EQ(std::count(all.begin(), all.end(), -1), 7) << to_string(e);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    all.erase(all.begin());
    EXPECT_EQ(all, numbers(0, 200)) << to_string(e);
  }
}

// -------- endless

TEST_F(kafka_spout, reads_on_as_records_come_and_commits_what_is_finished_when_it_stops) {
  for (const auto e : both_engines) {
    const auto name = topic(2), group = unique_name("group");
    auto options = from(name);
    options.group = group;
    options.partitions_from = partitions_from::run;
    topology_builder builder("endless");
    collect_sink<int> got;
    builder.sink("got", got).input(builder.spout("kafka", spout<int>(options)));
    auto run = start_on(e, builder.build());
    for (int round = 0; round < 5; ++round) {
      fill(name, 10, 2, round * 10);
      await("all has come", [&] { return got.size() == std::size_t(round + 1) * 10; });
    }
    run.drain();
    run.wait();
    EXPECT_EQ(sorted(got.take()), numbers(0, 50)) << to_string(e);
    EXPECT_THAT(broker_->committed(group, name), ElementsAre(25, 25)) << to_string(e);
  }
}

TEST_F(kafka_spout, latest_is_what_comes_after_the_start) {
  const auto name = topic();
  fill(name, 5);
  auto options = from(name);
  options.start = start_at::latest();
  topology_builder builder("latest");
  collect_sink<int> got;
  builder.sink("got", got).input(builder.spout("kafka", spout<int>(options)));
  auto run = start_on(engine::event, builder.build());
  fill(name, 5, 1, 5);  // maybe before the first fetch
  await("all has come", [&] { return got.size() == 5; });
  run.drain();
  run.wait();
  EXPECT_EQ(got.take(), numbers(5, 10));
}

// -------- what is deleted

TEST_F(kafka_spout, says_what_was_deleted_before_it_was_read) {
  const auto name = topic(1, {{"segment.bytes", "1048576"}}), group = unique_name("group");
  auto options = from(name);
  options.group = group;
  fill(name, 10);
  EXPECT_EQ(read_all<int>(engine::event, options).size(), 10u);
  fill(name, 20, 1, 10);
  broker_->delete_records(name, 0, 15);
  try {
    read_all<int>(engine::event, options);
    ADD_FAILURE() << "nobody said a word";
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("has committed offset 10, and the earliest that is still there is 15: 5 offsets"));
    EXPECT_THAT(e.what(), HasSubstr("on_data_loss::skip"));
  }
  options.on_data_loss = on_data_loss::skip;
  EXPECT_EQ(read_all<int>(engine::event, options), numbers(15, 30));
}

// -------- event time

TEST_F(kafka_spout, gives_the_times_of_its_records) {
  const auto name = topic(4);
  fill(name, 40, 4);  // times 1 s to 40 s
  for (const auto e : both_engines) {
    stream_builder builder("times");
    collect_sink<windowed<whole_stream, std::uint64_t>> got;
    auto options = from(name);
    options.bounded = true;
    builder.spout("kafka", spout<int>(options), {.parallelism = 2})
        .event_time(time_of_spout{}, ascending{})
        .window(tumbling{10s})
        .aggregate("count", aggregates::count<int>{})
        .to("got", got);
    run_on(e, builder.build());
    std::vector<std::pair<std::int64_t, std::uint64_t>> windows;
    for (const auto& w : got.take()) windows.emplace_back(w.window.start.time_since_epoch() / 1s, w.value);
    EXPECT_THAT(sorted(windows),
                ElementsAre(std::pair(0, 9), std::pair(10, 10), std::pair(20, 10), std::pair(30, 10), std::pair(40, 1)))
        << to_string(e);
  }
}

/// Without end, so that nothing but its being idle lets time go on.
TEST_F(kafka_spout, a_partition_without_records_holds_time_back_only_until_it_is_idle) {
  const auto name = topic(2);
  std::vector<raw_record> all;
  for (int i = 1; i <= 45; ++i) all.push_back({.value = std::to_string(i), .time_ms = i * 1000, .partition = 0});
  broker_->produce(name, all);
  for (const auto e : both_engines) {
    stream_builder builder("idle");
    collect_sink<windowed<whole_stream, std::uint64_t>> got;
    builder.spout("kafka", spout<int>(from(name)))
        .event_time(time_of_spout{}, ascending{}, {.idle_timeout = 200ms})
        .window(tumbling{10s})
        .aggregate("count", aggregates::count<int>{})
        .to("got", got);
    auto run = start_on(e, builder.build());
    await("all has come", [&] { return got.size() == 4; });
    std::vector<std::uint64_t> counts;
    for (const auto& w : got.values()) counts.push_back(w.value);
    EXPECT_THAT(counts, ElementsAre(9, 10, 10, 10)) << to_string(e);
    run.stop();
  }
}

TEST_F(kafka_spout, reads_partitions_that_are_behind_first) {
  const auto name = topic(2);
  // One partition is an hour ahead of the other, which comes later.
  std::vector<raw_record> ahead, behind;
  for (int i = 0; i < 500; ++i) {
    ahead.push_back({.value = std::to_string(1000 + i), .time_ms = 3'600'000 + i * 1000, .partition = 0});
    behind.push_back({.value = std::to_string(i), .time_ms = 1000 + i * 10'000, .partition = 1});
  }
  broker_->produce(name, ahead);
  broker_->produce(name, behind);
  for (const auto e : both_engines) {
    stream_builder builder("aligned");
    collect_sink<int> got;
    auto options = from(name);
    options.bounded = true;
    builder.spout("kafka", spout<int>(options), {.max_batch = 16})
        .event_time(time_of_spout{}, ascending{}, {.max_drift = 60s})
        .to("got", got);
    run_on(e, builder.build());
    const auto all = got.take();
    ASSERT_EQ(all.size(), 1000u) << to_string(e);
    // The one ahead is not read to its end before the other has caught up, at 3600 s, its 360th record.
    const auto last_ahead = std::find(all.begin(), all.end(), 1499), caught_up = std::find(all.begin(), all.end(), 359);
    EXPECT_GT(last_ahead, caught_up) << to_string(e);
  }
}

// -------- options that can't be meant

TEST(kafka_options, are_looked_at_where_they_are_given) {
  const auto refused = [](consumer_options o) {
    try {
      spout<int> s(std::move(o));
    } catch (const std::invalid_argument& e) { return std::string(e.what()); }
    return std::string("nothing");
  };
  EXPECT_THAT(refused({.servers = "", .topics = {"t"}}), HasSubstr("no brokers"));
  EXPECT_THAT(refused({.servers = "s"}), HasSubstr("either `topics` or a `topic_pattern`"));
  EXPECT_THAT(refused({.servers = "s", .topics = {"t"}, .topic_pattern = "p"}), HasSubstr("either"));
  EXPECT_THAT(refused({.servers = "s", .topic_pattern = "("}), HasSubstr("is no regular expression"));
  EXPECT_THAT(refused({.servers = "s", .topics = {"t"}, .partitions_from = partitions_from::group}),
              HasSubstr("`group` is empty"));
  EXPECT_THAT(refused({.servers = "s", .topics = {"t"}, .group = "g", .bounded = true}), HasSubstr("`bounded` needs"));
  EXPECT_EQ(refused({.servers = "s", .topics = {"t"}}), "nothing");
}

}  // namespace
}  // namespace freshet::kafka
