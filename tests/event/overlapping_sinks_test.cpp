#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "runtime/checkpoint_scene.hpp"

// Sinks whose next epoch begins before the last is committed: when they are called with what, and what a run that ends
// in between leaves.
namespace freshet {
namespace {

using namespace checkpoint_tests;
using ::testing::HasSubstr;

/// What was called, in order.
struct heard {
  std::mutex mutex;
  std::vector<std::string> calls;
  std::atomic<bool> has_written_ahead = false;  ///< a row of an epoch, and the one before is not committed

  void add(std::string call) {
    std::lock_guard lock(mutex);
    calls.push_back(std::move(call));
  }
  /// From the first call on that was `prepare`, so many.
  std::vector<std::string> behind_first_prepare(std::size_t most) {
    std::lock_guard lock(mutex);
    auto from = std::find(calls.begin(), calls.end(), "prepare");
    return {from, from + std::min<std::ptrdiff_t>(most, calls.end() - from)};
  }
};

/// Numbers until a sink was written ahead, and 200 at least.
struct counting_spout {
  std::shared_ptr<heard> told;
  std::uint64_t next = 0;

  std::vector<std::string> partitions() const { return {"all"}; }
  poll_status poll(spout_emitter<row>& out) {
    if (told->has_written_ahead && next >= 200) return poll_status::ended();
    read({0, next, next + 1}, out);
    ++next;
    return poll_status::emitted();
  }
  void read(const position_range& r, spout_emitter<row>& out) const {
    for (auto i = r.from; i < r.to; ++i) out.emit({0, i, i + 1}, {static_cast<int>(i), 0});
  }
  void seek(const position& p) { next = p.offset; }
  void commit(const position&) {}
};
/// What the sinks have shown is each number once, from 0 on.
void expect_each_once(outside& world) {
  const auto all = sorted(world.visible);
  EXPECT_GE(all.size(), 200u);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], row(static_cast<int>(i), 0));
}

struct telling_sink : overlapping_epoch_sink {
  std::shared_ptr<heard> told;
  bool commits = true;
  bool owes = false;  ///< what it has prepared is to be committed

  telling_sink(std::shared_ptr<outside> w, std::shared_ptr<heard> t, bool c)
      : overlapping_epoch_sink{{std::move(w)}}, told(std::move(t)), commits(c) {}
  void begin(const epoch_id& id) {
    told->add("begin");
    epoch_sink::begin(id);
  }
  void write(const row& r) {
    if (owes) told->has_written_ahead = true;
    epoch_sink::write(r);
  }
  token prepare() {
    told->add("prepare");
    owes = true;
    return epoch_sink::prepare();
  }
  void commit(const token& t) {
    if (!commits && !told->has_written_ahead) throw std::runtime_error("not yet");
    if (!commits) throw fatal_error("not here");
    told->add("commit");
    owes = false;
    epoch_sink::commit(t);
  }
  void abort() {
    told->add("abort");
    epoch_sink::abort();
  }
};
static_assert(overlapping_sink<telling_sink>);

/// Commits only when the sink beside it has been written in the next epoch.
struct waiting_sink : transaction_sink {
  std::shared_ptr<heard> told;

  waiting_sink(std::shared_ptr<outside> w, std::shared_ptr<heard> t)
      : transaction_sink{std::move(w)}, told(std::move(t)) {}
  void commit() {
    if (!told->has_written_ahead) throw std::runtime_error("the sink beside has no row of the next epoch");
    transaction_sink::commit();
  }
};
static_assert(deciding_sink<waiting_sink>);

event_executor patient(simulated_files& files) {
  wishes w;
  w.attempts = 20'000;
  auto o = events::options(files, w);
  o.retry.longest = 1ms;  // so that a run that never gets on comes to an end
  return event_executor{o};
}

TEST(overlapping_sinks, are_written_while_the_epoch_before_waits_for_others) {
  simulated_files files;
  auto world = std::make_shared<outside>(), other = std::make_shared<outside>();
  auto told = std::make_shared<heard>();
  topology_builder b{"two"};
  auto numbers = b.spout("numbers", counting_spout{told});
  b.sink("ahead", telling_sink{world, told, true}).input(numbers, shuffle_grouping{});
  b.sink("waits", waiting_sink{other, told}).input(numbers, shuffle_grouping{});
  patient(files).start(b.build()).wait();
  expect_each_once(*world);
  expect_each_once(*other);
  EXPECT_EQ(world->without_begin, 0u);
  EXPECT_TRUE(told->has_written_ahead);
  EXPECT_THAT(told->behind_first_prepare(4), ::testing::ElementsAre("prepare", "begin", "commit", "prepare"));
}

TEST(overlapping_sinks, keep_what_they_have_prepared_when_the_run_fails) {
  simulated_files files;
  auto world = std::make_shared<outside>();
  auto told = std::make_shared<heard>();
  const auto graph = [&](bool commits) {
    topology_builder b{"one"};
    auto numbers = b.spout("numbers", counting_spout{told});
    b.sink("ahead", telling_sink{world, told, commits}).input(numbers, shuffle_grouping{});
    return b.build();
  };
  auto run = patient(files).start(graph(false));
  EXPECT_THAT(error_of(run), AllOf(HasSubstr("sink \"ahead\""), HasSubstr("commit failed: not here")));
  EXPECT_TRUE(told->has_written_ahead);
  {
    std::lock_guard lock(told->mutex);
    EXPECT_THAT(told->calls, ::testing::Contains("abort").Times(1));
  }
  EXPECT_EQ(world->prepared.size(), 1u);
  EXPECT_EQ(world->visible.size(), 0u);
  patient(files).start(graph(true)).wait();
  expect_each_once(*world);
}

}  // namespace
}  // namespace freshet
