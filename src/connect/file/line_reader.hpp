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
  };
  static constexpr std::uint64_t no_limit = ~std::uint64_t{0};

  explicit line_reader(const line_options& options) : options_(options) {}

  /// Goes on with this file from byte `at`, which begins a line, to `limit` or the file's end. Throws file_cut where
  /// there is no such byte.
  void start(int fd, const std::string& path, std::uint64_t at, std::uint64_t limit = no_limit);
  /// False at the end. Throws on a read error and on a line that is too long, and does so again when called again.
  bool next(line& found);
  /// The byte behind what `next` gave last.
  std::uint64_t where() const { return base_ + from_; }

 private:
  bool fill();
  line cut(const char* newline);
  [[noreturn]] void too_long() const;

  line_options options_;
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
};

}  // namespace freshet::file
