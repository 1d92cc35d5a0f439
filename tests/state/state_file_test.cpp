#include "freshet/state/state_file.hpp"

#include <gmock/gmock.h>

#include "freshet/base/random.hpp"
#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using testing::file_fault;
using testing::file_operation;
using ::testing::HasSubstr;

class state_files : public ::testing::Test {
 protected:
  state_files() { must(files_.create_folder("/c")); }
  state_file write(const std::string& name, const group_states& states, state_file_kind kind = state_file_kind::full) {
    state_file_writer writer(must(files_.create("/c/" + name)), name, kind, {0, 128});
    for (const auto& [group, bytes] : states) must(writer.add(group, bytes));
    const auto listed = must(writer.finish());
    must(writer.sync());
    return listed;
  }

  testing::simulated_files files_;
};

TEST_F(state_files, give_back_each_group) {
  const group_states states{{3, "three"}, {0, ""}, {127, std::string(1'000'000, 'x')}, {5, "five"}};
  const auto listed = write("1-1-1.state", states);
  EXPECT_EQ(listed.size, must(must(files_.open("/c/1-1-1.state"))->size()));
  const auto reader = must(state_file_reader::open(files_, "/c", listed));
  for (const auto& [group, bytes] : states) EXPECT_EQ(must(reader.read(group)), bytes);
  EXPECT_EQ(must(reader.read(4)), std::nullopt);
  EXPECT_TRUE(reader.verify());
}

TEST_F(state_files, take_groups_in_any_order) {
  state_file_writer writer(must(files_.create("/c/1-1-1.state")), "1-1-1.state", state_file_kind::delta, {10, 20});
  for (const std::uint32_t group : {15, 10, 19}) must(writer.add(group, "of " + std::to_string(group)));
  const auto listed = must(writer.finish());
  const auto reader = must(state_file_reader::open(files_, "/c", listed));
  EXPECT_EQ(reader.kind(), state_file_kind::delta);
  EXPECT_EQ(reader.groups(), (key_group_range{10, 20}));
  for (const std::uint32_t group : {10, 15, 19}) EXPECT_EQ(must(reader.read(group)), "of " + std::to_string(group));
}

TEST_F(state_files, without_groups_are_files_too) {
  const auto reader = must(state_file_reader::open(files_, "/c", write("1-1-1.state", {})));
  EXPECT_EQ(must(reader.read(0)), std::nullopt);
}

TEST_F(state_files, say_what_is_damaged) {
  const auto listed = write("1-1-1.state", {{0, "zero"}, {7, "seven"}});
  damage_every_way(files_, "/c/1-1-1.state", [&](const std::string& how) {
    const auto intact = verify_state_file(files_, "/c", listed);
    ASSERT_FALSE(intact) << how;
    EXPECT_THAT(intact.error().message, HasSubstr("\"/c/1-1-1.state\"")) << how;
    EXPECT_THAT(intact.error().message, HasSubstr(how == "missing" ? "No such file" : " is damaged: expected ")) << how;
  });
  EXPECT_TRUE(verify_state_file(files_, "/c", listed));
}

TEST_F(state_files, a_damaged_group_leaves_the_others_readable) {
  const auto listed = write("1-1-1.state", {{0, "zero"}, {7, "seven"}});
  files_.flip_bit("/c/1-1-1.state", 14);  // the first byte of group 0
  EXPECT_TRUE(check_state_file(files_, "/c", listed));
  const auto reader = must(state_file_reader::open(files_, "/c", listed));
  EXPECT_THAT(why_not(reader.read(0)),
              HasSubstr("\"/c/1-1-1.state\" is damaged: expected key group 0 with the checksum"));
  EXPECT_EQ(must(reader.read(7)), "seven");
}

TEST_F(state_files, of_another_epoch_are_not_taken_for_it) {
  const auto listed = write("1-1-1.state", {{0, "one"}});
  const auto other = write("2-1-1.state", {{0, "two"}});
  EXPECT_EQ(listed.size, other.size);
  must(files_.rename("/c/2-1-1.state", "/c/1-1-1.state"));
  EXPECT_THAT(why_not(check_state_file(files_, "/c", listed)), HasSubstr("expected an index with the checksum"));
}

/// What it says of an index whose second entry is made that of another group, and whose checksum is right.
std::string refusal_of(testing::simulated_files& files, state_file listed, std::uint32_t group) {
  // The index: kind (1), groups (8), length (4); an entry is group (4), size (8), checksum (8); the index' length (4).
  constexpr std::size_t entry_bytes = 20, index_bytes = 13 + 2 * entry_bytes + 4;
  auto bytes = must(read_whole(files, "/c/1-1-1.state"));
  const auto begin = bytes.size() - index_bytes;
  bytes[begin + 13 + entry_bytes] = static_cast<char>(group);
  listed.checksum = hash_bytes(bytes.data() + begin, index_bytes);
  replace_file(files, "/c/1-1-1.state", bytes);
  return why_not(state_file_reader::open(files, "/c", listed));
}

TEST_F(state_files, have_each_of_their_groups_once_and_no_others) {
  const auto listed = write("1-1-1.state", {{3, "three"}, {7, "seven"}});
  const std::string expected =
      "\"/c/1-1-1.state\" is damaged: expected each of its key groups once, and no others, found group ";
  EXPECT_THAT(refusal_of(files_, listed, 3), HasSubstr(expected + "3"));
  EXPECT_THAT(refusal_of(files_, listed, 200), HasSubstr(expected + "200"));
}

TEST_F(state_files, fail_for_good_where_a_write_fails) {
  files_.fail(file_operation::append, "1-1-1.state", file_fault::short_write);
  state_file_writer writer(must(files_.create("/c/1-1-1.state")), "1-1-1.state", state_file_kind::full, {0, 128});
  EXPECT_THAT(why_not(writer.add(0, std::string(1 << 20, 'x'))), HasSubstr("No space left on device"));
  EXPECT_THAT(why_not(writer.add(1, "y")), HasSubstr("No space left on device"));
  EXPECT_THAT(why_not(writer.finish()), HasSubstr("No space left on device"));
  EXPECT_THAT(why_not(writer.sync()), HasSubstr("No space left on device"));
}

TEST_F(state_files, of_a_store_are_checked_whole_or_by_length) {
  const std::string bytes(3'000'000, 's');
  replace_file(files_, "/c/1-1-1.store", bytes);
  const state_file listed{
      "1-1-1.store", state_file_kind::store, {0, 128}, bytes.size(), must(checksum_of_file(files_, "/c/1-1-1.store")),
      "000001.sst"};
  EXPECT_TRUE(verify_state_file(files_, "/c", listed));
  for (const std::uint64_t at : {0, 1'048'576, 2'999'999}) {
    files_.flip_bit("/c/1-1-1.store", at);
    EXPECT_TRUE(check_state_file(files_, "/c", listed));
    EXPECT_THAT(why_not(verify_state_file(files_, "/c", listed)), HasSubstr("expected a file with the checksum"));
    files_.flip_bit("/c/1-1-1.store", at);
  }
  files_.truncate("/c/1-1-1.store", 2'000'000);
  EXPECT_THAT(why_not(check_state_file(files_, "/c", listed)),
              HasSubstr("expected 3000000 bytes, found 2000000 bytes"));
}

}  // namespace

}  // namespace freshet
