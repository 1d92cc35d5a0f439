#include "freshet/state/epoch_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "freshet/core/codec.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::simulated_files;

epoch_log_options quiet(std::uint64_t least_bytes = 1 << 20) {
  epoch_log_options o;
  o.least_bytes = least_bytes;
  return o;
}

checkpoint_manifest named(std::uint64_t history, std::uint64_t epoch) {
  checkpoint_manifest m;
  m.history = history;
  m.epoch = epoch;
  m.topology = "counts";
  return m;
}

/// An epoch that has added a letter to the state of "count", and read on to as many messages.
epoch_record record_of(std::uint64_t history, std::uint64_t epoch, std::uint64_t after) {
  epoch_record r;
  r.manifest = named(history, epoch);
  r.manifest.partitions.push_back({"in", "p" + std::to_string(epoch % 2), epoch, {}, {}, {}, {}});
  r.manifest.tokens.push_back({"out", 0, std::to_string(epoch)});
  r.after = after;
  r.changes.push_back({"count", std::string(1, static_cast<char>('a' + epoch % 26))});
  return r;
}

/// The state of "count": what the checkpoint has, and what was added since.
std::string state_of(const recovered_epochs& from) {
  std::string all;
  from.load_groups("count", {0, 1}, [&](std::uint32_t, std::string_view bytes) { return all = bytes, result<void>(); })
      .value();
  from.load_changes("count", [&](std::string_view bytes) { return all += bytes, result<void>(); }).value();
  return all;
}

/// A checkpoint whose state are these bytes.
result<void> checkpoint(epoch_log& log, std::uint64_t history, std::uint64_t epoch, const std::string& state) {
  auto m = named(history, epoch);
  m.partitions.push_back({"in", "p0", epoch, {}, {}, {}, {}});
  return log.checkpoint(m, [&](checkpoint_writer& to, checkpoint_manifest& of) -> result<void> {
    auto file = to.add_states(state_file_kind::full, {0, 1});
    if (!file) return file.error();
    if (auto done = (*file)->add(0, state); !done) return done;
    auto written = (*file)->finish();
    if (!written) return written.error();
    checkpoint_node node;
    node.name = "count";
    node.files.push_back(*written);
    of.nodes.push_back(node);
    return {};
  });
}

/// A log with a checkpoint, 1, and the epochs 2 to `last` behind it.
std::uint64_t write_some(file_system& files, std::uint64_t last) {
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  const auto history = log->newest().value().history;
  checkpoint(*log, history, 1, "-").value();
  for (std::uint64_t e = 2; e <= last; ++e) log->append(record_of(history, e, e - 1)).value();
  return history;
}

std::unique_ptr<epoch_log> opened(file_system& files, logger log = {}) {
  auto options = quiet();
  options.checkpoints.log = std::move(log);
  return epoch_log::open(files, "/kept", options).value();
}

TEST(epoch_log, begins_at_the_beginning) {
  simulated_files files;
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  const auto from = log->newest().value();
  EXPECT_FALSE(from.manifest());
  EXPECT_FALSE(from.is_undecided());
  EXPECT_NE(from.history, 0u);
  EXPECT_EQ(from.next_epoch, 1u);
}

TEST(epoch_log, goes_on_from_the_newest_epoch_with_all_that_was_changed) {
  simulated_files files;
  const auto history = write_some(files, 4);
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  const auto from = log->newest().value();
  EXPECT_EQ(from.history, history);
  EXPECT_EQ(from.next_epoch, 5u);
  EXPECT_TRUE(from.is_undecided());
  const auto m = *from.manifest();
  EXPECT_EQ(m.epoch, 4u);
  ASSERT_EQ(m.tokens.size(), 1u);
  EXPECT_EQ(m.tokens[0].bytes, "4");
  ASSERT_EQ(m.partitions.size(), 2u);  // of each the newest that was said
  EXPECT_EQ(m.partitions[0].offset, 4u);
  EXPECT_EQ(m.partitions[1].offset, 3u);
  EXPECT_EQ(state_of(from), "-cde");
}

TEST(epoch_log, a_checkpoint_takes_the_place_of_the_log) {
  simulated_files files;
  const auto history = write_some(files, 4);
  {
    auto log = epoch_log::open(files, "/kept", quiet()).value();
    (void)log->newest().value();
    checkpoint(*log, history, 4, "-cde").value();
  }
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  auto from = log->newest().value();
  EXPECT_FALSE(from.is_undecided());
  EXPECT_EQ(from.manifest()->epoch, 4u);
  EXPECT_EQ(state_of(from), "-cde");
  log->append(record_of(history, 5, 4)).value();
  from = log->newest().value();
  EXPECT_EQ(state_of(from), "-cdef");
}

