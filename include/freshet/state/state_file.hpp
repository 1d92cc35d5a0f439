#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/state/checkpoint_manifest.hpp"

// The file format of the states of key groups: each group's bytes in a row, then an index with their lengths and
// checksums, so that any of them can be read alone.
namespace freshet {

namespace detail {
/// The bytes of one group within a state file.
struct group_extent {
  std::uint32_t group = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};
}  // namespace detail

/// Writes a state file, group after group, in any order. Made by a `checkpoint_writer`; used by one thread at a time,
/// and never waits for the device but in `sync`. After a failure every call fails alike.
class state_file_writer {
 public:
  /// REQUIRES: `file`, which is called `name`, is empty; `kind` is full or delta.
  state_file_writer(std::unique_ptr<append_file> file, std::string name, state_file_kind kind, key_group_range groups);
  state_file_writer(const state_file_writer&) = delete;
  state_file_writer& operator=(const state_file_writer&) = delete;

  /// The states of a group. A group without any may be left out. REQUIRES: the group is one of the file's and was not
  /// added before; not finished.
  result<void> add(std::uint32_t group, std::string_view bytes);
  /// Writes the index. Gives what a manifest lists. REQUIRES: not finished.
  result<state_file> finish();
  /// What was finished is on the device when it returns; an error where it was not.
  result<void> sync();

  const std::string& name() const { return written_.name; }

 private:
  result<void> append(std::string_view bytes);

  const std::unique_ptr<append_file> file_;
  state_file written_;
  std::vector<detail::group_extent> index_;
  std::string buffer_;  // small groups become one write
  std::uint64_t end_ = 0;
  bool is_finished_ = false;
  std::optional<error> failure_;
};

/// Reads what state_file_writer wrote. Thread safe.
class state_file_reader {
 public:
  /// Errors: the file is missing, or neither as long as the manifest says nor has the index that belongs to it.
  static result<state_file_reader> open(file_system& files, const std::string& folder, const state_file& listed);

  state_file_kind kind() const { return listed_.kind; }
  key_group_range groups() const { return listed_.groups; }
  /// The bytes of a group, nothing where the file has none.
  result<std::optional<std::string>> read(std::uint32_t group) const;
  /// Reads every group and throws it away: the first that is damaged is the error.
  result<void> verify() const;
  /// How many bytes it has of each group, in order.
  const std::vector<detail::group_extent>& extents() const { return index_; }

 private:
  state_file_reader(std::unique_ptr<read_file> file, std::string path, state_file listed);
  result<void> read_index();
  result<void> check_groups() const;
  result<std::string> read_at(std::uint64_t offset, std::uint64_t size) const;
  result<std::string> read_extent(const detail::group_extent& extent) const;

  std::unique_ptr<read_file> file_;
  std::string path_;
  state_file listed_;
  std::vector<detail::group_extent> index_;  // by group
};

/// The checksum of a file that is no state file: of the checksums of its pieces of 1 MiB, so that it takes no more
/// memory than one.
result<std::uint64_t> checksum_of_file(file_system& files, const std::string& path);

/// Whether a file is there, as long as the manifest says and, where it is a state file, with the index that belongs to
/// it. Reads a few KiB.
result<void> check_state_file(file_system& files, const std::string& folder, const state_file& listed);
/// The same with every byte.
result<void> verify_state_file(file_system& files, const std::string& folder, const state_file& listed);

}  // namespace freshet
