#include "freshet/connect/journaled.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "base/error_of.hpp"
#include "connect/journal_probe.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/testing/manual_clock.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet {
namespace {

using namespace journal_tests;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::file_fault;
using testing::file_operation;
using testing::file_step;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::simulated_files;
using kind = poll_status::kind;
using texts = std::vector<std::string>;

using tray_journal = journaled_spout<tray_spout>;
using probe = task_probe<tray_journal>;
static_assert(replayable_spout<tray_journal> && partitioned_spout<tray_journal>);
static_assert(!replayable_spout<tray_spout>);

texts numbered(std::uint64_t from, std::uint64_t to) {
  texts all;
  for (; from < to; ++from) all.push_back(std::to_string(from));
  return all;
}

/// A journal in the folder "kept" of simulated files; what is pushed lies in the tray until it is polled.
class journaled_suite : public ::testing::Test {
 protected:
  void push(std::uint64_t from, std::uint64_t to) {
    for (auto& text : numbered(from, to)) tray->steps.push_back({std::move(text)});
  }
  journal_options with(journal_options o = {}) {
    o.files = &files;
    return o;
  }
  task_context context() const {
    task_context c;
    c.node = "pushed";
    c.log = logger(log, log_level::trace);
    c.clock = &clock;
    return c;
  }
  std::unique_ptr<probe> open(journal_options o = {}) { return open_task(0, 1, o); }
  std::unique_ptr<probe> open_task(std::size_t task, std::size_t tasks, journal_options o = {}) {
    auto c = context();
    c.task = task;
    c.task_count = tasks;
    return std::make_unique<probe>(journaled(tray_spout(tray), "kept", with(o)), c);
  }
  std::size_t segments() {
    std::size_t n = 0;
    const auto inside = files.list("kept/0").value();
    for (const auto& entry : inside) n += entry.name.ends_with(".log");
    return n;
  }
  void lose_power() {
    random_source random(1);
    files.crash(random);
  }

  simulated_files files;
  testing::manual_clock clock;
  std::shared_ptr<tray_spout::tray> tray = std::make_shared<tray_spout::tray>();
  std::shared_ptr<kept_messages> log = std::make_shared<kept_messages>();
};

TEST_F(journaled_suite, gives_what_the_spout_gives_with_positions) {
  tray->steps = {{"a"}, {"b", event_time(7ms)}, {.value = "bad", .rejects = true}, {"c"}};
  auto task = open();
  EXPECT_EQ(task->poll(), kind::idle);
  EXPECT_EQ(task->values(), (texts{"a", "b", "c"}));
  EXPECT_EQ(task->messages[0].at, (position{0, 0, 1}));
  EXPECT_EQ(task->messages[1].at, (position{0, 1, 2}));
  EXPECT_EQ(task->messages[1].time, event_time(7ms));
  EXPECT_EQ(task->messages[2].at, (position{0, 3, 4}));
  EXPECT_EQ(task->messages[2].time, event_time{});
  ASSERT_EQ(task->rejected.size(), 1u);
  EXPECT_EQ(task->rejected[0].at, (position{0, 2, 3}));
  EXPECT_EQ(task->rejected[0].bytes, "bad");
  EXPECT_EQ(task->rejected[0].why, (error{errc::data_loss, "no value"}));
}

TEST_F(journaled_suite, gives_it_again_after_a_restart) {
  tray->steps = {{"a"}, {"b", event_time(-7ms)}, {.value = "bad", .rejects = true}, {"c"}};
  auto task = open();
  task->poll();
  task.reset();  // killed: nothing was closed
  lose_power();
  tray->steps = {{"d"}};
  task = open();
  EXPECT_EQ(task->poll(2), kind::emitted);
  EXPECT_EQ(task->values(), (texts{"a", "b"}));
  EXPECT_EQ(tray->polls, 1u) << "what is in the log comes first";
  EXPECT_EQ(task->poll_all(), kind::idle);
  EXPECT_EQ(task->values(), (texts{"a", "b", "c", "d"}));
  EXPECT_EQ(task->messages[1].time, event_time(-7ms));
  EXPECT_EQ(task->messages[3].at, (position{0, 4, 5}));
  ASSERT_EQ(task->rejected.size(), 1u);
  EXPECT_EQ(task->rejected[0].at, (position{0, 2, 3}));
}

TEST_F(journaled_suite, goes_on_where_it_is_told_to) {
  push(0, 10);
  open()->poll();
  auto task = open();
  task->seek({0, 7, 7});
  push(10, 12);
  task->poll_all();
  EXPECT_EQ(task->values(), numbered(7, 12));
  task->seek({0, 9, 9});  // while it is at work
  task->poll_all(1);
  EXPECT_THAT(task->values(), ElementsAre("7", "8", "9", "10", "11", "9", "10", "11"));
  task.reset();
  task = open();
  task->poll(2);
  task->seek({0, 10, 10});  // while more was read than emitted
  task->poll_all();
  EXPECT_THAT(task->values(), ElementsAre("0", "1", "10", "11"));
}

TEST_F(journaled_suite, reads_ranges_between_polls) {
  push(0, 30);
  auto task = open({.segment_bytes = 200});
  task->poll_all();
  push(30, 31);
  const auto again = task->read({0, 12, 15});
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[0].at, (position{0, 12, 13}));
  EXPECT_EQ(again[2].value, "14");
  EXPECT_THAT(task->read({0, 12, 12}), IsEmpty());
  task->messages.clear();
  task->poll_all();
  EXPECT_EQ(task->values(), texts{"30"});
}

