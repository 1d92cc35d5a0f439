#include "freshet/connect/file/epoch_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/error_of.hpp"
#include "connect/file/epoch_file_names.hpp"
#include "connect/file/epoch_sink_scene.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet::file {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::file_fault;
using testing::file_operation;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::simulated_files;
using strings = std::vector<std::string>;

static_assert(transactional_sink<epoch_sink<>> && !deciding_sink<epoch_sink<>>);

constexpr epoch_id first{0xbeef, 1}, second{0xbeef, 2};

class epoch_sink_suite : public ::testing::Test {
 protected:
  epoch_sink_suite() { make_folder(files, "out").value(); }

  epoch_sink<> sink(epoch_sink_options o = {}) {
    o.files = &files;
    return epoch_sink{"out", o};
  }
  std::unique_ptr<sink_task<epoch_sink<>>> open(std::size_t task = 0, std::size_t tasks = 1) {
    return open_task(sink(), task, tasks);
  }
  static void write(sink_task<epoch_sink<>>& task, const strings& rows) {
    for (const auto& row : rows) task.sink().write(row);
  }
  static void prepare(sink_task<epoch_sink<>>& task, const epoch_id& epoch, const strings& rows) {
    task.begin_epoch(epoch);
    write(task, rows);
    task.prepare_epoch();
  }
  static void commit(sink_task<epoch_sink<>>& task, const epoch_id& epoch, const strings& rows) {
    prepare(task, epoch, rows);
    task.commit_epoch();
  }
  strings names() { return names_in(files, "out"); }
  strings rows() { return visible_rows(files, "out"); }
  /// How often that was done so far.
  std::uint64_t calls(file_operation operation) const { return calls_->at(static_cast<std::size_t>(operation)); }
  void count_calls() {
    files.on_step([calls = calls_](const testing::file_step& step) {
      if (!step.done) ++calls->at(static_cast<std::size_t>(step.operation));
    });
  }

  simulated_files files;

 private:
  std::shared_ptr<std::vector<std::uint64_t>> calls_ = std::make_shared<std::vector<std::uint64_t>>(32);
};

// --- an epoch ---

TEST_F(epoch_sink_suite, rows_are_seen_when_their_epoch_is_committed_and_not_before) {
  auto task = open();
  task->begin_epoch(first);
  EXPECT_THAT(names(), IsEmpty());
  write(*task, {"one", "two"});
  EXPECT_THAT(rows(), IsEmpty());
  task->prepare_epoch();
  EXPECT_THAT(names(), ElementsAre(".part-000000000001-0000-beef.unfinished"));
  EXPECT_THAT(rows(), IsEmpty());
  task->commit_epoch();
  EXPECT_THAT(names(), ElementsAre("part-000000000001-0000-beef.txt"));
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
  commit(*task, second, {"three"});
  EXPECT_THAT(rows(), ElementsAre("one", "two", "three"));
}

TEST_F(epoch_sink_suite, what_is_prepared_survives_a_crash_and_what_is_committed_is_seen_behind_it) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    random_source random(seed);
    auto task = open();
    prepare(*task, {seed + 1, 1}, {std::string(3000, 'x')});
    const auto token = task->prepared().value();
    task->close();
    files.crash(random);
    task = open();
    task->commit_prepared(token);
    files.crash(random);
    ASSERT_EQ(rows().size(), seed + 1);
    ASSERT_EQ(rows().back(), std::string(3000, 'x'));
  }
}

TEST_F(epoch_sink_suite, an_epoch_without_rows_has_no_file) {
  auto task = open();
  prepare(*task, first, {});
  const auto token = task->prepared().value();
  task->commit_epoch();
  task->commit_prepared(token);
  EXPECT_THAT(names(), IsEmpty());
  task->begin_epoch(second);
  EXPECT_EQ(task->sink().prepare(), epoch_file_token{});
}

TEST_F(epoch_sink_suite, each_task_has_its_file) {
  const auto tasks = open_tasks(sink(), 3);
  for (std::size_t t = 0; t < 3; ++t) prepare(*tasks[t], first, {"of task " + std::to_string(t)});
  EXPECT_EQ(names().size(), 3u);
  for (const auto& task : tasks) task->commit_epoch();
  EXPECT_THAT(names(), ElementsAre("part-000000000001-0000-beef.txt", "part-000000000001-0001-beef.txt",
                                   "part-000000000001-0002-beef.txt"));
  EXPECT_THAT(rows(), ElementsAre("of task 0", "of task 1", "of task 2"));
}

