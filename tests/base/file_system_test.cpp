#include "freshet/base/file_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "connect/temporary_folder.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// What the header says, of the files of this machine and of those in memory.
class file_system_suite : public ::testing::TestWithParam<bool> {
 protected:
  file_system& files() { return GetParam() ? static_cast<file_system&>(simulated_) : system_files(); }
  std::string path(const std::string& name) const { return folder_ / name; }
  void SetUp() override { ASSERT_TRUE(files().create_folder(path("."))); }
  void write(const std::string& name, std::string_view bytes) {
    auto file = files().create(path(name));
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE((*file)->append(bytes));
    ASSERT_TRUE((*file)->close());
  }
  std::string text(const std::string& name) {
    const auto bytes = read_whole(files(), path(name));
    return bytes ? *bytes : to_string(bytes.error());
  }
  std::vector<std::string> names(const std::string& folder) {
    const auto inside = files().list(path(folder));
    std::vector<std::string> all;
    if (!inside) return {inside.error().message};
    for (const auto& each : *inside)
      all.push_back(each.name + (each.is_folder ? "/" : " " + std::to_string(each.size)));
    return all;
  }

 private:
  testing::simulated_files simulated_;
  temporary_folder folder_;
};

INSTANTIATE_TEST_SUITE_P(files, file_system_suite, ::testing::Bool(),
                         [](const auto& is_simulated) { return is_simulated.param ? "simulated" : "system"; });

using names_of = std::vector<std::string>;

TEST_P(file_system_suite, appends_behind_what_is_there) {
  write("a", "one");
  auto file = files().open_to_append(path("a"));
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->size(), 3u);
  EXPECT_TRUE((*file)->append("two"));
  EXPECT_TRUE((*file)->append(""));
  EXPECT_TRUE((*file)->sync());
  EXPECT_EQ((*file)->size(), 6u);
  EXPECT_EQ(text("a"), "onetwo");
}

TEST_P(file_system_suite, appends_behind_the_cut) {
  write("a", "onetwo");
  auto file = files().open_to_append(path("a"));
  ASSERT_TRUE(file);
  EXPECT_TRUE((*file)->cut(2));
  EXPECT_EQ((*file)->size(), 2u);
  EXPECT_TRUE((*file)->append("!"));
  EXPECT_EQ(text("a"), "on!");
}

