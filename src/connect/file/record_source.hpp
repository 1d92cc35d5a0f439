#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connect/file/file_set.hpp"
#include "connect/file/line_reader.hpp"
#include "connect/file/quote_scan.hpp"
#include "freshet/core/position.hpp"
#include "freshet/core/task_context.hpp"

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
  /// Looks the files up, and throws naming all that can't be read; but where the run keeps checkpoints that is left to
  /// `load` and `find`.
  record_source(file_names which, const settings& how, const task_context& context);

  /// The files are looked up.
  bool is_open() const { return files_.has_value(); }
  const file_set& files() const { return *files_; }
  /// What a run before this one has saved, and nothing: there was none. Then the files are looked up.
  void load(std::string_view saved);
  /// Looks the files up, for a run that goes on at `p`; false where they are.
  bool find(const position& p);
  /// What such a run needs to know, the first time, and then nothing.
  std::string save();
  /// False behind the last record of the last file.
  bool next(record& found);
  /// Throws range_lost where files behind it are gone, each once.
  void seek(const position& p);
  /// Polling goes on with this file.
  void begin(std::size_t file);
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
  void look_up(std::uint64_t offset);
  void move(cursor& c, std::uint64_t offset) const;
  std::uint64_t offset_of(std::size_t file, std::uint64_t byte) const {
    return line_spout::offset_of(files_->number(file), byte);
  }
  bool read(cursor& c, line_reader::line& line, record& found);
  void join_lines(cursor& c, line_reader::line& line, record& found);
  bool start_again();
  void end_again();
  [[noreturn]] void lose(const std::string& why) const;

  const file_names which_;
  settings how_;
  const partition_id partition_;
  const std::stop_token run_;
  std::optional<file_set> files_;
  known_files known_;  // until they are looked up
  bool saved_ = true;  // what is to be saved, if anything is
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
