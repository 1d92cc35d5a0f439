// A partition that is not wanted for now is paused, and not kept in memory: what the topic deletes meanwhile is gone,
// and that is said; else all of it comes, once and in order.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "freshet/stream/stream_builder.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/kept_log.hpp"
#include "kafka/runs.hpp"

namespace {
std::atomic<int> pauses = 0;
}

/// In place of the library's own, which it calls.
extern "C" rd_kafka_resp_err_t rd_kafka_pause_partitions(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list) {
  static const auto real =
      reinterpret_cast<decltype(&rd_kafka_pause_partitions)>(::dlsym(RTLD_NEXT, "rd_kafka_pause_partitions"));
  const auto code = real(client, list);
  ++pauses;
  return code;
}

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class kafka_backpressure : public broker_test, public testing::WithParamInterface<std::tuple<engine, partitions_from>> {
 protected:
  static constexpr int ahead = 6000, kept_from = 5000;

  void SetUp() override {
    broker_test::SetUp();
    if (IsSkipped()) return;
    broker_->create_topic(topic_, 2);
  }
  /// Values "0", "1", ...
  void write(int partition, int count, std::int64_t time_ms) const {
    std::vector<raw_record> all;
    for (int i = 0; i < count; ++i)
      all.push_back({.value = std::to_string(i), .time_ms = time_ms, .partition = partition});
    broker_->produce(topic_, all);
  }
  /// Both partitions by one task, the one ahead only so far. Returns when it is paused.
  topology_run start(on_data_loss policy) {
    const auto [on, from] = GetParam();
    const consumer_options options{.servers = broker_->bootstrap(),
                                   .topics = {topic_},
                                   .group = from == partitions_from::group ? topic_ : "",
                                   .partitions_from = from,
                                   .on_data_loss = policy};
    const auto number = [](const record& r) { return r.partition == 0 ? std::stoi(std::string(*r.value)) : -1; };
    stream_builder builder("aligned");
    builder.spout("kafka", spout<int, decltype(number)>(options, number), {.max_batch = 16})
        .event_time(time_of_spout{}, ascending{}, {.max_drift = 60s})
        .to("got", got_);
    const logger to(log_, log_level::warning);
    const auto t = builder.build();
    if (on == engine::event) return event_executor({.workers = 1, .log = to}).start(t);
    batch_options o{.interval = 5ms, .guarantee = guarantee::at_least_once, .workers = 1};
    o.log = to;
    return batch_executor(o).start(t);
  }

  /// One that is an hour ahead of the other, which has one record.
  topology_run start_with_one_paused(on_data_loss policy) {
    pauses = 0;
    write(1, 1, 1000);
    write(0, ahead, 3'600'000);
    auto run = start(policy);
    await("it is paused", [] { return pauses > 0; });
    return run;
  }
  /// The other catches up.
  void let_it_go_on() const { write(1, 1, 7'200'000); }
  std::vector<int> got() const {
    auto all = got_.values();
    std::erase(all, -1);
    return all;
  }

  const std::string topic_ = unique_name("backpressure");
  const std::shared_ptr<kept_log> log_ = std::make_shared<kept_log>();
  collect_sink<int> got_;
};
INSTANTIATE_TEST_SUITE_P(engines, kafka_backpressure,
                         testing::Combine(testing::ValuesIn(both_engines),
                                          testing::Values(partitions_from::run, partitions_from::group)),
                         [](const auto& i) {
                           return to_string(std::get<0>(i.param)) +
                                  (std::get<1>(i.param) == partitions_from::run ? "_run" : "_group");
                         });

TEST_P(kafka_backpressure, what_waited_comes_once_and_in_order) {
  auto run = start_with_one_paused(on_data_loss::stop);
  let_it_go_on();
  await("all has come", [&] { return got().size() >= ahead; });
  run.drain();
  std::vector<int> all(ahead);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(got(), all);
}

/// What was kept aside comes first.
TEST_P(kafka_backpressure, what_is_deleted_meanwhile_is_passed_over_with_a_warning) {
  auto run = start_with_one_paused(on_data_loss::skip);
  broker_->delete_records(topic_, 0, kept_from);
  let_it_go_on();
  await("the last has come", [&] { return !got().empty() && got().back() == ahead - 1; });
  run.drain();
  const auto all = got();
  const auto before = static_cast<int>(all.size()) - (ahead - kept_from);
  ASSERT_GT(before, 0);
  for (int i = 0; i < before; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
  for (int i = kept_from; i < ahead; ++i) ASSERT_EQ(all[static_cast<std::size_t>(before + i - kept_from)], i);
  EXPECT_LT(before, kept_from) << "all was kept in memory";
  EXPECT_THAT(log_->text(), HasSubstr(topic_ + "/0: offset " + std::to_string(before) + " is no longer there"));
}

TEST_P(kafka_backpressure, what_is_deleted_meanwhile_ends_the_run) {
  auto run = start_with_one_paused(on_data_loss::stop);
  broker_->delete_records(topic_, 0, kept_from);
  let_it_go_on();
  try {
    run.wait();
    ADD_FAILURE() << "no error";
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr(topic_ + "/0: offset "), HasSubstr("the earliest that is is 5000"),
                                HasSubstr("on_data_loss::skip")));
  }
  EXPECT_LT(got().size(), kept_from);
}

}  // namespace
}  // namespace freshet::kafka
