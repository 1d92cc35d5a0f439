#include "freshet/base/record_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/record_log_scene.hpp"
#include "base/record_segment.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/base/hash.hpp"

namespace freshet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::file_fault;
using testing::file_operation;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::simulated_files;

TEST_F(record_log_suite, begins_at_zero_and_counts_on) {
  auto log = open();
  expect_records(*log, 0, 0);
  EXPECT_EQ(*log->append("a"), 0u);
  EXPECT_EQ(*log->append(""), 1u);
  EXPECT_EQ(log->synced(), 0u);
  EXPECT_TRUE(log->sync());
  EXPECT_EQ(log->synced(), 2u);
  EXPECT_EQ(*log->append(std::string(100'000, 'x')), 2u);
  EXPECT_EQ(rows(*log, 0).value(), (record_rows{{0, "a"}, {1, ""}, {2, std::string(100'000, 'x')}}));
  EXPECT_TRUE(log->flush());
  EXPECT_EQ(log->synced(), 2u);
  EXPECT_EQ(log->bytes(), segment_head_bytes + 3 * record_head_bytes + 100'001);
  EXPECT_EQ(log->bytes(), size_of(path_of(0)));
  log.reset();
  EXPECT_EQ(rows(*open(), 1).value(), (record_rows{{1, ""}, {2, std::string(100'000, 'x')}}));
  EXPECT_THAT(warnings->messages, IsEmpty());
}

TEST_F(record_log_suite, a_sync_is_one_write_and_one_sync) {
  auto log = open();
  std::vector<std::string> steps;
  append(*log, 100);
  files.on_step([&](const testing::file_step& step) {
    if (step.done) steps.emplace_back(to_string(step.operation));
  });
  EXPECT_TRUE(log->sync());
  EXPECT_TRUE(log->sync());
  EXPECT_THAT(steps, ElementsAre("append", "sync"));
  files.on_step({});
}

TEST_F(record_log_suite, what_was_not_flushed_is_lost_with_it) {
  auto log = open();
  append_synced(*log, 2);
  append(*log, 2);
  log.reset();
  expect_records(*open(), 0, 2);
}

TEST_F(record_log_suite, what_a_process_has_only_written_is_on_the_device_once_it_is_opened) {
  auto log = open();
  append(*log, 3);
  EXPECT_TRUE(log->flush());
  log.reset();
  log = open();
  EXPECT_EQ(log->synced(), 3u);
  random_source random(1);
  files.crash(random);
  expect_records(*open(), 0, 3);
}

TEST_F(record_log_suite, reads_from_an_index_until_told_to_stop) {
  segment_bytes = 400;
  auto log = open();
  append(*log, 10);
  std::vector<std::uint64_t> seen;
  EXPECT_TRUE(log->read(4, [&](std::uint64_t index, std::string_view) { return seen.push_back(index), index < 7; }));
  EXPECT_THAT(seen, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(rows(*log, 10).value(), IsEmpty());
  EXPECT_EQ(rows(*log, 11).error().code, errc::not_found);
  EXPECT_EQ(rows(*log, 11).error().message, "\"log\" has no record 11: it holds those from 0 to before 10");
}

TEST_F(record_log_suite, begins_a_segment_before_one_gets_too_long) {
  segment_bytes = 410;
  auto log = open();
  append(*log, 7);
  ASSERT_TRUE(log->sync());
  EXPECT_THAT(names(), ElementsAre(segment_name(0), segment_name(3), segment_name(6), "lock"));
  EXPECT_EQ(size_of(path_of(0)), offset_of(3));
  expect_records(*log, 0, 7);
  EXPECT_EQ(*log->append(std::string(5000, 'x')), 7u);  // one that is too long has a segment of its own
  EXPECT_EQ(*log->append("y"), 8u);
  log.reset();
  EXPECT_THAT(names(),
              ElementsAre(segment_name(0), segment_name(3), segment_name(6), segment_name(7), segment_name(8), "lock"));
  EXPECT_EQ(open()->next(), 8u);
}

TEST_F(record_log_suite, drops_whole_segments_and_never_the_last) {
  segment_bytes = 410;
  auto log = open();
  append(*log, 8);
  EXPECT_TRUE(log->drop_before(5));
  expect_records(*log, 3, 8);
  EXPECT_EQ(rows(*log, 2).error().code, errc::not_found);
  EXPECT_TRUE(log->drop_before(100));
  expect_records(*log, 6, 8);
  ASSERT_TRUE(log->sync());
  log.reset();
  log = open();
  expect_records(*log, 6, 8);
  append(*log, 3);
  expect_records(*log, 6, 11);
}

TEST_F(record_log_suite, is_locked) {
  auto log = open();
  EXPECT_THAT(refusal().message, HasSubstr("\"log/lock\" is locked by"));
  log.reset();
  EXPECT_TRUE(try_open());
}

TEST_F(record_log_suite, leaves_other_files_alone) {
  { auto log = open(); }
  ASSERT_TRUE(write_whole(files, "log/README", "hello"));
  ASSERT_TRUE(write_whole(files, "log/7.log", "hello"));
  ASSERT_TRUE(files.create(path_of(7) + ".unfinished"));
  auto log = open();
  EXPECT_THAT(names(), ElementsAre(segment_name(0), "7.log", "README", "lock"));
}

TEST_F(record_log_suite, a_record_has_a_limit) {
  auto log = open();
  const std::string_view huge(static_cast<const char*>(nullptr), record_log::max_record_bytes + 1);
  EXPECT_EQ(log->append(huge).error().code, errc::invalid_argument);
  EXPECT_EQ(log->next(), 0u);
}

// --- calls that fail ---

TEST_F(record_log_suite, on_a_full_device_nothing_is_lost) {
  for (const auto how : {file_fault::no_space, file_fault::short_write}) {
    auto log = open();
    const auto first = log->next();
    append(*log, 3);
    files.fail(file_operation::append, "log/", how, 0, 2);
    const auto full = log->sync();
    ASSERT_FALSE(full);
    EXPECT_TRUE(full.error().retryable);
    EXPECT_FALSE(full.error().fatal);
    EXPECT_EQ(size_of(path_of(0)), offset_of(first));
    append(*log, 1);  // in memory there is room
    EXPECT_FALSE(log->sync());
    expect_records(*log, 0, first + 4);
    EXPECT_TRUE(log->sync());
    expect_records(*log, 0, first + 4);
    log.reset();
    expect_records(*open(), 0, first + 4);
  }
  EXPECT_THAT(warnings->messages, IsEmpty());
}

TEST_F(record_log_suite, what_was_not_written_can_be_taken_back) {
  auto log = open();
  append(*log, 3);
  ASSERT_TRUE(log->flush());
  append(*log, 2);
  files.fail(file_operation::append, "log/", file_fault::short_write);
  ASSERT_FALSE(log->flush());
  log->take_back_unwritten();
  EXPECT_EQ(log->next(), 3u);
  expect_records(*log, 0, 3);
  log->take_back_unwritten();  // nothing is left
  append(*log, 1);
  EXPECT_TRUE(log->sync());
  log.reset();
  expect_records(*open(), 0, 4);
}

TEST_F(record_log_suite, a_segment_that_cannot_be_begun_can_be_later) {
  segment_bytes = 410;
  for (const auto operation :
       {file_operation::create, file_operation::append, file_operation::rename, file_operation::open}) {
    auto log = open();
    while (log->bytes() % offset_of(3) != 0) append(*log, 1);
    const auto next = log->next();
    ASSERT_TRUE(log->sync());
    files.fail(operation, "log/", file_fault::no_space, 0, 2);
    for (int i = 0; i < 2; ++i) {
      const auto full = log->append("x");
      ASSERT_FALSE(full) << to_string(operation);
      EXPECT_TRUE(full.error().retryable);
      EXPECT_TRUE(log->sync());
    }
    EXPECT_EQ(log->next(), next);
    append_synced(*log, 1);
    expect_records(*log, 0, next + 1);
    log.reset();
    expect_records(*open(), 0, next + 1);
  }
}

TEST_F(record_log_suite, a_failed_sync_is_final) {
  for (const auto how : {file_fault::device_error, file_fault::no_space, file_fault::dropped_sync}) {
    auto log = open();
    append_synced(*log, 1);
    const auto synced = log->synced();
    append(*log, 2);
    files.fail(file_operation::sync, "log/", how);
    const auto failed = log->sync();
    ASSERT_FALSE(failed);
    EXPECT_TRUE(failed.error().fatal);
    EXPECT_FALSE(failed.error().retryable);
    EXPECT_EQ(log->synced(), synced);
    EXPECT_EQ(log->sync().error(), failed.error());
    EXPECT_EQ(log->flush().error(), failed.error());
    EXPECT_EQ(log->append("x").error(), failed.error());
    EXPECT_EQ(log->drop_before(0).error(), failed.error());
    EXPECT_EQ(rows(*log, 0).error(), failed.error());
    log.reset();
    log = open();
    expect_records(*log, 0, synced);
  }
}

TEST_F(record_log_suite, what_cannot_be_cut_back_is_given_up) {
  auto log = open();
  append_synced(*log, 1);
  append(*log, 2);
  files.fail(file_operation::append, "log/", file_fault::short_write)
      .fail(file_operation::cut, "log/", file_fault::device_error);
  const auto failed = log->flush();
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().fatal);
  EXPECT_EQ(log->append("x").error(), failed.error());
  log.reset();
  expect_records(*open(), 0, 2);  // one of the two was written whole
}

TEST_F(record_log_suite, memory_is_bounded) {
  auto log = open();
  const std::string big(1 << 20, 'x');
  EXPECT_TRUE(log->append(big));
  files.fail(file_operation::append, "log/", file_fault::no_space);
  EXPECT_TRUE(log->append("not taken").error().retryable);
  EXPECT_EQ(log->next(), 1u);
  EXPECT_EQ(*log->append("taken"), 1u);
  EXPECT_EQ(size_of(path_of(0)), segment_head_bytes + record_head_bytes + big.size());
}

TEST(record_log, on_the_files_of_this_machine) {
  const temporary_folder folder;
  const auto open = [&] { return record_log::open(system_files(), folder / "a/log", {.segment_bytes = 1000}).value(); };
  auto log = open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(log->append("record " + std::to_string(i)));
    ASSERT_TRUE(i % 7 == 0 ? log->sync() : log->flush());
  }
  ASSERT_TRUE(log->sync());
  ASSERT_TRUE(log->drop_before(50));
  log.reset();
  log = open();
  EXPECT_GT(log->first(), 0u);
  EXPECT_LE(log->first(), 50u);
  const auto all = rows(*log, log->first()).value();
  EXPECT_EQ(all.size(), 100 - log->first());
  for (const auto& [index, bytes] : all) EXPECT_EQ(bytes, "record " + std::to_string(index));
}

}  // namespace
}  // namespace freshet
