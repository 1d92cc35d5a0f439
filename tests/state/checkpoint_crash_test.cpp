#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <set>

#include "state/checkpoint_scene.hpp"

// A run that writes epochs loses its power, or its disk fails, at every step. Whatever is left must open, have the
// epochs that were committed, and nothing that nobody lists.
namespace freshet {

namespace {

using testing::file_fault;
using testing::file_operation;
using testing::simulated_files;

constexpr std::uint64_t history = 7, last_epoch = 9;
constexpr std::size_t keep = 2;

/// What the state of a group is after an epoch: full every fourth, with a delta for each of those behind it.
std::string states_at(std::uint64_t epoch) {
  return (epoch % 4 == 1 ? "" : states_at(epoch - 1) + "+") + std::to_string(epoch) + ",";
}

/// How far the run has come, as it was told.
struct progress {
  std::uint64_t begun = 0, prepared = 0, committed = 0;
};

/// Writes epochs until one fails.
result<void> write_epochs(file_system& files, progress& told) {
  auto directory = checkpoint_directory::open(files, "/c", {.keep = keep});
  if (!directory) return std::move(directory).error();
  auto from = (*directory)->newest();
  if (!from) return std::move(from).error();
  std::vector<state_file> chain;
  if (from->manifest) chain = from->manifest->nodes.front().files;
  if (from->is_prepared) {
    // A sink decides: some epochs are done again.
    const bool completes = from->manifest->epoch % 3 != 0;
    if (auto done =
            completes ? (*directory)->commit(from->manifest->epoch) : (*directory)->abandon(from->manifest->epoch);
        !done)
      return done;
    if (!completes) {
      directory->reset();
      return write_epochs(files, told);
    }
  }
  for (auto epoch = from->next_epoch; epoch <= last_epoch; ++epoch) {
    told.begun = epoch;
    if (epoch % 4 == 1) chain.clear();
    const auto kind = epoch == 3 ? checkpoint_kind::savepoint : checkpoint_kind::checkpoint;
    auto listed = prepare_epoch(**directory, {history, epoch}, {{0, std::to_string(epoch) + ","}}, chain, kind);
    if (!listed) return std::move(listed).error();
    told.prepared = epoch;
    chain.push_back(*listed);
    if (auto done = (*directory)->commit(epoch); !done) return done;
    told.committed = epoch;
  }
  const auto savepoint = (*directory)->remove(3);
  return savepoint || savepoint.error().code == errc::not_found ? result<void>() : savepoint.error();
}

/// Names of state files that no manifest lists, or of anything unfinished.
std::set<std::string> leaks(file_system& files, const checkpoint_reader& reader) {
  std::set<std::string> names;
  for (auto& each : names_in(files, "/c")) names.insert(each);
  for (const auto& each : must(reader.epochs())) {
    names.erase(std::to_string(each.epoch) + "." + std::string(to_string(each.kind)) +
                (each.is_prepared ? ".prepared" : ""));
    for (const auto& node : each.manifest->nodes)
      for (const auto& file : node.files) names.erase(file.name);
  }
  return names;
}

/// What must hold of what a run has left. Gives the epochs.
std::string check_all(file_system& files, const progress& told) {
  const auto directory = must(checkpoint_directory::open(files, "/c", {.keep = keep}));
  const auto from = must(directory->newest());
  const auto newest = from.manifest ? from.manifest->epoch : 0;
  EXPECT_GE(newest, told.prepared);
  EXPECT_LE(newest, told.begun);
  std::size_t committed = 0;
  for (const auto& each : must(directory->reader().epochs())) {
    if (each.damage) ADD_FAILURE() << each.damage->message;
    if (!each.manifest) continue;
    EXPECT_TRUE(directory->reader().verify(*each.manifest).empty());
    EXPECT_EQ(must(read_states(directory->reader(), *each.manifest, 0)), states_at(each.epoch));
    EXPECT_TRUE(!each.is_prepared || each.epoch == newest);
    EXPECT_TRUE(!each.is_prepared || each.epoch != told.committed);
    if (!each.is_prepared && each.kind == checkpoint_kind::checkpoint) ++committed;
  }
  EXPECT_GE(committed, std::min<std::uint64_t>(keep, told.committed > 3 ? told.committed - 1 : 0));
  EXPECT_EQ(leaks(files, directory->reader()), std::set<std::string>());
  return list_of(directory->reader());
}

/// A run goes on from there, and comes to its end.
void check_goes_on(file_system& files) {
  progress told;
  must(write_epochs(files, told));
  told = {last_epoch, last_epoch, last_epoch};
  check_all(files, told);
}

/// More than usual: FRESHET_SEEDS=1000.
std::uint64_t seeds(std::uint64_t usual) {
  const char* text = std::getenv("FRESHET_SEEDS");
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

TEST(checkpoint_crash, at_every_step_leaves_each_epoch_whole_or_not_there) {
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 0; seed < seeds(4); ++seed) {
    random_source random(seed);
    progress told;
    steps += testing::crash_at_every_step(
        random,
        [&](simulated_files& files) {
          told = {};
          static_cast<void>(write_epochs(files, told));
        },
        [&](simulated_files& files, std::uint64_t step) {
          SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
          check_all(files, told);
          check_goes_on(files);
        });
    if (::testing::Test::HasFailure()) return;
  }
  std::cout << "crashes=" << steps << " lost=0 damaged=0 leaked=0\n";
}

TEST(checkpoint_crash, during_recovery_from_a_crash_changes_nothing) {
  for (std::uint64_t seed = 0; seed < seeds(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    simulated_files files;
    progress told;
    for (int i = 0; i < 8; ++i) {
      std::uint64_t left = 1 + random.below(i == 0 ? 400 : 60);
      files.on_step([&](const testing::file_step&) {
        if (--left == 0) files.power_off();
      });
      progress now = told;
      static_cast<void>(write_epochs(files, now));
      files.on_step({});
      files.crash(random);
      told.begun = std::max(told.begun, now.begun);
      told.prepared = told.committed =
          std::max(told.committed, now.committed);  // the sink may discard what is prepared
      check_all(files, told);
    }
    check_goes_on(files);
    if (::testing::Test::HasFailure()) return;
  }
}

/// The run sees `how` at every call of the operation in turn, then loses its power.
void fail_everywhere(file_operation operation, file_fault how) {
  random_source random(1);
  for (std::uint64_t call = 0;; ++call) {
    SCOPED_TRACE(std::string(to_string(operation)) + " " + std::to_string(call));
    simulated_files files;
    files.fail(operation, "", how, call);
    progress told;
    const auto done = write_epochs(files, told);
    if (files.faults_done() == 0) return;
    files.forget_faults();
    if (random.chance(0.5)) files.crash(random);
    const auto seen = check_all(files, told);
    files.crash(random);  // what a run has once seen is not lost again
    EXPECT_EQ(check_all(files, told), seen);
    check_goes_on(files);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(checkpoint_crash, after_a_fault_of_the_disk_loses_nothing_that_was_committed) {
  fail_everywhere(file_operation::create, file_fault::no_space);
  fail_everywhere(file_operation::append, file_fault::no_space);
  fail_everywhere(file_operation::append, file_fault::short_write);
  fail_everywhere(file_operation::append, file_fault::device_error);
  fail_everywhere(file_operation::sync, file_fault::device_error);
  fail_everywhere(file_operation::sync, file_fault::dropped_sync);
  fail_everywhere(file_operation::rename, file_fault::device_error);
  fail_everywhere(file_operation::remove, file_fault::device_error);
  fail_everywhere(file_operation::sync_folder, file_fault::device_error);
  fail_everywhere(file_operation::open, file_fault::device_error);
  fail_everywhere(file_operation::read, file_fault::device_error);
  fail_everywhere(file_operation::list, file_fault::device_error);
}

TEST(checkpoint_crash, of_a_disk_that_lies_is_noticed) {
  int noticed = 0;
  for (std::uint64_t seed = 0; seed < seeds(50); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    simulated_files files;
    files.fail(file_operation::sync, "9-", file_fault::lost_sync);  // the state of the last epoch
    progress told;
    must(write_epochs(files, told));
    files.crash(random);
    const auto directory = must(checkpoint_directory::open(files, "/c", {.keep = keep}));
    if (const auto from = directory->newest()) {
      EXPECT_EQ(must(read_states(directory->reader(), *from->manifest, 0)), states_at(last_epoch));
      continue;
    } else {
      EXPECT_THAT(from.error().message, ::testing::HasSubstr("\"/c/9-"));
    }
    ++noticed;
    const auto from = must(directory->newest(when_damaged::use_older));
    EXPECT_EQ(must(read_states(directory->reader(), *from.manifest, 0)), states_at(8));
    EXPECT_NE(from.history, history);
  }
  EXPECT_GT(noticed, 0);
}

}  // namespace

}  // namespace freshet