TEST_F(journaled_suite, drops_what_is_finished_and_says_so_where_that_is_read) {
  push(0, 30);
  auto task = open({.segment_bytes = 200});
  task->poll_all();
  const auto before = segments();
  EXPECT_GT(before, 5u);
  task->commit({0, 29, 29});
  EXPECT_LT(segments(), 3u);
  try {
    (void)task->read({0, 3, 30});
    FAIL();
  } catch (const range_lost& gone) {
    EXPECT_EQ(gone.lost().from, 3u);
    EXPECT_GT(gone.earliest(), 3u);
    EXPECT_LE(gone.earliest(), 29u);
    EXPECT_THAT(gone.what(), HasSubstr("journal \"kept/0\" has dropped the messages before"));
    const auto left = task->read({0, gone.earliest(), 30});
    EXPECT_EQ(left.size(), 30 - gone.earliest());
  }
  EXPECT_THAT(error_of([&] { task->seek({0, 3, 3}); }), HasSubstr("resume from a newer checkpoint"));
}

TEST_F(journaled_suite, a_run_without_checkpoints_goes_on_behind_what_was_committed) {
  push(0, 10);
  auto task = open();
  task->poll();
  task->commit({0, 3, 3});  // written at once
  task->commit({0, 6, 6});  // within a second of that: not yet
  task.reset();             // killed
  task = open();
  task->poll();
  EXPECT_EQ(task->values(), numbered(3, 10));
  task->commit({0, 9, 9});
  task->commit({0, 10, 10});
  task->close();
  task = open();
  EXPECT_EQ(task->poll(), kind::idle);
  EXPECT_THAT(task->values(), IsEmpty());
  task->close();
  files.flip_bit("kept/0/committed", 3);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("\"kept/0/committed\" is damaged"));
}

TEST_F(journaled_suite, syncs_once_a_poll_and_before_it_emits) {
  push(0, 50);
  auto task = open();
  std::uint64_t syncs = 0;
  files.on_step([&](const file_step& s) {
    if (s.operation == file_operation::sync && !s.done) {
      ++syncs;
      EXPECT_THAT(task->messages, IsEmpty());
    }
  });
  task->poll();
  EXPECT_EQ(syncs, 1u);
  EXPECT_EQ(task->values(), numbered(0, 50));
}

TEST_F(journaled_suite, a_failed_sync_ends_it_and_emits_nothing) {
  push(0, 5);
  auto task = open();
  files.fail(file_operation::sync, "kept", file_fault::dropped_sync);
  EXPECT_THAT(error_of([&] { task->poll(); }), HasSubstr("sync"));
  push(5, 6);
  EXPECT_NE(error_of([&] { task->poll(); }), "no error") << "and stays so";
  EXPECT_THAT(task->messages, IsEmpty());
  EXPECT_EQ(tray->polls, 1u) << "no more is taken from the spout";
  task->close();
  EXPECT_THAT(log->all, ::testing::Contains(HasSubstr("may not survive a loss of power")));
}

