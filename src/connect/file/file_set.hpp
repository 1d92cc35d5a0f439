#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "connect/file/file_claims.hpp"
#include "connect/file/known_files.hpp"

namespace freshet::file {

/// Throws std::system_error: `cannot open "a.txt": No such file or directory`.
[[noreturn]] void throw_system_error(int error_number, const std::string& doing, const std::string& path);
/// Throws std::runtime_error: `"a.txt" at byte 17: ...`.
[[noreturn]] void throw_at(const std::string& path, std::uint64_t byte, const std::string& what);

/// A file that was there when the run started is no more, or another has its name.
class file_gone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a spout is to read.
struct file_names {
  std::vector<std::string> paths;
  bool pattern = false;  ///< one path or pattern, and not a list
};

/// The files of a line_spout, each known by its inode from when the set was made, in the order of their numbers.
class file_set {
 public:
  /// Looks the files up, for the run whose token is given, and numbers them from 0. Throws naming all that can't be
  /// read, and a file that the run writes.
  explicit file_set(const file_names& which, std::stop_token run = {});
  /// The same for a run that keeps checkpoints and goes on at `offset`: files that are known have the numbers they had,
  /// see `recognise`. A path that leads nowhere is no error where it is that of a known file.
  file_set(const file_names& which, std::stop_token run, const known_files& known, std::uint64_t offset);
  /// What a path or pattern stands for, in the order of the names, no file twice.
  static std::vector<std::string> expand(const std::string& path_or_pattern, bool may_be_none = false);

  std::size_t size() const { return files_.size(); }
  const std::string& path(std::size_t file) const { return files_[file].path; }
  /// In positions; ascending, and with gaps where files are gone.
  std::uint64_t number(std::size_t file) const { return files_[file].number; }
  /// The file that has this number, or the next behind it; `size()` where there is none.
  std::size_t with_number(std::uint64_t number) const;
  /// A descriptor of the file; `spare` owns it where the file is not kept open. Throws file_gone when the file is gone
  /// or another.
  int open(std::size_t file, descriptor& spare) const;

  /// What the run needs to know that goes on behind this one. REQUIRES: the set is of a run that keeps checkpoints.
  known_files known() const;
  /// The first files at or behind `offset` that are lost; each once.
  std::optional<lost_files> take_lost(std::uint64_t offset);

 private:
  /// So many stay open: renaming them hurts nobody then, and few processes may open less than 1024.
  static constexpr std::size_t kept_open = 256;
  struct entry {
    std::string path;
    dev_t device{};
    ino_t inode{};
    std::uint64_t number = 0, size = 0;
    file_beginning begins{};
    descriptor fd{};
  };
  class inode_index;
  std::vector<found_file> find(const std::vector<std::string>& paths, const known_files* known);
  void keep_open(std::uint64_t from);

  std::vector<entry> files_;
  std::uint64_t next_ = 0;
  std::vector<known_file> not_there_;
  std::vector<lost_files> lost_;
  file_claims claims_;
};

}  // namespace freshet::file