TEST_F(epoch_sink_suite, names_sort_as_epochs_follow_each_other) {
  auto task = open();
  for (const std::uint64_t epoch : {9, 10, 99, 100, 1'000'000'000}) commit(*task, {1, epoch}, {std::to_string(epoch)});
  EXPECT_THAT(rows(), ElementsAre("9", "10", "99", "100", "1000000000"));
}

TEST_F(epoch_sink_suite, a_commit_done_again_changes_nothing) {
  auto task = open();
  prepare(*task, first, {"one"});
  const auto token = task->prepared().value();
  task->commit_epoch();
  task->commit_prepared(token);
  EXPECT_THAT(rows(), ElementsAre("one"));
  prepare(*task, second, {"two"});
  task->commit_prepared(token);
  EXPECT_THAT(rows(), ElementsAre("one"));
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
}

TEST_F(epoch_sink_suite, another_object_commits_what_was_prepared_and_closed) {
  strings tokens;
  {
    const auto tasks = open_tasks(sink(), 2);
    for (const auto& task : tasks) {
      prepare(*task, first, {"a row"});
      tokens.push_back(task->prepared().value());
      task->close();
    }
  }
  EXPECT_THAT(rows(), IsEmpty());
  auto task = open();
  for (const auto& token : tokens) task->commit_prepared(token);
  EXPECT_THAT(rows(), ElementsAre("a row", "a row"));
  for (const auto& token : tokens) task->commit_prepared(token);
  task->begin_epoch(second);
  EXPECT_THAT(rows(), ElementsAre("a row", "a row"));
}

TEST_F(epoch_sink_suite, a_commit_that_another_process_had_begun_waits_for_the_device) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::string token;
    {
      auto task = open();
      prepare(*task, {seed, 1}, {"one"});
      token = task->prepared().value();
      files.fail(file_operation::sync_folder, "out", file_fault::device_error);
      EXPECT_THAT(error_of([&] { task->commit_epoch(); }), HasSubstr("sync the folder \"out\""));
    }
    ASSERT_EQ(rows().size(), seed);  // and nobody knows for how long
    open()->commit_prepared(token);
    random_source random(seed);
    files.crash(random);
    ASSERT_EQ(rows().size(), seed);
  }
}

TEST_F(epoch_sink_suite, abort_removes_what_was_begun_or_prepared) {
  auto task = open_task(sink({.buffer_bytes = 0}));
  task->abort_epoch();
  task->begin_epoch(first);
  write(*task, {"begun"});
  EXPECT_EQ(names().size(), 1u);
  task->abort_epoch();
  EXPECT_THAT(names(), IsEmpty());
  prepare(*task, first, {"prepared"});
  task->abort_epoch();
  EXPECT_THAT(names(), IsEmpty());
  commit(*task, first, {"committed"});
  task->abort_epoch();
  EXPECT_THAT(rows(), ElementsAre("committed"));
}

TEST_F(epoch_sink_suite, an_epoch_that_is_begun_and_no_more_ends_with_the_next) {
  auto task = open_task(sink({.buffer_bytes = 5}));
  for (const auto& epoch : {first, first, second}) {
    task->begin_epoch(epoch);
    write(*task, {"written", "none"});
  }
  EXPECT_EQ(names().size(), 1u);
  task->prepare_epoch();
  task->commit_epoch();
  EXPECT_THAT(names(), ElementsAre("part-000000000002-0000-beef.txt"));
  EXPECT_THAT(rows(), ElementsAre("written", "none"));
}

TEST_F(epoch_sink_suite, closing_leaves_what_was_prepared_as_it_is) {
  auto task = open();
  prepare(*task, first, {"one"});
  task->close();
  task.reset();
  EXPECT_THAT(names(), ElementsAre(".part-000000000001-0000-beef.unfinished"));
}

TEST_F(epoch_sink_suite, the_next_epoch_is_written_before_the_last_is_committed) {
  auto task = open_task(sink({.buffer_bytes = 0}));
  prepare(*task, first, {"one"});
  task->begin_epoch(second);
  write(*task, {"two"});
  EXPECT_EQ(names().size(), 2u);
  EXPECT_THAT(rows(), IsEmpty());
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one"));
  task->prepare_epoch();
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
}

