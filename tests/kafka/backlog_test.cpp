// A backlog that is read by processes which are killed: what is committed is finished, and in the end all of it is
// there.
//
// Not a million but as many as FRESHET_KAFKA_BACKLOG says.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/member_process.hpp"

namespace freshet::kafka {
namespace {

constexpr int partitions = 4;

std::int64_t backlog() {
  const char* text = std::getenv("FRESHET_KAFKA_BACKLOG");
  return text ? std::strtoll(text, nullptr, 10) : 1'000'000;
}

using kafka_backlog = broker_test;

/// Where a file of places has no hole before the committed offset of a partition; how many places it has.
std::int64_t check_committed(const std::string& file, const std::vector<std::optional<std::int64_t>>& committed) {
  std::vector<std::vector<bool>> there(partitions);
  std::int64_t count = 0;
  for (const auto& [partition, offset] : places_in(file)) {
    auto& of = there[static_cast<std::size_t>(partition)];
    if (of.size() <= static_cast<std::size_t>(offset)) of.resize(static_cast<std::size_t>(offset) + 1);
    if (!of[static_cast<std::size_t>(offset)]) ++count;
    of[static_cast<std::size_t>(offset)] = true;
  }
  for (std::size_t p = 0; p < partitions; ++p) {
    const auto finished = std::find(there[p].begin(), there[p].end(), false) - there[p].begin();
    EXPECT_LE(committed[p].value_or(0), finished) << "partition " << p << ": committed and not finished";
  }
  return count;
}

TEST_F(kafka_backlog, is_read_whole_by_processes_that_are_killed) {
  const auto topic = unique_name("backlog");
  broker_->create_topic(topic, partitions);
  const auto all = backlog() / partitions * partitions;
  for (int p = 0; p < partitions; ++p)
    broker_->produce(topic, std::vector<raw_record>(static_cast<std::size_t>(all / partitions),
                                                    {.value = "a small record", .partition = p}));
  for (const auto e : both_engines) {
    const auto group = unique_name("backlog-" + to_string(e)), file = testing::TempDir() + "/" + group;
    const member_options how{.engine = e,
                             .from = partitions_from::run,
                             .servers = broker_->bootstrap(),
                             .topic = topic,
                             .group = group,
                             .file = file,
                             .bounded = true};
    std::int64_t before = 0;
    for (int life = 1; life <= 3; ++life) {
      member_process one(how);
      await("it has read a fifth", [&] {
        return static_cast<std::int64_t>(places_in(file).size()) >= before + all / 5 ||
               check_committed(file, broker_->committed(group, topic)) == all;
      });
      one.kill();
      before = static_cast<std::int64_t>(places_in(file).size());
      check_committed(file, broker_->committed(group, topic));
    }
    EXPECT_EQ(member_process(how).wait(), 0) << to_string(e);
    const auto committed = broker_->committed(group, topic);
    EXPECT_EQ(check_committed(file, committed), all) << to_string(e);
    EXPECT_THAT(committed, testing::Each(testing::Optional(all / partitions))) << to_string(e);
    std::printf("%s engine: %lld records, delivered %zu times\n", to_string(e).c_str(), static_cast<long long>(all),
                places_in(file).size());
    std::remove(file.c_str());
  }
}

}  // namespace
}  // namespace freshet::kafka
