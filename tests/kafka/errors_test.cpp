// What is wrong with a connection, a topic, a right or a setting is said in one sentence, by spout and sink, on both
// engines, and without secrets.
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <fstream>

#include "connect/kafka/connection.hpp"
#include "kafka/broker.hpp"
#include "kafka/kept_log.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

/// What is tried: as spout and as sink, on both engines.
struct attempt {
  std::string servers, topic, group = {};
  kafka::settings settings = {};
  std::chrono::milliseconds connect_timeout = 400ms;  // nothing is far here
  std::shared_ptr<kept_log> log = std::make_shared<kept_log>();
  std::string value = "v";  // to write

  topology reading() const {
    topology_builder builder("read");
    builder.sink("got", collect_sink<std::string>())
        .input(builder.spout("in", spout<std::string>({.servers = servers,
                                                       .topics = {topic},
                                                       .group = group,
                                                       .partitions_from = partitions_from::run,
                                                       .bounded = true,
                                                       .connect_timeout = connect_timeout,
                                                       .settings = settings})));
    return builder.build();
  }
  topology writing() const {
    topology_builder builder("write");
    builder
        .sink("out",
              sink<std::string>(
                  {.servers = servers, .topic = topic, .connect_timeout = connect_timeout, .settings = settings}),
              {.on_failure = on_failure::stop})
        .input(builder.spout("values", vector_spout<std::string>({value})));
    return builder.build();
  }
  topology_run start(engine e, const topology& t) const {
    if (e == engine::event)
      return event_executor({.workers = 1, .retry = {.max_attempts = 2}, .log = logger(log, log_level::trace)})
          .start(t);
    batch_options o;
    o.workers = 1;
    o.interval = 1ms;
    o.max_task_attempts = 2;
    o.log = logger(log, log_level::trace);
    return batch_executor(o).start(t);
  }
  /// What stops it; else "no error".
  std::string error_of(engine e, const topology& t) const {
    try {
      start(e, t).wait();
      return "no error";
    } catch (const std::exception& x) { return x.what(); }
  }
  /// What `start` itself throws.
  std::string error_at_start(engine e, const topology& t) const {
    try {
      start(e, t).stop();
      return "it has started";
    } catch (const std::exception& x) { return x.what(); }
  }
  std::vector<std::string> errors() const {
    std::vector<std::string> all;
    for (const auto e : both_engines) {
      all.push_back(error_of(e, reading()));
      all.push_back(error_of(e, writing()));
    }
    return all;
  }
  std::vector<std::string> errors_at_start() const {
    std::vector<std::string> all;
    for (const auto e : both_engines) {
      all.push_back(error_at_start(e, reading()));
      all.push_back(error_at_start(e, writing()));
    }
    return all;
  }
};

const std::vector<std::string> none(4, "no error");

using kafka_errors = broker_test;

/// So long, and the steps of 100 ms that it is looked at in: an error that has a reason comes within 3 s of `start`.
static_assert(connection::most_wait_with_reason <= 2s);
/// One that is bound by nothing else would not come while a test waits.
constexpr auto no_bound = std::chrono::hours(1);

TEST(kafka_start, says_that_nobody_listens) {
  const auto all = attempt{.servers = "127.0.0.1:1", .topic = "t", .connect_timeout = no_bound}.errors_at_start();
  EXPECT_THAT(all, Each(HasSubstr(", tried for 2000 ms")));
  EXPECT_THAT(all, Each(AllOf(HasSubstr("cannot work with the brokers at 127.0.0.1:1: "), HasSubstr("refused"),
                              HasSubstr("nobody listens there: start a broker, or correct `servers`"))));
  EXPECT_THAT(all, Each(Not(HasSubstr("in state"))));
}
TEST(kafka_start, says_that_a_host_is_unknown) {
  EXPECT_THAT(
      (attempt{.servers = "no-such-host.invalid:9092", .topic = "t", .connect_timeout = no_bound}.errors_at_start()),
      Each(AllOf(HasSubstr("no-such-host.invalid"), HasSubstr("check the host's name in `servers`"))));
}
TEST(kafka_start, says_which_file_is_missing) {
  EXPECT_THAT((attempt{.servers = "127.0.0.1:1",
                       .topic = "t",
                       .settings = {{"security.protocol", "ssl"}, {"ssl.ca.location", "/no/such/ca.pem"}}}
                   .errors_at_start()),
              Each(HasSubstr("ssl.ca.location = \"/no/such/ca.pem\" names a file that is not there")));
}
TEST(kafka_start, wants_to_be_told_the_mechanism) {
  EXPECT_THAT((attempt{.servers = "127.0.0.1:1", .topic = "t", .settings = {{"security.protocol", "sasl_ssl"}}}
                   .errors_at_start()),
              Each(HasSubstr("no mechanism is given: set sasl.mechanism to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")));
}
TEST(kafka_start, says_that_a_mechanism_is_unknown) {
  EXPECT_THAT((attempt{.servers = "127.0.0.1:1",
                       .topic = "t",
                       .settings = {{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "FOO"}}}
                   .errors_at_start()),
              Each(HasSubstr("Unsupported SASL mechanism: FOO")));
}
TEST(kafka_start, says_which_setting_is_unknown_or_wrong) {
  const auto with = [](const char* name, const char* value) {
    return attempt{.servers = "127.0.0.1:1", .topic = "t", .settings = {{name, value}}}.errors_at_start();
  };
  EXPECT_THAT(with("no.such.setting", "1"), Each(HasSubstr("the setting no.such.setting = \"1\" is refused")));
  EXPECT_THAT(with("linger.ms", "soon"), Each(HasSubstr("the setting linger.ms = \"soon\" is refused")));
  EXPECT_THAT(with("compression.codec", "zip"), Each(HasSubstr("the setting compression.codec = \"zip\" is refused")));
}
TEST(kafka_start, refuses_settings_that_it_stands_on) {
  attempt a{.servers = "127.0.0.1:1", .topic = "t"};
  for (const char* name :
       {"bootstrap.servers", "metadata.broker.list", "group.id", "enable.auto.commit", "enable.auto.offset.store",
        "auto.commit.interval.ms", "auto.offset.reset", "partition.assignment.strategy", "enable.partition.eof"}) {
    a.settings = {{name, "1"}};
    EXPECT_THAT(a.error_at_start(engine::event, a.reading()),
                HasSubstr("the setting " + std::string(name) + " can't be given: "));
  }
  for (const char* name :
       {"bootstrap.servers", "metadata.broker.list", "enable.idempotence", "acks", "request.required.acks",
        "message.timeout.ms", "delivery.timeout.ms", "queue.buffering.max.messages", "queue.buffering.max.kbytes",
        "delivery.report.only.error", "transactional.id"}) {
    a.settings = {{name, "1"}};
    EXPECT_THAT(a.error_at_start(engine::event, a.writing()),
                HasSubstr("the setting " + std::string(name) + " can't be given: "));
  }
}

