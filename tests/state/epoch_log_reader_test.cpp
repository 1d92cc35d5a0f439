#include "freshet/state/epoch_log_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "freshet/state/epoch_log.hpp"
#include "freshet/testing/simulated_files.hpp"
#include "state/checkpoint_scene.hpp"

namespace freshet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class epoch_log_reader : public ::testing::Test {
 protected:
  epoch_log_reader() { reopen(); }
  void reopen() {
    log_.reset();
    epoch_log_options options;
    options.least_bytes = 16384;  // segments of a quarter
    log_ = must(epoch_log::open(files_, "/kept", options));
    history_ = must(log_->newest()).history;
  }
  void checkpoint(std::uint64_t epoch, checkpoint_kind kind = checkpoint_kind::checkpoint) {
    auto m = manifest_of({history_, epoch}, {}, kind);
    m.partitions.push_back({"in", "p0", epoch, {}, {}, {}, {}});
    must(log_->checkpoint(m, [](checkpoint_writer& to, checkpoint_manifest& of) -> result<void> {
      of.nodes[0].files.push_back(add_file(to, state_file_kind::full, {{0, "zero"}}));
      return {};
    }));
  }
  /// An epoch that has changed so much of "count", and one byte of "other" where it is odd.
  epoch_record record_of(std::uint64_t epoch, std::uint64_t after, std::size_t bytes) const {
    epoch_record r;
    r.manifest = manifest_of({history_, epoch}, {});
    r.manifest.nodes.clear();
    r.manifest.partitions.push_back({"in", "p" + std::to_string(epoch % 2), epoch, {}, {}, {}, {}});
    r.manifest.tokens.push_back({"out", 0, std::to_string(epoch)});
    r.after = after;
    r.changes.push_back({"count", std::string(bytes, 'x')});
    if (epoch % 2 == 1) r.changes.push_back({"other", "y"});
    return r;
  }
  void append(std::uint64_t epoch, std::size_t bytes = 10) { must(log_->append(record_of(epoch, epoch - 1, bytes))); }
  void discard(std::uint64_t epoch) {
    epoch_record gone;
    gone.manifest.history = history_;
    gone.manifest.epoch = epoch;
    gone.is_discarded = true;
    must(log_->append(gone));
  }
  known_epochs read() { return must(read_epochs(files_, "/kept")); }
  std::vector<std::uint64_t> numbers() {
    std::vector<std::uint64_t> all;
    const auto known = read();
    for (const auto& each : known.log->epochs) all.push_back(each.manifest.epoch);
    return all;
  }
  std::string segment() { return "/kept/log/" + must(files_.list("/kept/log")).front().name; }

  testing::simulated_files files_;
  std::unique_ptr<epoch_log> log_;
  std::uint64_t history_ = 0;
};

TEST_F(epoch_log_reader, a_directory_without_a_log_has_none) {
  log_.reset();
  must(remove_all(files_, "/kept/log"));
  EXPECT_FALSE(read().log);
  EXPECT_FALSE(read_epochs(files_, "/nowhere"));
}

TEST_F(epoch_log_reader, an_empty_log_has_no_epochs) {
  EXPECT_TRUE(numbers().empty());
  EXPECT_FALSE(read().log->checkpoint);
  checkpoint(1);
  EXPECT_TRUE(numbers().empty());
  EXPECT_EQ(read().log->checkpoint->epoch, 1u);
}

TEST_F(epoch_log_reader, gives_what_a_run_would_go_on_from) {
  checkpoint(1, checkpoint_kind::savepoint);
  for (const std::uint64_t e : {2, 3, 4}) append(e);
  const auto known = read();  // while the log is open
  ASSERT_EQ(known.log->epochs.size(), 3u);
  EXPECT_EQ(known.checkpoints.size(), 1u);
  EXPECT_FALSE(known.log->damage);
  EXPECT_EQ(known.log->log.next, 3u);
  const auto merged = known.log->manifest(4);
  EXPECT_EQ(merged.kind, checkpoint_kind::checkpoint);
  ASSERT_EQ(merged.partitions.size(), 2u);
  EXPECT_EQ(merged.partitions[0].offset, 4u);
  EXPECT_EQ(merged.partitions[1].offset, 3u);
  EXPECT_EQ(known.log->manifest(2).partitions.size(), 1u);
  EXPECT_EQ(known.log->manifest(3).tokens[0].bytes, "3");
  reopen();
  EXPECT_EQ(merged, must(log_->newest()).manifest());
}

TEST_F(epoch_log_reader, counts_what_each_node_has_changed) {
  checkpoint(1);
  append(2, 10);
  append(3, 5);
  append(4, 1);
  const auto changes = read().log->find(4)->changes;
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].node, "count");
  EXPECT_EQ(changes[0].bytes, 1u);
  EXPECT_EQ(changes[0].all_bytes, 16u);
  EXPECT_EQ(changes[1].node, "other");
  EXPECT_EQ(changes[1].bytes, 0u);
  EXPECT_EQ(changes[1].all_bytes, 1u);
  EXPECT_EQ(read().log->find(3)->bytes, encode(record_of(3, 2, 5)).size());
  EXPECT_EQ(read().log->find(1), nullptr);
}

