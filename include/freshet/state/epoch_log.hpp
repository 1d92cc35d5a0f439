#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "freshet/base/clock.hpp"
#include "freshet/base/record_log.hpp"
#include "freshet/core/state_store.hpp"
#include "freshet/state/checkpoint_directory.hpp"
#include "freshet/state/durability.hpp"

namespace freshet {

/// What a task has changed in an epoch, as `any_state::save_changes` wrote it.
struct state_changes {
  std::string node{};
  std::string bytes{};
  friend bool operator==(const state_changes&, const state_changes&) = default;
};

/// An epoch by what it changed: all that the log keeps of it.
struct epoch_record {
  /// Without nodes, and with those partitions alone that were read in it.
  checkpoint_manifest manifest{};
  std::uint64_t after = 0;  ///< the epoch that it goes on from
  /// The epoch counts no longer, as the sink that decides says: nothing else is in the record.
  bool is_discarded = false;
  /// Its sinks were asked to prepare it. Not so the epoch of a savepoint that found nothing new. A record without, that
  /// goes on from its own epoch, says that all sinks have committed that: see `commit_record`.
  bool has_sinks = true;
  std::vector<state_changes> changes{};
  friend bool operator==(const epoch_record&, const epoch_record&) = default;
};
/// The record that says of the newest epoch, whose manifest it is, that all sinks have committed it.
epoch_record commit_record(checkpoint_manifest newest);
/// The bytes of a record. A log has checksums of its own.
std::string encode(const epoch_record& record);
/// What `encode` wrote. Errors name `where`.
result<epoch_record> decode_epoch_record(std::string_view bytes, const std::string& where);

/// Settings of an epoch_log.
struct epoch_log_options {
  checkpoint_options checkpoints{};
  log_sync sync = log_sync::every_batch;
  std::chrono::nanoseconds sync_interval = std::chrono::seconds(1);
  /// The log begins anew, behind a checkpoint of all states, when it is longer than this and than they are, but for
  /// files of stores: what a restart reads is at most twice the states, and what is written at most twice the changes.
  std::uint64_t least_bytes = 16u << 20;
  const freshet::clock* clock = &freshet::clock::real();
};

/// Where a run goes on: a checkpoint, and the epochs that the log has behind it.
class recovered_epochs {
 public:
  /// The newest epoch, whole but for the state files of its nodes, which are those of the checkpoint. None: the run
  /// begins at the beginning.
  std::optional<checkpoint_manifest> manifest() const;
  std::uint64_t history = 0;  ///< of the epochs to come
  std::optional<epoch_id> parent{};
  std::uint64_t next_epoch = 1;
  /// The newest epoch may not have been committed by its sinks: it is in the log, and nothing came after, not even a
  /// `commit_record`.
  bool is_undecided() const { return !is_committed_ && !records_.empty() && records_.back().has_sinks; }
  /// The newest epoch that is a checkpoint. REQUIRES: there is one.
  std::uint64_t checkpointed() const { return base_->epoch; }
  /// The newest epoch that sinks have surely committed, where the log has that.
  std::optional<std::uint64_t> committed() const;
  /// It doesn't count: the one before is the newest, which was committed before it. REQUIRES: is_undecided()
  void drop_newest();
  /// Calls `load` with what the checkpoint has of these groups of a node. Thread safe, as is the next.
  using group_loader = std::function<result<void>(std::uint32_t group, std::string_view bytes)>;
  result<void> load_groups(const std::string& node, key_group_range groups, const group_loader& load) const;
  /// The stores that tasks of a node had at the checkpoint.
  struct stored_part {
    key_group_range groups{};
    std::vector<state_file> listed{};
    std::vector<store_file> files{};
  };
  std::vector<stored_part> stored(const std::string& node) const;
  /// Calls `load` with what the tasks of a node have changed since, oldest first.
  using changes_loader = std::function<result<void>(std::string_view bytes)>;
  result<void> load_changes(const std::string& node, const changes_loader& load) const;
  /// Gives the memory of all states back: they have been loaded.
  void forget_states();

