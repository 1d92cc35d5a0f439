// Rights that are missing, on a cluster where nobody may what no ACL says: a run ends with a sentence that names the
// one to grant, as soon as brokers say so. How soon is printed; users are promised 3 s.
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "freshet/connect/memory/push_spout.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/kept_log.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto topic_kind = RD_KAFKA_RESOURCE_TOPIC, group_kind = RD_KAFKA_RESOURCE_GROUP;
constexpr auto describe_right = RD_KAFKA_ACL_OPERATION_DESCRIBE, read_right = RD_KAFKA_ACL_OPERATION_READ,
               write_right = RD_KAFKA_ACL_OPERATION_WRITE;

/// Everything is done as "alice".
class kafka_rights : public broker_test {
 protected:
  void SetUp() override {
    broker_test::SetUp();
    if (IsSkipped()) return;
    secure_ = std::make_unique<kafka_broker>(broker_settings{.secure = true});
    secure_->create_topic("t", 2);
  }
  void allow(rd_kafka_ResourceType_t kind, const std::string& name, rd_kafka_AclOperation_t what) const {
    auto* conf = rd_kafka_conf_new();
    char why[512] = "";
    rd_kafka_conf_set(conf, "bootstrap.servers", secure_->told("open_bootstrap").c_str(), why, sizeof why);
    auto* admin = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    auto* acl = rd_kafka_AclBinding_new(kind, name.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL, "User:alice", "*", what,
                                        RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof why);
    auto* answers = rd_kafka_queue_new(admin);
    rd_kafka_CreateAcls(admin, &acl, 1, nullptr, answers);
    auto* done = rd_kafka_queue_poll(answers, 30'000);
    ASSERT_TRUE(done) << "no answer";
    EXPECT_EQ(rd_kafka_event_error(done), 0) << rd_kafka_event_error_string(done);
    rd_kafka_event_destroy(done);
    rd_kafka_queue_destroy(answers);
    rd_kafka_AclBinding_destroy(acl);
    rd_kafka_destroy(admin);
  }
  settings as_alice() const {
    return {{"security.protocol", "sasl_ssl"},
            {"sasl.mechanism", "PLAIN"},
            {"sasl.username", secure_->told("user")},
            {"sasl.password", secure_->told("user_password")},
            {"ssl.ca.location", secure_->told("ca")}};
  }
  consumer_options from(const std::string& group = {}, partitions_from who = partitions_from::automatic) const {
    return {.servers = secure_->bootstrap(),
            .topics = {"t"},
            .group = group,
            .partitions_from = who,
            .settings = as_alice()};
  }
  static topology reading(consumer_options options) {
    topology_builder builder("reading");
    builder.sink("got", collect_sink<std::string>()).input(builder.spout("in", spout<std::string>(std::move(options))));
    return builder.build();
  }
  /// Whose node has the policy of every other: a tuple that fails becomes a letter.
  topology writing(push_spout<std::string> values, const collect_sink<dead_letter>& letters = {}) const {
    topology_builder builder("writing");
    builder.sink("out", sink<std::string>({.servers = secure_->bootstrap(), .topic = "t", .settings = as_alice()}))
        .input(builder.spout("values", std::move(values)));
    builder.sink("letters", letters).input(builder.dead_letters());
    return builder.build();
  }
  topology_run start(engine e, const topology& t) const {
    const logger to(log_, log_level::trace);
    if (e == engine::event) return event_executor({.workers = 1, .log = to}).start(t);
    batch_options o{.interval = 5ms, .guarantee = guarantee::at_least_once, .workers = 1};
    o.log = to;
    return batch_executor(o).start(t);
  }
  /// Of a run that nobody ends.
  std::string error_of(engine e, const topology& t) const {
    const auto began = std::chrono::steady_clock::now();
    std::string said = "no error";
    try {
      start(e, t).wait();
    } catch (const std::exception& x) { said = x.what(); }
    std::printf("%s: after %lld ms: %s\n", to_string(e).c_str(),
                static_cast<long long>((std::chrono::steady_clock::now() - began) / 1ms), said.c_str());
    return said;
  }

  std::unique_ptr<kafka_broker> secure_;
  const std::shared_ptr<kept_log> log_ = std::make_shared<kept_log>();
};

/// A topic without records, so that it is the first fetch that tells, and no record.
TEST_F(kafka_rights, of_who_reads) {
  const auto all = [&](const consumer_options& options, const auto& said) {
    for (const auto e : both_engines) EXPECT_THAT(error_of(e, reading(options)), said);
  };
  all(from(),
      AllOf(HasSubstr("topic \"t\""), HasSubstr("grant the user of these settings what it needs, to read (Read")));

  allow(topic_kind, "t", describe_right);
  const auto wants_read = HasSubstr("grant the user of these settings Read for the topics");
  all(from(), AllOf(HasSubstr("t/"), wants_read, Not(HasSubstr("group"))));
  allow(group_kind, "mine", read_right);
  all(from("mine"), AllOf(HasSubstr("t/"), wants_read, HasSubstr("and for group \"mine\"")));

  allow(topic_kind, "t", read_right);
  const auto wants_group = AllOf(HasSubstr("\"theirs\""), HasSubstr("grant the user of these settings Read for the "));
  all(from("theirs", partitions_from::group), wants_group);
  all(from("theirs", partitions_from::run), wants_group);
  auto elsewhere = from("theirs", partitions_from::run);
  elsewhere.start = start_at::earliest();  // what the group has committed is not asked for
  all(elsewhere, wants_group);

  secure_->produce("t", {{.value = "v", .partition = 0}});
  for (const auto e : both_engines) {
    EXPECT_EQ(read_all<std::string>(e, from()).size(), 1u) << to_string(e);
    EXPECT_EQ(read_all<std::string>(e, from("mine")).size(), e == engine::event ? 1u : 0u) << to_string(e);
  }
}

/// A member's first fetch is refused, and the library waits 5 s before it fetches again: it is the first that is told.
TEST_F(kafka_rights, of_a_member_are_told_by_its_first_fetch) {
  allow(topic_kind, "t", describe_right);
  for (int i = 0; i < 10; ++i) {
    const auto group = "g" + std::to_string(i);
    allow(group_kind, group, read_right);
    auto options = from(group);
    options.settings.set("debug", "fetch").set("log_level", "7");
    const auto before = log_->count("t [0]: Fetch backoff for 5000ms");
    EXPECT_THAT(error_of(both_engines[i % 2], reading(options)), HasSubstr("Read for the topics"));
    EXPECT_EQ(log_->count("t [0]: Fetch backoff for 5000ms"), before + 1);
  }
}

/// The client library asks for an id when it is made, which who may write nowhere is refused.
TEST_F(kafka_rights, of_who_may_write_nowhere_are_told_without_a_record) {
  allow(topic_kind, "t", describe_right);
  for (const auto e : both_engines)
    EXPECT_THAT(error_of(e, writing(push_spout<std::string>())),
                AllOf(HasSubstr("topic t: "), HasSubstr("grant the user of these settings Write for the topic")));
}

/// No request asks for the right and writes nothing: its first record does. It ends the run, and is no letter.
TEST_F(kafka_rights, of_who_may_write_elsewhere_are_told_by_the_first_record) {
  allow(topic_kind, "t", describe_right);
  secure_->create_topic("other");
  allow(topic_kind, "other", write_right);
  for (const auto e : both_engines) {
    push_spout<std::string> values;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(values.push("v"));
    const collect_sink<dead_letter> letters;
    EXPECT_THAT(error_of(e, writing(values, letters)),
                AllOf(HasSubstr("topic t: "), HasSubstr("grant the user of these settings Write for the topic")));
    EXPECT_EQ(letters.size(), 0u) << to_string(e);
  }
  EXPECT_EQ(secure_->read_all("t").size(), 0u);

  allow(topic_kind, "t", write_right);
  for (const auto e : both_engines) {
    push_spout<std::string> values;
    ASSERT_TRUE(values.push("v"));
    auto run = start(e, writing(values));
    run.drain();
  }
  EXPECT_EQ(secure_->read_all("t").size(), 2u);
}

}  // namespace
}  // namespace freshet::kafka
