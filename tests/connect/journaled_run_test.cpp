#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "base/error_of.hpp"
#include "batch/batch_probe.hpp"
#include "freshet/connect/journaled.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/simulated_files.hpp"

// Runs that read what was pushed from a journal, whatever ended the run before.
namespace freshet {
namespace {

using namespace batch_tests;
using testing::simulated_files;
using row = std::pair<int, long>;

/// What survives every run.
struct outside {
  std::mutex mutex;
  std::map<std::string, std::vector<row>> prepared;
  std::set<std::string> committed;
  std::vector<row> visible;
  std::set<int> seen;  ///< by a bolt
};

struct epoch_sink {
  using token = std::string;
  std::shared_ptr<outside> world;
  std::string name{};
  std::vector<row> rows{};

  void begin(const epoch_id& id) {
    name = std::to_string(id.history) + "-" + std::to_string(id.epoch);
    rows.clear();
  }
  void write(const row& r) { rows.push_back(r); }
  token prepare() {
    std::lock_guard lock(world->mutex);
    world->prepared[name] = rows;
    return name;
  }
  void commit(const token& t) {
    std::lock_guard lock(world->mutex);
    if (!world->committed.insert(t).second) return;
    const auto& all = world->prepared.at(t);
    world->visible.insert(world->visible.end(), all.begin(), all.end());
  }
  void abort() {}
};

struct seen_sum {
  using state = long;
  std::shared_ptr<outside> world;
  row process(int value, state& sum) {
    std::lock_guard lock(world->mutex);
    world->seen.insert(value);
    return {value, sum += value};
  }
};

topology sums_of(const push_spout<int>& pushed, const std::shared_ptr<outside>& world, simulated_files& files,
                 journal_options o = {}) {
  o.files = &files;
  o.segment_bytes = 300;
  topology_builder builder{"sums"};
  auto source = builder.spout("pushed", journaled(pushed, "/journal", o));
  auto sums = builder.bolt("sums", seen_sum{world}, {.parallelism = 2}).input(source, key_grouping{last_digit{}});
  builder.sink("out", epoch_sink{world}).input(sums, shuffle_grouping{});
  return builder.build();
}

batch_options kept_in(simulated_files& files) {
  auto o = batches_of(10);
  o.workers = 1;
  o.max_task_attempts = 1;  // without power nothing gets better
  o.checkpoints.directory = "/kept";
  o.checkpoints.files = &files;
  o.checkpoints.log_bytes = 600;
  return o;
}

/// What comes out when the numbers below `n` go in, in order.
std::vector<row> wanted(int n) {
  std::map<int, long> sums;
  std::vector<row> all;
  for (int v = 0; v < n; ++v) all.push_back({v, sums[v % 10] += v});
  return all;
}

push_spout<int> pushed_below(int n) {
  push_spout<int> pushed;
  for (int v = 0; v < n; ++v) EXPECT_TRUE(pushed.try_push(v));
  pushed.close();
  return pushed;
}

TEST(journaled_runs, give_every_message_once_behind_every_crash) {
  constexpr int all = 60;
  random_source random(11);
  std::shared_ptr<outside> world;
  std::uint64_t wrong = 0, seen_and_lost = 0, parts = 0;
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        batch_executor{kept_in(files)}.start(sums_of(pushed_below(all), world, files)).wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        const auto seen = world->seen.size();
        // Nobody pushes any more: what comes out is what was accepted.
        batch_executor{kept_in(files)}.start(sums_of(pushed_below(0), world, files)).wait();
        const auto rows = sorted(world->visible);
        wrong += rows != wanted(static_cast<int>(rows.size()));
        seen_and_lost += rows.size() < seen;
        parts += rows.size() != 0 && rows.size() != all;
        EXPECT_EQ(rows, wanted(static_cast<int>(rows.size()))) << "power off at step " << step;
        EXPECT_GE(rows.size(), seen) << "power off at step " << step;
      });
  std::cout << "journaled_runs: steps=" << steps << " wrong=" << wrong << " seen_and_lost=" << seen_and_lost
            << " parts=" << parts << "\n";
  EXPECT_GT(steps, 100u);
}

TEST(journaled_runs, drop_what_checkpoints_cover) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  batch_executor{kept_in(files)}.start(sums_of(pushed_below(200), world, files)).wait();
  EXPECT_EQ(sorted(world->visible), wanted(200));
  std::uint64_t bytes = 0;
  const auto inside = files.list("/journal/0").value();
  for (const auto& entry : inside) bytes += entry.size;
  EXPECT_LT(bytes, 1000u) << "of some 8000";
}

/// Without a place for checkpoints messages are finished one by one, and committed.
TEST(journaled_runs, of_the_event_engine_finish_what_another_left) {
  simulated_files files;
  journal_options options;
  options.files = &files;
  {  // a process that dies before a bolt has seen anything
    auto context = task_context{};
    context.partitions = {{0, "journal 0"}};
    journal left("/journal", context.partitions[0], options, context);
    for (int v = 0; v < 5; ++v) {
      writer to;
      begin_message(to, {});
      write_value(to, v);
      ASSERT_TRUE(left.append(to.data()));
    }
    ASSERT_TRUE(left.make_safe());
  }
  std::vector<int> got;
  for (int run = 0; run < 2; ++run) {
    push_spout<int> pushed;
    for (int v = 5; v < 8; ++v) ASSERT_TRUE(pushed.try_push(v + 3 * run));
    topology_builder builder{"numbers"};
    collect_sink<int> out;
    builder.sink("out", out).input(builder.spout("pushed", journaled(pushed, "/journal", options)));
    event_options how;
    how.log = logger{};
    auto going = event_executor{how}.start(builder.build());
    going.drain();
    const auto some = out.values();
    got.insert(got.end(), some.begin(), some.end());
  }
  EXPECT_EQ(got, numbers(11));
}

}  // namespace
}  // namespace freshet
