#include "kafka/broker.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace freshet::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;
using testing::UnorderedElementsAre;

using broker = broker_test;
using own_broker = broker_test;  // the shared one is there as soon as one can be started

/// Until it is so; the time of the test bounds it.
template <class Condition>
void await(Condition is_so) {
  while (!is_so()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

/// The error of asking the broker which brokers there are.
rd_kafka_resp_err_t ask(const std::string& bootstrap, int timeout_ms, const raw_settings& settings = {}) {
  auto* conf = rd_kafka_conf_new();
  char why[512];
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), why, sizeof why);
  rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
  for (const auto& [name, value] : settings) {
    EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why), RD_KAFKA_CONF_OK) << why;
  }
  auto* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  EXPECT_TRUE(client) << why;
  const rd_kafka_metadata_t* got = nullptr;
  const auto error = rd_kafka_metadata(client, 0, nullptr, &got, timeout_ms);
  if (got) rd_kafka_metadata_destroy(got);
  rd_kafka_destroy(client);
  return error;
}

TEST_F(broker, gives_back_records_as_they_were_written) {
  const auto topic = unique_name();
  broker_->create_topic(topic, 3);
  const std::vector<raw_record> records = {
      {.key = std::string("a\0b", 3), .value = std::string("\0\xff", 2), .time_ms = 1'000, .partition = 0},
      {.key = {}, .value = "no key", .partition = 1},
      {.key = "tombstone", .value = {}, .time_ms = 946'684'800'000, .partition = 1},
      {.key = "", .value = "", .partition = 2},
      {.key = "h",
       .value = "headers",
       .headers = {{"twice", "1"}, {"twice", std::string("\0", 1)}, {"null", {}}, {"empty", ""}, {"", "no name"}},
       .partition = 2}};
  const auto written = broker_->produce(topic, records);
  const auto read = broker_->read_all(topic);
  EXPECT_EQ(read, written);
  ASSERT_THAT(read, SizeIs(5));
  for (std::size_t i = 0; i < read.size(); ++i) {
    auto expected = records[i];
    expected.offset = i == 2 || i == 4 ? 1 : 0;
    if (expected.time_ms == -1) expected.time_ms = read[i].time_ms;
    EXPECT_EQ(read[i], expected) << "record " << i;
    EXPECT_GT(read[i].time_ms, 0);
  }
}

TEST_F(broker, chooses_the_partition_of_the_java_client) {
  const auto ours = unique_name(), theirs = unique_name();
  broker_->create_topic(ours, 7);
  broker_->create_topic(theirs, 7);
  std::vector<std::string> keys;
  std::vector<raw_record> records;
  for (int i = 0; i < 100; ++i) records.push_back({.key = keys.emplace_back("key " + std::to_string(i)), .value = "v"});
  const auto written = broker_->produce(ours, records);
  const auto chosen = broker_->java_produce(theirs, keys);
  ASSERT_THAT(chosen, SizeIs(100));
  for (const auto& r : written) EXPECT_EQ(chosen.at(*r.key), r.partition) << *r.key;
}

TEST_F(broker, the_java_console_consumer_prints_values) {
  const auto topic = unique_name();
  broker_->create_topic(topic);
  EXPECT_THAT(broker_->java_consume(topic), IsEmpty());
  broker_->produce(topic, {{.key = "1", .value = R"({"word":"größe","count":1})"}, {.value = "'quoted'"}});
  broker_->transact(topic, {{.value = "aborted"}}, false);
  broker_->produce(topic, {{.value = ""}});
  EXPECT_THAT(broker_->java_consume(topic), ElementsAre(R"({"word":"größe","count":1})", "'quoted'", ""));
}

TEST_F(broker, readers_of_what_is_committed_see_no_aborted_records) {
  const auto topic = unique_name();
  broker_->create_topic(topic);
  broker_->transact(topic, {{.value = "kept"}, {.value = "kept, too"}}, true);
  broker_->transact(topic, {{.value = "aborted"}}, false);
  broker_->produce(topic, {{.value = "plain"}});
  const auto committed = broker_->read_all(topic);
  ASSERT_THAT(committed, SizeIs(3));
  EXPECT_THAT(committed[2].value, Optional(std::string("plain")));
  EXPECT_EQ(committed[2].offset, 5);  // the aborted one and two ends of transactions are before it
  EXPECT_THAT(broker_->read_all(topic, isolation::uncommitted), SizeIs(4));
}

TEST_F(broker, tells_what_a_group_has_committed) {
  const auto topic = unique_name(), group = unique_name("g");
  broker_->create_topic(topic, 2);
  EXPECT_THAT(broker_->committed(group, topic), ElementsAre(std::nullopt, std::nullopt));
  auto* conf = rd_kafka_conf_new();
  char why[512];
  rd_kafka_conf_set(conf, "bootstrap.servers", broker_->bootstrap().c_str(), why, sizeof why);
  rd_kafka_conf_set(conf, "group.id", group.c_str(), why, sizeof why);
  auto* member = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  auto* positions = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(positions, topic.c_str(), 1)->offset = 42;
  EXPECT_EQ(rd_kafka_commit(member, positions, 0), 0);
  rd_kafka_topic_partition_list_destroy(positions);
  rd_kafka_destroy(member);
  EXPECT_THAT(broker_->committed(group, topic), ElementsAre(std::nullopt, Optional(42)));
}

TEST_F(broker, says_why_a_topic_cannot_be_used) {
  const auto message_of = [](auto call) {
    try {
      call();
    } catch (const std::runtime_error& e) { return std::string(e.what()); }
    return std::string("nothing was thrown");
  };
  const auto topic = unique_name();
  EXPECT_THAT(message_of([&] { broker_->read_all(topic); }), "topic " + topic + ": there is none");
  EXPECT_THAT(message_of([&] { broker_->produce(topic, {{.value = "v"}}); }), "topic " + topic + ": there is none");
  broker_->create_topic(topic, 1, {{"max.message.bytes", "1000"}});
  EXPECT_THAT(message_of([&] { broker_->create_topic(topic); }), HasSubstr("creating topic " + topic + ": Topic"));
  EXPECT_THAT(message_of([&] { broker_->produce(topic, {{.value = std::string(5000, 'x')}}); }),
              HasSubstr("Message size too large"));
  EXPECT_THAT(message_of([&] { broker_->create_topic(unique_name(), 1, {{"no.such", "1"}}); }), HasSubstr("no.such"));
  broker_->delete_topic(topic);
  EXPECT_THAT(message_of([&] { broker_->read_all(topic); }), "topic " + topic + ": there is none");
}

TEST_F(own_broker, is_killed_and_resumed_and_has_its_records) {
  kafka_broker one;
  one.create_topic("t");
  const auto written = one.produce("t", {{.key = "k", .value = "v"}});
  const auto before = one.processes();
  ASSERT_THAT(before, SizeIs(1));
  one.kill();
  EXPECT_THAT(one.processes(), IsEmpty());
  EXPECT_EQ(ask(one.bootstrap(), 500), RD_KAFKA_RESP_ERR__TRANSPORT);
  one.resume();
  ASSERT_THAT(one.processes(), SizeIs(1));
  EXPECT_NE(one.processes(), before);
  EXPECT_EQ(one.read_all("t"), written);
  one.stop();
  EXPECT_THAT(one.processes(), IsEmpty());
  one.resume();
  EXPECT_EQ(one.read_all("t"), written);
}

TEST_F(own_broker, is_stalled_and_goes_on) {
  kafka_broker one({.set = {"log.retention.check.interval.ms=1234"}});
  EXPECT_EQ(ask(one.bootstrap(), 30'000), 0);
  one.stall();
  EXPECT_THAT(one.processes(), SizeIs(1));
  EXPECT_NE(ask(one.bootstrap(), 500), 0);
  one.go_on();
  EXPECT_EQ(ask(one.bootstrap(), 30'000), 0);
  std::ifstream in(one.told("dir") + "/node1/server.properties");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(in), {}),
              HasSubstr("\nlog.retention.check.interval.ms=1234\n"));
  one.stall();  // it is ended all the same
}

TEST_F(own_broker, lets_only_those_in_who_have_the_password) {
  kafka_broker one({.secure = true});
  // Kafka 4 refuses the SCRAM of librdkafka before 2.6.1.
  const std::string mechanism = one.told("version").starts_with("3.") ? "SCRAM-SHA-256" : "PLAIN";
  const auto as = [&](const std::string& ca, const std::string& password) {
    return ask(one.bootstrap(), 5000,
               {{"security.protocol", "SASL_SSL"},
                {"sasl.mechanism", mechanism},
                {"sasl.username", one.told("user")},
                {"sasl.password", password},
                {"ssl.ca.location", one.told(ca)}});
  };
  EXPECT_EQ(as("ca", one.told("user_password")), 0);
  EXPECT_EQ(as("ca", "wrong"), RD_KAFKA_RESP_ERR__TRANSPORT);
  EXPECT_EQ(as("wrong_ca", one.told("user_password")), RD_KAFKA_RESP_ERR__TRANSPORT);
  one.create_topic("t");  // by its listener in the open
  EXPECT_EQ(one.read_all("t"), one.produce("t", {}));
}

/// In a child, which is a group of its own: writes folder and process of a broker, and waits for a signal.
[[noreturn]] void start_and_wait(int to) try {
  ::setpgid(0, 0);
  const kafka_broker one;
  const auto said = one.told("dir") + "\n" + std::to_string(one.processes().at(0)) + "\n";
  if (::write(to, said.data(), said.size()) > 0) ::pause();
  ::_exit(1);
} catch (...) { ::_exit(1); }

bool names(const std::string& process, const std::string& folder) {
  std::ifstream line("/proc/" + process + "/cmdline");
  return std::string(std::istreambuf_iterator<char>(line), {}).find(folder) != std::string::npos;
}

/// Starts a broker in a child, which is then killed, alone or with its group, so that no destructor sees it.
void kill_owner(bool group) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const auto child = ::fork();
  if (child == 0) start_and_wait(ends[1]);
  ::close(ends[1]);
  std::array<char, 256> said{};
  ASSERT_GT(::read(ends[0], said.data(), said.size() - 1), 0);
  ::close(ends[0]);
  std::istringstream in(said.data());
  std::string folder, process;
  in >> folder >> process;
  ASSERT_TRUE(std::filesystem::exists(folder + "/node1.pid"));
  ASSERT_TRUE(names(process, folder));
  ::kill(group ? -child : child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  await([&] { return !std::filesystem::exists(folder) && !names(process, folder); });
}

TEST_F(own_broker, leaves_nothing_behind) {
  auto one = std::make_unique<kafka_broker>();
  const auto folder = one->told("dir");
  const auto process = std::to_string(one->processes().at(0));
  ASSERT_TRUE(names(process, folder));
  one.reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_FALSE(names(process, folder));
}

TEST_F(own_broker, leaves_nothing_behind_of_a_process_that_is_killed) { kill_owner(false); }
TEST_F(own_broker, leaves_nothing_behind_of_a_group_that_is_killed) { kill_owner(true); }

TEST_F(own_broker, says_where_to_look_when_it_does_not_start) {
  try {
    kafka_broker({.set = {"num.io.threads=none"}});
    ADD_FAILURE() << "it has started";
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("Invalid value none for configuration num.io.threads"));
    EXPECT_THAT(e.what(), HasSubstr("/node1/"));
  }
}

TEST_F(broker, the_shared_one_is_not_to_be_killed) {
  if (!std::getenv("FRESHET_KAFKA_BROKER")) GTEST_SKIP() << "it is this process's own: nobody else has it";
  EXPECT_THROW(broker_->kill(), std::logic_error);
  EXPECT_THROW(broker_->stall(), std::logic_error);
}

}  // namespace
}  // namespace freshet::kafka
