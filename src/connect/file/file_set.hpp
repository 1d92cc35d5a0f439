#pragma once
#include <sys/types.h>

#include <cstdint>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "connect/file/file_claims.hpp"

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

/// The files of a line_spout, each known by its inode from when the set was made.
class file_set {
 public:
  /// The paths as they are, read by the run whose token is given. Throws naming all that can't be read, and a file that
  /// the run writes.
  explicit file_set(const std::vector<std::string>& paths, std::stop_token run = {});
  /// What a path or pattern stands for, in the order of the names, no file twice.
  static std::vector<std::string> expand(const std::string& path_or_pattern);

  std::size_t size() const { return files_.size(); }
  const std::string& path(std::size_t file) const { return files_[file].path; }
  /// A descriptor of the file; `spare` owns it where the file is not kept open. Throws file_gone when the file is gone
  /// or another.
  int open(std::size_t file, descriptor& spare) const;

 private:
  /// So many stay open: renaming them hurts nobody then, and few processes may open less than 1024.
  static constexpr std::size_t kept_open = 256;
  struct entry {
    std::string path;
    dev_t device{};
    ino_t inode{};
    descriptor fd;
  };
  std::vector<entry> files_;
  file_claims claims_;
};

}  // namespace freshet::file