TEST(epoch_log, wants_a_checkpoint_when_it_is_longer_than_it_should_be_and_than_the_states) {
  for (const std::size_t state : {1, 5000}) {
    simulated_files files;
    auto log = epoch_log::open(files, "/kept", quiet(1000)).value();
    const auto history = log->newest().value().history;
    checkpoint(*log, history, 1, std::string(state, 'x')).value();
    std::uint64_t bytes = 0, e = 1;
    while (!log->wants_checkpoint()) {
      ++e;
      const auto r = record_of(history, e, e - 1);
      bytes += encode(r).size();
      log->append(r).value();
    }
    EXPECT_GT(bytes, std::max<std::size_t>(1000, state));
    EXPECT_LT(bytes, std::max<std::size_t>(1000, state) + 1000);
    checkpoint(*log, history, e, "y").value();
    EXPECT_FALSE(log->wants_checkpoint());
  }
}

TEST(epoch_log, an_epoch_that_was_discarded_counts_no_longer) {
  simulated_files files;
  const auto history = write_some(files, 4);
  {
    auto log = epoch_log::open(files, "/kept", quiet()).value();
    auto from = log->newest().value();
    from.drop_newest();
    EXPECT_EQ(from.manifest()->epoch, 3u);
    EXPECT_EQ(state_of(from), "-cd");
    epoch_record discarded;
    discarded.manifest = named(history, 4);
    discarded.is_discarded = true;
    log->append(discarded).value();
  }
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  EXPECT_EQ(log->newest().value().manifest()->epoch, 3u);
  EXPECT_EQ(log->newest().value().next_epoch, 5u);  // no number is given twice
  log->append(record_of(history, 5, 3)).value();
  const auto from = log->newest().value();
  EXPECT_EQ(from.manifest()->epoch, 5u);
  EXPECT_EQ(from.committed(), 3u);
  EXPECT_EQ(state_of(from), "-cdf");
}

/// It is there when the run that made the epoch has ended as it should, and as if it was not for all that follows.
TEST(epoch_log, an_epoch_that_was_committed_is_so_where_a_record_says_it) {
  simulated_files files;
  const auto history = write_some(files, 4);
  {
    auto log = opened(files);
    const auto from = log->newest().value();
    EXPECT_TRUE(from.is_undecided());
    EXPECT_EQ(from.committed(), 3u);
    log->append(commit_record(*from.manifest())).value();
  }
  auto log = opened(files);
  const auto before = log->newest().value();
  EXPECT_FALSE(before.is_undecided());
  EXPECT_EQ(before.committed(), 4u);
  EXPECT_EQ(before.manifest()->epoch, 4u);
  EXPECT_EQ(before.manifest()->partitions.size(), 2u);
  EXPECT_EQ(before.next_epoch, 5u);
  EXPECT_EQ(state_of(before), "-cde");
  log->append(record_of(history, 5, 4)).value();
  const auto then = log->newest().value();
  EXPECT_TRUE(then.is_undecided());
  EXPECT_EQ(then.committed(), 4u);
  EXPECT_EQ(state_of(then), "-cdef");
}

TEST(epoch_log, the_epoch_before_one_that_was_discarded_is_not_committed_again) {
  simulated_files files;
  const auto history = write_some(files, 4);
  epoch_record discarded;
  discarded.manifest = named(history, 4);
  discarded.is_discarded = true;
  opened(files)->append(discarded).value();
  const auto from = opened(files)->newest().value();
  EXPECT_FALSE(from.is_undecided());  // epoch 4 was made behind its commit
  EXPECT_EQ(from.committed(), 3u);
}

TEST(epoch_log, nothing_is_applied_over_a_hole) {
  simulated_files files;
  const auto history = write_some(files, 3);
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  (void)log->newest().value();
  log->append(record_of(history, 5, 4)).value();
  const auto from = log->newest();
  ASSERT_FALSE(from);
  EXPECT_EQ(from.error().code, errc::data_loss);
  EXPECT_THAT(from.error().message, HasSubstr("epoch 5 after epoch 3"));
}

