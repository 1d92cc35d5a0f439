// Finished offsets that the group is not told at once: the run goes on, says so, and tells them when it can, without a
// new record; and what is not finished is in none of them.
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>

#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/kept_log.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Optional;

/// Finishes what it gets, but for "kept", which waits until it is let go.
class keeping_sink {
 public:
  void write(const std::string& value, emitter<void>& out) {
    const std::lock_guard lock(shared_->mutex);
    if (value == "kept" && !shared_->open) shared_->kept.push_back(out.hold());
    ++shared_->count;
  }
  void let_go() {
    const std::lock_guard lock(shared_->mutex);
    shared_->open = true;
    for (auto& k : shared_->kept) k.ack();
    shared_->kept.clear();
  }
  int count() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->count;
  }

 private:
  struct shared {
    std::mutex mutex;
    std::vector<held_tuple> kept;
    bool open = false;
    int count = 0;
  };
  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

/// Somebody else who is a member of the group, and reads another topic: while it is there, the group's coordinator
/// refuses the offsets of those who are not.
class other_member {
 public:
  other_member(const kafka_broker& to, const std::string& group, const std::string& topic) {
    char why[512] = "";
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", to.bootstrap().c_str(), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", group.c_str(), why, sizeof why);
    client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_poll_set_consumer(client_);
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic.c_str(), -1);
    rd_kafka_subscribe(client_, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    await("it is a member", [this] { return has_partitions(); });
  }
  other_member(const other_member&) = delete;
  other_member& operator=(const other_member&) = delete;
  ~other_member() {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }

 private:
  bool has_partitions() {
    if (rd_kafka_message_t* m = rd_kafka_consumer_poll(client_, 0)) rd_kafka_message_destroy(m);
    rd_kafka_topic_partition_list_t* has = nullptr;
    if (rd_kafka_assignment(client_, &has) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    const bool some = has->cnt > 0;
    rd_kafka_topic_partition_list_destroy(has);
    return some;
  }
  rd_kafka_t* client_ = nullptr;
};

class kafka_commit_failures : public broker_test, public testing::WithParamInterface<engine> {
 protected:
  topology reading(const consumer_options& options, keeping_sink to) const {
    topology_builder builder("reading");
    builder.sink("got", std::move(to)).input(builder.spout("in", spout<std::string>(options), {.max_batch = 1}));
    return builder.build();
  }
  topology_run start(const topology& t) const {
    const logger to(log_, log_level::warning);
    if (GetParam() == engine::event) return event_executor({.workers = 2, .commit_interval = 20ms, .log = to}).start(t);
    batch_options o{.interval = 5ms, .rows_per_batch = 1, .guarantee = guarantee::at_least_once, .workers = 2};
    o.log = to;
    return batch_executor(o).start(t);
  }
  /// In one partition, so that order is kept.
  static void write(const kafka_broker& to, const std::string& topic, const std::vector<std::string>& values) {
    std::vector<raw_record> all;
    for (const auto& v : values) all.push_back({.value = v, .partition = 0});
    to.produce(topic, all);
  }
  static auto committed(const kafka_broker& by, const std::string& name) { return by.committed(name, name)[0]; }
  std::string sentence(const std::string& group) const {
    return "finished offsets could not be committed for group \"" + group + "\"";
  }

  const std::string name_ = unique_name("refused");  // of topic and group
  const std::shared_ptr<kept_log> log_ = std::make_shared<kept_log>();
};
INSTANTIATE_TEST_SUITE_P(engines, kafka_commit_failures, testing::ValuesIn(both_engines),
                         [](const auto& i) { return to_string(i.param); });

TEST_P(kafka_commit_failures, a_coordinator_that_refuses_is_told_again) {
  const auto others = unique_name("others");
  broker_->create_topic(name_);
  broker_->create_topic(others);
  auto member = std::make_unique<other_member>(*broker_, name_, others);
  write(*broker_, name_, {"a", "b", "kept"});
  keeping_sink got;
  auto run = start(reading(
      {.servers = broker_->bootstrap(), .topics = {name_}, .group = name_, .partitions_from = partitions_from::run},
      got));
  await("all has come", [&] { return got.count() == 3; });
  await("it says so", [&] { return log_->says(sentence(name_)); });
  EXPECT_EQ(committed(*broker_, name_), std::nullopt);
  member.reset();
  await("what is finished is committed", [&] { return committed(*broker_, name_) >= 2; });
  EXPECT_THAT(committed(*broker_, name_), Optional(2)) << "the third is not finished";
  got.let_go();
  await("all is committed", [&] { return committed(*broker_, name_) == 3; });
  run.drain();
  EXPECT_EQ(got.count(), 3);
}

TEST_P(kafka_commit_failures, a_broker_that_does_not_answer_is_told_again) {
  kafka_broker own;
  own.create_topic(name_);
  write(own, name_, {"a", "kept", "b"});
  keeping_sink got;
  auto run = start(reading({.servers = own.bootstrap(),
                            .topics = {name_},
                            .group = name_,
                            .partitions_from = partitions_from::run,
                            .settings = {{"socket.timeout.ms", "2000"}}},
                           got));
  await("the first is committed", [&] { return committed(own, name_) == 1; });
  own.stall();
  got.let_go();
  // The library keeps what nobody takes, and says that itself.
  await("it says so", [&] { return log_->says("GroupCoordinator/1: Timed out 1 in-flight"); });
  own.go_on();
  await("all is committed", [&] { return committed(own, name_) == 3; });
  run.drain();
  EXPECT_THAT(own.committed(name_, name_), ElementsAre(Optional(3)));
}

}  // namespace
}  // namespace freshet::kafka
