#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "freshet/base/record_log_reader.hpp"
#include "freshet/state/checkpoint_reader.hpp"

// The epochs of a run that only its log has, for anybody who looks at the folder.
namespace freshet {

/// How much of a node's states has changed.
struct node_change {
  std::string node{};
  std::uint64_t bytes = 0;      ///< of changes in one epoch
  std::uint64_t all_bytes = 0;  ///< in that and all before it, from the checkpoint on
};

/// An epoch as its record says it, but for the changes themselves.
struct logged_epoch {
  checkpoint_manifest manifest{};      ///< what has changed, see epoch_record
  std::uint64_t bytes = 0;             ///< of its record
  std::vector<node_change> changes{};  ///< also of nodes that only an epoch before it has changed
};

/// What an epoch_log has behind the newest checkpoint of its folder.
struct logged_epochs {
  /// Its records, those that the checkpoint has among them. With damage: those before it, and no bytes.
  record_log_extent log{};
  std::optional<checkpoint_manifest> checkpoint{};  ///< none: no record counts, as they go on from nothing
  /// Oldest first. Sinks have committed all but the newest, and that where `newest_is_committed`; else nobody knows.
  std::vector<logged_epoch> epochs{};
  bool newest_is_committed = false;
  std::vector<std::uint64_t> discarded{};  ///< epochs that count no longer
  std::optional<error> damage{};           ///< what is behind `epochs` and can't be used

  /// The record of one of them; null: there is none.
  const logged_epoch* find(std::uint64_t epoch) const;
  /// Its sinks have committed it. REQUIRES: find(epoch)
  bool is_committed(std::uint64_t epoch) const { return newest_is_committed || epoch != epochs.back().manifest.epoch; }
  /// Whole, but for the state files of its nodes, which are those of the checkpoint. REQUIRES: find(epoch)
  checkpoint_manifest manifest(std::uint64_t epoch) const;
};

/// The epochs of a folder.
struct known_epochs {
  std::vector<epoch_status> checkpoints{};  ///< oldest first
  std::optional<logged_epochs> log{};       ///< none: the folder has neither checkpoints nor a log
};

/// Reads every record of the log in a folder and what its checkpoint_reader lists, and changes nothing, not even a
/// lock: so it may be used while a run writes, and what it gives fits together. An error where the folder is no
/// checkpoint directory. Thread safe.
result<known_epochs> read_epochs(file_system& files, const std::string& folder);

}  // namespace freshet
