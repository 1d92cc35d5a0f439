#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "event/event_run.hpp"
#include "runtime/checkpoint_scene.hpp"

// What an epoch waits for, and what not.
namespace freshet::epoch_tests {

using namespace checkpoint_tests;

/// Where a state that is written waits for what a sink does.
struct meeting {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t commits = 0, wanted = 0;
  bool have_missed = false;

  void have_committed() {
    std::lock_guard lock(mutex);
    ++commits;
    changed.notify_all();
  }
  /// From here on, states are written behind the next commit.
  void wait_for_next() {
    std::lock_guard lock(mutex);
    wanted = commits + 1;
  }
  void wait() {
    std::unique_lock lock(mutex);
    // Once is enough to know.
    if (!have_missed) have_missed = !changed.wait_for(lock, 20s, [&] { return commits >= wanted; });
  }
};
std::shared_ptr<meeting> place;  ///< a codec has no other way to know it

struct guarded {
  long sum = 0;
};

}  // namespace freshet::epoch_tests

template <>
struct freshet::codec<freshet::epoch_tests::guarded> {
  [[maybe_unused]] static constexpr std::uint32_t version = 1;
  static void write(writer& w, const epoch_tests::guarded& g) {
    epoch_tests::place->wait();
    write_value(w, g.sum);
  }
  static void read(reader& r, epoch_tests::guarded& g, std::uint32_t) { read_value(r, g.sum); }
};

namespace freshet::epoch_tests {
namespace {

struct guarded_sum {
  using state = guarded;
  row process(int value, state& s) { return {key_of{}(value), s.sum += value}; }
};
struct meeting_sink : epoch_sink {
  void commit(const token& t) {
    epoch_sink::commit(t);
    place->have_committed();
  }
};

/// Until it is committed, sinks hold back what comes behind it: so it must not wait for states that nobody changed.
TEST(epoch_coordinator, commits_an_epoch_before_all_states_are_written) {
  place = std::make_shared<meeting>();
  simulated_files files;
  const auto world = std::make_shared<outside>();
  world->polls = 1;
  topology_builder builder{"sums"};
  const auto sums =
      builder.bolt("sums", guarded_sum{}, {.blocking = true})
          .input(builder.spout("numbers", paced_numbers{world, partitions, each}), key_grouping{key_of{}});
  builder.sink("out", meeting_sink{{world}}).input(sums, global_grouping{});
  auto options = events::options(files);
  options.checkpoint_interval = std::chrono::hours(1);
  auto run = event_executor{options}.start(builder.build());
  const auto has_rows = [&] {
    for (const auto& t : run.metrics().tasks)
      if (t.node == "out" && t.executed > 0) return true;
    return false;
  };
  while (!has_rows()) std::this_thread::yield();
  run.savepoint();

  place->wait_for_next();
  run.savepoint();
  EXPECT_FALSE(place->have_missed);
  EXPECT_GT(place->commits, 1u);
  place->wanted = 0;
  run.stop();
  run.wait();
}

}  // namespace
}  // namespace freshet::epoch_tests
