#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/record_log_scene.hpp"
#include "freshet/base/hash.hpp"

namespace freshet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// --- a torn tail ---

TEST_F(record_log_suite, a_record_written_in_part_is_cut_off) {
  append_synced(*open(), 3);
  for (auto size = offset_of(2) + 1; size < offset_of(3); ++size) {
    auto whole = read_whole(files, path_of(0)).value();
    files.truncate(path_of(0), size);
    expect_records(*open(), 0, 2);
    EXPECT_EQ(size_of(path_of(0)), offset_of(2));
    ASSERT_TRUE(write_whole(files, path_of(0), whole));
  }
  EXPECT_EQ(warnings->messages.size(), record_head_bytes + 99);
  EXPECT_EQ(warnings->messages.front(),
            "\"log/00000000000000000000.log\": the last 1 bytes, from byte 280 on, were cut off: record 2 was being "
            "written there when the process or the system stopped, and was never synced");
}

TEST_F(record_log_suite, a_damaged_last_record_is_cut_off) {
  append_synced(*open(), 3);
  files.flip_bit(path_of(0), offset_of(2) + 50);
  auto log = open();
  expect_records(*log, 0, 2);
  EXPECT_EQ(warnings->messages.size(), 1u);
  append_synced(*log, 2);
  log.reset();
  expect_records(*open(), 0, 4);
}

TEST_F(record_log_suite, zeros_at_the_end_are_cut_off) {
  append_synced(*open(), 2);
  for (const std::size_t n : {1, 24, 511, 5000}) {
    ASSERT_TRUE((*files.open_to_append(path_of(0)))->append(std::string(n, '\0')));
    expect_records(*open(), 0, 2);
    EXPECT_THAT(warnings->messages.back(), HasSubstr("the last " + std::to_string(n) + " bytes"));
  }
}

TEST_F(record_log_suite, a_length_beyond_the_file_is_not_believed) {
  append_synced(*open(), 2);
  std::string record;
  put_record(record, 2, 2, "abc");
  for (int i = 8; i < 12; ++i) record[static_cast<std::size_t>(i)] = '\xff';
  ASSERT_TRUE((*files.open_to_append(path_of(0)))->append(record));
  expect_records(*open(), 0, 2);
}

TEST_F(record_log_suite, a_record_of_an_earlier_index_is_cut_off) {
  append_synced(*open(), 2);
  std::string record;
  put_record(record, 0, 0, bytes_of(0));
  ASSERT_TRUE((*files.open_to_append(path_of(0)))->append(record));
  expect_records(*open(), 0, 2);
  EXPECT_EQ(warnings->messages.size(), 1u);
}

TEST_F(record_log_suite, sectors_missing_among_records_of_one_sync_are_a_torn_tail) {
  auto log = open();
  append_synced(*log, 2);
  append(*log, 20);
  ASSERT_TRUE(log->flush());
  log.reset();
  auto bytes = read_whole(files, path_of(0)).value();
  bytes.replace(1024, 512, 512, '\0');
  ASSERT_TRUE(write_whole(files, path_of(0), bytes));
  expect_records(*open(), 0, 8);  // record 8 reaches into byte 1024
}

// --- damage that is none ---

TEST_F(record_log_suite, damage_with_records_behind_it_is_an_error) {
  auto log = open();
  append(*log, 10);
  ASSERT_TRUE(log->sync());
  log.reset();
  const auto before = read_whole(files, path_of(0)).value();
  for (auto byte = offset_of(3); byte < offset_of(4); ++byte) {
    files.flip_bit(path_of(0), byte, byte % 8);
    const auto why = refusal();
    EXPECT_EQ(why.code, errc::data_loss);
    EXPECT_EQ(
        why.message,
        "\"log/00000000000000000000.log\" is damaged at byte 404, where record 3 should be: there are intact records "
        "behind it, from byte 528 on. Nothing was changed. Bring the file back from a copy; or, to go on without "
        "record 3 and all behind it, cut the file to 404 bytes and remove the segments behind it");
    files.flip_bit(path_of(0), byte, byte % 8);
  }
  EXPECT_EQ(read_whole(files, path_of(0)).value(), before);
  expect_records(*open(), 0, 10);
}

TEST_F(record_log_suite, indices_that_are_missing_are_an_error) {
  append_synced(*open(), 2);
  for (const std::uint64_t synced : {0, 5}) {
    std::string record;
    put_record(record, 5, synced, "abc");
    ASSERT_TRUE((*files.open_to_append(path_of(0)))->append(record));
    EXPECT_THAT(refusal().message, HasSubstr("at byte 280, where record 2 should be"));
    files.truncate(path_of(0), offset_of(2));
  }
}

TEST_F(record_log_suite, a_sector_lost_after_it_was_synced_is_an_error) {
  auto log = open();
  append_synced(*log, 20);
  log.reset();
  auto bytes = read_whole(files, path_of(0)).value();
  bytes.replace(1024, 512, 512, '\0');
  ASSERT_TRUE(write_whole(files, path_of(0), bytes));
  EXPECT_THAT(refusal().message, AllOf(HasSubstr("at byte 1024, where record 8"),
                                       HasSubstr("was written when this one was on the device already")));
}

