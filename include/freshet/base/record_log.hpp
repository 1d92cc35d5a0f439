#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/base/log.hpp"
#include "freshet/base/result.hpp"

namespace freshet {

/// The settings of a record_log.
struct record_log_options {
  /// A file is closed and the next begun before it gets longer, unless one record alone does. What is dropped goes by
  /// whole files, so this is also how much is kept in vain; and each file costs three syncs.
  std::uint64_t segment_bytes = 64 << 20;
  /// Where a repair is told, as a warning.
  logger log{stderr_log(log_level::warning), log_level::warning};
};

/// A log of records in a folder, for what must survive a crash: bytes with consecutive indices, from 0 on. It is kept
/// in segments, files named by the index of their first record. Each record has a checksum over its index, its length
/// and its bytes, and says how far the log was on the device when it was appended.
///     auto log = freshet::record_log::open(system_files(), "/data/journal");
///     for (auto each : {"one", "two"})
///       if (auto index = (*log)->append(each); !index) return index.error();
///     if (auto safe = (*log)->sync(); !safe) return safe;  // both are on the device, or neither is promised
///
/// What holds after a crash: the log opens, and has every record that a successful `sync` covered, perhaps some of
/// those behind, and never one without all before it. A tail that was written in part is cut off, with a warning.
/// Damage to the very last records looks the same and goes the same way; no log can tell the two apart (Alagappan et
/// al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018). Anything else that is damaged or missing is
/// an error that says where; nothing is changed then.
///
/// Locks its folder against others. Used by one thread at a time. The files must outlive it. Its destructor writes
/// nothing: what was not flushed is lost.
class record_log {
 public:
  /// The longest record, in bytes.
  static constexpr std::uint64_t max_record_bytes = std::uint64_t{1} << 30;

  /// Opens the log in a folder, or begins one there. All of it is read and checked. What it holds then is on the
  /// device, also what another process has only written.
  static result<std::unique_ptr<record_log>> open(file_system& files, std::string folder,
                                                  record_log_options options = {});
  record_log(const record_log&) = delete;
  record_log& operator=(const record_log&) = delete;
  ~record_log();

  /// Takes a record into memory; returns its index. An error says that it was not taken, because no more could be
  /// written; where it is retryable (a full device), the same call may succeed later.
  result<std::uint64_t> append(std::string_view bytes);
  /// All that was appended is written: it survives the process, not yet the system. After an error nothing is lost but
  /// what `error::fatal` says; then the log must be opened anew.
  result<void> flush();
  /// Records that are in memory alone are forgotten, and their indices given anew: after a `flush` that failed, where
  /// whoever appended them is told that they are not there.
  void take_back_unwritten() noexcept;
  /// All that was appended is on the device: one write and one sync, however many records. A failed sync is fatal, and
  /// what it should have covered is given up.
  result<void> sync();

  /// The oldest record that is there; `next()` where none is.
  std::uint64_t first() const noexcept;
  /// The index that the next record will get.
  std::uint64_t next() const noexcept { return next_; }
  /// Records below are on the device.
  std::uint64_t synced() const noexcept { return synced_; }
  /// In files and in memory.
  std::uint64_t bytes() const noexcept;

  /// Calls `visit` for the records from `from` on, until it returns false; also for those that are not yet written. It
  /// must not use the log. An error where `from` is below first() or above next().
  result<void> read(std::uint64_t from, const std::function<bool(std::uint64_t, std::string_view)>& visit) const;
  /// Removes the segments in which all records are below `index`, but for the last. After a crash they may be back.
  result<void> drop_before(std::uint64_t index);

 private:
  struct segment {
    std::string path;
    std::uint64_t first = 0;  ///< index of its first record
    std::uint64_t size = 0;   ///< in bytes, as far as it is written
  };

  record_log(file_system& files, std::string folder, record_log_options options);
  result<void> recover();
  result<void> find_segments();
  result<void> check_segment(segment& each);
  result<void> open_last();
  result<void> begin_segment();
  result<void> roll();
  /// From now on every call fails.
  error give_up(error why);

  file_system& files_;
  const std::string folder_;
  const record_log_options options_;
  std::unique_ptr<file_lock> lock_;
  std::vector<segment> segments_;      ///< in order, without holes; the last is appended to
  std::unique_ptr<append_file> file_;  ///< the last
  std::string buffer_;                 ///< records that are not written yet; they go to the last
  std::uint64_t next_ = 0;
  std::uint64_t synced_ = 0;
  std::uint64_t synced_size_ = 0;  ///< of the last segment
  bool rolling_ = false;           ///< the next record belongs to a new segment, which may be there already
  std::optional<error> failed_;
  std::uint64_t written_ = 0;  ///< records below are in files
};

}  // namespace freshet
