#include <gtest/gtest.h>

#include <string>

#include "testing/after_crashes.hpp"

// What is there after a crash: all of the outcomes that the model allows, and no other.
namespace freshet::testing {
namespace {

TEST(disk_node, an_append_that_is_not_synced_is_there_or_half_of_it_or_none) {
  const auto seen = after_crashes(
      [](simulated_files& files) {
        auto file = create(files, "a", "--");
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(files.sync_folder("/"));
        ASSERT_TRUE(file->append("abc"));
        ASSERT_TRUE(file->append("d"));
      },
      look_at_a);
  const std::string zeros(4, '\0');
  outcomes expected{"--"};
  for (std::size_t n = 1; n <= 4; ++n) {
    expected.insert("--" + std::string("abcd").substr(0, n));
    expected.insert("--" + zeros.substr(0, n));  // the size was written, the sector not
  }
  EXPECT_EQ(seen, expected);
}

TEST(disk_node, any_sectors_of_what_is_not_synced_are_missing) {
  const auto seen = after_crashes(
      [](simulated_files& files) {
        auto file = create(files, "a", std::string(600, '-'));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(files.sync_folder("/"));
        ASSERT_TRUE(file->append(std::string(1500, 'x')));
      },
      [](simulated_files& files) {
        const auto all = text(files, "a");
        EXPECT_EQ(all.substr(0, 600), std::string(600, '-'));
        if (all.size() < 2100) return std::string("short");
        std::string sectors;
        for (const std::size_t at : {600, 1024, 1536, 2048}) sectors += all[at] == 'x' ? 'x' : '0';
        EXPECT_EQ(all[1023], all[600]);
        return sectors;
      });
  EXPECT_EQ(seen.size(), 17u);  // every subset
}

TEST(disk_node, a_cut_that_is_not_synced_is_done_or_not) {
  const auto seen = after_crashes(
      [](simulated_files& files) {
        auto file = create(files, "a", "abc");
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(files.sync_folder("/"));
        ASSERT_TRUE(file->cut(1));
        ASSERT_TRUE(file->append("x"));
      },
      look_at_a);
  EXPECT_EQ(seen, (outcomes{"abc", "a", "ax", "ab"}));  // "ab": the size of "ax", the sector of "abc"
}

TEST(disk_node, a_synced_file_without_a_synced_name_may_be_gone) {
  const auto seen =
      after_crashes([](simulated_files& files) { ASSERT_TRUE(create(files, "a", "abc")->sync()); }, look_at_a);
  EXPECT_EQ(seen, (outcomes{"abc", "(not_found)"}));
}

TEST(disk_node, names_change_in_their_order) {
  const auto names = [](simulated_files& files) {
    std::string all;
    const auto inside = files.list("/").value();
    for (const auto& each : inside) all += each.name;
    return all;
  };
  const auto seen = after_crashes(
      [](simulated_files& files) {
        create(files, "a");
        ASSERT_TRUE(files.sync_folder("/"));
        ASSERT_TRUE(files.rename("a", "b"));
        create(files, "c");
        ASSERT_TRUE(files.remove("b"));
        ASSERT_TRUE(files.link("c", "d"));
      },
      names);
  EXPECT_EQ(seen, (outcomes{"a", "b", "bc", "c", "cd"}));
}

TEST(disk_node, a_folder_is_there_with_its_synced_name) {
  const auto seen = after_crashes(
      [](simulated_files& files) {
        ASSERT_TRUE(files.create_folder("f/g"));
        ASSERT_TRUE(create(files, "f/g/a", "abc")->sync());
        ASSERT_TRUE(files.sync_folder("f/g"));
      },
      [](simulated_files& files) { return text(files, "f/g/a"); });
  EXPECT_EQ(seen, (outcomes{"abc", "(not_found)"}));
  const auto safe = after_crashes(
      [](simulated_files& files) {
        ASSERT_TRUE(make_folder(files, "f/g"));
        ASSERT_TRUE(write_whole(files, "f/g/a", "abc"));
      },
      [](simulated_files& files) { return text(files, "f/g/a"); });
  EXPECT_EQ(safe, outcomes{"abc"});
}

}  // namespace
}  // namespace freshet::testing
