#include "batch/spill_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "freshet/testing/simulated_files.hpp"

namespace {
using namespace freshet;
using freshet::testing::file_fault;
using freshet::testing::file_operation;
using freshet::testing::simulated_files;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t much = 1u << 20;

class spill_file_test : public ::testing::Test {
 protected:
  std::unique_ptr<spill_file> open(std::uint64_t most_bytes = much) {
    auto file = spill_file::open(files, "/spill", most_bytes);
    EXPECT_TRUE(file) << file.error().message;
    return file ? std::move(*file) : nullptr;
  }
  /// Blocks' files and their sizes, the locks apart.
  std::vector<std::pair<std::string, std::uint64_t>> found() {
    std::vector<std::pair<std::string, std::uint64_t>> all;
    for (const auto& each : files.list("/spill").value())
      if (!each.name.ends_with(".lock")) all.emplace_back(each.name, each.size);
    return all;
  }
  simulated_files files;
};

TEST_F(spill_file_test, reads_what_it_has_written) {
  const auto file = open();
  const auto one = file->write("one"), two = file->write(std::string(5000, 'x'));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(file->read(*two).value(), std::string(5000, 'x'));
  EXPECT_EQ(file->read(*one).value(), "one");
}

TEST_F(spill_file_test, is_emptied_and_at_last_removed) {
  auto file = open();
  (void)file->write("a batch's");
  EXPECT_THAT(found(), ElementsAre(std::pair("spill-0.blocks", 9)));
  file->clear();
  EXPECT_THAT(found(), ElementsAre(std::pair("spill-0.blocks", 0)));
  const auto next = file->write("next");
  EXPECT_EQ(file->read(next.value()).value(), "next");
  file.reset();
  EXPECT_THAT(found(), ElementsAre());
}

TEST_F(spill_file_test, is_never_synced) {
  int syncs = 0;
  files.on_step([&](const auto& step) {
    syncs += step.operation == file_operation::sync || step.operation == file_operation::sync_folder;
  });
  auto file = open();
  (void)file->write("bytes");
  file->clear();
  file.reset();
  EXPECT_EQ(syncs, 0);
}

TEST_F(spill_file_test, notices_a_bit_that_changed) {
  const auto file = open();
  const auto one = file->write("one"), two = file->write("two");
  files.flip_bit("/spill/spill-0.blocks", 4, 6);
  EXPECT_TRUE(file->read(*one));
  const auto got = file->read(*two);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::data_loss);
  EXPECT_THAT(got.error().message, AllOf(HasSubstr("/spill/spill-0.blocks"), HasSubstr("the 3 bytes at 3")));
}

TEST_F(spill_file_test, notices_bytes_that_are_gone) {
  const auto file = open();
  const auto one = file->write("one");
  files.truncate("/spill/spill-0.blocks", 2);
  EXPECT_FALSE(file->read(*one));
}

TEST_F(spill_file_test, goes_on_behind_a_write_that_failed) {
  const auto file = open();
  for (auto how : {file_fault::no_space, file_fault::device_error, file_fault::short_write}) {
    files.forget_faults();
    files.fail(file_operation::append, "spill-0.blocks", how, 1);
    const auto one = file->write("one"), two = file->write("two and more"), three = file->write("three");
    ASSERT_TRUE(one && three);
    EXPECT_FALSE(two);
    EXPECT_EQ(file->read(*one).value(), "one");
    EXPECT_EQ(file->read(*three).value(), "three");
  }
}

TEST_F(spill_file_test, is_given_up_when_nobody_knows_where_it_ends) {
  const auto file = open();
  const auto one = file->write("one");
  files.fail(file_operation::append, "spill-0.blocks", file_fault::short_write);
  files.fail(file_operation::cut, "spill-0.blocks", file_fault::device_error);
  EXPECT_FALSE(file->write("two"));
  const auto three = file->write("three");
  ASSERT_FALSE(three);
  EXPECT_THAT(three.error().message, AllOf(HasSubstr("cut"), HasSubstr("/spill/spill-0.blocks")));
  EXPECT_EQ(file->read(*one).value(), "one");
  file->clear();
  EXPECT_FALSE(file->write("four"));
}

TEST_F(spill_file_test, is_given_up_when_it_cannot_be_emptied) {
  const auto file = open();
  (void)file->write("one");
  files.fail(file_operation::cut, "spill-0.blocks", file_fault::device_error);
  file->clear();
  EXPECT_FALSE(file->write("two"));
}

TEST_F(spill_file_test, gets_no_longer_than_it_may) {
  const auto file = open(10);
  EXPECT_TRUE(file->write("12345678"));
  const auto more = file->write("abc");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, errc::full);
  EXPECT_THAT(more.error().message, AllOf(HasSubstr("/spill/spill-0.blocks"), HasSubstr("most_bytes, 10")));
  EXPECT_TRUE(file->write("ab"));
  file->clear();
  EXPECT_TRUE(file->write("abc"));
}

TEST_F(spill_file_test, runs_share_a_folder) {
  auto first = open();
  auto second = open();
  const auto one = first->write("one"), two = second->write("two");
  EXPECT_EQ(first->read(*one).value(), "one");
  EXPECT_EQ(second->read(*two).value(), "two");
  EXPECT_EQ(found().size(), 2u);
  first.reset();
  EXPECT_THAT(found(), ElementsAre(std::pair("spill-1.blocks", 3)));
  first = open();
  EXPECT_EQ(found().size(), 2u);
  EXPECT_EQ(second->read(*two).value(), "two");
}

TEST_F(spill_file_test, removes_what_dead_processes_left) {
  random_source random(1);
  {
    const auto first = open(), second = open(), third = open();
    (void)second->write("left behind");
    // Names are on the device by chance: the worst is that all are.
    for (const char* folder : {"/", "/spill"}) ASSERT_TRUE(files.sync_folder(folder));
    files.power_off();
  }
  files.crash(random);
  EXPECT_EQ(found().size(), 3u);
  const auto file = open();
  EXPECT_THAT(found(), ElementsAre(std::pair("spill-0.blocks", 0)));
  EXPECT_TRUE(file->write("here"));
}

TEST_F(spill_file_test, leaves_what_is_not_its_own) {
  ASSERT_TRUE(write_whole(files, "/spill-0.blocks", "elsewhere") && files.create_folder("/spill") &&
              write_whole(files, "/spill/notes.txt", "mine"));
  open().reset();
  EXPECT_THAT(found(), ElementsAre(std::pair("notes.txt", 4)));
  EXPECT_EQ(read_whole(files, "/spill-0.blocks").value(), "elsewhere");
}

TEST_F(spill_file_test, says_why_it_cannot_begin) {
  for (auto what : {file_operation::create_folder, file_operation::list, file_operation::lock, file_operation::create,
                    file_operation::open}) {
    files.forget_faults();
    files.fail(what, "/spill", file_fault::device_error, 0, simulated_files::always);
    const auto file = spill_file::open(files, "/spill", much);
    ASSERT_FALSE(file) << to_string(what);
    EXPECT_THAT(file.error().message, HasSubstr("/spill")) << to_string(what);
  }
}

}  // namespace