TEST(kafka_secret, is_not_in_the_error_of_its_setting) {
  ::setenv("FRESHET_TEST_SECRET", "hush-hush", 1);
  // One that is no password by its name, and whose value is refused.
  const auto all = attempt{.servers = "127.0.0.1:1",
                           .topic = "t",
                           .settings = {{"linger.ms", secret::from_environment("FRESHET_TEST_SECRET")}}}
                       .errors_at_start();
  EXPECT_THAT(all, Each(AllOf(HasSubstr("linger.ms"), Not(HasSubstr("hush-hush")))));
  const auto path = attempt{.servers = "127.0.0.1:1",
                            .topic = "t",
                            .settings = {{"ssl.ca.location", secret::from_environment("FRESHET_TEST_SECRET")}}}
                        .errors_at_start();
  EXPECT_THAT(path, Each(AllOf(HasSubstr("ssl.ca.location"), Not(HasSubstr("hush-hush")))));
}
TEST(kafka_secret, that_is_nowhere_is_named) {
  EXPECT_THAT((attempt{.servers = "127.0.0.1:1",
                       .topic = "t",
                       .settings = {{"sasl.password", secret::from_environment("FRESHET_NO_SUCH_VARIABLE")}}}
                   .errors_at_start()),
              Each(HasSubstr("FRESHET_NO_SUCH_VARIABLE")));
  EXPECT_THAT(
      (attempt{
          .servers = "127.0.0.1:1", .topic = "t", .settings = {{"sasl.password", secret::from_file("/no/such/file")}}}
           .errors_at_start()),
      Each(HasSubstr("\"/no/such/file\"")));
}

TEST_F(kafka_errors, an_unknown_topic) {
  const auto topic = unique_name("missing");
  EXPECT_THAT((attempt{.servers = broker_->bootstrap(), .topic = topic, .connect_timeout = no_bound}.errors_at_start()),
              Each(AllOf(HasSubstr("topic \"" + topic + "\""),
                         HasSubstr("create it, or correct its name, tried for 2000 ms"))));
}
TEST_F(kafka_errors, tls_to_a_port_that_speaks_none) {
  EXPECT_THAT((attempt{.servers = broker_->bootstrap(),
                       .topic = "t",
                       .settings = {{"security.protocol", "ssl"}},
                       .connect_timeout = no_bound}
                   .errors_at_start()),
              Each(HasSubstr("check that the port speaks TLS: security.protocol is ssl")));
}
TEST_F(kafka_errors, one_of_several_brokers_may_be_unknown) {
  const auto topic = unique_name();
  broker_->create_topic(topic);
  EXPECT_EQ((attempt{.servers = "no-such-host.invalid:9092,127.0.0.1:1," + broker_->bootstrap(),
                     .topic = topic,
                     .connect_timeout = 10s}
                 .errors()),
            none);
}
/// What the broker refuses is an answer for the tuple, which meets its node's policy.
TEST_F(kafka_errors, a_record_that_is_too_large_for_its_topic) {
  const auto topic = unique_name();
  broker_->create_topic(topic, 1, {{"max.message.bytes", "60"}});
  const attempt a{.servers = broker_->bootstrap(), .topic = topic};
  for (const auto e : both_engines)
    EXPECT_THAT(a.error_of(e, a.writing()),
                AllOf(HasSubstr("topic " + topic), HasSubstr("raise max.message.bytes of the topic")));
}