TEST_F(epoch_log_reader, what_the_checkpoint_has_is_the_past) {
  checkpoint(1);
  for (const std::uint64_t e : {2, 3, 4}) append(e);
  checkpoint(4);
  EXPECT_TRUE(numbers().empty());
  EXPECT_EQ(read().log->log.next - read().log->log.first, 3u);  // the last segment stays
  append(5);
  EXPECT_THAT(numbers(), ElementsAre(5));
}

TEST_F(epoch_log_reader, names_what_was_discarded) {
  checkpoint(1);
  for (const std::uint64_t e : {2, 3, 4}) append(e);
  discard(4);
  must(log_->append(record_of(5, 3, 10)));
  EXPECT_THAT(numbers(), ElementsAre(2, 3, 5));
  EXPECT_THAT(read().log->discarded, ElementsAre(4));
  EXPECT_EQ(read().log->manifest(5).partitions[0].offset, 2u);  // as epoch 2 said
  EXPECT_EQ(read().log->find(5)->changes[0].all_bytes, 30u);
}

TEST_F(epoch_log_reader, says_what_sinks_have_committed) {
  checkpoint(1);
  append(2);
  append(3);
  EXPECT_TRUE(read().log->is_committed(2));
  EXPECT_FALSE(read().log->is_committed(3));
  must(log_->append(commit_record(must(log_->newest()).manifest().value())));
  EXPECT_TRUE(read().log->is_committed(3));
  EXPECT_THAT(numbers(), ElementsAre(2, 3));
  EXPECT_EQ(read().log->manifest(3).tokens[0].bytes, "3");
  append(4);
  EXPECT_TRUE(read().log->is_committed(3));
  EXPECT_FALSE(read().log->is_committed(4));
  EXPECT_FALSE(read().log->damage);
}

TEST_F(epoch_log_reader, gives_what_is_before_damage) {
  checkpoint(1);
  for (const std::uint64_t e : {2, 3, 4}) append(e);
  must(log_->append(record_of(6, 5, 10)));
  EXPECT_THAT(numbers(), ElementsAre(2, 3, 4));
  EXPECT_THAT(read().log->damage->message, HasSubstr("epoch 6 after epoch 4"));

  const auto size = must((*files_.open(segment()))->size());
  files_.flip_bit(segment(), size / 2);
  const auto known = read();
  EXPECT_THAT(known.log->damage->message, AllOf(HasSubstr("/kept/log/0000"), HasSubstr("is damaged at byte")));
  ASSERT_FALSE(known.log->epochs.empty());
  EXPECT_LT(known.log->epochs.size(), 3u);
  EXPECT_EQ(known.log->log.next, known.log->epochs.size());
}

TEST_F(epoch_log_reader, a_record_that_is_none_is_damage) {
  checkpoint(1);
  append(2);
  log_.reset();
  {
    const auto log = must(record_log::open(files_, "/kept/log"));
    log->append("rubbish").value();
    must(log->sync());
  }
  EXPECT_THAT(read().log->damage->message, HasSubstr("record 1 of \"/kept/log\""));
  EXPECT_THAT(numbers(), ElementsAre(2));
}

TEST_F(epoch_log_reader, a_tail_is_no_damage) {
  checkpoint(1);
  append(2);
  append(3);
  files_.truncate(segment(), must((*files_.open(segment()))->size()) - 7);
  EXPECT_THAT(numbers(), ElementsAre(2));
  EXPECT_FALSE(read().log->damage);
  EXPECT_TRUE(read().log->log.tail);
}

TEST_F(epoch_log_reader, a_run_that_goes_on_meanwhile_leaves_no_hole) {
  checkpoint(1);
  std::uint64_t epoch = 1, steps = 0, seen = 1;
  bool is_writing = false;
  files_.on_step([&](const testing::file_step& s) {
    if (s.done || is_writing || ++steps % 3 != 0) return;
    is_writing = true;
    for (int i = 0; i < 4; ++i) append(++epoch, 500);
    if (epoch % 40 == 1) checkpoint(epoch);
    is_writing = false;
  });
  for (int i = 0; i < 30; ++i) {
    const auto known = read();
    ASSERT_FALSE(known.log->damage) << known.log->damage->message;
    const auto newest =
        known.log->epochs.empty() ? known.log->checkpoint->epoch : known.log->epochs.back().manifest.epoch;
    EXPECT_GE(newest, seen);
    EXPECT_LE(newest, epoch);
    seen = newest;
  }
  EXPECT_GT(seen, 100u);
}

}  // namespace
}  // namespace freshet