TEST(epoch_log, whoever_goes_on_from_an_older_epoch_is_in_another_history) {
  simulated_files files;
  const auto history = write_some(files, 4);
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  const auto older = log->resume(1).value();
  EXPECT_EQ(state_of(older), "-");
  EXPECT_NE(older.history, history);
  EXPECT_EQ(older.parent, (epoch_id{history, 1}));
  EXPECT_EQ(older.next_epoch, 5u);
  EXPECT_FALSE(older.is_undecided());

  // Its first checkpoint makes what the log has the past.
  checkpoint(*log, older.history, 5, "-").value();
  log->append(record_of(older.history, 6, 5)).value();
  EXPECT_EQ(state_of(log->newest().value()), "-g");
  const auto missing = log->resume(17);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
}

TEST(epoch_log, what_followed_an_older_checkpoint_may_be_gone) {
  simulated_files files;
  auto log = epoch_log::open(files, "/kept", quiet(4096)).value();  // segments of 4 KiB
  const auto history = log->newest().value().history;
  checkpoint(*log, history, 1, "-").value();
  for (std::uint64_t e = 2; e <= 200; ++e) log->append(record_of(history, e, e - 1)).value();
  checkpoint(*log, history, 200, "+").value();
  log->append(record_of(history, 201, 200)).value();
  const auto older = log->resume(1).value();
  EXPECT_EQ(state_of(older), "-");
  EXPECT_EQ(older.next_epoch, 202u);
}

TEST(epoch_log, a_checkpoint_that_is_damaged_can_be_passed_over_with_all_that_followed) {
  simulated_files files;
  const auto history = write_some(files, 4);
  {
    auto log = epoch_log::open(files, "/kept", quiet()).value();
    (void)log->newest().value();
    checkpoint(*log, history, 4, "-cde").value();
    log->append(record_of(history, 5, 4)).value();
  }
  for (const auto& each : files.list("/kept").value())
    if (each.name.rfind("4-", 0) == 0) files.flip_bit("/kept/" + each.name, 1);
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  const auto refused = log->newest();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::data_loss);
  const auto older = log->newest(when_damaged::use_older).value();
  EXPECT_EQ(older.manifest()->epoch, 1u);
  EXPECT_EQ(state_of(older), "-");
  EXPECT_NE(older.history, history);
  EXPECT_EQ(older.next_epoch, 6u);
}

struct kept_warnings final : log_sink {
  std::string text;
  void write(const log_record& r) noexcept override { text += std::string(r.message) + "\n"; }
};

/// Where all segments of the log lie.
std::vector<std::string> segments(file_system& files) {
  std::vector<std::string> all;
  for (const auto& each : files.list("/kept/log").value())
    if (each.name.ends_with(".log")) all.push_back("/kept/log/" + each.name);
  return all;
}
/// Five epochs behind the checkpoint, of which the third is damaged. Gives the history.
std::uint64_t write_damaged(simulated_files& files) {
  const auto history = write_some(files, 6);
  const auto path = segments(files).front();
  files.flip_bit(path, files.open(path).value()->size().value() / 2);
  return history;
}
TEST(epoch_log, that_is_damaged_is_refused_with_what_can_be_done) {
  simulated_files files;
  write_damaged(files);
  const auto path = segments(files).front();
  const auto before = read_whole(files, path).value();
  const auto refused = opened(files)->newest();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::data_loss);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("\"" + path + "\" is damaged at byte "),
                    HasSubstr("Allowed when_damaged::use_older, the run goes on from epoch 2, in a new history"),
                    HasSubstr("what was read in the epochs behind it is read again, and their rows come again"),
                    Not(HasSubstr("cut the file"))));
  EXPECT_EQ(read_whole(files, path).value(), before);
}

