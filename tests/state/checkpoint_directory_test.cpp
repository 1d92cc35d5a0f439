#include "freshet/state/checkpoint_directory.hpp"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::file_fault;
using testing::file_operation;
using ::testing::HasSubstr;

TEST_F(checkpoint_directories, give_back_what_was_committed) {
  const auto listed = must(commit_epoch(*directory_, {7, 5}, {{0, "zero"}, {9, "nine"}}));
  reopen();
  const auto from = must(directory_->newest());
  EXPECT_EQ(from.manifest, manifest_of({7, 5}, {listed}));
  EXPECT_FALSE(from.is_prepared);
  EXPECT_EQ(from.history, 7u);
  EXPECT_EQ(from.next_epoch, 6u);
  EXPECT_EQ(must(read_states(directory_->reader(), *from.manifest, 9)), "nine");
}

TEST_F(checkpoint_directories, write_one_epoch_after_the_other) {
  EXPECT_THAT(why_not(directory_->begin(0)), HasSubstr("epoch 0 in \"/data/c\" cannot begin"));
  must(commit_epoch(*directory_, {7, 5}, {}));
  EXPECT_THAT(why_not(directory_->begin(5)), HasSubstr("there is epoch 5 already; take 6"));
  EXPECT_THAT(why_not(directory_->commit(6)),
              HasSubstr("epoch 6 in \"/data/c\" cannot be committed: it is not prepared"));
  EXPECT_THAT(why_not(directory_->abandon(5)),
              HasSubstr("epoch 5 in \"/data/c\" cannot be abandoned: it is committed"));
  auto writer = must(directory_->begin(6));
  EXPECT_THAT(why_not(directory_->begin(7)), HasSubstr("epoch 6 is being written; prepare or abandon it first"));
  writer.reset();  // given up
  EXPECT_TRUE(directory_->begin(6));
}

TEST_F(checkpoint_directories, list_only_files_that_are_there) {
  const auto listed = must(commit_epoch(*directory_, {7, 1}, {{0, "a"}}));
  const auto prepare = [&](const checkpoint_manifest& manifest) {
    return why_not(directory_->prepare(must(directory_->begin(2)), manifest));
  };
  EXPECT_THAT(prepare(manifest_of({7, 2}, {{.name = "1-1-9.state"}})),
              HasSubstr("epoch 2 in \"/data/c\" cannot be prepared: its manifest lists \"1-1-9.state\""));
  EXPECT_THAT(prepare(manifest_of({7, 3}, {listed})), HasSubstr("its manifest is that of epoch 3"));
  EXPECT_THAT(prepare(manifest_of({0, 2}, {listed})), HasSubstr("its manifest has no history"));
  EXPECT_EQ(prepare(manifest_of({7, 2}, {listed})), "no error");
}

/// What changes files, in order: "sync 1-1-1.state". The simulated ones keep the order of names, which POSIX does not.
class step_list {
 public:
  explicit step_list(testing::simulated_files& files) : files_(files) {
    files.on_step([this](const testing::file_step& step) {
      const std::set<file_operation> silent{file_operation::open, file_operation::read, file_operation::list,
                                            file_operation::lock, file_operation::append};
      if (step.done && silent.count(step.operation) == 0)
        steps_.push_back(std::string(to_string(step.operation)) + " " +
                         std::string(step.path.substr(step.path.rfind('/') + 1)));
    });
  }
  ~step_list() { files_.on_step({}); }
  std::vector<std::string> take() { return std::exchange(steps_, {}); }

 private:
  testing::simulated_files& files_;
  std::vector<std::string> steps_;
};

TEST_F(checkpoint_directories, wait_for_the_device_before_anything_relies_on_it) {
  reopen({.keep = 1});
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  must(commit_epoch(*directory_, {1, 2}, {{0, "x"}}));
  step_list steps(files_);
  must(prepare_epoch(*directory_, {1, 3}, {{0, "x"}}));
  EXPECT_THAT(
      steps.take(),
      ElementsAre("create 3-3-1.state", "sync 3-3-1.state", "sync_folder c", "create 3.checkpoint.prepared.unfinished",
                  "sync 3.checkpoint.prepared.unfinished", "rename 3.checkpoint.prepared.unfinished", "sync_folder c"));
  must(directory_->commit(3));  // epoch 1 has no name since the folder was synced, epoch 2 has one until now
  EXPECT_THAT(steps.take(), ElementsAre("rename 3.checkpoint.prepared", "sync_folder c", "remove 1-1-1.state",
                                        "remove 2.checkpoint"));
  must(prepare_epoch(*directory_, {1, 4}, {{0, "x"}}));
  steps.take();
  must(directory_->abandon(4));
  EXPECT_THAT(steps.take(),
              ElementsAre("remove 4.checkpoint.prepared", "sync_folder c", "remove 2-2-1.state", "remove 4-4-1.state"));
  directory_.reset();
  reopen();
  EXPECT_THAT(steps.take(), ElementsAre("sync_folder data", "sync_folder c"));
}