TEST_P(file_system_suite, creates_only_what_is_not_there) {
  write("a", "one");
  const auto again = files().create(path("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::invalid_argument);
  EXPECT_EQ(again.error().message, "cannot create \"" + path("a") + "\": File exists");
  EXPECT_EQ(text("a"), "one");
}

TEST_P(file_system_suite, says_what_is_not_found) {
  const auto check = [&](const error& why) {
    EXPECT_EQ(why.code, errc::not_found) << why.message;
    EXPECT_THAT(why.message, AllOf(HasSubstr("cannot "), HasSubstr(path("none"))));
  };
  check(files().open(path("none")).error());
  check(files().open_to_append(path("none")).error());
  check(files().create(path("none/a")).error());
  check(files().rename(path("none"), path("b")).error());
  check(files().link(path("none"), path("b")).error());
  check(files().remove(path("none")).error());
  check(files().list(path("none")).error());
  check(files().sync_folder(path("none")).error());
  check(files().lock(path("none/lock")).error());
}

TEST_P(file_system_suite, a_file_is_no_folder) {
  write("a", "one");
  ASSERT_TRUE(files().create_folder(path("folder")));
  EXPECT_FALSE(files().open(path("folder")));
  EXPECT_FALSE(files().open_to_append(path("folder")));
  EXPECT_FALSE(files().list(path("a")));
  EXPECT_FALSE(files().create(path("a/b")));
  EXPECT_FALSE(files().create_folder(path("a/b")));
  EXPECT_FALSE(files().create_folder(path("a")));
  EXPECT_EQ(text("a"), "one");
}

TEST_P(file_system_suite, reads_anywhere_and_short_only_at_the_end) {
  write("a", "0123456789");
  const auto file = files().open(path("a"));
  ASSERT_TRUE(file);
  EXPECT_EQ(*(*file)->size(), 10u);
  char to[8] = {};
  EXPECT_EQ(*(*file)->read(3, to, 4), 4u);
  EXPECT_EQ(std::string(to, 4), "3456");
  EXPECT_EQ(*(*file)->read(7, to, 8), 3u);
  EXPECT_EQ(*(*file)->read(10, to, 8), 0u);
  EXPECT_EQ(*(*file)->read(99, to, 8), 0u);
}

TEST_P(file_system_suite, renames_over_what_is_there) {
  write("a", "one");
  write("b", "two");
  ASSERT_TRUE(files().create_folder(path("folder")));
  EXPECT_TRUE(files().rename(path("a"), path("b")));
  EXPECT_EQ(names("."), (names_of{"b 3", "folder/"}));
  EXPECT_EQ(text("b"), "one");
  EXPECT_TRUE(files().rename(path("b"), path("b")));
  EXPECT_TRUE(files().rename(path("b"), path("folder/c")));
  EXPECT_EQ(names("."), (names_of{"folder/"}));
  EXPECT_EQ(names("folder"), (names_of{"c 3"}));
  const auto onto_folder = files().rename(path("folder/c"), path("folder"));
  ASSERT_FALSE(onto_folder);
  EXPECT_THAT(onto_folder.error().message, AllOf(HasSubstr(path("folder/c")), HasSubstr("rename to")));
}

TEST_P(file_system_suite, a_link_is_a_second_name) {
  write("a", "one");
  EXPECT_TRUE(files().link(path("a"), path("b")));
  EXPECT_FALSE(files().link(path("a"), path("b")));
  auto file = files().open_to_append(path("a"));
  ASSERT_TRUE(file);
  EXPECT_TRUE((*file)->append("!"));
  EXPECT_TRUE(files().remove(path("a")));
  EXPECT_EQ(text("b"), "one!");
}

TEST_P(file_system_suite, an_open_file_outlives_its_name) {
  write("a", "one");
  const auto file = files().open(path("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(files().remove(path("a")));
  char to[3];
  EXPECT_EQ(*(*file)->read(0, to, 3), 3u);
  EXPECT_FALSE(*files().exists(path("a")));
}

TEST_P(file_system_suite, removes_a_file_or_an_empty_folder) {
  ASSERT_TRUE(files().create_folder(path("folder")));
  write("folder/a", "one");
  const auto full = files().remove(path("folder"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, errc::invalid_argument);
  EXPECT_TRUE(files().remove(path("folder/a")));
  EXPECT_TRUE(files().remove(path("folder")));
  EXPECT_FALSE(*files().exists(path("folder")));
}

TEST_P(file_system_suite, lists_by_name) {
  write("b", "12");
  write("a", "1");
  ASSERT_TRUE(files().create_folder(path("c/d/e")));
  EXPECT_TRUE(files().create_folder(path("c/d")));
  EXPECT_EQ(names("."), (names_of{"a 1", "b 2", "c/"}));
  EXPECT_EQ(names("c"), (names_of{"d/"}));
  EXPECT_TRUE(*files().exists(path("c/d/e")));
  EXPECT_FALSE(*files().exists(path("c/d/f")));
  EXPECT_FALSE(*files().exists(path("a/b")));
}

TEST_P(file_system_suite, a_lock_is_held_once) {
  auto lock = files().lock(path("lock"));
  ASSERT_TRUE(lock);
  const auto second = files().lock(path("lock"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::invalid_argument);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr(path("lock")), HasSubstr("is locked by")));
  *lock = nullptr;
  EXPECT_TRUE(files().lock(path("lock")));
  EXPECT_TRUE(*files().exists(path("lock")));
}

TEST_P(file_system_suite, writes_a_file_whole) {
  EXPECT_TRUE(write_whole(files(), path("a"), "one"));
  EXPECT_TRUE(write_whole(files(), path("a"), std::string(100'000, 'x')));
  EXPECT_EQ(text("a"), std::string(100'000, 'x'));
  EXPECT_EQ(names("."), (names_of{"a 100000"}));
  EXPECT_FALSE(write_whole(files(), path("none/a"), "one"));
}

TEST_P(file_system_suite, makes_folders_with_those_above) {
  EXPECT_TRUE(make_folder(files(), path("a/b/c")));
  EXPECT_TRUE(make_folder(files(), path("a/b/c/")));
  EXPECT_EQ(names("a/b"), (names_of{"c/"}));
  write("file", "");
  EXPECT_FALSE(make_folder(files(), path("file/a")));
}

TEST_P(file_system_suite, removes_all_of_a_folder) {
  ASSERT_TRUE(files().create_folder(path("a/b")));
  write("a/b/c", "one");
  write("a/d", "two");
  EXPECT_TRUE(remove_all(files(), path("a")));
  EXPECT_TRUE(remove_all(files(), path("a")));
  EXPECT_EQ(names("."), names_of{});
}

TEST(system_files, a_lock_names_the_process_that_has_it) {
  const temporary_folder folder;
  const auto path = folder / "lock";
  int has_it[2], done[2];
  ASSERT_EQ(::pipe(has_it), 0);
  ASSERT_EQ(::pipe(done), 0);
  const auto child = ::fork();
  if (child == 0) {
    ::close(done[1]);
    const auto lock = system_files().lock(path);
    char byte = lock ? 'y' : 'n';
    static_cast<void>(!::write(has_it[1], &byte, 1));
    static_cast<void>(!::read(done[0], &byte, 1));
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(has_it[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto lock = system_files().lock(path);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().message,
            "\"" + path + "\" is locked by process " + std::to_string(child) + ", which uses this folder");
  for (const int fd : {done[1], done[0], has_it[0], has_it[1]}) ::close(fd);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(system_files().lock(path));  // it went with the process
}

TEST(system_error, says_what_of_which_path_and_what_kind_it_is) {
  const auto full = system_error(ENOSPC, "append to", "/a");
  EXPECT_EQ(full, (error{errc::full, "cannot append to \"/a\": No space left on device", true, false}));
  EXPECT_EQ(system_error(EACCES, "open", "/a").code, errc::permission);
  EXPECT_EQ(system_error(ENOENT, "open", "/a").code, errc::not_found);
  EXPECT_EQ(system_error(EIO, "open", "/a").code, errc::io);
  EXPECT_EQ(sync_error(ENOSPC, "sync", "/a"),
            (error{errc::full, "cannot sync \"/a\": No space left on device", false, true}));
}

}  // namespace
}  // namespace freshet
