// A producer that the client library gives up: nothing can be sent by it any more, and the run ends.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include <atomic>

#include "freshet/connect/memory/push_spout.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/runs.hpp"

namespace {
std::atomic<rd_kafka_t*> last_producer = nullptr;
}

/// In place of the library's own, which it calls: who the client of a sink is, is nobody's to know but a test's.
extern "C" rd_kafka_t* rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t* conf, char* why, size_t size) {
  static const auto real = reinterpret_cast<decltype(&rd_kafka_new)>(::dlsym(RTLD_NEXT, "rd_kafka_new"));
  rd_kafka_t* made = real(type, conf, why, size);
  if (type == RD_KAFKA_PRODUCER) last_producer = made;
  return made;
}

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

using kafka_producer = broker_test;

TEST_F(kafka_producer, that_has_failed_for_good_ends_the_run) {
  for (const auto e : both_engines) {
    const auto topic = unique_name();
    broker_->create_topic(topic);
    push_spout<std::string> values;
    collect_sink<dead_letter> letters;
    topology_builder builder("writing");
    builder.sink("out", sink<std::string>({.servers = broker_->bootstrap(), .topic = topic}))
        .input(builder.spout("values", values));
    builder.sink("letters", letters).input(builder.dead_letters());
    auto run = start_on(e, builder.build());
    rd_kafka_t* client = last_producer;
    ASSERT_TRUE(values.push("before"));
    await("a record is there", [&] { return broker_->read_all(topic).size() == 1; });
    ASSERT_EQ(rd_kafka_test_fatal_error(client, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "as if it were fenced"),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_TRUE(values.push("behind"));
    try {
      run.wait();
      ADD_FAILURE() << to_string(e);
    } catch (const run_error& x) {
      EXPECT_THAT(x.what(), AllOf(HasSubstr("cannot work with the brokers at " + broker_->bootstrap()),
                                  HasSubstr("as if it were fenced"), HasSubstr("start again")))
          << to_string(e);
    }
    EXPECT_EQ(letters.size(), 0u) << to_string(e);
  }
}

}  // namespace
}  // namespace freshet::kafka