TEST_F(checkpoint_directories, abandon_an_epoch_there_is_no_room_for) {
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  const auto before = names();
  for (const std::string path : {".state", ".prepared"})
    for (const auto how : {file_fault::no_space, file_fault::short_write}) {
      files_.fail(file_operation::append, path, how);
      const auto failed = prepare_epoch(*directory_, {1, 2}, {{0, "x"}});
      ASSERT_FALSE(failed) << path;
      EXPECT_EQ(failed.error().code, errc::full);
      EXPECT_THAT(failed.error().message, AllOf(HasSubstr("/data/c/2"), HasSubstr("No space left on device")));
      EXPECT_EQ(names(), before);
    }
  must(commit_epoch(*directory_, {1, 2}, {{0, "x"}}));
}

TEST_F(checkpoint_directories, abandon_an_epoch_that_may_not_be_on_the_device) {
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  for (const std::string path : {".state", ".prepared"}) {
    files_.fail(file_operation::sync, path, file_fault::dropped_sync);
    const auto failed = prepare_epoch(*directory_, {1, 2}, {{0, "x"}});
    EXPECT_THAT(why_not(failed), HasSubstr("cannot sync \"/data/c/2"));
    EXPECT_FALSE(failed.error().fatal);
    EXPECT_EQ(list(), "1 committed");
  }
  must(commit_epoch(*directory_, {1, 2}, {{0, "x"}}));
}

TEST_F(checkpoint_directories, write_nothing_where_nobody_knows_what_is_there) {
  must(commit_epoch(*directory_, {1, 1}, {{0, "x"}}));
  must(prepare_epoch(*directory_, {1, 2}, {{0, "x"}}));
  files_.fail(file_operation::sync_folder, "/data/c", file_fault::device_error);
  const auto failed = directory_->commit(2);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().fatal);
  EXPECT_EQ(why_not(directory_->commit(2)), failed.error().message);
  EXPECT_EQ(why_not(directory_->begin(3)), failed.error().message);
  EXPECT_EQ(why_not(directory_->remove(1)), failed.error().message);
  reopen();
  EXPECT_EQ(must(directory_->newest()).manifest->epoch, 2u);
}

TEST_F(checkpoint_directories, take_files_of_a_store_by_another_name) {
  must(files_.create_folder("/store"));
  replace_file(files_, "/store/000017.sst", "rows");
  const auto writer = must(directory_->begin(1));
  const auto linked = must(writer->link("/store/000017.sst", {0, 128}, "000017.sst"));
  EXPECT_EQ(linked.store_name, "000017.sst");
  must(directory_->prepare(writer, manifest_of({1, 1}, {linked})));
  must(directory_->commit(1));
  must(files_.remove("/store/000017.sst"));
  const auto manifest = must(directory_->reader().manifest(1));
  EXPECT_TRUE(directory_->reader().verify(manifest).empty());
  EXPECT_EQ(must(read_whole(files_, directory_->reader().path_of(linked))), "rows");
  files_.flip_bit("/data/c/" + linked.name, 0);
  EXPECT_EQ(directory_->reader().verify(manifest, false).size(), 0u);
  EXPECT_EQ(directory_->reader().verify(manifest).size(), 1u);
}

/// As where the store is on another device: a file can't have two names then.
TEST_F(checkpoint_directories, copy_files_of_a_store_that_cannot_be_linked) {
  must(files_.create_folder("/store"));
  const std::string rows(3'000'000, 'r');
  replace_file(files_, "/store/000017.sst", rows);
  files_.fail(file_operation::link, "/store/", file_fault::device_error);
  {
    const auto writer = must(directory_->begin(1));
    const auto copied = must(writer->link("/store/000017.sst", {0, 128}, "000017.sst"));
    must(directory_->prepare(writer, manifest_of({1, 1}, {copied})));
    must(directory_->commit(1));
    random_source random(1);
    files_.crash(random);
    reopen();
    EXPECT_EQ(must(read_whole(files_, directory_->reader().path_of(copied))), rows);
    EXPECT_EQ(files_.faults_done(), 1u) << "it was asked to be linked first";
    EXPECT_TRUE(directory_->reader().verify(must(directory_->reader().manifest(1))).empty());
  }
  files_.fail(file_operation::link, "/store/", file_fault::device_error);
  files_.fail(file_operation::append, "/data/c", file_fault::no_space, 1);
  const auto writer = must(directory_->begin(2));
  EXPECT_THAT(why_not(writer->link("/store/000017.sst", {0, 128}, "000017.sst")), HasSubstr("No space left on device"));
  must(directory_->abandon(2));
  EXPECT_EQ(list(), "1 committed") << "what there is of the copy is gone";
}

TEST_F(checkpoint_directories, take_files_of_many_threads) {
  constexpr std::uint32_t threads = 8, groups = 16;
  const auto writer = must(directory_->begin(1));
  std::vector<state_file> listed(threads);
  std::vector<std::thread> all;
  for (std::uint32_t t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      const auto file = must(writer->add_states(state_file_kind::full, {t * groups, (t + 1) * groups}));
      for (std::uint32_t g = t * groups; g < (t + 1) * groups; ++g) must(file->add(g, "of " + std::to_string(g)));
      listed[t] = must(file->finish());
    });
  for (auto& each : all) each.join();
  must(directory_->prepare(writer, manifest_of({1, 1}, listed)));
  must(directory_->commit(1));
  const auto manifest = *must(directory_->newest()).manifest;
  for (std::uint32_t g = 0; g < threads * groups; ++g)
    EXPECT_EQ(must(read_states(directory_->reader(), manifest, g)), "of " + std::to_string(g));
}

}  // namespace

}  // namespace freshet
