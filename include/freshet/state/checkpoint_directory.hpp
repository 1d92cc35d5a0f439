#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/base/log.hpp"
#include "freshet/state/checkpoint_manifest.hpp"
#include "freshet/state/checkpoint_reader.hpp"
#include "freshet/state/checkpoint_writer.hpp"
#include "freshet/state/durability.hpp"

namespace freshet {

/// Settings of a checkpoint directory.
struct checkpoint_options {
  /// How many committed checkpoints are kept; savepoints stay until they are removed. Three: a damaged one leaves one
  /// to go on from, and that one another. REQUIRES: > 0
  std::size_t keep = 3;
  logger log{};
};

/// Where a run goes on, and under which numbers.
struct resume_point {
  std::optional<checkpoint_manifest> manifest;  ///< none in a new directory: the run begins at the beginning
  /// It is not committed: whoever resumes commits its sinks and then `commit`s it, or `abandon`s it and asks again.
  bool is_prepared = false;
  std::uint64_t history = 0;  ///< of the epochs to come
  std::optional<epoch_id> parent{};
  std::uint64_t next_epoch = 1;
  std::vector<epoch_status> skipped{};  ///< damaged ones that were passed over, newest first
};

/// The checkpoints of one topology: the folder that a run writes them to, and resumes from. One epoch at a time goes
///     begin -> (state files are added) -> prepare -> (sinks commit) -> commit
/// and may be abandoned before `commit`. A crash at any instant leaves each epoch whole or not there. Thread safe.
///
/// Invariants: 1. A manifest has its name only when it and every file it lists are on the device. 2. A state file is
/// removed only when the names of all manifests that list it are gone from the device, and while it can't be listed
/// again: by the epoch that is being written, which may list what the newest one does. 3. Epochs only grow, and the
/// newest is never removed, so no number is given twice but that of an abandoned epoch. 4. Where a folder couldn't be
/// synced, nobody knows what is on the device: nothing is written after that.
class checkpoint_directory {
 public:
  /// Opens a folder, or makes one; takes its lock, and removes what writers that crashed have left. Errors: a process
  /// has it open (named), it has other files, its format is damaged or of a newer version. REQUIRES: `files` outlives
  /// it.
  static result<std::unique_ptr<checkpoint_directory>> open(file_system& files, const std::string& folder,
                                                            checkpoint_options options = {});

  const checkpoint_reader& reader() const { return reader_; }
  /// The newest intact epoch, prepared or committed. All bytes of its state files are read (but of a store's only their
  /// lengths), so that what is damaged is known before anything begins.
  result<resume_point> newest(when_damaged damaged = when_damaged::refuse);
  /// Any epoch; from all but the newest, in a new history.
  result<resume_point> resume(std::uint64_t epoch) const;

  /// REQUIRES: the epoch is above all that are there; another was committed or abandoned.
  result<std::shared_ptr<checkpoint_writer>> begin(std::uint64_t epoch);
  /// Makes the epoch durable, and waits for the device. A manifest may list files that the writer has added, and those
  /// that the newest epoch lists. Where it fails, the epoch is abandoned; where the error is fatal, as is one of
  /// `commit`, `abandon` and `remove`, it is what all later calls say: the directory must be opened anew.
  result<void> prepare(const std::shared_ptr<checkpoint_writer>& writer, const checkpoint_manifest& manifest);
  /// The epoch counts. Done again, it changes nothing. Then checkpoints that are too old are removed; their files
  /// follow at the next commit, so that nothing waits for the device once more.
  result<void> commit(std::uint64_t epoch);
  /// Gives up what is being written or prepared. Its number may be given again.
  result<void> abandon(std::uint64_t epoch);
  /// Deletes an epoch, whichever kind it is; the newest can't be.
  result<void> remove(std::uint64_t epoch);

 private:
  struct known_epoch {
    checkpoint_kind kind = checkpoint_kind::checkpoint;
    bool is_prepared = false;
    bool is_intact = true;
    std::vector<std::string> files{};
  };
  checkpoint_directory(file_system& files, std::string folder, checkpoint_options options);

  result<void> take_lock();
  result<void> read_what_is_there();
  result<void> check_manifest(const checkpoint_manifest& manifest, std::uint64_t epoch,
                              const std::set<std::string>& added) const;
  result<void> write_manifest(checkpoint_writer& writer, const checkpoint_manifest& manifest);
  result<resume_point> resume_from(const epoch_status& status, const std::vector<epoch_status>& all) const;
  void pass_over(const epoch_status& status);
  result<void> sync_folder();
  /// Takes a manifest's name away; its files are doomed.
  result<void> remove_manifest(std::uint64_t epoch);
  void remove_outdated();
  /// REQUIRES: the folder was synced since the last manifest was removed.
  void remove_doomed();
  void add(std::uint64_t epoch, known_epoch known);
  /// epoch 42 in "/data/checkpoints"
  std::string named(std::uint64_t epoch) const;
  std::string path_of(std::string_view name) const { return folder_ + "/" + std::string(name); }
  void warn(const std::string& what) const;

  file_system& files_;
  const std::string folder_;
  const checkpoint_options options_;
  const checkpoint_reader reader_;
  std::unique_ptr<file_lock> lock_;

  mutable std::mutex mutex_;
  std::map<std::uint64_t, known_epoch> epochs_;
  std::map<std::string, std::size_t> listings_;  // how many of them list a file
  std::set<std::string> doomed_;                 // files to be removed, unless they are listed
  std::weak_ptr<checkpoint_writer> writer_;
  std::uint64_t attempts_ = 0;
  std::optional<error> failure_;  // of a sync of the folder: it stays
};

}  // namespace freshet
