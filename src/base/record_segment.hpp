#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "freshet/base/file_system.hpp"
#include "freshet/base/result.hpp"

// The files of a record_log. A segment is a head, then records; all numbers are little-endian.
//     head    8 bytes "freshlog"; u32 version; u32 zero; u64 index of the first record; u64 checksum of these 24 bytes
//     record  u64 checksum of all that follows; u32 length; u32 records before it that were not yet on the device when
//     it
//             was appended; u64 index; its bytes
// Checksums are `hash_bytes`. Every version keeps the head, so that it is told from damage.
namespace freshet {

inline constexpr std::uint32_t record_segment_version = 1;
inline constexpr std::size_t segment_head_bytes = 32;
inline constexpr std::size_t record_head_bytes = 24;

/// The file's name: "00000000000000000042.log"; and the index in such a name.
std::string segment_name(std::uint64_t first);
std::optional<std::uint64_t> index_in_segment_name(std::string_view name);

std::string segment_head(std::uint64_t first);
/// Appends a record to a buffer. `synced`: those below are on the device.
void put_record(std::string& buffer, std::uint64_t index, std::uint64_t synced, std::string_view bytes);

/// A record as it lies in a file or a buffer.
struct record_view {
  std::uint64_t index = 0;
  std::uint64_t synced = 0;  ///< those below were on the device when it was appended
  std::string_view bytes{};
  std::size_t size() const { return record_head_bytes + bytes.size(); }
};
/// The one that `from` begins with, if there is one and it is not damaged.
std::optional<record_view> record_at(std::string_view from);

/// Reads a segment, record by record.
class segment_reader {
 public:
  /// Checks the head. `size`: of the file, as far as it is to be read; none: all of it.
  static result<segment_reader> open(file_system& files, const std::string& path, std::uint64_t first,
                                     std::optional<std::uint64_t> size = std::nullopt);

  enum class step : std::uint8_t { record, end, damaged };
  /// The next record, valid until the next call. After `damaged` it stands where the damage begins.
  result<step> next();
  const record_view& record() const { return record_; }

  std::uint64_t offset() const { return offset_; }  ///< of what comes next, in the file
  std::uint64_t next_index() const { return next_index_; }
  std::uint64_t size() const { return size_; }

  /// Fine where the damage that it stands at may be a tail that was being written when the power failed; otherwise an
  /// error that says why it is more than that. Any sectors of such a tail may be missing, so intact records behind the
  /// damage prove nothing by themselves: they do where one of them says that the damaged one had been on the device,
  /// and where no sector that was never written, which reads as zeros, explains the damage.
  result<void> torn() const;
  /// An error that names the place where it stands, and the way out.
  error damage(const std::string& why) const;

 private:
  segment_reader(std::unique_ptr<read_file> file, std::string path, std::uint64_t first, std::uint64_t size);
  /// The next `n` bytes. REQUIRES: n <= size_ - offset_
  result<std::string_view> look(std::size_t n);

  std::unique_ptr<read_file> file_;
  std::string path_;
  std::uint64_t next_index_;
  std::uint64_t size_;
  std::uint64_t offset_ = segment_head_bytes;
  std::string window_;  // of the file
  std::uint64_t window_offset_ = 0;
  record_view record_;
};

/// How a segment ends.
struct segment_end {
  std::uint64_t next = 0;   ///< index of the record behind its last
  std::uint64_t whole = 0;  ///< bytes up to there
  std::uint64_t size = 0;   ///< of the file: what is more than `whole` is a torn tail
};
using record_visit = std::function<void(std::uint64_t index, std::string_view bytes)>;
/// Reads and checks all of a segment that begins with record `first`, as its name says, and should with `expected`.
/// `visit` may be empty. Only the last of a log may have a torn tail.
result<segment_end> read_segment(file_system& files, const std::string& path, std::uint64_t first,
                                 std::uint64_t expected, bool is_last, const record_visit& visit);

/// What is wrong with a log, of an error's message that says what to do, too: for those who know something better than
/// to cut it.
std::string without_way_out(const std::string& damage);

}  // namespace freshet
