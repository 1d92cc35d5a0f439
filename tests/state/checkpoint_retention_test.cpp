#include <gmock/gmock.h>

#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using ::testing::ElementsAre;
using testing::file_fault;
using testing::file_operation;
using ::testing::HasSubstr;

TEST_F(checkpoint_directories, keep_so_many_checkpoints_and_every_savepoint) {
  reopen({.keep = 2});
  must(commit_epoch(*directory_, {7, 1}, {{0, "1"}}));
  must(commit_epoch(*directory_, {7, 2}, {{0, "2"}}, {}, checkpoint_kind::savepoint));
  for (std::uint64_t epoch = 3; epoch <= 6; ++epoch) must(commit_epoch(*directory_, {7, epoch}, {{0, "x"}}));
  EXPECT_EQ(list(), "2 committed, 5 committed, 6 committed");
  // The files of epoch 4 wait for the folder to be synced.
  EXPECT_THAT(names(), ElementsAre("2-2-1.state", "2.savepoint", "4-4-1.state", "5-5-1.state", "5.checkpoint",
                                   "6-6-1.state", "6.checkpoint"));
  must(directory_->remove(2));
  EXPECT_THAT(names(), ElementsAre("5-5-1.state", "5.checkpoint", "6-6-1.state", "6.checkpoint"));
}

TEST_F(checkpoint_directories, keep_files_as_long_as_any_epoch_lists_them) {
  reopen({.keep = 1});
  const auto full = must(commit_epoch(*directory_, {7, 1}, {{0, "a"}}));
  const auto delta = must(commit_epoch(*directory_, {7, 2}, {{0, "b"}}, {full}));
  must(commit_epoch(*directory_, {7, 3}, {{0, "c"}}, {full, delta}));
  EXPECT_EQ(list(), "3 committed");
  EXPECT_EQ(must(read_states(directory_->reader(), *must(directory_->newest()).manifest, 0)), "a+b+c");
  must(commit_epoch(*directory_, {7, 4}, {{0, "d"}}));
  must(commit_epoch(*directory_, {7, 5}, {{0, "e"}}));
  EXPECT_THAT(names(), ElementsAre("4-4-1.state", "5-5-1.state", "5.checkpoint"));
  reopen();
  EXPECT_THAT(names(), ElementsAre("5-5-1.state", "5.checkpoint"));
}

TEST_F(checkpoint_directories, count_no_damaged_checkpoint_among_those_they_keep) {
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) must(commit_epoch(*directory_, {7, epoch}, {{0, "x"}}));
  files_.truncate("/data/c/3.checkpoint", 10);
  reopen({.keep = 2});
  const auto from = must(directory_->newest(when_damaged::use_older));
  must(commit_epoch(*directory_, {from.history, 4}, {{0, "x"}}));
  EXPECT_EQ(list(), "2 committed, 3 damaged, 4 committed");
  must(commit_epoch(*directory_, {from.history, 5}, {{0, "x"}}));
  EXPECT_EQ(list(), "4 committed, 5 committed");
}

TEST_F(checkpoint_directories, never_remove_the_newest) {
  must(commit_epoch(*directory_, {7, 1}, {}));
  must(commit_epoch(*directory_, {7, 2}, {}));
  EXPECT_THAT(why_not(directory_->remove(2)), HasSubstr("epoch 2 in \"/data/c\" is the newest and cannot be removed"));
  EXPECT_THAT(why_not(directory_->remove(5)), HasSubstr("there is no epoch 5 in \"/data/c\""));
  must(directory_->remove(1));
  EXPECT_EQ(list(), "2 committed");
}

TEST_F(checkpoint_directories, remove_what_was_written_for_nothing) {
  const auto writer = must(directory_->begin(1));
  const auto late = must(writer->add_states(state_file_kind::full, {0, 128}));
  add_file(*writer, state_file_kind::full, {{0, "x"}});
  EXPECT_EQ(names().size(), 2u);
  must(directory_->abandon(1));
  EXPECT_THAT(names(), ElementsAre());
  must(late->add(0, "a task that does not know yet"));
  EXPECT_THAT(why_not(writer->add_states(state_file_kind::full, {0, 128})),
              HasSubstr("epoch 1 in \"/data/c\" is not written any more"));
  EXPECT_THAT(why_not(directory_->prepare(writer, manifest_of({1, 1}, {}))), HasSubstr("is not written any more"));
  // Under the same number again, while the old writer lives.
  must(commit_epoch(*directory_, {1, 1}, {{0, "y"}}));
  EXPECT_THAT(names(), ElementsAre("1-2-1.state", "1.checkpoint"));
}

TEST_F(checkpoint_directories, remove_what_no_manifest_lists) {
  const auto writer = must(directory_->begin(1));
  const auto listed = add_file(*writer, state_file_kind::full, {{0, "x"}});
  add_file(*writer, state_file_kind::full, {{0, "not listed"}});
  must(directory_->prepare(writer, manifest_of({1, 1}, {listed})));
  must(directory_->commit(1));
  EXPECT_THAT(names(), ElementsAre(listed.name, "1.checkpoint"));
}

TEST_F(checkpoint_directories, commit_although_an_old_epoch_cannot_be_removed) {
  reopen({.keep = 1});
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  files_.fail(file_operation::remove, "1.checkpoint", file_fault::device_error);
  must(commit_epoch(*directory_, {1, 2}, {{0, "x"}}));
  EXPECT_EQ(list(), "1 committed, 2 committed");
  must(commit_epoch(*directory_, {1, 3}, {{0, "x"}}));
  EXPECT_EQ(list(), "3 committed");
}

}  // namespace

}  // namespace freshet
