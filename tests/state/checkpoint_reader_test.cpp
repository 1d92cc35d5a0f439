#include "freshet/state/checkpoint_reader.hpp"

#include <gmock/gmock.h>

#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class checkpoint_readers : public ::testing::Test {
 protected:
  checkpoint_readers() : directory_(must(checkpoint_directory::open(files_, "/c"))) {}
  const checkpoint_reader& reader() const { return directory_->reader(); }

  testing::simulated_files files_;
  std::unique_ptr<checkpoint_directory> directory_;
};

TEST_F(checkpoint_readers, list_epochs_with_their_kind_and_state) {
  EXPECT_EQ(list_of(reader()), "");
  must(commit_epoch(*directory_, {1, 1}, {}));
  must(commit_epoch(*directory_, {1, 2}, {}, {}, checkpoint_kind::savepoint));
  must(prepare_epoch(*directory_, {1, 10}, {}));
  const auto all = must(reader().epochs());
  EXPECT_EQ(list_of(reader()), "1 committed, 2 committed, 10 prepared");
  EXPECT_EQ(all.at(0).kind, checkpoint_kind::checkpoint);
  EXPECT_EQ(all.at(1).kind, checkpoint_kind::savepoint);
  EXPECT_EQ(must(reader().manifest(2)), *all.at(1).manifest);
  EXPECT_EQ(why_not(reader().manifest(3)), "\"/c\" has no epoch 3; it has 1, 2, 10");
}

TEST_F(checkpoint_readers, put_deltas_on_top_of_the_newest_full_state) {
  const auto full = must(commit_epoch(*directory_, {1, 1}, {{0, "a"}, {1, "b"}}));
  const auto delta = must(commit_epoch(*directory_, {1, 2}, {{1, "c"}, {2, "d"}}, {full}));
  const auto writer = must(directory_->begin(3));
  const auto half = must(writer->add_states(state_file_kind::full, {0, 2}));
  must(half->add(0, "e"));
  must(directory_->prepare(writer, manifest_of({1, 3}, {full, delta, must(half->finish())})));

  const auto second = must(reader().manifest(2)), third = must(reader().manifest(3));
  const auto read = [&](const auto& manifest, std::uint32_t group) {
    return must(read_states(reader(), manifest, group));
  };
  EXPECT_EQ(read(second, 0), "a");
  EXPECT_EQ(read(second, 1), "b+c");
  EXPECT_EQ(read(second, 2), "+d");
  EXPECT_EQ(read(second, 3), "");
  EXPECT_EQ(read(third, 0), "e");
  EXPECT_EQ(read(third, 1), "");  // full, and nothing in it
  EXPECT_EQ(read(third, 2), "+d");
}

TEST_F(checkpoint_readers, name_what_is_damaged) {
  must(commit_epoch(*directory_, {1, 1}, {{0, "zero"}}));
  must(commit_epoch(*directory_, {1, 2}, {{0, "two"}, {9, "nine"}}));
  const auto manifest = must(reader().manifest(2));
  const auto file = manifest.nodes[0].files[0].name;
  damage_every_way(files_, "/c/" + file, [&](const std::string& how) {
    const auto wrong = reader().verify(manifest);
    ASSERT_EQ(wrong.size(), 1u) << how;
    EXPECT_THAT(wrong[0].message, AllOf(HasSubstr("node \"count\": "), HasSubstr("\"/c/" + file + "\""))) << how;
  });
  damage_every_way(files_, "/c/2.checkpoint", [&](const std::string& how) {
    const auto read = reader().manifest(2);
    ASSERT_FALSE(read) << how;
    EXPECT_THAT(read.error().message, HasSubstr(how == "missing" ? "\"/c\" has no epoch 2; it has 1"
                                                                 : "\"/c/2.checkpoint\" is damaged: expected"));
  });
  EXPECT_TRUE(reader().verify(must(reader().manifest(2))).empty());
}

TEST_F(checkpoint_readers, do_not_take_one_manifest_for_another) {
  must(commit_epoch(*directory_, {1, 1}, {}));
  must(files_.rename("/c/1.checkpoint", "/c/3.savepoint"));
  EXPECT_THAT(why_not(reader().manifest(3)), HasSubstr("\"/c/3.savepoint\" is damaged: expected the manifest of 3, a "
                                                       "savepoint, found that of 1, a checkpoint"));
}

TEST_F(checkpoint_readers, know_a_missing_state_file_without_reading_any) {
  const auto listed = must(commit_epoch(*directory_, {1, 1}, {{0, "zero"}}));
  must(files_.remove("/c/" + listed.name));
  EXPECT_EQ(list_of(reader()), "1 damaged");
  EXPECT_THAT(must(reader().epochs())[0].damage->message, AllOf(HasSubstr("node \"count\""), HasSubstr(listed.name)));
}

TEST_F(checkpoint_readers, read_checkpoint_directories_only) {
  must(files_.create_folder("/other"));
  EXPECT_THAT(why_not(checkpoint_reader(files_, "/other").epochs()),
              HasSubstr("\"/other\" is not a checkpoint directory: it has no file FORMAT"));
  EXPECT_THAT(why_not(checkpoint_reader(files_, "/nowhere").epochs()), HasSubstr("\"/nowhere\" is not a checkpoint"));
  damage_every_way(files_, "/c/FORMAT", [&](const std::string& how) {
    const auto read = reader().epochs();
    ASSERT_FALSE(read) << how;
    EXPECT_THAT(read.error().message, HasSubstr(how == "missing" ? "no file FORMAT" : "\"/c/FORMAT\" is damaged"));
  });
  EXPECT_TRUE(reader().epochs());
}

TEST_F(checkpoint_readers, say_so_where_the_format_is_newer) {
  std::string text = must(read_whole(files_, "/c/FORMAT"));
  text.replace(text.find("format 1"), 8, "format 9");
  text.resize(text.find("checksum "));
  std::string sum(16, '0');
  auto number = hash_bytes(text.data(), text.size() + 0);
  // The checksum is of all before the number itself.
  text += "checksum ";
  number = hash_bytes(text.data(), text.size());
  for (auto at = sum.rbegin(); at != sum.rend(); ++at, number /= 16) *at = "0123456789abcdef"[number % 16];
  replace_file(files_, "/c/FORMAT", text + sum + "\n");
  const auto read = reader().epochs();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::unsupported);
  EXPECT_THAT(read.error().message, HasSubstr("\"/c/FORMAT\" has format 9"));
}

TEST_F(checkpoint_readers, look_while_epochs_come_and_go) {
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  const checkpoint_reader outside(files_, "/c");
  int looked = 0;
  std::uint64_t epoch = 2;
  bool is_writing = false;
  // Between any two steps of a look a whole epoch is written, committed, and an old one removed.
  files_.on_step([&](const testing::file_step& step) {
    if (is_writing || epoch > 40 || step.operation != testing::file_operation::open) return;
    is_writing = true;
    must(commit_epoch(*directory_, {1, epoch++}, {{0, "x"}}));
    is_writing = false;
  });
  while (epoch <= 40) {
    for (const auto& each : must(outside.epochs())) EXPECT_FALSE(each.damage) << each.damage->message;
    ++looked;
  }
  EXPECT_GT(looked, 0);
}

}  // namespace

}  // namespace freshet