TEST_F(epoch_sink_suite, abort_behind_the_begin_of_the_next_leaves_what_was_prepared) {
  for (const bool has_rows : {false, true}) {
    auto task = open_task(sink({.prefix = has_rows ? "some" : "none", .buffer_bytes = 0}));
    prepare(*task, first, {"one"});
    const auto token = task->prepared().value();
    task->begin_epoch(second);
    if (has_rows) write(*task, {"two"});
    task->abort_epoch();
    task->close();
    auto next = open_task(sink({.prefix = has_rows ? "some" : "none", .buffer_bytes = 0}));
    next->commit_prepared(token);
    commit(*next, second, {"two"});
  }
  EXPECT_THAT(rows(), ElementsAre("one", "two", "one", "two"));
  for (const auto& name : names()) EXPECT_FALSE(name.starts_with(".")) << name;
}

/// Its bytes were written a moment ago: that another epoch has begun since is no reason to read them.
TEST_F(epoch_sink_suite, what_is_committed_behind_the_begin_of_the_next_is_not_read_back) {
  auto task = open();
  count_calls();
  prepare(*task, first, {"one"});
  task->begin_epoch(second);
  const auto before = calls(file_operation::read);
  task->commit_epoch();
  EXPECT_EQ(calls(file_operation::read), before);
  EXPECT_THAT(rows(), ElementsAre("one"));
}

// --- failures ---

TEST_F(epoch_sink_suite, an_attempt_that_fails_is_aborted_and_made_anew) {
  struct plan {
    file_operation operation;
    file_fault how;
  };
  for (const auto [operation, how] : {plan{file_operation::create, file_fault::no_space},
                                      {file_operation::append, file_fault::no_space},
                                      {file_operation::append, file_fault::short_write},
                                      {file_operation::append, file_fault::device_error},
                                      {file_operation::sync, file_fault::device_error},
                                      {file_operation::sync, file_fault::dropped_sync},
                                      {file_operation::sync_folder, file_fault::device_error}}) {
    SCOPED_TRACE(to_string(operation));
    auto task = open_task(sink({.buffer_bytes = 0}));
    const epoch_id epoch{static_cast<std::uint64_t>(operation) * 16 + static_cast<std::uint64_t>(how) + 1, 1};
    const auto before = rows().size();
    files.fail(operation, "out", how, operation == file_operation::append ? 1 : 0);
    EXPECT_THAT(error_of([&] {
                  prepare(*task, epoch, {"one", "two"});
                }),
                AllOf(HasSubstr("cannot "), HasSubstr("out")));
    task->abort_epoch();
    EXPECT_EQ(names().size(), before / 2);
    commit(*task, epoch, {"one", "two"});
    EXPECT_EQ(rows().size(), before + 2);
  }
  EXPECT_EQ(files.faults_done(), 7u);
}

TEST_F(epoch_sink_suite, a_row_that_could_not_be_written_can_be_written_again_in_its_place) {
  auto task = open_task(sink({.buffer_bytes = 0}));
  task->begin_epoch(first);
  write(*task, {"one"});
  files.fail(file_operation::append, "out", file_fault::short_write, 0, 2);
  EXPECT_THAT(error_of([&] { write(*task, {"two"}); }), HasSubstr("No space left"));
  EXPECT_THAT(error_of([&] { write(*task, {"two"}); }), HasSubstr("No space left"));
  write(*task, {"two"});
  task->prepare_epoch();
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
}

TEST_F(epoch_sink_suite, a_row_that_was_given_up_leaves_nothing_in_the_file) {
  auto task = open_task(sink({.buffer_bytes = 0}));
  const auto give_up = [&] {
    files.fail(file_operation::append, "out", file_fault::short_write);
    EXPECT_THAT(error_of([&] { write(*task, {"given up"}); }), HasSubstr("No space left"));
  };
  task->begin_epoch(first);
  write(*task, {"one"});
  give_up();
  task->prepare_epoch();
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one"));
  task->begin_epoch(second);
  give_up();
  task->prepare_epoch();
  task->commit_epoch();
  EXPECT_THAT(names(), ElementsAre("part-000000000001-0000-beef.txt"));
}

