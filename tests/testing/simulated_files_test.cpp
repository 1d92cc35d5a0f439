#include "freshet/testing/simulated_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "testing/after_crashes.hpp"

namespace freshet::testing {
namespace {

TEST(simulated_files, a_crash_ends_what_is_open) {
  simulated_files files;
  auto file = create(files, "a", "abc");
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(files.sync_folder("/"));
  auto reading = files.open("a").value();
  auto lock = files.lock("lock").value();
  random_source random(1);
  files.crash(random);
  const auto failed = file->append("d");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), (error{errc::io, "cannot append to \"a\": the power failed", false, true}));
  char to[3];
  EXPECT_FALSE(reading->read(0, to, 3));
  auto second = files.lock("lock");
  EXPECT_TRUE(second);
  lock.reset();
  EXPECT_FALSE(files.lock("lock"));  // the old one has not freed the new one
  EXPECT_EQ(text(files, "a"), "abc");
}

TEST(simulated_files, without_power_nothing_works) {
  simulated_files files;
  create(files, "a");
  files.power_off();
  EXPECT_FALSE(files.open("a"));
  EXPECT_FALSE(files.exists("a"));
  EXPECT_FALSE(files.create("b"));
  random_source random(1);
  files.crash(random);
  EXPECT_TRUE(files.create("b"));
}

TEST(simulated_files, the_call_that_a_fault_names_fails) {
  simulated_files files;
  auto log = create(files, "log"), other = create(files, "other");
  files.fail(file_operation::append, "log", file_fault::no_space, 1, 2);
  EXPECT_TRUE(log->append("1"));
  EXPECT_TRUE(other->append("1"));
  const auto full = log->append("2");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, errc::full);
  EXPECT_EQ(full.error().message, "cannot append to \"log\": No space left on device");
  EXPECT_FALSE(log->append("3"));
  EXPECT_TRUE(log->append("4"));
  EXPECT_EQ(text(files, "log"), "14");
  EXPECT_EQ(files.faults_done(), 2u);
}

TEST(simulated_files, every_operation_can_fail) {
  simulated_files files;
  auto file = create(files, "a", "abc");
  auto reading = files.open("a").value();
  for (int i = 0; i <= static_cast<int>(file_operation::lock); ++i)
    files.fail(static_cast<file_operation>(i), "", file_fault::device_error);
  char to[3];
  const std::vector<result<void>> all{
      file->append("d"),
      file->cut(1),
      file->sync(),
      files.rename("a", "b"),
      files.link("a", "b"),
      files.remove("a"),
      files.create_folder("f"),
      files.sync_folder("/"),
      [&] {
        auto r = files.create("b");
        return r ? result<void>() : r.error();
      }(),
      [&] {
        auto r = files.open("a");
        return r ? result<void>() : r.error();
      }(),
      [&] {
        auto r = files.list("/");
        return r ? result<void>() : r.error();
      }(),
      [&] {
        auto r = files.lock("lock");
        return r ? result<void>() : r.error();
      }(),
      [&] {
        auto r = reading->read(0, to, 3);
        return r ? result<void>() : r.error();
      }(),
  };
  for (const auto& each : all) {
    ASSERT_FALSE(each);
    EXPECT_THAT(each.error().message, ::testing::HasSubstr("Input/output error"));
  }
  EXPECT_EQ(files.faults_done(), all.size());
  EXPECT_EQ(text(files, "a"), "abc");
  EXPECT_THROW(files.fail(file_operation::sync, "", file_fault::short_write), std::invalid_argument);
  EXPECT_THROW(files.fail(file_operation::append, "", file_fault::lost_sync), std::invalid_argument);
}

TEST(simulated_files, a_short_write_leaves_half) {
  simulated_files files;
  auto file = create(files, "a", "--");
  files.fail(file_operation::append, "a", file_fault::short_write);
  EXPECT_EQ(file->append("abcd").error().code, errc::full);
  EXPECT_EQ(text(files, "a"), "--ab");
  EXPECT_EQ(file->size(), 4u);
}

TEST(simulated_files, a_lost_sync_says_yes) {
  const auto seen = after_crashes(
      [](simulated_files& files) {
        auto file = create(files, "a", "x");
        ASSERT_TRUE(files.sync_folder("/"));
        files.fail(file_operation::sync, "a", file_fault::lost_sync);
        ASSERT_TRUE(file->sync());
      },
      look_at_a);
  EXPECT_EQ(seen, (outcomes{"", "x", std::string(1, '\0')}));
}

TEST(simulated_files, a_failed_sync_is_final) {
  simulated_files files;
  auto file = create(files, "a", "abc");
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(file->append("d"));
  files.fail(file_operation::sync, "a", file_fault::dropped_sync);
  const auto failed = file->sync();
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().fatal);
  EXPECT_EQ(text(files, "a"), "abc");
  EXPECT_EQ(file->sync().error(), failed.error());
}

TEST(simulated_files, damage_is_on_the_device) {
  simulated_files files;
  auto file = create(files, "a", "abc");
  ASSERT_TRUE(files.sync_folder("/"));
  files.flip_bit("a", 1, 0);
  files.truncate("a", 2);
  random_source random(1);
  files.crash(random);
  EXPECT_EQ(text(files, "a"), "ac");
  EXPECT_THROW(files.flip_bit("a", 2), std::invalid_argument);
  EXPECT_THROW(files.truncate("a", 3), std::invalid_argument);
  EXPECT_THROW(files.truncate("b", 0), std::invalid_argument);
}

TEST(simulated_files, tells_every_step) {
  simulated_files files;
  std::vector<std::string> steps;
  files.on_step([&](const file_step& step) {
    steps.push_back(std::string(step.done ? "behind " : "before ") + std::string(to_string(step.operation)) + " " +
                    std::string(step.path));
  });
  files.fail(file_operation::rename, "", file_fault::no_space);
  create(files, "a");
  EXPECT_FALSE(files.rename("a", "b"));
  EXPECT_EQ(steps, (std::vector<std::string>{"before create a", "behind create a", "before append a", "behind append a",
                                             "before rename a"}));
  files.on_step([](const file_step&) { throw std::runtime_error("stop"); });
  EXPECT_THROW(static_cast<void>(files.create("c")), std::runtime_error);
  files.on_step({});
  EXPECT_FALSE(*files.exists("c"));
}

TEST(crash_at_every_step, shows_that_a_file_is_written_whole_or_not_at_all) {
  random_source random(1);
  std::set<std::string> seen;
  bool is_written = false;
  const auto steps = crash_at_every_step(
      random,
      [&](simulated_files& files) {
        is_written = false;
        if (!write_whole(files, "a", "one")) return;
        if (write_whole(files, "a", "two")) is_written = true;
      },
      [&](simulated_files& files, std::uint64_t) {
        seen.insert(text(files, "a"));
        EXPECT_TRUE(!is_written || text(files, "a") == "two");
      });
  EXPECT_EQ(steps, 2u * 2 * 5);  // create, append, sync, rename, sync_folder
  EXPECT_EQ(seen, (outcomes{"(not_found)", "one", "two"}));
  EXPECT_TRUE(is_written);
}

TEST(simulated_files, are_thread_safe) {
  simulated_files files;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const auto path = std::to_string(t) + "-" + std::to_string(i);
          EXPECT_TRUE(write_whole(files, path, path));
          EXPECT_EQ(text(files, path), path);
        }
      });
  }
  EXPECT_EQ(files.list("/")->size(), 800u);
}

}  // namespace
}  // namespace freshet::testing