 private:
  friend class epoch_log;
  epoch_id newest() const;

  std::optional<checkpoint_manifest> base_;
  std::string folder_;  ///< of its files
  std::vector<epoch_record> records_;
  bool is_committed_ = false;  ///< sinks have committed all of them
  std::map<std::string, node_states> states_;
};

/// The epochs of a run that has many a second: a checkpoint directory with all states now and then, and in its folder
/// "log" a record of each epoch with what it has changed, so that one costs a write and a sync. Used by one thread at a
/// time.
///
/// An epoch is prepared when its record is on the device, and committed when its sinks have been told, which the next
/// record implies, and behind the last one of a run a `commit_record` says: after a crash the sinks are told once more
/// about the newest, or, where a sink decides that it doesn't count, a record says so. Each record names the one before
/// it, so none is applied over a hole.
///
/// A damaged log is refused, or passed over where that is allowed: then the run goes on from what is in front of the
/// damage and surely committed, in a new history, and its first checkpoint moves the log aside, for people to look at.
/// Until then nothing is changed.
class epoch_log {
 public:
  /// Opens a folder, or makes one, and takes its lock. REQUIRES: `files` outlives it.
  static result<std::unique_ptr<epoch_log>> open(file_system& files, const std::string& folder,
                                                 epoch_log_options options = {});

  /// Where a run goes on from the newest epoch, and under which numbers.
  result<recovered_epochs> newest(when_damaged damaged = when_damaged::refuse);
  /// The same from a checkpoint or savepoint of the directory: in a new history, unless nothing came after it. What
  /// the log has is given up, so its damage is passed over.
  result<recovered_epochs> resume(std::uint64_t epoch);

  /// The epoch is durable, as far as `log_sync` says. An error that is fatal ends the log; after any other the epoch
  /// isn't there. REQUIRES: a checkpoint was made; the record goes on from the newest epoch.
  result<void> append(const epoch_record& record);
  /// The log is longer than it should be; where a checkpoint has failed, when it has grown as much again.
  bool wants_checkpoint() const;
  /// Makes a checkpoint of an epoch that its sinks have committed: `write` adds the states, and their files to the
  /// manifest. What the log has up to there is forgotten. An error that is not fatal says that there is none, and the
  /// log stays.
  using write_states = std::function<result<void>(checkpoint_writer&, checkpoint_manifest&)>;
  result<void> checkpoint(checkpoint_manifest manifest, const write_states& write);

 private:
  epoch_log(file_system& files, std::unique_ptr<checkpoint_directory> directory, epoch_log_options options);
  std::string log_folder() const { return directory_->reader().folder() + "/log"; }
  /// Where a damaged one goes when this checkpoint is made without it.
  std::string aside(std::uint64_t epoch) const { return log_folder() + ".damaged-" + std::to_string(epoch); }
  result<bool> is_log_gone() const;
  result<void> open_log();
  result<recovered_epochs> recover(resume_point from, bool with_log, when_damaged damaged);
  result<void> read_records(const checkpoint_manifest& base, recovered_epochs* into, std::uint64_t& newest);
  void pass_over_log(const error& why, const recovered_epochs& all);
  result<void> put_log_aside(std::uint64_t epoch);
  result<void> write_out();
  result<void> abandon_unnamed();

  file_system& files_;
  const std::unique_ptr<checkpoint_directory> directory_;
  const epoch_log_options options_;
  std::unique_ptr<record_log> log_;  ///< null: it can't be opened, as it is damaged
  std::optional<error> damage_;      ///< of the log that is there; it is to be put aside
  std::uint64_t base_bytes_ = 0;     ///< of the states of the newest checkpoint
  std::uint64_t since_bytes_ = 0;    ///< of the records since
  std::uint64_t failed_at_ = 0;      ///< so many of those were there when a checkpoint failed
  std::optional<std::chrono::steady_clock::time_point> synced_at_;
  std::optional<std::uint64_t> unnamed_;  ///< the checkpoint that was prepared and could not be committed
};

}  // namespace freshet
