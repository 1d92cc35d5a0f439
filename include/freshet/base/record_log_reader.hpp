#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "freshet/base/file_system.hpp"
#include "freshet/base/result.hpp"

namespace freshet {

/// The end of a record_log's last file, where a record was not written whole. Opening the log cuts it off.
struct torn_tail {
  std::string path;         ///< of the file
  std::uint64_t from = 0;   ///< its first byte
  std::uint64_t bytes = 0;  ///< up to the end of the file
};

/// What the files of a record_log have.
struct record_log_extent {
  std::uint64_t first = 0, next = 0;  ///< the records [first, next)
  std::uint64_t bytes = 0;            ///< of all files
  std::optional<torn_tail> tail{};    ///< no damage: nobody was promised what is in it
};

/// Reads and checks a record_log, calls `visit` for each record, oldest first, and changes nothing, not even the lock:
/// so also one that a process writes to. What that has not yet written is not there, and a record that it is writing is
/// a tail.
///
/// Errors: what `record_log::open` calls damage, after the records before it; a retryable one where the log changed so
/// that the error may come of that: then it must be read again, from the start. Thread safe, as far as `visit` is.
result<record_log_extent> read_record_log(file_system& files, const std::string& folder,
                                          const std::function<void(std::uint64_t, std::string_view)>& visit);

}  // namespace freshet
