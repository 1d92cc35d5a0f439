#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What the positions of a spout over files stand on: which file had which number. It is kept beside them.
namespace freshet::file {

/// The first bytes of a file, told by their hash: what they are does not change while a file only grows.
struct file_beginning {
  std::uint64_t bytes = 0, hash = 0;
  friend bool operator==(const file_beginning&, const file_beginning&) = default;
};
/// So many are looked at: more than what all files of a kind begin with, and one page of the device all the same.
inline constexpr std::size_t beginning_bytes = 1024;

struct known_file {
  std::uint64_t number = 0;  ///< in positions
  std::string path{};
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;  ///< when it was looked up: what came to it later may be read as well
  file_beginning begins{};
  friend bool operator==(const known_file&, const known_file&) = default;
};

/// Those of a spout, by number. Numbers of files that were read and are gone are missing, and are never given again.
struct known_files {
  std::uint64_t next = 0;  ///< number of the next one that comes to them
  std::vector<known_file> files{};
  friend bool operator==(const known_files&, const known_files&) = default;
};

std::string encode(const known_files& known);
/// What `encode` wrote. Throws std::runtime_error for anything else.
known_files decode_known_files(std::string_view bytes);

/// A file that a spout's paths lead to now.
struct found_file {
  std::string path{};
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;
  bool missing = false;              ///< a path of a list that leads nowhere
  std::vector<std::size_t> alike{};  ///< of the known files with this inode: those that begin with the same bytes
};

/// Files that positions lead to, and that can't be read any more, up to the next that can.
struct lost_files {
  std::uint64_t from = 0;  ///< the offset from which on something is lost
  std::uint64_t end = 0;   ///< number of the file behind the last
  std::string why{};
};

/// The known files among those that are found now.
struct recognised_files {
  static constexpr std::size_t nowhere = ~std::size_t{0};
  /// By found file: its number; `nowhere` for a path that leads nowhere, and for what is behind the position and
  /// shorter than it.
  std::vector<std::uint64_t> numbers{};
  std::uint64_t next = 0;  ///< behind all of them
  /// Known ones that can't be read and are to be known all the same: their paths are still asked for.
  std::vector<known_file> not_there{};
  std::vector<lost_files> lost{};  ///< in order
};

/// Finds the known files for a run that goes on at `offset`. A file is known by inode and beginning, wherever it was
/// moved (and where the device has another number, by its path besides); where nothing of it was read yet, its path is
/// enough. Everything else is new, behind all that is known, in the order in which it was found.
///
/// Lost is what is not found and was not read to the end, or not at all: but where a file is still at its path, and the
/// spout's paths just don't lead there any more, somebody wanted that (`left_out`), and it is passed over.
recognised_files recognise(const known_files& known, const std::vector<found_file>& found, std::uint64_t offset,
                           bool (*left_out)(const known_file&));

}  // namespace freshet::file