/// The client library doesn't even send it.
TEST_F(kafka_errors, a_record_that_is_too_large_for_the_client) {
  const auto topic = unique_name();
  broker_->create_topic(topic);
  attempt a{.servers = broker_->bootstrap(), .topic = topic, .settings = {{"message.max.bytes", "1000"}}};
  a.value = std::string(5000, 'x');
  for (const auto e : both_engines)
    EXPECT_THAT(
        a.error_of(e, a.writing()),
        AllOf(HasSubstr("topic " + topic), HasSubstr("its value has 5000 bytes; the setting message.max.bytes")));
}

// --- a cluster that asks who is there ---

class secure_kafka : public broker_test {
 protected:
  void SetUp() override {
    broker_test::SetUp();
    if (!IsSkipped()) secure_ = std::make_unique<kafka_broker>(broker_settings{.secure = true});
  }
  attempt as(const std::string& user, const settings::value& password, const std::string& ca = "ca",
             const std::string& mechanism = "PLAIN") const {
    return {.servers = secure_->bootstrap(),
            .topic = "t",
            .settings = {{"security.protocol", "sasl_ssl"},
                         {"sasl.mechanism", mechanism},
                         {"sasl.username", user},
                         {"sasl.password", password},
                         {"ssl.ca.location", secure_->told(ca)}},
            .connect_timeout = no_bound};
  }
  attempt as_admin(const std::string& ca = "ca", const std::string& mechanism = "PLAIN") const {
    return as("admin", secure_->told("admin_password"), ca, mechanism);
  }
  std::unique_ptr<kafka_broker> secure_;
};

TEST_F(secure_kafka, lets_in_who_is_known_and_says_why_others_are_not) {
  secure_->create_topic("t");
  for (const char* mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}) {
    const std::string how = mechanism;
    if (how != "PLAIN" && secure_->told("version").starts_with("4") && rd_kafka_version() < 0x020601ff) {
      EXPECT_THAT(as_admin("ca", how).errors_at_start(), Each(HasSubstr("take PLAIN, or a newer one")));
      continue;
    }
    EXPECT_EQ(as_admin("ca", how).errors(), none) << how;
    const auto login = AllOf(HasSubstr("uthentication"), HasSubstr("check sasl.username, sasl.password"),
                             Not(HasSubstr("wrong-word")), Not(HasSubstr("in state")));
    EXPECT_THAT(as("admin", "wrong-word", "ca", how).errors_at_start(), Each(login));
    EXPECT_THAT(as("nobody", "wrong-word", "ca", how).errors_at_start(), Each(login));
  }
  EXPECT_EQ(secure_->read_all("t").size(), 6u);

  EXPECT_THAT(as_admin("wrong_ca").errors_at_start(),
              Each(HasSubstr("ssl.ca.location has to name the certificate of")));
  auto a = as_admin();
  a.settings = {{"security.protocol", "ssl"}};
  EXPECT_THAT(a.errors_at_start(), Each(HasSubstr("ssl.ca.location has to name the certificate of")));
  // Such may pass by itself: it is tried for a while.
  a.settings.set("ssl.ca.location", secure_->told("ca"));
  EXPECT_THAT(a.errors_at_start(),
              Each(HasSubstr("security.protocol is ssl, and the port may want another), tried for 2000 ms")));
  a.settings = {};
  EXPECT_THAT(a.errors_at_start(),
              Each(HasSubstr("security.protocol is plaintext, and the port may want another), tried for 2000 ms")));
}

/// Where they come from is told, and nothing else, also when the client library says all it does.
TEST_F(secure_kafka, secrets_come_from_elsewhere_and_are_nowhere_to_be_read) {
  secure_->create_topic("t");
  const auto password = secure_->told("admin_password"), file = testing::TempDir() + "/" + unique_name("password");
  std::ofstream(file) << password << "\n";
  ::setenv("FRESHET_TEST_PASSWORD", password.c_str(), 1);
  for (const auto& from :
       {settings::value(secret::from_file(file)), settings::value(secret::from_environment("FRESHET_TEST_PASSWORD")),
        settings::value(password)}) {
    // SCRAM, too, where the library can: an error shows no more than a success.
    for (const char* mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}) {
      auto scram = as("admin", from, "ca", mechanism);
      scram.settings.set("debug", "all").set("log_level", "7");
      for (const auto& said : scram.errors()) EXPECT_THAT(said, Not(HasSubstr(password)));
      EXPECT_THAT(scram.log->text(), AllOf(HasSubstr("SASL"), Not(HasSubstr(password)))) << mechanism;
    }
    auto a = as("admin", from);
    EXPECT_EQ(a.errors(), none);
    EXPECT_THAT(a.settings.describe() + a.reading().describe(describe_format::json) +
                    a.writing().describe(describe_format::json),
                AllOf(HasSubstr("sasl.password = (secret"), Not(HasSubstr(password))));
  }
  std::remove(file.c_str());
}

}  // namespace
}  // namespace freshet::kafka