TEST_F(epoch_sink_suite, a_sync_that_failed_is_not_tried_again) {
  auto task = open();
  count_calls();
  files.fail(file_operation::sync, "out", file_fault::dropped_sync);
  EXPECT_THAT(error_of([&] { prepare(*task, first, {"one"}); }), HasSubstr("sync"));
  EXPECT_THAT(error_of([&] { task->prepare_epoch(); }), HasSubstr("sync"));
  EXPECT_THAT(error_of([&] { task->prepare_epoch(); }), HasSubstr("sync"));
  EXPECT_EQ(calls(file_operation::sync), 1u);
  EXPECT_EQ(calls(file_operation::create), 1u);
  task->abort_epoch();
  commit(*task, first, {"one"});
  EXPECT_EQ(calls(file_operation::sync), 2u);
  EXPECT_EQ(calls(file_operation::create), 2u);
  EXPECT_THAT(rows(), ElementsAre("one"));
}

TEST_F(epoch_sink_suite, a_name_whose_sync_failed_is_given_anew) {
  auto task = open();
  prepare(*task, first, {"one"});
  count_calls();
  files.fail(file_operation::sync_folder, "out", file_fault::device_error);
  EXPECT_THAT(error_of([&] { task->commit_epoch(); }), HasSubstr("out"));
  EXPECT_EQ(calls(file_operation::rename), 1u);
  task->commit_epoch();
  EXPECT_EQ(calls(file_operation::rename), 3u);  // back, and once more
  EXPECT_THAT(rows(), ElementsAre("one"));
}

TEST_F(epoch_sink_suite, a_commit_that_failed_is_done_again) {
  auto task = open();
  prepare(*task, first, {"one"});
  files.fail(file_operation::rename, "out", file_fault::device_error);
  EXPECT_THAT(error_of([&] { task->commit_epoch(); }), AllOf(HasSubstr("rename"), HasSubstr("part-000000000001")));
  EXPECT_THAT(rows(), IsEmpty());
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one"));
}

TEST_F(epoch_sink_suite, what_abort_could_not_remove_is_removed_by_the_next_begin) {
  auto task = open();
  prepare(*task, first, {"one"});
  files.fail(file_operation::remove, "out", file_fault::device_error);
  EXPECT_THAT(error_of([&] { task->abort_epoch(); }), AllOf(HasSubstr("remove"), HasSubstr("unfinished")));
  commit(*task, first, {"anew"});
  EXPECT_THAT(rows(), ElementsAre("anew"));
}

TEST_F(epoch_sink_suite, rows_that_are_gone_are_an_error_with_the_name_of_the_file) {
  auto task = open();
  prepare(*task, first, {"one"});
  files.remove("out/.part-000000000001-0000-beef.unfinished").value();
  EXPECT_THAT(error_of([&] { task->commit_epoch(); }),
              AllOf(HasSubstr("lost"), HasSubstr("\"out/.part-000000000001-0000-beef.unfinished\""),
                    HasSubstr("\"out/part-000000000001-0000-beef.txt\"")));
  files.create("out/part-000000000001-0000-beef.txt").value();  // as the error says
  task->commit_epoch();
}

TEST_F(epoch_sink_suite, a_commit_overwrites_no_file) {
  auto task = open();
  prepare(*task, first, {"one"});
  files.create("out/part-000000000001-0000-beef.txt").value();
  EXPECT_THAT(error_of([&] { task->commit_epoch(); }), HasSubstr("overwritten"));
  EXPECT_THAT(rows(), IsEmpty());
  files.remove("out/part-000000000001-0000-beef.txt").value();
  task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("one"));
}

