#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "freshet/connect/file/line_spout.hpp"

namespace freshet::file {

/// A file is shorter than it was.
class file_cut : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Cuts an open file into lines. Not thread safe.
class line_reader {
 public:
  struct line {
    std::string_view text;    ///< without line end, mark and "\r"; valid until the next call
    std::uint64_t begin = 0;  ///< byte in the file, of the mark or the first character
    std::uint64_t end = 0;    ///< byte behind the line end
    bool ended = false;       ///< there was a line end
    bool too_long = false;    ///< `text` is the beginning only
  };
  /// What becomes of a line that is longer than `max_line_bytes`.
  enum class long_line : std::uint8_t { refused, cut };
  /// What `join` did.
  enum class joined : std::uint8_t { line, at_end, too_long };
  static constexpr std::uint64_t no_limit = ~std::uint64_t{0};

  explicit line_reader(const line_options& options, long_line then = long_line::refused)
      : options_(options), long_line_(then) {}

  /// Goes on with this file from byte `at`, which begins a line, to `limit` or the file's end. Throws file_cut where
  /// there is no such byte.
  void start(int fd, const std::string& path, std::uint64_t at, std::uint64_t limit = no_limit);
  /// False at the end. Throws on a read error and on a line that is too long where those are refused, and does so again
  /// when called again.
  bool next(line& found);
  /// Makes the line that was found last longer by the one behind it; what is between them stays in its text. Otherwise
  /// leaves it as it was, and as if it had just been found: there is no further line, or both are too long together.
  joined join(line& found);
  /// Goes back to the end of a line that others have been joined to. REQUIRES: nothing was found since.
  void back_to_end_of(const line& first) { from_ = searched_ = static_cast<std::size_t>(first.end - base_); }
  /// The byte behind what `next` gave last.
  std::uint64_t where() const { return base_ + from_; }
  /// So far it has read; the file has ended there, if that is before the limit.
  std::uint64_t read_to() const { return base_ + filled_; }

 private:
  const char* find_line_end();
  bool fill();
  line cut(const char* newline);
  void skip_rest(line& found);
  [[noreturn]] void too_long() const;

  line_options options_;
  long_line long_line_;
  int fd_ = -1;
  const std::string* path_ = nullptr;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t from_ = 0;      // the line being looked for begins here
  std::size_t searched_ = 0;  // no line end before here
  std::size_t filled_ = 0;
  std::uint64_t base_ = 0;  // the byte that buffer_[0] is
  std::uint64_t limit_ = no_limit;
  bool at_end_ = false;
  std::string beginning_;  // of a line that was cut
};

}  // namespace freshet::file
