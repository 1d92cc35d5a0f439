// Members of one consumer group: in one process, in several, blocked, killed, and gone before they were there.
#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "freshet/stream/stream_builder.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/member_process.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::Optional;

/// So many records of a partition.
std::vector<raw_record> records(int partition, int count, const std::string& value = "v") {
  return std::vector<raw_record>(static_cast<std::size_t>(count), {.value = value, .partition = partition});
}

/// Writes to all partitions of a topic, until it is told to stop.
class writer {
 public:
  writer(const kafka_broker& to, std::string topic, int partitions)
      : thread_([&to, topic = std::move(topic), partitions, this](const std::stop_token& stop) {
          while (!stop.stop_requested())
            for (int p = 0; p < partitions; ++p) written_ += to.produce(topic, records(p, 5)).size();
        }) {}
  /// How many it has written.
  std::size_t stop() {
    thread_.request_stop();
    thread_.join();
    return written_;
  }

 private:
  std::size_t written_ = 0;
  std::jthread thread_;
};

/// Where calls wait until it is opened.
class gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    opened_.wait(lock, [this] { return open_; });
  }
  bool has_somebody() const {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
  int waiting_ = 0;
};

class kafka_group : public broker_test, public testing::WithParamInterface<engine> {
 protected:
  void SetUp() override {
    broker_test::SetUp();
    if (IsSkipped()) return;
    topic_ = unique_name("group");
  }
  consumer_options member() const {
    return {.servers = broker_->bootstrap(),
            .topics = {topic_},
            .group = topic_,
            .partitions_from = partitions_from::group,
            .settings = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "200"}}};
  }
  topology_run start(const topology& t, std::chrono::nanoseconds drain_timeout = 30s) const {
    if (GetParam() == engine::event)
      return event_executor({.workers = 2, .commit_interval = 20ms, .drain_timeout = drain_timeout}).start(t);
    batch_options o{.interval = 5ms, .rows_per_batch = 5, .guarantee = guarantee::at_least_once, .workers = 2};
    o.drain_timeout = drain_timeout;
    return batch_executor(o).start(t);
  }
  template <class Sink, class Decode = place_of>
  topology reading(const consumer_options& o, Sink to, Decode decode = {}, std::size_t parallelism = 1) const {
    topology_builder builder("member");
    // As little at hand as can be, so that a sink that blocks soon blocks the spout.
    builder.sink("got", std::move(to))
        .input(builder.spout("kafka", spout<std::string, Decode>(o, std::move(decode)),
                             {.parallelism = parallelism, .max_pending = 5, .max_batch = 1}));
    return builder.build();
  }
  std::vector<std::optional<std::int64_t>> committed() const { return broker_->committed(topic_, topic_); }

  std::string topic_;
};
INSTANTIATE_TEST_SUITE_P(engines, kafka_group, testing::ValuesIn(both_engines),
                         [](const auto& i) { return to_string(i.param); });

using places = collect_sink<std::string>;
std::set<std::string> distinct(const std::vector<places>& all) {
  std::set<std::string> together;
  for (const auto& p : all)
    for (const auto& v : p.values()) together.insert(v);
  return together;
}
std::size_t count(const std::vector<places>& all) {
  std::size_t n = 0;
  for (const auto& p : all) n += p.size();
  return n;
}

TEST_P(kafka_group, tasks_of_one_run_share_the_partitions) {
  broker_->create_topic(topic_, 4);
  for (int p = 0; p < 4; ++p) broker_->produce(topic_, records(p, 50));
  places got;
  auto run = start(reading(member(), got, place_of{}, 2));
  await("all records are there", [&] { return distinct({got}).size() == 200; });
  run.drain();
  EXPECT_EQ(got.size(), 200u);
  EXPECT_THAT(committed(), Each(Optional(50)));
}

/// Of one name they would throw each other out.
TEST_P(kafka_group, tasks_of_one_run_are_static_members_of_different_names) {
  broker_->create_topic(topic_, 4);
  auto options = member();
  options.settings.set("group.instance.id", topic_);
  places got;
  auto run = start(reading(options, got, place_of{}, 2));
  std::size_t written = 0;
  await("both tasks read", [&] {
    for (int p = 0; p < 4; ++p) written += broker_->produce(topic_, records(p, 1)).size();
    const auto tasks = run.metrics().tasks;
    return std::count_if(tasks.begin(), tasks.end(), [](auto& t) { return t.node == "kafka" && t.emitted > 0; }) == 2;
  });
  await("all records are there", [&] { return distinct({got}).size() == written; });
  run.drain();
}

