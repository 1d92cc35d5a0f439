#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

namespace freshet::file {

/// What a connector does with a file.
enum class file_use : std::uint8_t { reads, appends, rewrites };

/// The files that one connector of a run has open, known to the other connectors of that run by their inodes: so that a
/// run that would write over its own input is stopped before it has. Runs are told apart by their stop tokens; without
/// one (a connector used by itself) nothing is noted. Not thread safe; several may be used at once.
class file_claims {
 public:
  explicit file_claims(std::stop_token run) : run_(std::move(run)) {}
  file_claims(const file_claims&) = delete;
  file_claims& operator=(const file_claims&) = delete;
  ~file_claims();

  /// Throws std::runtime_error when the run uses the file in a way that doesn't go with this one. Anything but regular
  /// files is left out: reading and writing a pipe takes nothing away.
  void add(const struct stat& file, file_use use, const std::string& path);

 private:
  const std::stop_token run_;
  std::set<std::pair<dev_t, ino_t>> mine_;  ///< a file is claimed once, however many paths lead to it
};

}  // namespace freshet::file