/// Nobody knows whether sinks have committed epoch 3, the last before the damage: only what follows it could tell.
TEST(epoch_log, that_is_damaged_is_passed_over_where_told_to) {
  simulated_files files;
  const auto history = write_damaged(files);
  const auto damaged = read_whole(files, segments(files).front()).value();
  const auto warnings = std::make_shared<kept_warnings>();
  auto log = opened(files, logger(warnings, log_level::warning));
  const auto older = log->newest(when_damaged::use_older).value();
  EXPECT_EQ(older.manifest()->epoch, 2u);
  EXPECT_EQ(state_of(older), "-c");
  EXPECT_FALSE(older.is_undecided());
  EXPECT_NE(older.history, history);
  EXPECT_EQ(older.parent, (epoch_id{history, 2}));
  EXPECT_EQ(older.next_epoch, 4u);
  EXPECT_THAT(warnings->text, AllOf(HasSubstr("is damaged at byte "), HasSubstr("goes on from epoch 2, in a new"),
                                    HasSubstr("is moved to \"/kept/log.damaged-4\"")));

  checkpoint(*log, older.history, 4, "-c").value();
  log->append(record_of(older.history, 5, 4)).value();
  EXPECT_EQ(state_of(log->newest().value()), "-cf");
  log.reset();
  const auto from = opened(files)->newest().value();
  EXPECT_EQ(from.history, older.history);
  EXPECT_EQ(state_of(from), "-cf");
  EXPECT_EQ(read_whole(files, "/kept/log.damaged-4/" + segments(files).front().substr(10)).value(), damaged);
}

TEST(epoch_log, that_is_damaged_behind_a_record_of_a_commit_goes_on_from_that) {
  simulated_files files;
  const auto history = write_some(files, 3);
  auto log = opened(files);
  log->append(commit_record(*log->newest().value().manifest())).value();
  log->append(record_of(history, 6, 5)).value();
  EXPECT_THAT(log->newest().error().message, HasSubstr("the run goes on from epoch 3, in a new history"));
  EXPECT_EQ(state_of(log->newest(when_damaged::use_older).value()), "-cd");
}

TEST(epoch_log, that_is_damaged_is_not_needed_by_whoever_goes_back_before_it) {
  simulated_files files;
  const auto history = write_damaged(files);
  auto log = opened(files);
  const auto older = log->resume(1).value();
  EXPECT_EQ(state_of(older), "-");
  EXPECT_NE(older.history, history);  // epochs behind it were made, though nobody knows how many
  EXPECT_EQ(older.parent, (epoch_id{history, 1}));
  checkpoint(*log, older.history, older.next_epoch, "-").value();
  log.reset();
  EXPECT_EQ(state_of(opened(files)->newest().value()), "-");
}

TEST(epoch_log, that_is_gone_is_damaged) {
  simulated_files files;
  write_some(files, 3);
  remove_all(files, "/kept/log").value();
  for (int i = 0; i < 2; ++i) {  // opening it has not made another
    const auto refused = opened(files)->newest();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("\"/kept/log\" has no records, and not even an empty file for them"),
                      HasSubstr("the run goes on from epoch 1, in a new history")));
  }
  auto log = opened(files);
  const auto older = log->newest(when_damaged::use_older).value();
  EXPECT_EQ(state_of(older), "-");
  checkpoint(*log, older.history, older.next_epoch, "-").value();
  log.reset();
  EXPECT_EQ(opened(files)->newest().value().history, older.history);
}

TEST(epoch_log, with_a_hole_is_passed_over_where_told_to) {
  simulated_files files;
  const auto history = write_some(files, 3);
  auto log = opened(files);
  (void)log->newest().value();
  log->append(record_of(history, 5, 4)).value();
  EXPECT_THAT(log->newest().error().message, HasSubstr("the run goes on from epoch 2, in a new history"));
  const auto older = log->newest(when_damaged::use_older).value();
  EXPECT_EQ(state_of(older), "-c");
  EXPECT_EQ(older.next_epoch, 6u);
  checkpoint(*log, older.history, 6, "-c").value();
  log.reset();
  EXPECT_EQ(state_of(opened(files)->newest().value()), "-c");
}

/// Whatever byte is wrong: nothing is applied over it, and only the very last epoch may go without a word, as no log
/// can tell that from a record that was being written.
TEST(epoch_log, is_never_read_over_a_wrong_byte) {
  simulated_files files;
  write_some(files, 6);
  const auto size = files.open(segments(files).front()).value()->size().value();
  std::size_t refused = 0;
  for (std::uint64_t at = 0; at < size; ++at) {
    simulated_files copy;
    write_some(copy, 6);
    copy.flip_bit(segments(copy).front(), at);
    auto log = opened(copy);
    const auto newest = log->newest();
    const auto older = log->newest(when_damaged::use_older);
    ASSERT_TRUE(older) << older.error().message;
    const auto state = state_of(*older);
    EXPECT_EQ(std::string("-cdefg").rfind(state, 0), 0u) << state << " at " << at;
    if (newest) EXPECT_GE(state.size(), 5u) << "at " << at;
    else ++refused;
  }
  EXPECT_GT(refused, size / 2);
}

