#pragma once
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "connect/file/file_set.hpp"
#include "connect/file/line_reader.hpp"
#include "connect/file/quote_scan.hpp"
#include "freshet/core/position.hpp"

namespace freshet::file {

/// One record as it stands in its file: a line, or several where quotes hold them together.
struct record {
  enum class defect : std::uint8_t {
    none,
    too_long,    ///< the line alone is longer than allowed: `text` is its beginning
    open_quote,  ///< a quote isn't closed before the end of the file: this is its first line only
    far_quote,   ///< nor within the bytes allowed: likewise
  };
  std::string_view text;  ///< without line end; valid until the next record
  position at;
  std::size_t file = 0;
  std::uint64_t begin = 0;  ///< byte in the file
  std::uint64_t line = 0;   ///< number of its first line, from 1; 0: not counted
  defect what = defect::none;
};

/// Files cut into records, one after the other: for the spouts that emit them. Polling and reading again don't disturb
/// each other. Positions, and all that may be wrong with files, are those of line_spout. Not thread safe.
class record_source {
 public:
  struct settings {
    line_options lines;
    line_reader::long_line long_lines = line_reader::long_line::refused;
    std::optional<quote_scan> quotes{};  ///< where a line end within quotes ends no record
  };
  /// Throws naming all files that can't be read.
  record_source(const std::vector<std::string>& paths, const settings& how, std::stop_token run);

  partition_id partition = 0;
  const file_set& files() const { return files_; }
  /// False behind the last record of the last file.
  bool next(record& found);
  void seek(const position& p);
  /// Polling begins anew.
  void restart();
  /// The next `next_again` begins with the first record of the range.
  void again(const position_range& range);
  /// False at the end of the range. Throws range_lost where some of it is gone.
  bool next_again(record& found);
  /// The line on which a record begins. Counts from the file's beginning, or from the record asked for before.
  std::uint64_t line_of(const record& r);

 private:
  struct cursor {
    explicit cursor(const settings& how) : reader(how.lines, how.long_lines) {}
    line_reader reader;
    descriptor fd;
    std::size_t file = 0;
    std::uint64_t byte = 0;  // where in it
    std::uint64_t line = 0;  // its number; 0: not known
    bool started = false;
    bool hit_end = false;  // a quote was looked for up to the end
  };
  bool read(cursor& c, line_reader::line& line, record& found);
  void join_lines(cursor& c, line_reader::line& line, record& found);
  bool start_again();
  void end_again();
  [[noreturn]] void lose(const std::string& why) const;

  settings how_;
  file_set files_;
  cursor polled_, again_;
  std::vector<std::uint64_t> ends_;  // where polling found the end of each file
  position_range range_;
  std::uint64_t to_ = 0;  // in the file that is read again
  struct {
    std::size_t file = 0;
    std::uint64_t byte = 0, line = 1;
  } counted_;
};

}  // namespace freshet::file
