// Windows that are driven, with faults, against a loop and against the engines.
#include <limits>
#include <map>

#include "freshet/base/random.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

namespace freshet::samples {
namespace {
using namespace std::chrono_literals;
using testing::fault_plan;
using testing::topology_driver;

std::vector<reading> random_readings(std::uint64_t seed) {
  random_source random(seed);
  std::vector<reading> all;
  for (std::int64_t i = 0; i < 300; ++i)
    all.push_back({std::string(1, static_cast<char>('a' + random.below(5))),
                   ms(i * 10 + static_cast<std::int64_t>(random.below(400))),
                   static_cast<std::int64_t>(random.below(9))});
  return all;
}
using sum_window = windowed<std::string, std::int64_t>;
auto sums_by_second(stream_builder& b, std::size_t parallelism, std::size_t spouts = 1, std::vector<reading> all = {}) {
  return b.spout("readings", vector_spout<reading>{std::move(all)}, {.parallelism = spouts})
      .event_time(&reading::at, {.bound = event_span{150}})
      .key_by(&reading::key)
      .window(tumbling{1s})
      .aggregate("sums", aggregates::sum(&reading::value), {.parallelism = parallelism});
}
topology sums_by_second(std::size_t parallelism, std::size_t spouts = 1) {
  stream_builder b{"sums"};
  (void)sums_by_second(b, parallelism, spouts);
  return b.build();
}
/// What windows give and what is late, by the rule: late is a tuple whose window had ended at its stamp, the watermark
/// of its partition. Readings go round the partitions.
std::pair<std::vector<row>, std::size_t> by_a_loop(const std::vector<reading>& all, std::size_t partitions) {
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> sums;
  std::size_t late = 0, next = 0;
  std::vector<std::int64_t> watermarks(partitions, std::numeric_limits<std::int64_t>::min());
  for (const auto& r : all) {
    auto& watermark = watermarks[next++ % partitions];
    const auto t = r.at.time_since_epoch().count(), start = t / 1000 * 1000;
    if (start + 1000 <= watermark) ++late;
    else sums[{r.key, start}] += r.value;
    watermark = std::max(watermark, t - 150);
  }
  std::vector<row> rows;
  for (const auto& [k, v] : sums) rows.push_back({k.first, k.second, k.second + 1000, v});
  return {sorted(std::move(rows)), late};
}

TEST(driven_windows, gives_what_a_loop_gives_with_and_without_faults) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    for (std::size_t parallelism : {1, 4})
      for (auto g : {guarantee::at_least_once, guarantee::exactly_once}) {
        const auto all = random_readings(seed);
        const std::uint32_t partitions = 1 + seed % 3;
        const auto [expected, expected_late] = by_a_loop(all, partitions);
        std::vector<std::vector<row>> twice;
        for (int run = 0; run < 2; ++run) {
          auto faults = std::make_shared<fault_plan>(seed);
          faults->throw_at_random("readings.event_time", 0.05, 20).throw_at_random("sums", 0.02, 20);
          // Windows keep what a failed call has done, but faults are thrown in front of the call.
          topology_driver driver{sums_by_second(parallelism, 1 + seed % 2),
                                 {.guarantee = g, .max_attempts = 50, .partitions = partitions, .faults = faults}};
          auto& sums = driver.watch<sum_window>("sums");
          auto& late = driver.watch<late_tuple<reading>>("sums", "late");
          partition_id next = 0;
          for (const auto& r : all) driver.push("readings", r, {}, next++ % partitions);
          driver.finish();
          EXPECT_GT(faults->done().thrown, 0u);
          EXPECT_TRUE(driver.dead_letters().empty());
          EXPECT_EQ(late.size(), expected_late);
          twice.emplace_back();
          for (const auto& w : sums) twice.back().push_back(row_of(w));
        }
        EXPECT_EQ(twice[0], twice[1]) << "the same pushes, the same order";
        EXPECT_EQ(sorted(twice[0]), expected) << "seed " << seed << ", " << parallelism << " tasks, " << to_string(g);
      }
}

TEST(driven_windows, gives_what_the_engines_give) {
  const auto all = random_readings(99);
  topology_driver driver{sums_by_second(4)};
  auto& sums = driver.watch<sum_window>("sums");
  for (const auto& r : all) driver.push("readings", r);
  driver.finish();
  std::vector<row> shown;
  for (const auto& w : sums) shown.push_back(row_of(w));
  for (const auto& [name, engine] : every_engine()) {
    stream_builder b{"sums"};
    collect_sink<sum_window> got;
    sums_by_second(b, 4, 1, all).to("out", got);
    start_on(engine, b.build()).wait();
    std::vector<row> rows;
    for (const auto& w : got.take()) rows.push_back(row_of(w));
    EXPECT_EQ(sorted(rows), sorted(shown)) << name;
  }
}

}  // namespace
}  // namespace freshet::samples
