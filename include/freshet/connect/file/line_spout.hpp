#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/core/spout.hpp"

namespace freshet::file {

/// Settings of a line_spout.
struct line_options {
  /// A longer line is an error: what is one line of 100 GB is no text, and would take the memory of everything else.
  /// The largest number there is means no limit.
  std::size_t max_line_bytes = std::size_t{16} << 20;
  /// Bytes asked of the system at once. More than 256 KiB gains nothing: the cost of a call is spread by then. Above
  /// 64 MiB counts as 64 MiB.
  std::size_t buffer_bytes = std::size_t{256} << 10;
  /// Takes the "\r" of a "\r\n" off the line. Off for data whose lines may end in that byte.
  bool strip_carriage_return = true;
  /// Leaves out a byte order mark (UTF-8) at a file's beginning. Off for data that is bytes and not text.
  bool strip_byte_order_mark = true;
};

/// Emits the lines of files, in order, without their line ends; ends after the last. Lines are bytes: any byte but "\n"
/// may be in them. A byte order mark (UTF-8) at a file's beginning is left out; a last line without line end counts.
///     builder.spout("lines", freshet::file::line_spout{"/var/log/app/*.log"});
///
/// The path is a file, or a pattern of glob(7) where no file has that name. What a pattern matches is read in the
/// order of the names, a file with several names once; a list is read as it is given. Only regular files can be read.
/// They are looked up when the run starts: a file that is missing, a folder, not readable, or written by a sink of the
/// same run is an error then, with path and reason. What is written to a file after its end was reached is not seen:
/// nothing is followed.
///
/// Can read again. It has one partition, read by the spout's first task. The offset of a line is {number of the file
/// in the list (24 bits), byte in the file (40 bits)}, see `offset_of`; its position ends where the next line begins.
/// A file is known by its inode: another that took its name meanwhile is an error, a renamed one is still read (where
/// the spout has at most 256 files, which it keeps open). So is a read error, a line over `max_line_bytes`, and a file
/// that became shorter than a position that is asked for; each names file and byte. Lines that were emitted and are to
/// be read again from a file that was cut, removed or replaced are lost (`range_lost`, see
/// `spout_options::on_data_loss`) up to the next file. A file that was cut and has grown again can't be told from one
/// that was not.
///
/// A run with checkpoints keeps which file has which number, once a run and not with every epoch, so that the next one
/// may find others: files are known again by inode and their first 1024 bytes, also by another name that list or
/// pattern lead to (a rotated log), those that were not read yet by their name alone. They are read on in the order of
/// before; new ones come behind all of them, in the order of list or pattern. Files that were read may be gone. Lost,
/// and the business of `on_data_loss`, is the rest of the file that was being read, where it is gone, shorter, written
/// anew, or another has its name, and a file that is gone and was not read yet; what has the name of a lost file now is
/// new. A file that is still there and that the list no longer names is left out. So a copy of a file is another file,
/// and what was written to one after the run had gone on to the next is not seen by later runs either.
///
/// Not thread safe. Copies made before `open` are independent.
class line_spout {
 public:
  explicit line_spout(std::string path_or_pattern, line_options options = {});
  /// Throws std::invalid_argument for an empty list.
  explicit line_spout(std::vector<std::string> paths, line_options options = {});

  /// Throws std::system_error or std::runtime_error naming what can't be read.
  void open(const task_context& context);
  void close();
  std::vector<std::string> partitions() const;
  poll_status poll(spout_emitter<std::string>& out);
  void read(const position_range& range, spout_emitter<std::string>& out);
  void seek(const position& p);
  void commit(const position&) {}
  /// Which files have which numbers, the first time, and then nothing: that stays.
  std::string save(partition_id);
  void load(partition_id, std::string_view saved);

  /// How a place is written as an offset.
  static constexpr std::uint64_t offset_of(std::uint64_t file, std::uint64_t byte) { return file << byte_bits | byte; }
  static constexpr std::uint64_t file_of(std::uint64_t offset) { return offset >> byte_bits; }
  static constexpr std::uint64_t byte_of(std::uint64_t offset) { return offset & (max_file_bytes - 1); }
  static constexpr unsigned byte_bits = 40;
  static constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << byte_bits;
  static constexpr std::uint64_t max_files = std::uint64_t{1} << (64 - byte_bits);

 private:
  struct reading;
  std::vector<std::string> paths_;
  bool pattern_ = false;
  line_options options_;
  std::shared_ptr<reading> reading_;  // while open
};

}  // namespace freshet::file
