// The protocol of epochs in every interleaving with crashes, as a model: up to three, at every step, also while a run
// goes on behind another. It must be right for all sinks in both engines; with any of its rules broken the same search
// must find something wrong, which shows that the model can see it.
#include "recovery/epoch_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

namespace freshet::epoch_model {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto transactional = sink_kind::transactional, overlapping = sink_kind::overlapping,
               deciding = sink_kind::deciding;
using kinds = std::vector<sink_kind>;

bool everywhere(const kinds&) { return true; }
bool one_decides(const kinds& sinks) { return std::find(sinks.begin(), sinks.end(), deciding) != sinks.end(); }
bool one_does_not(const kinds& sinks) {
  return std::any_of(sinks.begin(), sinks.end(), [](auto k) { return k != deciding; });
}
bool one_overlaps(const kinds& sinks) { return std::find(sinks.begin(), sinks.end(), overlapping) != sinks.end(); }
bool both(const kinds& sinks) { return one_decides(sinks) && one_does_not(sinks); }
bool the_second_decides(const kinds& sinks) { return sinks.size() == 2 && sinks[1] == deciding; }

std::vector<setting> all_settings(broken_rule broken) {
  std::vector<setting> all;
  for (auto made_by : {engine::batch, engine::event})
    for (const auto& sinks : {kinds{transactional}, kinds{deciding}, kinds{transactional, transactional},
                              kinds{transactional, deciding}, kinds{deciding, transactional}, kinds{overlapping},
                              kinds{overlapping, transactional}, kinds{overlapping, deciding}})
      all.push_back({sinks, made_by, broken});
  return all;
}

std::string name_of(const setting& s) {
  std::string text = s.made_by == engine::batch ? "batch" : "event";
  for (auto k : s.sinks) text += k == deciding ? ", deciding" : k == overlapping ? ", overlapping" : ", transactional";
  return text;
}

std::string found(setting s, int crashes) {
  s.crashes = crashes;
  return model(s).run();
}

TEST(epoch_model, every_row_is_visible_exactly_once_behind_all_crashes) {
  std::size_t states = 0, crashes = 0, wrong = 0;
  for (const auto& each : all_settings(broken_rule::none)) {
    model m(each);
    const auto& said = m.run();
    EXPECT_EQ(said, "") << name_of(each);
    EXPECT_GT(m.ends(), 400u) << name_of(each);
    states += m.states();
    crashes += m.crashes();
    wrong += !said.empty();
  }
  std::cout << "epoch_model: states=" << states << " crashes=" << crashes << " wrong=" << wrong << "\n";
}

/// A broken rule: what it does, by the fewest crashes that it takes, and to which sinks. To others it does nothing.
struct flaw {
  broken_rule rule;
  int crashes;
  std::string what;
  bool (*harms)(const kinds&);
};

constexpr auto anything = ", behind:";

void expect_found(const flaw& f) {
  for (const auto& each : all_settings(f.rule)) {
    if (!f.harms(each.sinks)) {
      EXPECT_EQ(found(each, 3), "") << name_of(each);
      continue;
    }
    EXPECT_THAT(found(each, f.crashes), HasSubstr(f.what)) << name_of(each);
    if (f.crashes == 0) continue;
    EXPECT_EQ(found(each, f.crashes - 1), "") << name_of(each);
  }
}

TEST(epoch_model, finds_an_append_after_the_commits) {
  expect_found({broken_rule::append_after_commits, 1, "are visible twice", everywhere});
}

TEST(epoch_model, finds_a_record_that_is_not_durable_before_the_commits) {
  expect_found({broken_rule::no_sync_before_commits, 1, "are visible twice", everywhere});
}

TEST(epoch_model, finds_a_record_that_was_believed_before_it_was_durable) {
  expect_found({broken_rule::no_sync_at_open, 2, anything, everywhere});
}

TEST(epoch_model, finds_commits_that_are_not_done_again) {
  expect_found({broken_rule::no_commit_again, 1, "misses rows at the end", one_does_not});
}

TEST(epoch_model, finds_a_deciding_sink_that_commits_last) {
  expect_found({broken_rule::deciding_sink_last, 1, "is discarded and visible in sink", both});
}

TEST(epoch_model, finds_commits_in_the_order_of_the_nodes) {
  expect_found({broken_rule::order_of_nodes, 1, "is discarded and visible in sink 0", the_second_decides});
}

TEST(epoch_model, finds_that_nobody_heeds_the_deciding_sink) {
  expect_found({broken_rule::decide_ignored, 1, "misses rows at the end", one_decides});
}

TEST(epoch_model, finds_a_discarded_epoch_that_the_log_has) {
  expect_found({broken_rule::no_discarded_record, 2, "goes on over a hole", one_decides});
}

TEST(epoch_model, finds_a_begin_before_the_commit) {
  expect_found({broken_rule::begin_before_commit, 0, anything, everywhere});
}

TEST(epoch_model, finds_an_abort_of_what_counts) {
  expect_found({broken_rule::abort_of_what_counts, 1, "is gone, behind:", one_does_not});
}

/// Only what has begun is aborted: what the sink had prepared before may count.
TEST(epoch_model, finds_an_abort_of_what_counts_behind_the_begin_of_the_next) {
  for (const auto& each : all_settings(broken_rule::abort_behind_begin)) {
    const auto said = found(each, 1);
    EXPECT_EQ(found(each, 0), "") << name_of(each);
    if (one_overlaps(each.sinks) && each.made_by == engine::event)
      EXPECT_THAT(said, HasSubstr("is gone, behind:")) << name_of(each);
    else EXPECT_EQ(said, "") << name_of(each);
  }
}

TEST(epoch_model, finds_a_checkpoint_before_the_commits) {
  expect_found({broken_rule::checkpoint_before_commits, 1, "misses rows at the end", everywhere});
}

TEST(epoch_model, finds_a_savepoint_with_the_number_of_a_discarded_epoch) {
  expect_found({broken_rule::savepoint_behind_newest, 3, "goes on over a hole", one_decides});
}

TEST(epoch_model, finds_a_savepoint_that_a_sink_is_asked_about) {
  expect_found({broken_rule::savepoint_is_an_epoch, 1, "refused", one_decides});
}

TEST(epoch_model, finds_a_record_that_is_written_though_its_savepoint_has_failed) {
  expect_found({broken_rule::refused_record_is_kept, 1, "goes on over a hole", everywhere});
}

TEST(epoch_model, finds_that_nobody_says_what_is_committed) {
  expect_found({broken_rule::no_record_of_commits, 1, "is committed again, and was taken away", one_does_not});
}

TEST(epoch_model, finds_that_commits_are_said_before_they_are_done) {
  expect_found({broken_rule::record_before_commits, 1, anything, everywhere});
}

TEST(epoch_model, finds_a_commit_behind_a_discarded_epoch) {
  expect_found({broken_rule::commit_behind_discarded, 2, "is committed again, and was taken away", both});
}

/// What is found is told with the way there.
TEST(epoch_model, tells_the_steps) {
  const auto said = found({{transactional, deciding}, engine::batch, broken_rule::order_of_nodes}, 1);
  EXPECT_THAT(said, StartsWith("epoch 2 is discarded and visible in sink 0, behind:\n  open\n"));
  EXPECT_THAT(said, HasSubstr("  sync the log\n  commit"));
}

}  // namespace
}  // namespace freshet::epoch_model
