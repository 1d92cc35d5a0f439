#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "connect/temporary_folder.hpp"
#include "freshet/connect/file/epoch_sink.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "kafka/broker.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class kafka_checkpoints : public broker_test {
 protected:
  std::string topic(int partitions) {
    const auto name = unique_name("checkpoints");
    broker_->create_topic(name, partitions);
    return name;
  }
  void fill(const std::string& name, int first, int count, int partitions) {
    std::vector<raw_record> all;
    for (int i = first; i < first + count; ++i)
      all.push_back({.value = "word" + std::to_string(i % 7), .partition = i % partitions});
    broker_->produce(name, all);
  }
};

struct count_of {
  std::string word;
  std::uint64_t times = 0;
};

topology counting(const consumer_options& options, std::size_t parallelism, collect_sink<count_of> got) {
  stream_builder builder("counting");
  builder.spout("kafka", spout<std::string>(options), {.parallelism = parallelism})
      .key_by(std::identity{})
      .count("count", {.parallelism = parallelism})
      .map("row",
           [](const freshet::keyed<std::string, std::uint64_t>& c) {
             return count_of{c.key, c.value};
           })
      .to("got", got);
  return builder.build();
}

topology_run start_kept(engine e, const topology& t, const std::string& directory) {
  if (e == engine::event) {
    event_options o;
    o.workers = 2;
    o.guarantee = guarantee::at_least_once;
    o.checkpoints.directory = directory;
    o.checkpoint_interval = 20ms;
    return event_executor(o).start(t);
  }
  batch_options o;
  o.workers = 2;
  o.guarantee = guarantee::at_least_once;
  o.interval = 5ms;
  o.checkpoints.directory = directory;
  return batch_executor(o).start(t);
}

/// The last count of each word.
std::map<std::string, std::uint64_t> last(const std::vector<count_of>& rows) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& r : rows) counts[r.word] = std::max(counts[r.word], r.times);
  return counts;
}

TEST_F(kafka_checkpoints, a_run_goes_on_on_the_other_engine_and_with_other_tasks) {
  temporary_folder folder;
  const auto name = topic(4);
  const consumer_options options{.servers = broker_->bootstrap(), .topics = {name}};
  int written = 0;
  for (const auto& [e, parallelism] : {std::pair(engine::event, 1), std::pair(engine::batch, 3),
                                       std::pair(engine::event, 4), std::pair(engine::batch, 1)}) {
    collect_sink<count_of> got;
    fill(name, written, 700, 4);
    written += 700;
    auto run = start_kept(e, counting(options, std::size_t(parallelism), got), folder / "kept");
    while (got.size() < 700) std::this_thread::sleep_for(5ms);
    run.stop();
    run.wait();
    const auto rows = got.take();
    EXPECT_EQ(rows.size(), 700u) << to_string(e);
    std::uint64_t sum = 0;
    for (const auto& [word, times] : last(rows)) sum += times;
    EXPECT_EQ(sum, std::uint64_t(written)) << to_string(e);
  }
}

TEST_F(kafka_checkpoints, a_topic_that_was_made_anew_is_no_place_to_go_on) {
  temporary_folder folder;
  const auto name = topic(1);
  const consumer_options options{.servers = broker_->bootstrap(), .topics = {name}};
  fill(name, 0, 50, 1);
  collect_sink<count_of> got;
  const auto graph = counting(options, 1, got);
  auto run = start_kept(engine::event, graph, folder / "kept");
  while (got.size() < 50) std::this_thread::sleep_for(5ms);
  run.stop();
  run.wait();
  broker_->delete_topic(name);
  broker_->create_topic(name, 1);
  fill(name, 0, 10, 1);
  for (const auto e : both_engines) {
    try {
      start_kept(e, graph, folder / "kept").wait();
      ADD_FAILURE() << to_string(e);
    } catch (const run_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("reading was to go on at offset 50, and the topic ends at 10"))
          << to_string(e);
    }
  }
}

TEST_F(kafka_checkpoints, a_group_that_deals_partitions_can_keep_none) {
  temporary_folder folder;
  const auto name = topic(1);
  consumer_options options{.servers = broker_->bootstrap(), .topics = {name}, .group = unique_name("group")};
  collect_sink<count_of> got;
  try {
    start_kept(engine::event, counting(options, 1, got), folder / "kept").wait();
    ADD_FAILURE();
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), ::testing::AllOf(HasSubstr("names no partitions"),
                                           HasSubstr("needs them from the run (kafka::partitions_from::run)")));
  }
}

}  // namespace
}  // namespace freshet::kafka
