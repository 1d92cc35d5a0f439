#include "freshet/base/record_log_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/record_log_scene.hpp"

namespace freshet {
namespace {

using ::testing::HasSubstr;

class record_log_reader : public record_log_suite {
 protected:
  result<record_log_extent> read() {
    found.clear();
    return read_record_log(files, "log", [&](std::uint64_t index, std::string_view bytes) {
      if (on_record) on_record(index);
      found.emplace_back(index, bytes);
    });
  }
  /// The records are those, and nothing was changed.
  void expect_intact(std::uint64_t first, std::uint64_t next) {
    const auto before = all_files();
    const auto extent = read().value();
    EXPECT_EQ(extent.first, first);
    EXPECT_EQ(extent.next, next);
    record_rows expected;
    for (auto i = first; i < next; ++i) expected.emplace_back(i, bytes_of(i));
    EXPECT_EQ(found, expected);
    EXPECT_EQ(all_files(), before);
  }
  std::map<std::string, std::string> all_files() {
    std::map<std::string, std::string> all;
    for (const auto& name : names()) all[name] = read_whole(files, "log/" + name).value();
    return all;
  }

  record_rows found;
  std::function<void(std::uint64_t)> on_record;
};

TEST_F(record_log_reader, reads_what_a_log_has_written_while_it_is_open) {
  segment_bytes = 410;
  const auto log = open();
  expect_intact(0, 0);
  append(*log, 8);
  ASSERT_TRUE(log->flush());
  expect_intact(0, 8);
  EXPECT_EQ(read().value().bytes, log->bytes());
  append(*log, 1);
  expect_intact(0, 8);  // the ninth is in memory
  ASSERT_TRUE(log->sync());
  ASSERT_TRUE(log->drop_before(5));
  expect_intact(3, 9);
  EXPECT_FALSE(read().value().tail);
}

TEST_F(record_log_reader, begins_no_log) {
  ASSERT_TRUE(files.create_folder("log"));
  expect_intact(0, 0);
  EXPECT_TRUE(names().empty());
  ASSERT_TRUE(files.remove("log"));
  EXPECT_FALSE(read());
  EXPECT_FALSE(files.exists("log").value());
}

TEST_F(record_log_reader, leaves_a_file_that_is_being_made) {
  append_synced(*open(), 1);
  ASSERT_TRUE(write_whole(files, path_of(1) + std::string(unfinished_suffix), "half"));
  expect_intact(0, 1);
}

TEST_F(record_log_reader, a_torn_tail_is_no_damage_and_stays) {
  append_synced(*open(), 3);
  for (auto size = offset_of(2) + 1; size < offset_of(3); ++size) {
    const auto whole = read_whole(files, path_of(0)).value();
    files.truncate(path_of(0), size);
    expect_intact(0, 2);
    const auto extent = read().value();
    ASSERT_TRUE(extent.tail);
    EXPECT_EQ(extent.tail->path, path_of(0));
    EXPECT_EQ(extent.tail->from, offset_of(2));
    EXPECT_EQ(extent.tail->bytes, size - offset_of(2));
    EXPECT_EQ(extent.bytes, size);
    ASSERT_TRUE(write_whole(files, path_of(0), whole));
  }
}

TEST_F(record_log_reader, says_of_damage_what_opening_says) {
  segment_bytes = 410;
  append_synced(*open(), 8);
  const auto expect_refusal = [&](std::size_t records) {
    const auto why = read();
    ASSERT_FALSE(why);
    EXPECT_EQ(why.error(), refusal());
    EXPECT_FALSE(why.error().retryable);
    EXPECT_EQ(found.size(), records);
  };
  files.flip_bit(path_of(3), offset_of(1) + 40);
  expect_refusal(4);
  EXPECT_THAT(read().error().message, HasSubstr("where record 4 should be"));
  files.flip_bit(path_of(3), offset_of(1) + 40);
  files.flip_bit(path_of(3), 20);
  expect_refusal(3);
  files.flip_bit(path_of(3), 20);
  expect_intact(0, 8);
  ASSERT_TRUE(files.remove(path_of(3)));
  expect_refusal(3);
}

TEST_F(record_log_reader, is_told_to_read_again_what_has_changed_meanwhile) {
  segment_bytes = 410;
  const auto log = open();
  append_synced(*log, 8);
  on_record = [&](std::uint64_t index) {
    if (index == 0) { ASSERT_TRUE(log->drop_before(6)); }
  };
  const auto why = read();
  ASSERT_FALSE(why);
  EXPECT_TRUE(why.error().retryable) << why.error().message;
  on_record = {};
  expect_intact(6, 8);
}

}  // namespace
}  // namespace freshet
