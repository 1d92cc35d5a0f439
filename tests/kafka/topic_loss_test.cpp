// A topic that is deleted under a run ends it, with a sentence: for a spout, a member of a group, and a sink.
#include <gmock/gmock.h>

#include <thread>

#include "freshet/connect/memory/push_spout.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class kafka_topic_loss : public broker_test, public testing::WithParamInterface<engine> {
 protected:
  void SetUp() override {
    broker_test::SetUp();
    if (IsSkipped()) return;
    topic_ = unique_name("lost");
    broker_->create_topic(topic_, 2);
  }
  /// While `meanwhile` is called, again and again.
  template <class Meanwhile>
  static std::string error_of(topology_run run, Meanwhile meanwhile) {
    while (run.status().state == run_state::running) {
      meanwhile();
      std::this_thread::sleep_for(20ms);
    }
    try {
      run.wait();
      return "no error";
    } catch (const run_error& e) { return e.what(); }
  }
  void reads_until_it_is_deleted(const consumer_options& options) {
    broker_->produce(topic_, {{.value = "0", .partition = 0}, {.value = "1", .partition = 1}});
    collect_sink<std::string> got;
    topology_builder builder("reading");
    builder.sink("got", got).input(builder.spout("in", spout<std::string>(options)));
    auto run = start_on(GetParam(), builder.build());
    await("it reads", [&] { return got.size() == 2; });
    broker_->delete_topic(topic_);
    EXPECT_THAT(error_of(std::move(run), [] {}), HasSubstr("was the topic deleted while the run reads it?"));
  }

  std::string topic_;
};
INSTANTIATE_TEST_SUITE_P(engines, kafka_topic_loss, testing::ValuesIn(both_engines),
                         [](const auto& i) { return to_string(i.param); });

TEST_P(kafka_topic_loss, ends_a_run_that_reads_it) {
  reads_until_it_is_deleted({.servers = broker_->bootstrap(), .topics = {topic_}});
}
TEST_P(kafka_topic_loss, ends_a_run_that_is_a_member) {
  reads_until_it_is_deleted({.servers = broker_->bootstrap(), .topics = {topic_}, .group = topic_});
}
TEST_P(kafka_topic_loss, ends_a_run_that_writes_to_it) {
  push_spout<std::string> values;
  topology_builder builder("writing");
  builder.sink("out", sink<std::string>({.servers = broker_->bootstrap(), .topic = topic_}))
      .input(builder.spout("values", values));
  auto run = start_on(GetParam(), builder.build());
  ASSERT_TRUE(values.push("before"));
  await("a record is there", [&] { return broker_->read_all(topic_).size() == 1; });
  broker_->delete_topic(topic_);
  EXPECT_THAT(error_of(std::move(run), [&] { (void)values.try_push("behind"); }),
              AllOf(HasSubstr("topic " + topic_), HasSubstr("was the topic deleted while the run writes to it?")));
}

}  // namespace
}  // namespace freshet::kafka