TEST_F(journaled_suite, a_full_disk_loses_nothing) {
  auto task = open();
  for (const auto fault : {file_fault::no_space, file_fault::short_write}) {
    const auto at = task->messages.size();
    log->all.clear();
    push(at, at + 5);
    files.fail(file_operation::append, "kept", fault, 0, testing::simulated_files::always);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(task->poll(), kind::idle_until);
    EXPECT_GT(task->when, clock.now());
    EXPECT_EQ(task->messages.size(), at);
    push(at + 5, at + 7);
    const auto polls = tray->polls;
    EXPECT_EQ(task->poll(), kind::idle_until);
    EXPECT_EQ(tray->polls, polls) << "no more is taken from the spout";
    EXPECT_THAT(log->all, ElementsAre(HasSubstr("nothing is accepted for now")));
    files.forget_faults();
    EXPECT_EQ(task->poll_all(), kind::idle);
    EXPECT_EQ(task->values(), numbered(0, at + 7));
    EXPECT_THAT(log->all, ElementsAre(HasSubstr("nothing is accepted for now"), HasSubstr("accepted again")));
  }
}

/// Else nothing of it would ever be finished, and its files removed: where they fill the disk, nothing would go on.
TEST_F(journaled_suite, what_of_a_poll_fits_on_a_full_disk_is_emitted) {
  push(0, 5);
  auto task = open({.segment_bytes = 60});  // one message
  files.fail(file_operation::append, "kept", file_fault::no_space, 4, testing::simulated_files::always);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(task->poll_all(), kind::idle_until);
    EXPECT_EQ(task->values(), numbered(0, 2));
  }
  const auto before = segments();
  task->commit({0, 2, 2});
  EXPECT_LT(segments(), before);
  files.forget_faults();
  EXPECT_EQ(task->poll_all(), kind::idle);
  EXPECT_EQ(task->values(), numbered(0, 5));
}

TEST_F(journaled_suite, a_full_disk_when_it_is_closed_loses_nothing_that_fits_by_then) {
  push(0, 5);
  auto task = open({.segment_bytes = 60});  // one message, so the second can't even be appended
  files.fail(file_operation::append, "kept", file_fault::no_space, 0, testing::simulated_files::always);
  EXPECT_EQ(task->poll(), kind::idle_until);
  files.forget_faults();
  task->close();
  EXPECT_EQ(tray->closings, 1u);
  lose_power();
  task = open({.segment_bytes = 60});
  task->poll();
  EXPECT_EQ(task->values(), numbered(0, 5));
}

TEST_F(journaled_suite, a_full_disk_when_it_is_closed_is_said) {
  for (const auto bytes : {60u, 6000u}) {
    push(0, 5);
    auto task = open({.segment_bytes = bytes});
    files.fail(file_operation::append, "kept", file_fault::no_space, 0, testing::simulated_files::always);
    EXPECT_EQ(task->poll(), kind::idle_until);
    log->all.clear();
    task->close();
    EXPECT_THAT(log->all, ::testing::Contains(HasSubstr("5 messages that the spout had accepted may be lost")));
    files.forget_faults();
  }
}

TEST_F(journaled_suite, its_bound_is_backpressure) {
  push(0, 100);
  auto task = open({.segment_bytes = 200, .max_bytes = 1000});
  auto status = kind::emitted;
  while (status == kind::emitted) status = task->poll(5);
  EXPECT_EQ(status, kind::idle_until);
  const auto taken = task->messages.size();
  EXPECT_GT(taken, 10u);
  EXPECT_LT(taken, 40u);
  const auto polls = tray->polls;
  EXPECT_EQ(task->poll(5), kind::idle_until);
  EXPECT_EQ(tray->polls, polls);
  EXPECT_THAT(log->all, ElementsAre(HasSubstr("max_bytes is 1000")));
  // Finished, it goes on to the end; however little that frees.
  while (status != kind::idle) {
    task->commit({0, task->messages.size(), task->messages.size()});
    status = task->poll(5);
  }
  EXPECT_EQ(task->values(), numbered(0, 100));
}

