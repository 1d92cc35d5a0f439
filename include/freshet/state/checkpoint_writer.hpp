#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/state/checkpoint_manifest.hpp"
#include "freshet/state/state_file.hpp"

namespace freshet {

/// The state files of one epoch while they are written. Made by `checkpoint_directory::begin`; thread safe: each task
/// adds files of its own. What was added is gone again unless the epoch is prepared.
class checkpoint_writer {
 public:
  checkpoint_writer(file_system& files, std::string folder, std::uint64_t epoch, std::uint64_t attempt);
  checkpoint_writer(const checkpoint_writer&) = delete;
  checkpoint_writer& operator=(const checkpoint_writer&) = delete;
  ~checkpoint_writer();

  std::uint64_t epoch() const { return epoch_; }
  /// A new file for the states of these groups of a node. It must be finished before the epoch is prepared. An error
  /// where the epoch was abandoned meanwhile, or the file can't be made.
  result<std::shared_ptr<state_file_writer>> add_states(state_file_kind kind, key_group_range groups);
  /// Adds a file of a state store by a second name: none of its bytes are written again, but each is read, for its
  /// checksum. Where it is of another file system, it is copied. `store_name` is what the store wants to find it by.
  /// The store must never change it from then on.
  result<state_file> link(const std::string& path, key_group_range groups, std::string store_name);

 private:
  friend class checkpoint_directory;
  result<std::string> next_name(state_file_kind kind);
  /// Everything that was added is on the device. REQUIRES: all is finished.
  result<void> sync();
  std::set<std::string> names() const;
  /// The files, whose names it gives, are no longer its own; nothing can be added from then on.
  std::set<std::string> close();
  /// The same, and they are removed.
  void discard();

  file_system& files_;
  const std::string folder_;
  const std::uint64_t epoch_, attempt_;
  mutable std::mutex mutex_;
  bool is_closed_ = false;
  std::set<std::string> names_;
  std::vector<std::shared_ptr<state_file_writer>> states_;
};

}  // namespace freshet
