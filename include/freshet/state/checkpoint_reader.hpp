#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/state/checkpoint_manifest.hpp"
#include "freshet/state/state_file.hpp"

// What is read of a checkpoint directory: by a run that resumes, and by anybody who only looks.
namespace freshet {

enum class epoch_state : std::uint8_t {
  prepared,   ///< durable and whole; whether it counts is not decided yet
  committed,  ///< it counts
  damaged,    ///< its manifest, or a file that it lists, is missing or not what was written
};
std::string_view to_string(epoch_state) noexcept;

/// One epoch of a directory.
struct epoch_status {
  std::uint64_t epoch = 0;
  checkpoint_kind kind = checkpoint_kind::checkpoint;
  bool is_prepared = false;  ///< and not committed
  std::optional<error> damage{};
  std::optional<checkpoint_manifest> manifest{};  ///< where it can be read

  epoch_state state() const {
    return damage ? epoch_state::damaged : is_prepared ? epoch_state::prepared : epoch_state::committed;
  }
};

/// Bytes of one key group. Loading means: the first, which is full, and then each delta on top.
struct state_piece {
  bool is_delta = false;
  std::string bytes;
};

/// The state files of one node, oldest first. Thread safe: each task reads its own groups.
class node_states {
 public:
  /// Without those of a store.
  static result<node_states> open(file_system& files, const std::string& folder, const checkpoint_node& node);
  /// What the states of a group are made of. Nothing: there are none.
  result<std::vector<state_piece>> read(std::uint32_t group) const;

 private:
  std::vector<state_file_reader> files_;
};

/// Looks into a checkpoint directory and changes nothing, not even its lock, so it may be used while a run writes.
/// Thread safe.
class checkpoint_reader {
 public:
  /// REQUIRES: `files` outlives it.
  checkpoint_reader(file_system& files, std::string folder) : files_(&files), folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  /// An error where the folder is no checkpoint directory, or one of a newer format.
  result<void> check_format() const;
  /// Every epoch that is there, oldest first. Manifests are read whole, of state files only their indexes.
  result<std::vector<epoch_status>> epochs() const;
  result<checkpoint_manifest> manifest(std::uint64_t epoch) const;
  /// Reads every byte of the state files of an epoch, and gives what is wrong with each. Those of a store only where
  /// asked for, as they may be larger than all else and a store has checksums of its own.
  std::vector<error> verify(const checkpoint_manifest& manifest, bool with_store_files = true) const;
  result<node_states> states(const checkpoint_node& node) const { return node_states::open(*files_, folder_, node); }
  /// Where a file of a store lies.
  std::string path_of(const state_file& file) const { return folder_ + "/" + file.name; }

 private:
  result<std::vector<epoch_status>> list_epochs() const;
  epoch_status look_at(const std::string& name, epoch_status status) const;

  file_system* files_;
  std::string folder_;
};

}  // namespace freshet
