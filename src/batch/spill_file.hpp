#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "freshet/base/file_system.hpp"

namespace freshet {

/// The file of one run for blocks that memory has no room for: scratch, never synced, emptied with every batch and
/// removed at the end. It is "spill-<n>.blocks" in the folder, where n is the first number whose lock,
/// "spill-<n>.lock", nobody has: so runs share a folder, also those of other processes, and what a process left that
/// died is removed by the next run. (The locks' files, of some bytes, stay: a lock that is removed can be had twice.)
/// Thread safe, `clear` apart. Invariant: the file ends where the last block does, or it is given up.
class spill_file {
 public:
  /// Where a block is.
  struct place {
    std::uint64_t offset = 0, size = 0, checksum = 0;
  };

  /// Begins a file in a folder, which is made where it isn't there, and removes those of dead processes. It gets no
  /// longer than `most_bytes`. The files must outlive it.
  static result<std::unique_ptr<spill_file>> open(file_system& files, const std::string& folder,
                                                  std::uint64_t most_bytes);
  spill_file(const spill_file&) = delete;
  spill_file& operator=(const spill_file&) = delete;
  ~spill_file();

  /// Behind what is there. An error (no room, a device that fails) leaves the file as it was; where even that fails, it
  /// is given up, and every later call says the same.
  result<place> write(std::string_view bytes);
  /// What was written there. An error where it can't be read, or isn't what was written.
  result<std::string> read(const place& at) const;
  /// Nobody reads any of it any more: empty again. REQUIRES: nobody else uses it.
  void clear();

 private:
  spill_file(file_system& files, std::string path, std::unique_ptr<file_lock> lock, std::uint64_t most_bytes);
  result<void> begin();

  file_system& files_;
  const std::string path_;
  const std::uint64_t most_bytes_;
  std::unique_ptr<file_lock> lock_;  ///< until the file is gone
  std::unique_ptr<read_file> reads_;
  std::mutex mutex_;  ///< guards what follows: one append at a time
  std::unique_ptr<append_file> file_;
  std::optional<error> given_up_;
};

}  // namespace freshet
