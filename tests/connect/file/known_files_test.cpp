#include "connect/file/known_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.hpp"
#include "freshet/connect/file/line_spout.hpp"

namespace freshet::file {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using numbers = std::vector<std::uint64_t>;
constexpr auto nowhere = recognised_files::nowhere;

constexpr auto at = &line_spout::offset_of;

/// Of 100 bytes, on device 1; found where a run looks for files.
known_file known(std::uint64_t number, const std::string& path, std::uint64_t inode, std::uint64_t size = 100) {
  return {number, path, 1, inode, size, {size, inode}};
}
found_file found(const std::string& path, std::uint64_t inode, std::vector<std::size_t> alike,
                 std::uint64_t size = 100) {
  return {path, 1, inode, size, false, std::move(alike)};
}
found_file missing(const std::string& path) { return {.path = path, .missing = true}; }
bool nobody(const known_file&) { return false; }

const known_files three{3, {known(0, "a", 10), known(1, "b", 11), known(2, "c", 12)}};

recognised_files recognised(const std::vector<found_file>& now, std::uint64_t offset, const known_files& all = three) {
  return recognise(all, now, offset, nobody);
}

TEST(known_files, are_read_as_they_were_written) {
  EXPECT_EQ(decode_known_files(encode(three)), three);
  EXPECT_EQ(decode_known_files(encode(known_files{7, {}})), (known_files{7, {}}));
  EXPECT_THAT(error_of([] { decode_known_files("a"); }), HasSubstr("list of files"));
  EXPECT_THAT(error_of([] { decode_known_files(encode(three) + "a"); }), HasSubstr("list of files"));
  EXPECT_THAT(error_of([] { decode_known_files(encode({2, three.files})); }), HasSubstr("list of files"));
}

TEST(known_files, keep_their_numbers_and_new_ones_come_behind_them) {
  const auto all = recognised(
      {found("0", 20, {}), found("a", 10, {0}), found("b", 11, {1}), found("bb", 21, {}), found("c", 12, {2})},
      at(1, 50));
  EXPECT_EQ(all.numbers, (numbers{3, 0, 1, 4, 2}));
  EXPECT_EQ(all.next, 5u);
  EXPECT_THAT(all.lost, IsEmpty());
}

TEST(known_files, are_found_by_inode_where_they_were_renamed) {
  const auto all = recognised(
      {found("a", 20, {}), found("a.1", 10, {0}), found("b", 21, {}), found("b.1", 11, {1}), found("c.1", 12, {2})},
      at(1, 50));
  EXPECT_EQ(all.numbers, (numbers{3, 0, 4, 1, 2}));
  EXPECT_THAT(all.lost, IsEmpty());
}

TEST(known_files, that_were_read_and_are_gone_are_forgotten) {
  const auto all = recognised({found("c", 12, {2}), found("d", 13, {})}, at(2, 1));
  EXPECT_EQ(all.numbers, (numbers{2, 3}));
  EXPECT_THAT(all.lost, IsEmpty());
  EXPECT_THAT(all.not_there, IsEmpty());
}

TEST(known_files, that_were_read_to_their_end_may_be_gone_too) {
  EXPECT_THAT(recognised({found("c", 12, {2})}, at(1, 100)).lost, IsEmpty());
  EXPECT_EQ(recognised({found("c", 12, {2})}, at(1, 99)).lost.size(), 1u);
}

TEST(known_files, of_a_list_are_known_as_long_as_it_names_them) {
  const auto all = recognised({missing("a"), missing("b"), found("c", 12, {2})}, at(2, 1));
  EXPECT_EQ(all.numbers, (numbers{nowhere, nowhere, 2}));
  EXPECT_THAT(all.not_there, ElementsAre(three.files[0], three.files[1]));
}

TEST(known_files, whose_inode_was_used_again_are_new) {
  // They have the inode, and begin with something else.
  const auto all = recognised({found("a", 10, {}), found("b", 11, {1}), found("c", 12, {2})}, at(1, 50));
  EXPECT_EQ(all.numbers, (numbers{3, 1, 2}));
}

TEST(known_files, that_were_empty_are_known_by_their_name_besides) {
  const known_files empty{2, {known(0, "a", 10, 0), known(1, "b", 11)}};
  EXPECT_EQ(recognised({found("z", 10, {0}), found("b", 11, {1})}, at(1, 50), empty).numbers, (numbers{2, 1}));
  EXPECT_EQ(recognised({found("a", 10, {0}), found("b", 11, {1})}, at(1, 50), empty).numbers, (numbers{0, 1}));
  EXPECT_THAT(recognised({found("b", 11, {1})}, 0, empty).lost, IsEmpty());
}

TEST(known_files, on_a_device_with_another_number_are_known_by_their_name_besides) {
  auto moved = found("a", 10, {0});
  moved.device = 2;
  EXPECT_EQ(recognised({moved, found("b", 11, {1}), found("c", 12, {2})}, at(1, 50)).numbers, (numbers{0, 1, 2}));
  moved.path = "z";
  EXPECT_EQ(recognised({moved, found("b", 11, {1}), found("c", 12, {2})}, at(1, 50)).numbers, (numbers{3, 1, 2}));
}

TEST(known_files, that_a_list_names_twice_are_found_twice) {
  const known_files twice{3, {known(0, "b", 11), known(1, "a", 10), known(2, "b", 11)}};
  const auto b = found("b", 11, {0, 2});
  EXPECT_EQ(recognised({b, found("a", 10, {1}), b, b}, at(1, 1), twice).numbers, (numbers{0, 1, 2, 3}));
}

struct change {
  found_file b;
  std::string why;
};
TEST(known_files, that_were_being_read_are_lost_when_they_are_not_what_they_were) {
  for (const auto& [b, why] :
       {change{missing("b"), "\"b\" is gone"}, change{found("b", 30, {}), "\"b\" is another file now"},
        change{found("b", 11, {1}, 40), "\"b\" has 40 bytes only: it was cut"},
        change{found("b", 11, {}, 80), "\"b\" has 80 bytes only: it was cut"},
        change{found("b", 11, {}, 200), "\"b\" does not begin as it did"}}) {
    const auto all = recognised({found("a", 10, {0}), b, found("c", 12, {2})}, at(1, 50));
    ASSERT_EQ(all.lost.size(), 1u) << why;
    EXPECT_EQ(all.lost[0].from, at(1, 50));
    EXPECT_EQ(all.lost[0].end, 2u);
    EXPECT_THAT(all.lost[0].why, AllOf(HasSubstr(why), HasSubstr("was read to byte 50")));
    EXPECT_EQ(all.numbers, (numbers{0, b.missing ? nowhere : 3u, 2}));
  }
}

TEST(known_files, that_were_read_to_their_end_and_cut_are_not_read_again) {
  const auto all = recognised({found("a", 10, {0}), found("b", 11, {1}, 40), found("c", 12, {2})}, at(1, 100));
  EXPECT_EQ(all.numbers, (numbers{0, nowhere, 2}));
  EXPECT_THAT(all.not_there, ElementsAre(three.files[1]));
  EXPECT_THAT(all.lost, IsEmpty());
}

TEST(known_files, that_were_not_read_yet_are_whatever_has_their_name) {
  const auto all = recognised({found("a", 10, {0}), found("b", 30, {}), found("c", 12, {})}, at(0, 50));
  EXPECT_EQ(all.numbers, (numbers{0, 1, 2}));
  EXPECT_THAT(all.lost, IsEmpty());
}

TEST(known_files, that_are_lost_one_after_the_other_are_lost_together) {
  known_files many{8, {}};
  for (std::uint64_t n = 0; n < 8; ++n) many.files.push_back(known(n, std::string(1, static_cast<char>('a' + n)), n));
  const auto all = recognised({found("g", 6, {6})}, at(1, 50), many);
  ASSERT_EQ(all.lost.size(), 2u);
  EXPECT_EQ(all.lost[0].from, at(1, 50));
  EXPECT_EQ(all.lost[0].end, 6u);
  EXPECT_THAT(all.lost[0].why, AllOf(HasSubstr("\"b\""), HasSubstr("\"d\" is gone, and was not read yet; and more"),
                                     Not(HasSubstr("\"a\"")), Not(HasSubstr("\"e\""))));
  EXPECT_EQ(all.lost[1].from, at(7, 0));
  EXPECT_EQ(all.lost[1].end, 8u);
}

TEST(known_files, that_the_paths_no_longer_lead_to_are_passed_over) {
  const auto all = recognise(three, {found("c", 12, {2})}, at(0, 50), [](const known_file&) { return true; });
  EXPECT_EQ(all.numbers, (numbers{2}));
  EXPECT_THAT(all.lost, IsEmpty());
}

}  // namespace
}  // namespace freshet::file