TEST_P(kafka_group, members_come_and_go_and_no_record_is_lost) {
  broker_->create_topic(topic_, 4);
  writer load(*broker_, topic_, 4);
  places first, second;
  auto one = start(reading(member(), first));
  await("the first reads", [&] { return first.size() > 40; });
  auto other = start(reading(member(), second));
  await("the second reads", [&] { return second.size() > 40; });
  one.drain();
  const auto until_then = second.size();
  await("the second goes on", [&] { return second.size() > until_then + 40; });
  const auto written = load.stop();
  await("all records are there", [&] { return distinct({first, second}).size() == written; });
  other.drain();
  EXPECT_EQ(count({first, second}), written);
}

TEST_P(kafka_group, partitions_that_come_back_are_read) {
  broker_->create_topic(topic_, 2);
  const auto write = [&](int n) {
    for (int p = 0; p < 2; ++p) broker_->produce(topic_, records(p, n));
  };
  write(1);
  places first, second;
  auto one = start(reading(member(), first));
  await("the first has both", [&] { return first.size() == 2; });
  auto other = start(reading(member(), second));
  std::size_t written = 2;
  await("each has one", [&] {
    write(1);
    written += 2;
    return second.size() > 0;
  });
  other.drain();
  write(1);
  await("the first has both again", [&] { return distinct({first, second}).size() == written + 2; });
  one.drain();
  EXPECT_EQ(count({first, second}), written + 2);
}

