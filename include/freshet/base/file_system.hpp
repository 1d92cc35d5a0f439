#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/result.hpp"

// The one seam between everything that must survive a crash and the files it is kept in. Errors say what was wanted of
// which path, and what the system said. Paths are as the system takes them.
namespace freshet {

/// A file that grows at its end. Its destructor closes it and tells nobody what fails: `close` is for that. Used by one
/// thread at a time.
class append_file {
 public:
  virtual ~append_file();
  /// Writes all bytes behind the others. After a failure it is unknown how many of them are there: `cut` back to a size
  /// that is known, or give the file up.
  virtual result<void> append(std::string_view bytes) = 0;
  /// All that was appended is on the device when it returns. A failure is final: the system may have dropped the bytes
  /// and forgotten that they were ever there, so every later `sync` fails, too (see Rebello et al., "Can Applications
  /// Recover from fsync Failures?", ATC 2020). What was not on the device before counts as lost.
  virtual result<void> sync() = 0;
  /// Leaves the first `size` bytes. REQUIRES: size <= this->size()
  virtual result<void> cut(std::uint64_t size) = 0;
  /// Bytes that are in it, as far as is known.
  virtual std::uint64_t size() const = 0;
  virtual result<void> close() = 0;
};

/// A file that is read anywhere. Thread safe.
class read_file {
 public:
  virtual ~read_file();
  /// Up to `n` bytes from `offset` on into `to`; fewer only at the end of the file.
  virtual result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) const = 0;
  virtual result<std::uint64_t> size() const = 0;
};

/// Nobody else has the lock while it lives.
class file_lock {
 public:
  virtual ~file_lock();
};

/// What a folder contains.
struct folder_entry {
  std::string name;  ///< within the folder
  bool is_folder = false;
  std::uint64_t size = 0;  ///< in bytes, of a file
};

/// The files of a system, or of a simulated one. Thread safe.
/// Durability, as POSIX has it: the bytes of a file are safe once it was synced, and its name (made, changed by
/// `rename` or gone by `remove`) once its folder was.
class file_system {
 public:
  virtual ~file_system();
  /// Whether its paths are those of this machine, so that others can use its files: a database, say.
  virtual bool is_of_this_machine() const { return false; }

  /// A new, empty file; where there is one already, an error.
  virtual result<std::unique_ptr<append_file>> create(const std::string& path) = 0;
  /// A file that is there, to be appended to.
  virtual result<std::unique_ptr<append_file>> open_to_append(const std::string& path) = 0;
  virtual result<std::unique_ptr<read_file>> open(const std::string& path) = 0;

  /// Replaces what has the name `to`, in one step. Within one device.
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;
  /// A second name for a file: none of its bytes are written again. Where the name `to` is taken, an error.
  virtual result<void> link(const std::string& from, const std::string& to) = 0;
  /// A file, or an empty folder.
  virtual result<void> remove(const std::string& path) = 0;
  /// With the folders above it; fine where it is there already. (`make_folder` makes its name safe, too.)
  virtual result<void> create_folder(const std::string& path) = 0;
  /// What is in a folder, by name.
  virtual result<std::vector<folder_entry>> list(const std::string& path) = 0;
  virtual result<bool> exists(const std::string& path) = 0;
  /// The names in a folder are on the device when it returns. A failure is final, as that of a file.
  virtual result<void> sync_folder(const std::string& path) = 0;
  /// Takes the lock of a file, which is made where it isn't there, and left there. Where somebody else has it, in this
  /// process or another, an error that names it and the process.
  virtual result<std::unique_ptr<file_lock>> lock(const std::string& path) = 0;
};

/// The files of this machine.
file_system& system_files();

/// All bytes of a file.
result<std::string> read_whole(file_system&, const std::string& path);
/// A file of these bytes, whole and on the device, or none: it gets its name when it is complete. Replaces a file of
/// that name. A crash may leave a file of that name with `unfinished_suffix` behind it.
result<void> write_whole(file_system&, const std::string& path, std::string_view bytes);
inline constexpr std::string_view unfinished_suffix = ".unfinished";
/// A folder with those above it, and their names on the device; fine where it is there already.
result<void> make_folder(file_system&, const std::string& path);
/// A folder with everything in it, or a file; fine where there is none.
result<void> remove_all(file_system&, const std::string& path);

/// The failure of a call of the system, `errno` being `code`: "cannot sync \"/data/7.log\": No space left on device".
error system_error(int code, std::string_view what, const std::string& path);
/// That of a sync: fatal, and not retryable whatever the code.
error sync_error(int code, std::string_view what, const std::string& path);

}  // namespace freshet
