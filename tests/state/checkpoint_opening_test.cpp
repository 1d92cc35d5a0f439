#include <gmock/gmock.h>

#include "connect/temporary_folder.hpp"
#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(checkpoint_directories, begin_with_a_history_of_their_own) {
  const auto from = must(directory_->newest());
  EXPECT_FALSE(from.manifest);
  EXPECT_NE(from.history, 0u);
  EXPECT_NE(from.history, must(directory_->newest()).history);
  EXPECT_EQ(from.parent, std::nullopt);
  EXPECT_EQ(from.next_epoch, 1u);
}

TEST_F(checkpoint_directories, say_what_is_only_prepared_to_be_completed) {
  must(commit_epoch(*directory_, {7, 1}, {{0, "one"}}));
  must(prepare_epoch(*directory_, {7, 2}, {{0, "two"}}));
  reopen();
  const auto from = must(directory_->newest());
  EXPECT_EQ(from.manifest->epoch, 2u);
  EXPECT_TRUE(from.is_prepared);
  EXPECT_THAT(why_not(directory_->begin(3)), HasSubstr("epoch 2 is prepared; commit or abandon it first"));
  must(directory_->commit(2));
  must(directory_->commit(2));  // again: as if once
  EXPECT_FALSE(must(directory_->newest()).is_prepared);
  EXPECT_TRUE(directory_->begin(3));
}

TEST_F(checkpoint_directories, say_what_is_only_prepared_to_be_discarded) {
  must(commit_epoch(*directory_, {7, 1}, {{0, "one"}}));
  must(prepare_epoch(*directory_, {7, 2}, {{0, "two"}}));
  reopen();
  must(directory_->abandon(2));
  must(directory_->abandon(2));
  EXPECT_THAT(names(), ElementsAre("1-1-1.state", "1.checkpoint"));
  const auto from = must(directory_->newest());
  EXPECT_EQ(from.manifest->epoch, 1u);
  EXPECT_EQ(from.history, 7u);  // and the epoch runs again under its number
  EXPECT_EQ(from.next_epoch, 2u);
  must(commit_epoch(*directory_, {7, 2}, {{0, "again"}}));
}

TEST_F(checkpoint_directories, resumed_from_an_older_epoch_begin_a_new_history) {
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) must(commit_epoch(*directory_, {7, epoch}, {}));
  const auto newest = must(directory_->resume(3));
  EXPECT_EQ(newest.history, 7u);
  EXPECT_EQ(newest.parent, std::nullopt);
  const auto older = must(directory_->resume(2));
  EXPECT_EQ(older.manifest->epoch, 2u);
  EXPECT_NE(older.history, 7u);
  EXPECT_EQ(older.parent, (epoch_id{7, 2}));
  EXPECT_EQ(older.next_epoch, 4u);  // 3 is given away
  EXPECT_EQ(why_not(directory_->resume(9)), "\"/data/c\" has no epoch 9; it has 1, 2, 3");

  const auto writer = must(directory_->begin(4));
  auto manifest = manifest_of({older.history, 4}, {});
  manifest.parent = older.parent;
  must(directory_->prepare(writer, manifest));
  must(directory_->commit(4));
  EXPECT_EQ(must(directory_->newest()).history, older.history);
  EXPECT_EQ(must(directory_->newest()).parent, older.parent);
}

TEST_F(checkpoint_directories, pass_over_damage_only_where_told_to) {
  must(commit_epoch(*directory_, {7, 1}, {{0, "one"}}));
  const auto listed = must(commit_epoch(*directory_, {7, 2}, {{0, "two"}}));
  files_.flip_bit("/data/c/" + listed.name, 14);  // of a state: no index says so
  reopen();
  EXPECT_EQ(list(), "1 committed, 2 committed");
  EXPECT_THAT(why_not(directory_->newest()),
              AllOf(HasSubstr("cannot resume from the newest, epoch 2 in \"/data/c\": node \"count\": \"/data/c/" +
                              listed.name + "\" is damaged: expected key group 0 with the checksum"),
                    HasSubstr("Allowed when_damaged::use_older, the run goes on from epoch 1, in a new history")));
  const auto from = must(directory_->newest(when_damaged::use_older));
  EXPECT_EQ(from.manifest->epoch, 1u);
  EXPECT_NE(from.history, 7u);
  EXPECT_EQ(from.parent, (epoch_id{7, 1}));
  EXPECT_EQ(from.next_epoch, 3u);
  ASSERT_EQ(from.skipped.size(), 1u);
  EXPECT_EQ(from.skipped[0].epoch, 2u);
  EXPECT_THAT(from.skipped[0].damage->message, HasSubstr(listed.name));
}

TEST_F(checkpoint_directories, find_every_damage_of_the_newest) {
  must(commit_epoch(*directory_, {7, 1}, {{0, "one"}}));
  const auto listed = must(commit_epoch(*directory_, {7, 2}, {{0, "two"}}));
  for (const auto& name : {listed.name, std::string("2.checkpoint")})
    damage_every_way(files_, "/data/c/" + name, [&](const std::string& how) {
      if (name == "2.checkpoint" && how == "missing") return;  // that is an epoch that was deleted
      EXPECT_THAT(why_not(directory_->newest()), HasSubstr("\"/data/c/" + name + "\"")) << how;
      EXPECT_EQ(must(directory_->newest(when_damaged::use_older)).manifest->epoch, 1u) << how;
    });
  EXPECT_EQ(must(directory_->newest()).manifest->epoch, 2u);
}