TEST_F(journaled_suite, its_bound_holds_nobody_up_where_all_is_finished) {
  tray->steps = {{std::string(5000, 'x')}, {"y"}};
  auto task = open({.segment_bytes = 200, .max_bytes = 1000});
  EXPECT_EQ(task->poll(1), kind::emitted);
  EXPECT_EQ(task->poll(1), kind::idle_until);
  task.reset();
  task = open({.segment_bytes = 200, .max_bytes = 1000});
  task->seek({0, 1, 1});  // a checkpoint has it, and nobody commits it again
  EXPECT_EQ(task->poll(), kind::idle);
  EXPECT_EQ(task->values(), texts{"y"});
}

TEST_F(journaled_suite, what_the_spout_throws_comes_behind_what_it_gave) {
  tray->steps = {{"a"}, {.value = "the line is down", .throws = true}, {"b"}};
  auto task = open();
  files.fail(file_operation::append, "kept", file_fault::no_space);
  EXPECT_EQ(task->poll(), kind::idle_until);
  EXPECT_EQ(error_of([&] { task->poll(); }), "the line is down");
  EXPECT_EQ(task->values(), texts{"a"});
  EXPECT_EQ(task->poll(), kind::idle);
  EXPECT_EQ(task->values(), (texts{"a", "b"}));
}

TEST_F(journaled_suite, ends_when_the_spout_has_and_all_is_emitted) {
  push(0, 5);
  tray->closed = true;
  auto task = open();
  files.fail(file_operation::append, "kept", file_fault::no_space);
  EXPECT_EQ(task->poll(), kind::idle_until);
  EXPECT_EQ(task->poll_all(), kind::ended);
  EXPECT_EQ(task->values(), numbered(0, 5));
  EXPECT_EQ(tray->polls, 1u);
}

TEST_F(journaled_suite, a_drain_passes_on_what_was_accepted) {
  push(0, 100);
  auto spout = journaled(drained_tray_spout(tray), "kept", with({.segment_bytes = 200, .max_bytes = 1000}));
  task_probe<decltype(spout)> task(std::move(spout), context());
  while (task.poll(5) == kind::emitted) {}
  EXPECT_LT(task.messages.size(), 100u);
  EXPECT_TRUE(task.drain());
  EXPECT_TRUE(tray->drained);
  EXPECT_EQ(task.poll_all(5), kind::ended) << "whatever max_bytes says";
  EXPECT_EQ(task.values(), numbered(0, 100));
}

TEST_F(journaled_suite, a_drain_ends_a_spout_that_has_none_behind_what_it_gave) {
  push(0, 3);
  auto task = open();
  files.fail(file_operation::append, "kept", file_fault::no_space);
  EXPECT_EQ(task->poll(), kind::idle_until);
  push(3, 5);
  EXPECT_TRUE(task->drain());
  EXPECT_EQ(task->poll_all(), kind::ended);
  EXPECT_EQ(task->values(), numbered(0, 3));
  EXPECT_EQ(tray->steps.size(), 2u) << "what it has not emitted stays where it is";
}

TEST_F(journaled_suite, syncs_in_intervals_also_when_nothing_comes) {
  push(0, 3);
  auto task = open({.sync = journal_sync::interval, .sync_interval = 10s});
  std::uint64_t syncs = 0;
  files.on_step([&](const file_step& s) { syncs += s.operation == file_operation::sync && s.done; });
  EXPECT_EQ(task->poll(), kind::idle_until);
  EXPECT_EQ(task->values(), numbered(0, 3));
  EXPECT_EQ(syncs, 0u);
  EXPECT_EQ(task->when, clock.now() + 10s);
  clock.advance(4s);
  push(3, 4);
  EXPECT_EQ(task->poll(), kind::idle_until);
  EXPECT_EQ(syncs, 0u);
  clock.advance(6s);
  EXPECT_EQ(task->poll(), kind::idle);
  EXPECT_EQ(syncs, 1u);
  EXPECT_EQ(task->poll(), kind::idle);
  EXPECT_EQ(syncs, 1u);
}

TEST_F(journaled_suite, a_process_that_dies_loses_nothing_whatever_the_policy) {
  for (const auto sync : {journal_sync::interval, journal_sync::never}) {
    push(0, 10);
    open({.sync = sync})->poll();
    auto task = open({.sync = sync});
    task->poll();
    EXPECT_EQ(task->values(), numbered(0, 10));
    task->commit({0, 10, 10});
    task.reset();
    remove_all(files, "kept").value();
  }
}

