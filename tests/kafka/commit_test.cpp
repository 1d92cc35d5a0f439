// What the group is told beside news: now and then, what has not changed.
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include "connect/kafka/commit_plan.hpp"
#include "freshet/connect/kafka/consumer.hpp"
#include "freshet/testing/manual_clock.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// Somebody else commits for the group, which has no members.
void commit_as_another(const kafka_broker& to, const std::string& group, const std::string& topic,
                       std::int64_t offset) {
  char why[512] = "";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", to.bootstrap().c_str(), why, sizeof why);
  rd_kafka_conf_set(conf, "group.id", group.c_str(), why, sizeof why);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = offset;
  EXPECT_EQ(rd_kafka_commit(client, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(client);
}

class kafka_commits : public broker_test {
 protected:
  /// One that has read three records of a topic, and finished them.
  void finish_three(const kafka_broker& of, const settings& with = {}) {
    of.create_topic(topic_);
    of.produce(topic_, {{.value = "a"}, {.value = "b"}, {.value = "c"}});
    task_context context;
    context.partitions = {{0, topic_ + "/0"}};
    context.clock = &time_;
    reader_ = std::make_unique<consumer>(consumer_options{.servers = of.bootstrap(),
                                                          .topics = {topic_},
                                                          .group = topic_,
                                                          .partitions_from = partitions_from::run,
                                                          .settings = with},
                                         context);
    int read = 0;
    await("all is read", [&] { return poll() && ++read == 3; });
  }
  bool poll() const {
    return reader_->next([](partition_id) { return true; }) != nullptr;
  }

  const std::string topic_ = unique_name("commits");
  freshet::testing::manual_clock time_;
  std::unique_ptr<consumer> reader_;
};

TEST_F(kafka_commits, are_repeated_where_nothing_happens_before_brokers_forget_them) {
  finish_three(*broker_);
  reader_->commit({0, 2, 3});
  await("it is committed", [&] { return broker_->committed(topic_, topic_)[0] == 3; });
  commit_as_another(*broker_, topic_, topic_, 1);
  ASSERT_THAT(broker_->committed(topic_, topic_), ElementsAre(1));
  time_.advance(commit_plan::unchanged);
  await("it is committed again", [&] { return !poll() && broker_->committed(topic_, topic_)[0] == 3; });
}

}  // namespace
}  // namespace freshet::kafka