TEST(epoch_log_crash, passes_over_damage_whenever_it_is_interrupted) {
  random_source random(12);
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        write_damaged(files);
        auto log = opened(files);
        const auto older = log->newest(when_damaged::use_older).value();
        checkpoint(*log, older.history, older.next_epoch, state_of(older)).value();
        log->append(record_of(older.history, older.next_epoch + 1, older.next_epoch)).value();
      },
      [&](simulated_files& files, std::uint64_t step) {
        auto log = opened(files);
        auto from = log->newest();
        if (!from) {
          EXPECT_EQ(from.error().code, errc::data_loss) << from.error().message;
          from = log->newest(when_damaged::use_older);
        }
        ASSERT_TRUE(from) << "step " << step << ": " << from.error().message;
        const auto state = from->manifest() ? state_of(*from) : "";
        EXPECT_TRUE(std::string("-cdefg").rfind(state, 0) == 0 || state == "-cf") << "step " << step << ": " << state;
        checkpoint(*log, from->history, from->next_epoch, state).value();
        log.reset();
        EXPECT_EQ(state_of(opened(files)->newest().value()), state) << "step " << step;
      });
  EXPECT_GT(steps, 100u);
}

TEST(epoch_log, what_was_loaded_need_not_be_kept) {
  simulated_files files;
  write_some(files, 4);
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  auto from = log->newest().value();
  from.forget_states();
  EXPECT_EQ(state_of(from), "");
  EXPECT_EQ(from.manifest()->epoch, 4u);
}

TEST(epoch_log, the_newest_checkpoint_itself_goes_on_in_its_history) {
  simulated_files files;
  const auto history = write_some(files, 1);
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  EXPECT_EQ(log->resume(1).value().history, history);
}

TEST(epoch_log, syncs_as_it_is_told) {
  for (const auto how : {log_sync::every_batch, log_sync::interval, log_sync::never}) {
    simulated_files files;
    std::uint64_t syncs = 0;
    auto options = quiet();
    options.sync = how;
    options.sync_interval = std::chrono::hours(1);
    auto log = epoch_log::open(files, "/kept", options).value();
    const auto history = log->newest().value().history;
    checkpoint(*log, history, 1, "-").value();
    files.on_step(
        [&](const testing::file_step& s) { syncs += !s.done && s.operation == testing::file_operation::sync; });
    for (std::uint64_t e = 2; e < 12; ++e) log->append(record_of(history, e, e - 1)).value();
    EXPECT_EQ(syncs, how == log_sync::every_batch ? 10u : how == log_sync::interval ? 1u : 0u) << to_string(how);
  }
}

TEST(epoch_log, what_a_full_device_refuses_was_not_taken) {
  simulated_files files;
  auto log = epoch_log::open(files, "/kept", quiet()).value();
  const auto history = log->newest().value().history;
  checkpoint(*log, history, 1, "-").value();
  files.fail(testing::file_operation::create, ".state", testing::file_fault::no_space);
  const auto refused = checkpoint(*log, history, 2, "!");
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().fatal) << refused.error().message;
  log->append(record_of(history, 2, 1)).value();
  EXPECT_EQ(state_of(log->newest().value()), "-c");
}

/// Else each epoch would write all states up to where the room ends.
TEST(epoch_log, a_checkpoint_that_failed_is_tried_again_when_the_log_has_grown_as_much_again) {
  simulated_files files;
  auto log = epoch_log::open(files, "/kept", quiet(4096)).value();
  const auto history = log->newest().value().history;
  checkpoint(*log, history, 1, "-").value();
  std::uint64_t epoch = 1;
  const auto epochs_until_wanted = [&] {
    int n = 0;
    for (; !log->wants_checkpoint(); ++n, ++epoch) log->append(record_of(history, epoch + 1, epoch)).value();
    return n;
  };
  const auto at_first = epochs_until_wanted();
  EXPECT_GT(at_first, 10);
  for (int i = 0; i < 2; ++i) {
    files.fail(testing::file_operation::create, ".state", testing::file_fault::no_space);
    EXPECT_FALSE(checkpoint(*log, history, epoch, "!"));
    EXPECT_GE(epochs_until_wanted(), at_first - 1);
  }
  checkpoint(*log, history, epoch, "-").value();
  EXPECT_GE(epochs_until_wanted(), at_first - 1);
}