TEST_F(journaled_suite, offsets_are_not_given_twice_after_a_loss_of_power) {
  push(0, 10);
  auto task = open({.sync = journal_sync::never});
  task->poll();
  task.reset();
  files.truncate("kept/0/00000000000000000000.log", 32 + 4 * (24 + 14));  // what a kind disk had written
  push(10, 12);
  task = open({.sync = journal_sync::never});
  task->seek({0, 10, 10});  // a checkpoint has them
  task->poll();
  EXPECT_EQ(task->values(), numbered(10, 12));
  EXPECT_EQ(task->messages[0].at, (position{0, 10, 11}));
  EXPECT_THAT(log->all, ::testing::Contains(HasSubstr("6 messages that were finished were lost with the power")));
  EXPECT_EQ(task->read({0, 0, 12}).size(), 6u);
  EXPECT_THAT(error_of([&] {
                task->seek({0, 1u << 30, 1u << 30});
              }),
              HasSubstr("is another's, or a copy that is too old"));
  task.reset();
  task = open();
  EXPECT_THAT(error_of([&] {
                task->seek({0, 14, 14});
              }),
              HasSubstr("journal \"kept/0\" ends before message 12, and the run goes on with 14"));
}

TEST_F(journaled_suite, each_task_writes_to_a_partition_of_its_own) {
  push(0, 4);
  auto first = open_task(0, 2, {.partitions = 3});
  auto second = open_task(1, 2, {.partitions = 3});
  first->poll(2);
  second->poll(2);
  EXPECT_EQ(first->messages[0].at, (position{0, 0, 1}));
  EXPECT_EQ(second->messages[0].at, (position{1, 0, 1}));
  first.reset();
  second.reset();
  auto only = open({.partitions = 3});
  only->poll_all(1);
  EXPECT_EQ(only->values(), numbered(0, 4));
  EXPECT_EQ(only->read({1, 1, 2}).at(0).value, "3");
  only->commit({1, 2, 2});
  only.reset();
  EXPECT_THAT(error_of([&] { open({.partitions = 2}); }), HasSubstr("there is \"kept/2\" of a run that had more"));
  EXPECT_THAT(error_of([&] { open_task(3, 4, {.partitions = 3}); }),
              HasSubstr("set journal_options::partitions to 4, or parallelism to 3"));
}

/// Notes which partitions have ended.
struct ends_noted final : event_clock {
  std::vector<partition_id> ended;
  void end_partition(partition_id p) override { ended.push_back(p); }
  void open(const std::vector<partition_id>&, time_point) override {}
  event_time watermark() override { return beginning_of_time; }
  time_point look(time_point, bool) override { return time_point::max(); }
  bool is_idle() const override { return false; }
  event_time stamp_of(const message_source&) override { return {}; }
  void undo_call(std::uint64_t) override {}
  void save(partition_id, writer&) override {}
  void save_reached(partition_id, event_time, writer&) override {}
  bool load(partition_id, reader&) override { return true; }
  std::unique_ptr<event_clock> copy() const override { return nullptr; }
  void assign(const event_clock&) override {}
};

TEST_F(journaled_suite, partitions_that_get_nothing_new_hold_no_time_back) {
  push(0, 2);
  open_task(1, 3, {.partitions = 3})->poll();
  ends_noted clock_of_events;
  auto task = open({.partitions = 3});
  task->frame().clock = &clock_of_events;
  EXPECT_EQ(task->poll(1), kind::emitted);
  EXPECT_THAT(clock_of_events.ended, IsEmpty());
  EXPECT_EQ(task->poll_all(1), kind::idle);
  EXPECT_THAT(clock_of_events.ended, ElementsAre(1u, 2u));
}

TEST_F(journaled_suite, syncs_in_intervals_also_when_it_is_full) {
  push(0, 50);
  auto task = open({.sync = journal_sync::interval, .sync_interval = 10s, .max_bytes = 500});
  while (task->poll(5) != kind::idle_until || task->when > clock.now() + 1s) {}
  std::uint64_t syncs = 0;
  files.on_step([&](const file_step& s) { syncs += s.operation == file_operation::sync && s.done; });
  clock.advance(10s);
  EXPECT_EQ(task->poll(5), kind::idle_until);
  EXPECT_EQ(syncs, 1u);
}

