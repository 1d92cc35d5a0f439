#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/connect/file/json_reader.hpp"
#include "freshet/connect/file/text_value.hpp"
#include "freshet/core/position.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::file {

/// Settings of a json_spout.
struct json_options {
  /// The members that the fields of the struct are read from, in the order of the fields. Empty: the struct's own
  /// `field_names`; a struct without any is read from arrays.
  std::vector<std::string> fields = {};
  /// How times are written; empty: ISO 8601.
  time_formats times = {};
  /// A longer line is malformed: what is one line of 100 GB is no record. As in line_options.
  std::size_t max_line_bytes = std::size_t{16} << 20;
  std::size_t buffer_bytes = std::size_t{256} << 10;  ///< as in line_options
};

/// The part of a json_spout that needs no type: lines of files, and where in them something is wrong. Not thread safe.
class json_lines {
 public:
  /// Throws what `line_spout::open` does.
  json_lines(const std::vector<std::string>& paths, bool pattern, const json_options& options,
             const task_context& context);
  ~json_lines();

  bool next();
  void seek(const position& p);
  std::string save();
  void load(std::string_view saved);
  void again(const position_range& range);
  bool next_again();

  // The line that was found last; valid until the next.
  const position& at() const;
  std::string_view bytes() const;
  /// Only its beginning was read.
  bool too_long() const;
  /// At the line's beginning.
  json_reader& reader();
  /// What the reader says is wrong, with file, line and column; or that the line is too long.
  std::string problem() const;

 private:
  struct state;
  bool take();
  std::unique_ptr<state> state_;
};

}  // namespace freshet::file
