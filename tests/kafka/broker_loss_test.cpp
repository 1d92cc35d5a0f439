// A broker that is killed, stalled, or has no longer what a run reads: nothing is lost, the run goes on by itself, and
// it can be ended meanwhile.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "freshet/connect/memory/push_spout.hpp"
#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/member_process.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

/// Copies of a topic, by both engines at once.
class kafka_broker_loss : public broker_test {
 protected:
  void SetUp() override {
    broker_test::SetUp();
    if (IsSkipped()) return;
    own_ = std::make_unique<kafka_broker>();
    for (const char* topic : {"in", "event", "batch"}) own_->create_topic(topic, 2);
  }
  topology copying(engine to) const {
    topology_builder builder("copy");
    const auto in = builder.spout(
        "in", spout<std::string>({.servers = own_->bootstrap(), .topics = {"in"}, .group = to_string(to)}));
    builder.sink("out", sink<std::string>({.servers = own_->bootstrap(), .topic = to_string(to)})).input(in);
    return builder.build();
  }
  topology_run start(engine e, const topology& t, std::chrono::nanoseconds drain_timeout = 30s) const {
    if (e == engine::event) return event_executor({.workers = 1, .drain_timeout = drain_timeout}).start(t);
    batch_options o{.interval = 5ms, .guarantee = guarantee::at_least_once, .workers = 1};
    o.drain_timeout = drain_timeout;
    return batch_executor(o).start(t);
  }
  /// Numbers that no record had before; number n is in partition n % 2, at offset n / 2. REQUIRES: an even count.
  void write(int count) {
    std::vector<raw_record> all;
    for (int i = 0; i < count; ++i) all.push_back({.value = std::to_string(written_++), .partition = i % 2});
    own_->produce("in", all);
  }
  /// Those that have been copied, each once.
  std::set<int> copied(engine e) const {
    std::set<int> all;
    for (const auto& r : own_->read_all(to_string(e))) all.insert(std::stoi(*r.value));
    return all;
  }
  void await_copies() const {
    for (const auto e : both_engines)
      await("all is copied", [&] { return copied(e).size() == static_cast<std::size_t>(written_); });
  }
  /// What the group has been told is finished: it is looked at first, as more may be by then.
  void expect_that_committed_is_copied() const {
    for (const auto e : both_engines) {
      const auto known = own_->committed(to_string(e), "in");
      const auto there = copied(e);
      for (int p = 0; p < 2; ++p)
        for (int i = 0; i < known[static_cast<std::size_t>(p)].value_or(0); ++i)
          ASSERT_TRUE(there.contains(2 * i + p)) << to_string(e) << ": " << p << " " << i;
    }
  }
  void await_commits() const {
    for (const auto e : both_engines)
      await("all is committed", [&] {
        return own_->committed(to_string(e), "in") == std::vector<std::optional<std::int64_t>>(2, written_ / 2);
      });
  }

  std::unique_ptr<kafka_broker> own_;
  int written_ = 0;
};

TEST_F(kafka_broker_loss, a_broker_that_is_killed_and_comes_back) {
  std::vector<topology_run> runs;
  for (const auto e : both_engines) runs.push_back(start(e, copying(e)));
  write(2000);
  for (const auto& run : runs) await("it copies", [&] { return run.metrics().node("out").executed > 0; });
  own_->kill();
  own_->resume();
  expect_that_committed_is_copied();
  write(500);
  await_copies();
  await_commits();
  for (auto& run : runs) run.drain();
}

TEST_F(kafka_broker_loss, a_broker_that_is_stalled_and_goes_on) {
  std::vector<topology_run> runs;
  for (const auto e : both_engines) runs.push_back(start(e, copying(e)));
  write(2000);
  for (const auto& run : runs) await("it copies", [&] { return run.metrics().node("out").executed > 0; });
  own_->stall();
  std::this_thread::sleep_for(2s);  // so long it is stalled
  own_->go_on();
  expect_that_committed_is_copied();
  write(500);
  await_copies();
  await_commits();
  for (auto& run : runs) run.drain();
}

/// With something under way that no broker confirms: the drain says so when its time is over, and the run is gone.
TEST_F(kafka_broker_loss, a_run_can_be_ended_while_the_broker_is_away) {
  std::vector<topology_run> runs;
  for (const auto e : both_engines) runs.push_back(start(e, copying(e), 500ms));
  write(10);
  await_copies();
  own_->stall();
  for (auto& run : runs) {
    const auto from = std::chrono::steady_clock::now();
    try {
      run.drain();
    } catch (const run_error& x) { EXPECT_THAT(x.what(), HasSubstr("drain_timeout")); }
    std::printf("ended after %lld ms\n", static_cast<long long>((std::chrono::steady_clock::now() - from) / 1ms));
  }
  runs.clear();
}

/// What waits for room waits outside of calls: a worker is not kept.
TEST_F(kafka_broker_loss, large_records_keep_no_worker_while_the_broker_is_away) {
  for (const auto e : both_engines) {
    push_spout<std::string> values;
    topology_builder builder("writing");
    builder
        .sink("out",
              sink<std::string>({.servers = own_->bootstrap(), .topic = to_string(e), .max_in_flight_bytes = 1 << 20}))
        .input(builder.spout("values", values));
    auto run = start(e, builder.build(), 500ms);
    own_->stall();
    run.pause();  // one poll is to get all of them: the sink has no room for a second
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(values.push(std::string(100'000, 'x')));
    run.resume();
    await("all is read", [&] { return values.queued() == 0; });
    try {
      run.drain();
      ADD_FAILURE() << "nothing was delivered, and the run says nothing";
    } catch (const run_error& x) {
      EXPECT_THAT(x.what(), AllOf(HasSubstr("drain_timeout"), testing::Not(HasSubstr("user code")))) << to_string(e);
    }
    own_->go_on();
  }
}

}  // namespace
}  // namespace freshet::kafka