TEST(epoch_log, an_epoch_that_a_full_device_refused_is_not_there_later) {
  for (const auto how : {testing::file_fault::no_space, testing::file_fault::short_write}) {
    simulated_files files;
    {
      auto log = epoch_log::open(files, "/kept", quiet()).value();
      const auto history = log->newest().value().history;
      checkpoint(*log, history, 1, "-").value();
      log->append(record_of(history, 2, 1)).value();
      files.fail(testing::file_operation::append, "/kept/log", how);
      const auto refused = log->append(record_of(history, 3, 2));
      ASSERT_FALSE(refused);
      EXPECT_FALSE(refused.error().fatal) << refused.error().message;
      EXPECT_EQ(state_of(log->newest().value()), "-c");
      log->append(record_of(history, 4, 2)).value();
    }
    EXPECT_EQ(state_of(epoch_log::open(files, "/kept", quiet()).value()->newest().value()), "-ce");
  }
}

TEST(epoch_log, a_checkpoint_whose_name_was_refused_is_in_the_way_of_none_behind_it) {
  for (const bool at_once : {true, false}) {
    simulated_files files;
    auto log = epoch_log::open(files, "/kept", quiet()).value();
    const auto history = log->newest().value().history;
    checkpoint(*log, history, 1, "-").value();
    log->append(record_of(history, 2, 1)).value();
    files.fail(testing::file_operation::rename, ".prepared", testing::file_fault::device_error, 1);
    const auto refused = checkpoint(*log, history, 2, "-c");
    ASSERT_FALSE(refused);
    EXPECT_FALSE(refused.error().fatal) << refused.error().message;
    if (at_once) checkpoint(*log, history, 2, "-c").value();
    log->append(record_of(history, 3, 2)).value();
    if (!at_once) checkpoint(*log, history, 3, "-cd").value();
    log.reset();
    const auto from = epoch_log::open(files, "/kept", quiet()).value()->newest().value();
    EXPECT_EQ(from.checkpointed(), at_once ? 2u : 3u);
    EXPECT_EQ(state_of(from), "-cd");
  }
}

/// What is there after a crash is a row of epochs without a hole, and has at least those that were told to be safe.
TEST(epoch_log_crash, loses_nothing_that_was_safe) {
  random_source random(11);
  std::uint64_t safe = 0, lost = 0, history = 0;
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        safe = 0;
        auto log = epoch_log::open(files, "/kept", quiet(400)).value();
        history = log->newest().value().history;
        std::string state = "-";
        checkpoint(*log, history, 1, state).value();
        safe = 1;
        for (std::uint64_t e = 2; e < 20; ++e) {
          log->append(record_of(history, e, e - 1)).value();
          safe = e;
          state += static_cast<char>('a' + e % 26);
          if (log->wants_checkpoint()) checkpoint(*log, history, e, state).value();
        }
      },
      [&](simulated_files& files, std::uint64_t step) {
        auto log = epoch_log::open(files, "/kept", quiet(400)).value();
        const auto from = log->newest().value();
        const auto m = from.manifest();
        const auto newest = m ? m->epoch : 0;
        lost += newest < safe;
        EXPECT_GE(newest, safe) << "step " << step;
        EXPECT_LE(newest, safe + 1) << "step " << step;
        std::string state = newest ? "-" : "";
        for (std::uint64_t e = 2; e <= newest; ++e) state += static_cast<char>('a' + e % 26);
        EXPECT_EQ(state_of(from), state) << "step " << step;
      });
  std::cout << "epoch_log_crash: steps=" << steps << " lost=" << lost << "\n";
  EXPECT_GT(steps, 100u);
}

TEST(epoch_log, a_record_is_read_as_it_was_written) {
  auto r = record_of(7, 8, 6);
  EXPECT_EQ(decode_epoch_record(encode(r), "here").value(), r);
  const auto bytes = encode(r);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto cut = decode_epoch_record(std::string_view(bytes).substr(0, n), "here");
    ASSERT_FALSE(cut) << n;
    EXPECT_THAT(cut.error().message, HasSubstr("here"));
  }
}

TEST(epoch_log, a_record_of_no_known_kind_is_damaged) {
  auto r = record_of(7, 8, 6);
  r.manifest.kind = static_cast<checkpoint_kind>(2);
  const auto read = decode_epoch_record(encode(r), "here");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::data_loss);
  EXPECT_THAT(read.error().message, HasSubstr("\"here\" is damaged: expected the values of an epoch, found kind 2"));
}

}  // namespace
}  // namespace freshet