/// Where the first record begins, in a group that has committed nothing yet, and where it has.
TEST_P(kafka_group, begins_where_it_is_told_to_and_then_where_it_has_committed) {
  broker_->create_topic(topic_, 2);
  for (int p = 0; p < 2; ++p)
    for (int i = 0; i < 10; ++i) broker_->produce(topic_, {{.value = "v", .time_ms = 1000 * (i + 1), .partition = p}});
  auto options = member();
  const auto read = [&](const start_at& from, std::size_t expected) {
    options.start = from;
    places got;
    auto run = start(reading(options, got));
    await("all is there", [&] { return got.size() >= expected; });
    run.drain();
    return distinct({got});
  };
  options.group = unique_name("offsets");
  EXPECT_THAT(read(start_at::offsets({{{topic_, 0}, 8}, {{topic_, 1}, 9}}), 3), ElementsAre("0 8", "0 9", "1 9"));
  options.group = unique_name("time");
  EXPECT_THAT(read(start_at::time(event_time{9000ms}), 4), ElementsAre("0 8", "0 9", "1 8", "1 9"));
  options.group = unique_name("otherwise");
  EXPECT_THAT(read(start_at::committed(start_at::time(event_time{10'000ms})), 2), ElementsAre("0 9", "1 9"));
  broker_->produce(topic_, records(0, 1));
  EXPECT_THAT(read(start_at::earliest(), 1), ElementsAre("0 10")) << "what it has committed comes first";

  options.group = unique_name("latest");
  options.start = start_at::latest();
  places got;
  auto run = start(reading(options, got));
  await("what comes behind its start is read", [&] {
    broker_->produce(topic_, records(1, 1));
    return got.size() > 0;
  });
  run.drain();
  for (const auto& place : got.values()) {
    EXPECT_EQ(place.substr(0, 2), "1 ");
    EXPECT_GE(std::stoi(place.substr(2)), 10);
  }
}

TEST_P(kafka_group, topics_that_are_made_later_and_match_the_pattern_are_read) {
  const auto name = [this](const char* end) { return topic_ + end; };
  broker_->create_topic(name("-a"));
  broker_->produce(name("-a"), records(0, 1));
  auto options = member();
  options.topics = {};
  options.topic_pattern = topic_ + "-[ab]";
  options.settings.set("topic.metadata.refresh.interval.ms", "300");
  const auto topic_of = [](const record& r) { return std::string(r.topic); };
  places got;
  auto run = start(reading(options, got, topic_of));
  await("the first is read", [&] { return got.size() == 1; });
  for (const char* end : {"-b", "-other"}) {
    broker_->create_topic(name(end));
    broker_->produce(name(end), records(0, 1));
  }
  await("the other is read", [&] { return got.size() == 2; });
  run.drain();
  EXPECT_THAT(got.values(), ElementsAre(name("-a"), name("-b")));
}

class kafka_group_processes : public kafka_group {
 protected:
  void SetUp() override {
    kafka_group::SetUp();
    if (!IsSkipped()) broker_->create_topic(topic_, 4);
  }
  void TearDown() override {
    for (int i = 0; i < 3; ++i) std::remove(file(i).c_str());
  }
  std::string file(int i) const { return testing::TempDir() + "/" + topic_ + "." + std::to_string(i); }
  std::unique_ptr<member_process> start_one(int i) const {
    return std::make_unique<member_process>(member_options{
        .engine = GetParam(), .servers = broker_->bootstrap(), .topic = topic_, .group = topic_, .file = file(i)});
  }
  /// How often each has come.
  std::map<place, int> all_places() const {
    std::map<place, int> all;
    for (int i = 0; i < 3; ++i)
      for (const auto& p : places_in(file(i))) ++all[p];
    return all;
  }
  void more_of(int i) const {
    const auto before = places_in(file(i)).size();
    await("a member reads", [&] { return places_in(file(i)).size() > before + 20; });
  }
  /// What is committed is looked at first: more may be finished by then.
  void expect_that_committed_is_finished() const {
    const auto known = committed();
    const auto finished = all_places();
    for (int p = 0; p < 4; ++p)
      for (std::int64_t i = 0; i < known[static_cast<std::size_t>(p)].value_or(0); ++i)
        EXPECT_TRUE(finished.contains({p, i})) << p << " " << i << " is committed and not finished";
  }
  std::int64_t sum_of_committed() const {
    std::int64_t sum = 0;
    for (const auto& c : committed()) sum += c.value_or(0);
    return sum;
  }
};
INSTANTIATE_TEST_SUITE_P(engines, kafka_group_processes, testing::ValuesIn(both_engines),
                         [](const auto& i) { return to_string(i.param); });

/// It finds out only when it goes on: what it has read and not committed is the others' by then.
TEST_P(kafka_group_processes, one_that_was_stopped_until_it_was_given_up_comes_back) {
  writer load(*broker_, topic_, 4);
  const auto one = start_one(0);
  more_of(0);
  const auto other = start_one(1);
  more_of(1);
  one->stall();
  const auto before = all_places();
  await("the other has all partitions", [&] {
    std::set<int> with_news;
    for (const auto& p : places_in(file(1)))
      if (!before.contains(p)) with_news.insert(p.first);
    return with_news.size() == 4;
  });
  one->go_on();
  more_of(0);
  expect_that_committed_is_finished();
  const auto written = load.stop();
  await("all records are there", [&] { return all_places().size() == written; });
  EXPECT_EQ(one->leave(), 0);
  EXPECT_EQ(other->leave(), 0);
  EXPECT_EQ(sum_of_committed(), static_cast<std::int64_t>(written));
}

TEST_P(kafka_group_processes, come_and_go_and_are_killed) {
  writer load(*broker_, topic_, 4);
  const auto one = start_one(0);
  more_of(0);
  const auto other = start_one(1);
  more_of(1);
  EXPECT_EQ(other->leave(), 0);
  more_of(0);

  const auto third = start_one(2);
  more_of(2);
  one->kill();
  expect_that_committed_is_finished();
  const auto written = load.stop();
  await("the third has taken over", [&] { return all_places().size() == written; });
  EXPECT_EQ(third->leave(), 0);
  EXPECT_EQ(sum_of_committed(), static_cast<std::int64_t>(written));
}

/// Keeps all it gets, and finishes nothing.
struct holding_sink_of_all {
  std::shared_ptr<std::atomic<int>> count = std::make_shared<std::atomic<int>>(0);  // relaxed would do: a number
  std::shared_ptr<std::vector<held_tuple>> held = std::make_shared<std::vector<held_tuple>>();
  void write(const std::string&, emitter<void>& out) {
    held->push_back(out.hold());
    ++*count;
  }
};

TEST_P(kafka_group, what_is_not_finished_in_time_is_read_by_the_next_owner) {
  broker_->create_topic(topic_, 2);
  for (int p = 0; p < 2; ++p) broker_->produce(topic_, records(p, 2));
  const holding_sink_of_all kept;
  auto options = member();
  options.revoke_timeout = 300ms;
  {
    auto one = start(reading(options, kept), 1ms);
    await("the first has them", [&] { return *kept.count == 4; });
    places got;
    auto other = start(reading(member(), got));
    await("the second has a partition's", [&] { return distinct({got}).size() >= 2; });
    other.drain();
  }
  auto all = committed();
  std::sort(all.begin(), all.end());
  EXPECT_THAT(all, ElementsAre(testing::AnyOf(std::nullopt, Optional(0)), Optional(2)));
}

TEST_P(kafka_group, a_member_without_room_is_not_taken_for_dead) {
  broker_->create_topic(topic_, 2);
  for (int p = 0; p < 2; ++p) broker_->produce(topic_, records(p, 20));
  auto options = member();
  options.settings.set("session.timeout.ms", "1500").set("max.poll.interval.ms", "1500");
  places got;
  const auto shut = std::make_shared<gate>();
  auto run = start(reading(options, [shut, got](const std::string& at) mutable {
    shut->pass();
    got.write(at);
  }));
  await("it is blocked", [&] { return shut->has_somebody(); });
  std::this_thread::sleep_for(4s);  // so long it is: more than twice what a member may be silent
  shut->open();
  await("all records are there", [&] { return distinct({got}).size() == 40; });
  run.drain();
  EXPECT_EQ(got.size(), 40u);
  EXPECT_THAT(committed(), ElementsAre(Optional(20), Optional(20)));
}

TEST_P(kafka_group, a_member_without_room_lets_others_in) {
  broker_->create_topic(topic_, 2);
  for (int p = 0; p < 2; ++p) broker_->produce(topic_, records(p, 20));
  auto options = member();
  options.revoke_timeout = 300ms;
  const auto shut = std::make_shared<gate>();
  auto blocked = start(reading(options, [shut](const std::string&) { shut->pass(); }));
  await("it is blocked", [&] { return shut->has_somebody(); });
  places got;
  auto other = start(reading(member(), got));
  await("the other has a partition's", [&] { return distinct({got}).size() >= 20; });
  shut->open();
  blocked.drain();
  other.drain();
}

/// A decoder for which some records are none, and others bad.
struct picky {
  std::optional<std::string> operator()(const record& r) const {
    if (r.value == "none") return std::nullopt;
    if (r.value == "bad") throw bad_record("it is bad");
    return place_of{}(r);
  }
};

TEST_P(kafka_group, records_that_become_no_tuple_hold_no_partition) {
  broker_->create_topic(topic_, 2);
  for (int p = 0; p < 2; ++p) {
    broker_->produce(topic_, records(p, 1));
    broker_->produce(topic_, records(p, 1, "bad"));
    broker_->produce(topic_, records(p, 1, "none"));
  }
  auto options = member();
  options.revoke_timeout = std::chrono::minutes(10);
  places first, second;
  auto one = start(reading(options, first, picky{}));
  await("the first has read", [&] { return committed()[0] >= 2 && committed()[1] >= 2; });
  auto other = start(reading(options, second, picky{}));
  await("the second has a partition", [&] {
    for (int p = 0; p < 2; ++p) broker_->produce(topic_, records(p, 1));
    return second.size() > 0;
  });
  one.drain();
  other.drain();
}

TEST_P(kafka_group, a_member_that_goes_before_it_has_come) {
  broker_->create_topic(topic_, 4);
  for (int i = 0; i < 5; ++i) {
    auto run = start(reading(member(), places{}, place_of{}, 2));
    std::this_thread::sleep_for(i * 25ms);  // at another moment each time
    run.stop();
  }
}

/// A partition that another member has holds event time back no longer.
TEST_P(kafka_group, event_time_goes_on_without_partitions_that_left) {
  broker_->create_topic(topic_, 2);
  const auto at = [](std::int64_t ms, int partition) {
    return std::vector<raw_record>{{.value = "v", .time_ms = ms, .partition = partition}};
  };
  for (int p = 0; p < 2; ++p) broker_->produce(topic_, at(1000, p));
  const auto timed = [&](places to) {
    stream_builder builder("timed");
    builder.spout("kafka", spout<std::string, place_of>(member())).event_time(time_of_spout{}).to("got", to);
    return builder.build();
  };
  places first, second;
  auto one = start(timed(first));
  await("the first has both", [&] { return first.size() == 2; });
  auto other = start(timed(second));
  await("each has one", [&] {
    for (int p = 0; p < 2; ++p) broker_->produce(topic_, at(2000, p));
    return second.size() > 0;
  });
  const int left = 1 - std::stoi(second.values().front());
  broker_->produce(topic_, at(100'000, left));
  await("event time has gone on", [&] {
    const auto time = one.metrics().node("kafka").watermark;
    return time >= event_time{event_span{99'000}} && time < event_time{event_span{200'000}};
  });
  one.drain();
  other.drain();
}

}  // namespace
}  // namespace freshet::kafka