TEST_F(journaled_suite, its_folder_is_of_one_run_at_a_time) {
  auto task = open();
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("kept/0"));
}

TEST_F(journaled_suite, options_that_cannot_be_are_refused) {
  const auto refusal = [&](journal_options o) {
    return error_of([&] { (void)journaled(tray_spout(tray), "kept", o); });
  };
  EXPECT_THAT(refusal({.partitions = 0}), HasSubstr("partitions is 0"));
  EXPECT_THAT(refusal({.sync_interval = -1ns}), HasSubstr("sync_interval is negative: -1 ns"));
  EXPECT_THAT(refusal({.files = nullptr}), HasSubstr("files is null"));
}

struct reading_of_a_meter {
  int meter = 0;
  double value = 0;
  bool operator==(const reading_of_a_meter&) const = default;
};

TEST_F(journaled_suite, a_record_of_another_type_is_rejected_with_its_bytes) {
  tray->steps = {{"a text that is no number"}};
  open()->poll();
  push_spout<reading_of_a_meter> meters;
  auto spout = journaled(meters, "kept", with());
  task_probe<decltype(spout)> task(std::move(spout), context());
  ASSERT_TRUE(meters.try_push({1, 2.5}));
  task.poll_all();
  ASSERT_EQ(task.rejected.size(), 1u);
  EXPECT_EQ(task.rejected[0].at, (position{0, 0, 1}));
  EXPECT_THAT(task.rejected[0].why.message, HasSubstr("message 0 of journal \"kept/0\" can't be read as"));
  EXPECT_THAT(task.rejected[0].bytes, HasSubstr("a text that is no number"));
  EXPECT_EQ(task.values(), (std::vector<reading_of_a_meter>{{1, 2.5}}));
}

TEST(journal_entry, that_nobody_wrote_has_all_its_bytes) {
  using namespace std::string_literals;
  // Of no kind, of a kind to come, a message cut off, and nothing with something behind it.
  for (const auto& record : {""s, "\0bytes"s, "\4bytes"s, "\1short"s, "\3more"s}) {
    const auto entry = read_journal_entry(record);
    EXPECT_EQ(entry.what, journal_entry::kind::unknown);
    EXPECT_EQ(entry.bytes, record);
  }
  EXPECT_EQ(read_journal_entry("\3").what, journal_entry::kind::nothing);
}

TEST_F(journaled_suite, every_message_that_was_emitted_is_there_after_a_crash_at_any_step) {
  random_source random(3);
  std::uint64_t emitted = 0, kept = 0, lost = 0;
  std::unique_ptr<probe> task;
  std::uint64_t committed = 0;
  const auto use = [&](simulated_files& on) {
    auto o = with({.segment_bytes = 300});
    o.files = &on;
    task = std::make_unique<probe>(journaled(tray_spout(tray), "kept", o), context());
  };
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& on) {
        tray = std::make_shared<tray_spout::tray>();
        committed = 0;
        task.reset();
        use(on);
        for (std::uint64_t at = 0; at < 40; at += 4) {
          push(at, at + 4);
          task->poll();
          if (at % 12 == 8) {
            committed = at - 4;
            task->commit({0, committed, committed});
          }
        }
        task->close();
      },
      [&](simulated_files& on, std::uint64_t step) {
        const auto before = task ? task->values() : texts{};
        task.reset();
        tray->steps.clear();
        use(on);
        task->poll_all();
        const auto after = task->values();
        ASSERT_EQ(before, numbered(0, before.size())) << "step " << step;
        const auto first = task->messages.empty() ? before.size() : task->messages[0].at.offset;
        ASSERT_LE(first, committed) << "step " << step;
        lost += first + after.size() < before.size();
        ASSERT_GE(first + after.size(), before.size()) << "step " << step;
        ASSERT_EQ(after, numbered(first, first + after.size())) << "step " << step;
        emitted += before.size();
        kept += after.size();
        task.reset();
      });
  std::cout << "journaled: steps=" << steps << " emitted=" << emitted << " there_after=" << kept << " lost=" << lost
            << "\n";
  EXPECT_GT(steps, 100u);
}

}  // namespace
}  // namespace freshet