/// As when a process goes on behind another.
TEST_F(epoch_sink_suite, a_prepared_file_that_is_not_as_it_was_written_is_refused) {
  const std::string name = "out/.part-000000000001-0000-beef.unfinished";
  const auto append = [&](const std::string& bytes) {
    auto file = files.open_to_append(name).value();
    file->append(bytes).value();
  };
  for (const std::size_t size : {10, 65'535, 65'536, 300'000}) {
    std::string token;
    {
      auto task = open();
      prepare(*task, first, {"one", std::string(size, 'x')});
      token = task->prepared().value();
    }
    const auto refused = [&](const std::string& why) {
      EXPECT_THAT(error_of([&] { open()->commit_prepared(token); }),
                  AllOf(HasSubstr("rows of an epoch that counts are damaged"), HasSubstr("\"" + name + "\" has "),
                        HasSubstr(why)))
          << size;
      EXPECT_THAT(rows(), IsEmpty());
    };
    const std::uint64_t whole = 4 + size + 1;
    for (const auto byte : {std::uint64_t{0}, whole / 2, whole - 1}) {
      files.flip_bit(name, byte);
      refused("other bytes than were written");
      files.flip_bit(name, byte);
    }
    append("more\n");
    refused(std::to_string(whole + 5) + " bytes, and " + std::to_string(whole) + " were written");
    files.truncate(name, whole - 1);
    refused(std::to_string(whole - 1) + " bytes, and " + std::to_string(whole) + " were written");
    append("\n");
    open()->commit_prepared(token);
    EXPECT_THAT(rows(), ElementsAre("one", std::string(size, 'x')));
    files.remove("out/part-000000000001-0000-beef.txt").value();
  }
}

TEST_F(epoch_sink_suite, a_file_whose_writes_failed_in_between_is_as_it_was_written) {
  std::string token;
  {
    auto task = open_task(sink({.buffer_bytes = 0}));
    task->begin_epoch(first);
    write(*task, {"one"});
    files.fail(file_operation::append, "out", file_fault::short_write);
    EXPECT_THAT(error_of([&] { write(*task, {"two"}); }), HasSubstr("No space left"));
    write(*task, {"two"});
    task->prepare_epoch();
    token = task->prepared().value();
  }
  open()->commit_prepared(token);
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
}

TEST_F(epoch_sink_suite, a_token_that_is_damaged_is_refused) {
  EXPECT_THAT(error_of([&] { open()->commit_prepared("\xff\xff"); }), HasSubstr("token is damaged"));
}

// --- earlier runs ---

/// A file of every kind that may lie around: by epoch, task and history.
std::string leave(file_system& files, const std::string& prefix, const epoch_file_key& key, bool visible = false) {
  const epoch_file_names names(prefix, ".txt");
  const auto name = visible ? names.visible(key) : names.unfinished(key);
  files.create("out/" + name).value();
  return name;
}

TEST_F(epoch_sink_suite, the_first_begin_removes_what_earlier_runs_have_left) {
  leave(files, "part", {{0xbeef, 1}, 0});
  leave(files, "part", {{0xbeef, 2}, 0});
  leave(files, "part", {{0xbeef, 7}, 0});
  leave(files, "part", {{0xbeef, 2}, 2});  // of a task that this run does not have
  leave(files, "part", {{0xbeef, 1}, 1'234'567});
  leave(files, "part", {{0xabcd, 2}, 1});  // of another history
  leave(files, "part", {{0, 2}, 1});
  const auto of_task_1 = leave(files, "part", {{0xbeef, 2}, 1});
  const auto seen = leave(files, "part", {{0xbeef, 1}, 0}, true);
  auto task = open(0, 2);
  EXPECT_EQ(names().size(), 9u);  // nothing before the first begin: it may be to be committed
  task->begin_epoch(second);
  EXPECT_THAT(names(), ElementsAre(of_task_1, seen));
  const auto later = leave(files, "part", {{0xabcd, 9}, 0});
  task->prepare_epoch();
  task->begin_epoch({0xbeef, 3});
  EXPECT_THAT(names(), ElementsAre(of_task_1, later, seen));
  open(1, 2)->begin_epoch(second);
  EXPECT_THAT(names(), ElementsAre(seen));
}

TEST_F(epoch_sink_suite, what_other_tasks_of_the_run_write_is_no_leftover) {
  const auto tasks = open_tasks(sink({.buffer_bytes = 0}), 3);
  tasks[1]->begin_epoch(first);
  write(*tasks[1], {"of task 1"});
  prepare(*tasks[2], first, {"of task 2"});
  prepare(*tasks[0], first, {"of task 0"});
  tasks[1]->prepare_epoch();
  for (const auto& task : tasks) task->commit_epoch();
  EXPECT_THAT(rows(), ElementsAre("of task 0", "of task 1", "of task 2"));
}

TEST_F(epoch_sink_suite, an_epoch_that_was_never_prepared_is_written_again) {
  {
    auto task = open_task(sink({.buffer_bytes = 0}));
    task->begin_epoch(first);
    write(*task, {"one", "tw"});
  }
  auto task = open();
  commit(*task, first, {"one", "two"});
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
}

TEST_F(epoch_sink_suite, what_was_prepared_and_did_not_count_is_written_again) {
  {
    auto task = open();
    prepare(*task, first, {"old"});
    task->close();
  }
  auto task = open();
  commit(*task, first, {"new"});
  EXPECT_THAT(rows(), ElementsAre("new"));
}

TEST_F(epoch_sink_suite, leftovers_of_other_prefixes_are_theirs) {
  const strings prefixes{"part", "part-2", "part-2-3", "pa", "part-000000000001", "part-000000000001-0000"};
  for (const auto& mine : prefixes) {
    SCOPED_TRACE(mine);
    strings others;
    for (const auto& prefix : prefixes)
      if (const auto name = leave(files, prefix, {{0, 1}, 0}); prefix != mine) others.push_back(name);
    auto task = open_task(sink({.prefix = mine}));
    task->begin_epoch(first);
    EXPECT_THAT(names(), ::testing::UnorderedElementsAreArray(others));
    for (const auto& name : names()) files.remove("out/" + name).value();
  }
}

TEST_F(epoch_sink_suite, what_is_not_of_an_epoch_is_left_alone) {
  const strings names{".part-1-0-beef.unfinished",
                      ".part-000000000001-0-beef.unfinished",
                      ".part-000000000001-0000-BEEF.unfinished",
                      ".part-000000000001-0000.unfinished",
                      ".part-000000000001-0000-beef-.unfinished",
                      ".part-99999999999999999999999-0000-beef.unfinished",
                      ".part-.unfinished",
                      ".unfinished",
                      "part-000000000001-0000-beef.unfinished",
                      "notes.txt"};
  for (const auto& name : names) files.create("out/" + name).value();
  open()->begin_epoch(first);
  EXPECT_THAT(this->names(), ::testing::UnorderedElementsAreArray(names));
}

TEST_F(epoch_sink_suite, a_leftover_that_cannot_be_removed_is_an_error_and_tried_again) {
  leave(files, "part", {{0xbeef, 1}, 0});
  auto task = open();
  files.fail(file_operation::remove, "out", file_fault::device_error);
  EXPECT_THAT(error_of([&] { task->begin_epoch(first); }), HasSubstr("out/.part-000000000001-0000-beef.unfinished"));
  commit(*task, first, {"one"});
  EXPECT_THAT(rows(), ElementsAre("one"));
}

TEST_F(epoch_sink_suite, histories_with_the_same_epochs_keep_their_files_apart) {
  for (const std::uint64_t history : {0xaau, 0xbbu}) {
    auto task = open();
    commit(*task, {history, 1}, {std::to_string(history) + " first"});
    commit(*task, {history, 2}, {std::to_string(history) + " second"});
    task->close();
  }
  EXPECT_THAT(rows(), ElementsAre("170 first", "187 first", "170 second", "187 second"));
}

TEST_F(epoch_sink_suite, runs_without_checkpoints_count_on_from_what_is_there) {
  for (int run = 0; run < 3; ++run) {
    const auto tasks = open_tasks(sink(), 2);
    for (std::uint64_t epoch = 1; epoch <= 2; ++epoch)
      for (std::size_t t = 0; t < 2; ++t)
        if (run != 1 || t == 1) commit(*tasks[t], {0, epoch}, {"run " + std::to_string(run)});
    if (run == 1) prepare(*tasks[1], {0, 3}, {"is not committed"});
    for (const auto& task : tasks) task->close();
  }
  EXPECT_THAT(names(), ElementsAre("part-000000000001-0000-0.txt", "part-000000000001-0001-0.txt",
                                   "part-000000000002-0000-0.txt", "part-000000000002-0001-0.txt",
                                   "part-000000000003-0001-0.txt", "part-000000000004-0001-0.txt",
                                   "part-000000000006-0000-0.txt", "part-000000000006-0001-0.txt",
                                   "part-000000000007-0000-0.txt", "part-000000000007-0001-0.txt"));
}

TEST_F(epoch_sink_suite, checkpoints_that_are_older_than_the_folder_are_refused) {
  const auto of_5 = leave(files, "part", {{0xbeef, 5}, 1}, true);
  leave(files, "part", {{0xbeef, 4}, 0}, true);
  leave(files, "part", {{0xcafe, 9}, 0}, true);
  auto task = open(0, 2);
  const auto begin = [&](std::uint64_t epoch) { return error_of([&] { task->begin_epoch({0xbeef, epoch}); }); };
  for (const std::uint64_t epoch : {4, 5})
    EXPECT_THAT(begin(epoch), AllOf(HasSubstr("epoch " + std::to_string(epoch)), HasSubstr("\"out/" + of_5 + "\""),
                                    HasSubstr("older than the folder"), HasSubstr("Remove")));
  EXPECT_EQ(begin(6), "no error");
}

TEST_F(epoch_sink_suite, an_epoch_that_is_committed_again_is_not_taken_for_a_later_one) {
  std::string token;
  {
    auto task = open();
    prepare(*task, first, {"one"});
    token = task->prepared().value();
    task->commit_epoch();
  }
  auto task = open();
  task->commit_prepared(token);
  commit(*task, second, {"two"});
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
}

// --- opening, options ---

TEST_F(epoch_sink_suite, what_can_be_known_at_the_start_is_an_error_then) {
  const auto opening = [&](const std::string& folder, epoch_sink_options o) {
    o.files = &files;
    return error_of([&] { open_task(epoch_sink{folder, o}); });
  };
  EXPECT_THAT(opening("missing", {}), AllOf(HasSubstr("\"missing\""), HasSubstr("create_folders")));
  EXPECT_THAT(opening("out", {.prefix = "a/b"}), AllOf(HasSubstr("prefix"), HasSubstr("\"a/b\"")));
  EXPECT_THAT(opening("out", {.suffix = "/txt"}), AllOf(HasSubstr("suffix"), HasSubstr("\"/txt\"")));
  EXPECT_THAT(opening("out", {.prefix = ""}), HasSubstr("prefix"));
  EXPECT_THAT(opening("out", {.prefix = ".part"}), HasSubstr("prefix"));
  files.fail(file_operation::list, "out", file_fault::device_error);
  EXPECT_THAT(opening("out", {}), AllOf(HasSubstr("list"), HasSubstr("out")));
  EXPECT_EQ(opening("out", {}), "no error");
  EXPECT_EQ(opening("made/with/those/above", {.create_folders = true}), "no error");
}

TEST_F(epoch_sink_suite, two_sinks_do_not_write_the_same_names) {
  auto one = open();
  EXPECT_THAT(error_of([&] { open(); }), AllOf(HasSubstr("out/.part.lock"), HasSubstr("prefix")));
  auto other = open_task(sink({.prefix = "part-2"}));
  commit(*one, first, {"one"});
  commit(*other, first, {"two"});
  EXPECT_THAT(rows(), ElementsAre("one", "two"));
  one->close();
  open();
}

TEST_F(epoch_sink_suite, takes_any_size_of_buffer) {
  for (const auto bytes : {std::size_t{0}, std::size_t{1}, std::size_t{20}, ~std::size_t{0}}) {
    auto task = open_task(sink({.prefix = "p" + std::to_string(bytes), .buffer_bytes = bytes}));
    commit(*task, first, {"one", "", "a longer row, that is"});
  }
  EXPECT_EQ(rows().size(), 12u);
}

TEST_F(epoch_sink_suite, takes_formats_and_names) {
  const auto write = [](auto sink, const auto& row) {
    sink.open({});
    sink.begin(first);
    sink.write(row);
    sink.commit(sink.prepare());
    sink.close();
  };
  const auto named = [&](std::string prefix) {
    epoch_sink_options o;
    o.prefix = std::move(prefix);
    o.suffix = ".csv";
    o.files = &files;
    return o;
  };
  write(epoch_sink{"out", named("a")}, 0.5);
  write(epoch_sink{"out", [](int n) { return "<" + std::to_string(n) + ">"; }, named("b")}, 7);
  write(epoch_sink{"out", [](std::string& to, int n) { to += std::to_string(n) + ";"; }, named("c")}, 8);
  EXPECT_THAT(names(), ElementsAre("a-000000000001-0000-beef.csv", "b-000000000001-0000-beef.csv",
                                   "c-000000000001-0000-beef.csv"));
  EXPECT_THAT(rows(), ElementsAre("0.5", "<7>", "8;"));
}

TEST_F(epoch_sink_suite, a_row_whose_format_throws_is_not_in_the_file) {
  const auto picky = [](std::string& to, int n) {
    to += std::to_string(n);
    if (n == 2) throw std::runtime_error("not two");
  };
  epoch_sink_options o;
  o.files = &files;
  epoch_sink sink{"out", picky, o};
  sink.open({});
  sink.begin(first);
  for (int n = 1; n < 4; ++n) EXPECT_EQ(error_of([&] { sink.write(n); }), n == 2 ? "not two" : "no error");
  sink.commit(sink.prepare());
  EXPECT_THAT(rows(), ElementsAre("1", "3"));
}

// --- the engine ---

topology numbers_to(epoch_sink<> sink, int n, std::size_t tasks) {
  std::vector<int> all;
  for (int i = 0; i < n; ++i) all.push_back(i);
  topology_builder b{"t"};
  b.sink("out", std::move(sink), {.parallelism = tasks})
      .input(b.spout("numbers", vector_spout<int>{std::move(all)}), shuffle_grouping{});
  return b.build();
}
batch_options batches_of(std::size_t rows) {
  batch_options o;
  o.trigger = batch_trigger::rows;
  o.rows_per_batch = rows;
  o.workers = 2;
  o.log = logger{};
  return o;
}
std::vector<int> numbers_of(strings rows) {
  std::vector<int> all;
  for (const auto& row : rows) all.push_back(std::stoi(row));
  std::sort(all.begin(), all.end());
  return all;
}
std::vector<int> up_to(int n) {
  std::vector<int> all;
  for (int i = 0; i < n; ++i) all.push_back(i);
  return all;
}

TEST(epoch_sink, writes_a_file_for_each_batch_and_task) {
  temporary_folder dir;
  for (int run = 1; run < 3; ++run) {
    batch_executor{batches_of(10)}.start(numbers_to(epoch_sink{dir / "out", {.create_folders = true}}, 30, 2)).wait();
    EXPECT_EQ(names_in(system_files(), dir / "out").size(), 6u * static_cast<std::size_t>(run));
  }
  auto twice = up_to(30);
  for (int i = 0; i < 30; ++i) twice.push_back(i);
  std::sort(twice.begin(), twice.end());
  EXPECT_EQ(numbers_of(visible_rows(system_files(), dir / "out")), twice);
}

TEST(epoch_sink, a_batch_whose_attempt_failed_is_written_once) {
  for (const auto how : {file_fault::no_space, file_fault::short_write}) {
    simulated_files files;
    files.fail(file_operation::append, ".part", how, 3, 2);
    files.fail(file_operation::sync, ".part", file_fault::dropped_sync, 5);
    files.fail(file_operation::create, ".part", file_fault::no_space, 7);
    files.fail(file_operation::rename, ".part", file_fault::device_error, 2);
    const epoch_sink sink{"out", {.create_folders = true, .buffer_bytes = 10, .files = &files}};
    batch_executor{batches_of(20)}.start(numbers_to(sink, 100, 2)).wait();
    EXPECT_EQ(numbers_of(visible_rows(files, "out")), up_to(100));
    EXPECT_EQ(files.faults_done(), 5u);
    for (const auto& name : names_in(files, "out")) EXPECT_FALSE(name.starts_with(".")) << name;
  }
}

TEST(epoch_sink, goes_on_from_checkpoints_whenever_the_power_fails) {
  random_source random(3);
  const auto run = [](simulated_files& files, std::size_t tasks) {
    auto o = batches_of(10);
    o.workers = 1;
    o.checkpoints.directory = "kept";
    o.checkpoints.files = &files;
    const epoch_sink sink{"out", {.create_folders = true, .files = &files}};
    batch_executor{o}.start(numbers_to(sink, 40, tasks)).wait();
  };
  const auto steps = testing::crash_at_every_step(
      random, [&](simulated_files& files) { run(files, 2); },
      [&](simulated_files& files, std::uint64_t step) {
        SCOPED_TRACE("step " + std::to_string(step));
        run(files, 1 + step % 3);
        EXPECT_EQ(numbers_of(visible_rows(files, "out")), up_to(40));
      });
  EXPECT_GT(steps, 100u);
}

}  // namespace
}  // namespace freshet::file