TEST_F(checkpoint_directories, refuse_where_nothing_is_intact) {
  must(commit_epoch(*directory_, {7, 1}, {{0, "one"}}));
  files_.truncate("/data/c/1.checkpoint", 30);
  EXPECT_THAT(why_not(directory_->newest()), HasSubstr("There is no older one that is intact"));
  EXPECT_THAT(why_not(directory_->newest(when_damaged::use_older)),
              AllOf(HasSubstr("no epoch in \"/data/c\" is intact"), HasSubstr("\"/data/c/1.checkpoint\""),
                    HasSubstr("To begin at the beginning, name another directory")));
}

TEST_F(checkpoint_directories, go_on_behind_a_prepared_epoch_that_is_damaged) {
  must(commit_epoch(*directory_, {7, 1}, {{0, "one"}}));
  const auto listed = must(prepare_epoch(*directory_, {7, 2}, {{0, "two"}}));
  files_.flip_bit("/data/c/" + listed.name, 14);
  reopen({.keep = 1});
  const auto from = must(directory_->newest(when_damaged::use_older));
  EXPECT_THAT(why_not(directory_->commit(2)), HasSubstr("epoch 2 in \"/data/c\" cannot be committed: it is damaged"));
  must(commit_epoch(*directory_, {from.history, from.next_epoch}, {{0, "three"}}));
  EXPECT_EQ(list(), "3 committed");
}

TEST_F(checkpoint_directories, refuse_hashes_they_do_not_know) {
  const auto writer = must(directory_->begin(1));
  auto manifest = manifest_of({1, 1}, {});
  manifest.hash_version = hash_version + 1;
  must(directory_->prepare(writer, manifest));
  EXPECT_THAT(why_not(directory_->newest(when_damaged::use_older)),
              HasSubstr("epoch 1 in \"/data/c\" divides keys by hash version 2; this version of Freshet knows 1"));
}

TEST_F(checkpoint_directories, remove_no_file_that_a_manifest_may_list_which_they_cannot_read) {
  const auto full = must(commit_epoch(*directory_, {7, 1}, {{0, "a"}}));
  must(commit_epoch(*directory_, {7, 2}, {{0, "b"}}, {full}, checkpoint_kind::savepoint));
  must(directory_->remove(1));
  const auto manifest = must(read_whole(files_, "/data/c/2.savepoint"));
  files_.truncate("/data/c/2.savepoint", 10);
  reopen();
  EXPECT_THAT(names(), ElementsAre("1-1-1.state", "2-2-1.state", "2.savepoint"));
  replace_file(files_, "/data/c/2.savepoint", manifest);  // it is put back from a copy
  EXPECT_EQ(must(read_states(directory_->reader(), *must(directory_->newest()).manifest, 0)), "a+b");
}

TEST_F(checkpoint_directories, clean_up_after_writers_that_crashed) {
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  for (const std::string name : {"2-1-1.state", "2-1-2.store", "2.checkpoint.prepared.unfinished", "FORMAT.unfinished"})
    replace_file(files_, "/data/c/" + name, "leftover");
  replace_file(files_, "/data/c/notes.txt", "somebody's own");
  reopen();
  EXPECT_THAT(names(), ElementsAre("1-1-1.state", "1.checkpoint", "notes.txt"));
}

TEST_F(checkpoint_directories, are_used_by_one_run_at_a_time) {
  EXPECT_THAT(why_not(checkpoint_directory::open(files_, "/data/c")), HasSubstr("/data/c/LOCK"));
  directory_.reset();
  EXPECT_TRUE(checkpoint_directory::open(files_, "/data/c"));
}

TEST_F(checkpoint_directories, are_no_other_folders) {
  replace_file(files_, "/data/notes.txt", "somebody's own");
  EXPECT_THAT(why_not(checkpoint_directory::open(files_, "/data")),
              HasSubstr("\"/data\" is not a checkpoint directory: it has no file FORMAT, but \"c\"; name a folder that "
                        "is empty or not there yet"));
  EXPECT_FALSE(must(files_.exists("/data/LOCK")));
  must(commit_epoch(*directory_, {7, 1}, {}));
  must(files_.remove("/data/c/FORMAT"));
  EXPECT_THAT(why_not(checkpoint_directory::open(files_, "/data/c")),
              HasSubstr("\"/data/c/FORMAT\" is missing, although there is \"1-1-1.state\": copy it from any other "
                        "checkpoint directory of the same format"));
  EXPECT_THAT(why_not(checkpoint_directory::open(files_, "")), HasSubstr("the checkpoint directory has no name"));
  EXPECT_THAT(why_not(checkpoint_directory::open(files_, "/e", {.keep = 0})),
              HasSubstr("checkpoint_options::keep is 0"));
}

TEST(checkpoint_directories_of_the_system, hold_what_a_run_wrote) {
  const temporary_folder folder;
  auto& files = system_files();
  {
    const auto directory = must(checkpoint_directory::open(files, folder / "deep/c"));
    const auto full = must(commit_epoch(*directory, {1, 1}, {{0, "a"}}));
    must(commit_epoch(*directory, {1, 2}, {{0, "b"}}, {full}));
    EXPECT_THAT(why_not(checkpoint_directory::open(files, folder / "deep/c")),
                AllOf(HasSubstr("LOCK\" is locked by process "), HasSubstr("which uses this folder")));
  }
  const auto directory = must(checkpoint_directory::open(files, folder / "deep/c"));
  const auto from = must(directory->newest());
  EXPECT_EQ(must(read_states(directory->reader(), *from.manifest, 0)), "a+b");
}

}  // namespace

}  // namespace freshet