TEST_F(record_log_suite, damage_before_the_last_segment_is_an_error) {
  segment_bytes = 410;
  append_synced(*open(), 8);
  files.flip_bit(path_of(3), offset_of(2));
  EXPECT_THAT(refusal().message, AllOf(HasSubstr(path_of(3) + "\" is damaged at byte 280, where record 5 should be"),
                                       HasSubstr("there are segments behind it")));
  files.flip_bit(path_of(3), offset_of(2));
  files.truncate(path_of(3), offset_of(2) + 10);
  EXPECT_EQ(refusal().code, errc::data_loss);
  files.truncate(path_of(3), offset_of(2));
  EXPECT_THAT(refusal().message, AllOf(HasSubstr(path_of(6)), HasSubstr("the segment before it ends before record 5"),
                                       HasSubstr("remove this segment and those behind it")));
}

TEST_F(record_log_suite, a_missing_segment_is_an_error) {
  segment_bytes = 410;
  append_synced(*open(), 8);
  ASSERT_TRUE(files.remove(path_of(3)));
  const auto why = refusal();
  EXPECT_EQ(why.code, errc::data_loss);
  EXPECT_THAT(why.message, AllOf(HasSubstr(path_of(6)), HasSubstr("begins with record 6"), HasSubstr("record 3")));
}

TEST_F(record_log_suite, every_byte_of_the_head_is_checked) {
  append_synced(*open(), 1);
  for (std::uint64_t byte = 0; byte < segment_head_bytes; ++byte) {
    files.flip_bit(path_of(0), byte);
    const auto why = refusal();
    EXPECT_EQ(why.code, errc::data_loss);
    EXPECT_THAT(why.message,
                AllOf(HasSubstr(path_of(0)), HasSubstr("first 32 bytes are damaged"), HasSubstr("remove it")));
    files.flip_bit(path_of(0), byte);
  }
  files.truncate(path_of(0), 31);
  EXPECT_THAT(refusal().message, HasSubstr("there are only 31"));
}

TEST_F(record_log_suite, a_renamed_segment_is_an_error) {
  append_synced(*open(), 1);
  ASSERT_TRUE(files.rename(path_of(0), path_of(1)));
  EXPECT_THAT(refusal().message, HasSubstr("begins with record 0, and its name says 1"));
}

TEST_F(record_log_suite, a_later_version_is_an_error) {
  { auto log = open(); }
  auto head = segment_head(0);
  head[8] = 2;
  const auto sum = hash_bytes(head.data(), 24);
  for (std::size_t i = 0; i < 8; ++i) head[24 + i] = static_cast<char>(sum >> (8 * i));
  ASSERT_TRUE(write_whole(files, path_of(0), head));
  const auto why = refusal();
  EXPECT_EQ(why.code, errc::unsupported);
  EXPECT_EQ(why.message,
            "\"log/00000000000000000000.log\" has format version 2, and this program reads version 1: open it with the "
            "version of Freshet that wrote it");
}

TEST_F(record_log_suite, damage_that_comes_later_is_found_by_reading) {
  auto log = open();
  append_synced(*log, 3);
  files.flip_bit(path_of(0), offset_of(1) + 30);
  EXPECT_THAT(rows(*log, 0).error().message, HasSubstr("at byte 156, where record 1 should be"));
  files.truncate(path_of(0), offset_of(1));
  EXPECT_THAT(rows(*log, 0).error().message, HasSubstr("the file ends at byte 156 by now"));
}

TEST_F(record_log_suite, a_name_that_no_segment_has_is_no_segment) {
  EXPECT_EQ(index_in_segment_name("18446744073709551615.log"), ~std::uint64_t{0});
  for (const auto* name : {"18446744073709551616.log", "99999999999999999999.log", "0000000000000000000x.log", "7.log"})
    EXPECT_EQ(index_in_segment_name(name), std::nullopt) << name;
}

// Bytes that no writer made, with and without a head before them: whatever opens can be read.
TEST_F(record_log_suite, any_bytes_open_or_are_refused) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    random_source random(seed);
    std::string bytes = segment_head(0);
    for (auto n = random.below(6); n > 0; --n)
      put_record(bytes, random.below(4), random.below(2), std::string(random.below(40), 'x'));
    for (auto n = random.below(4); n > 0; --n) {
      const auto from = random.below(bytes.size()), to = random.below(bytes.size());
      bytes.replace(to, random.below(30), bytes, from, random.below(60));
    }
    for (auto n = random.below(60); n > 0; --n) bytes.push_back(static_cast<char>(random()));
    ASSERT_TRUE(files.create_folder("log"));
    ASSERT_TRUE(write_whole(files, path_of(0), bytes));
    if (const auto log = try_open()) { EXPECT_EQ(rows(**log, 0).value().size(), (*log)->next()) << "seed " << seed; }
  }
}

}  // namespace
}  // namespace freshet
