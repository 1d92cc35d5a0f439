#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/connect/file/text_value.hpp"
#include "freshet/core/position.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::file {

/// A column of a file: its name in the header, or its number from 1.
class csv_column {
 public:
  csv_column(std::string name) : name_(std::move(name)) {}  // NOLINT: lists of names are to be written as such
  csv_column(std::string_view name) : name_(name) {}
  csv_column(const char* name) : name_(name) {}
  csv_column(int number);  ///< throws std::invalid_argument below 1

  const std::string& name() const { return name_; }  ///< empty: it has a number
  std::size_t number() const { return number_; }     ///< 0: it has a name

 private:
  std::string name_;
  std::size_t number_ = 0;
};

/// Settings of a csv_spout.
struct csv_options {
  /// Where the fields of the struct are found, in their order: {"id", "price"} by the names of the header, in whichever
  /// order that has them, or {1, 4} by number. Other columns are skipped. Empty: by the struct's `field_names`, where
  /// it has them, else the first column is the first field and so on, and a row has as many columns as the struct
  /// fields.
  std::vector<csv_column> columns = {};
  /// Each file begins with a row of names. Always, where columns are named; where they are not, that row is left out.
  bool header = false;
  char separator = ',';
  char quote = '"';
  /// Lines that begin with this character are left out; 0: there are none.
  char comment = '\0';
  /// Unquoted fields with one of these texts count as empty, besides those without text: {"NA", "\\N"}.
  std::vector<std::string> nulls = {};
  /// How times are written; empty: ISO 8601.
  time_formats times = {};
  /// Rows may have more or fewer columns than the header (without one: the struct). What is missing counts as empty,
  /// what is too much is skipped. Off: a separator too many would move values into their neighbours.
  bool ragged = false;
  /// A longer row is malformed, and so bounds its fields: a quote that isn't closed would take the rest of the file
  /// into memory. 1 MiB is far above what rows have, and is read in a millisecond.
  std::size_t max_row_bytes = std::size_t{1} << 20;
  std::size_t buffer_bytes = std::size_t{256} << 10;  ///< as in line_options
};

/// The part of a csv_spout that needs no type: rows of files, cut into fields. Not thread safe.
class csv_rows {
 public:
  struct field {
    std::string_view text;   ///< without quotes
    std::size_t offset = 0;  ///< in the row
    bool quoted = false;
  };
  /// What the spout knows of its struct.
  struct target {
    std::string type;
    std::vector<bool> optional;           ///< by field
    std::vector<std::string_view> names;  ///< by field, or empty
  };
  /// Throws std::invalid_argument for options that can't be.
  static void check(const csv_options& options, const target& fields);

  /// Throws what `line_spout::open` does, and std::runtime_error for a header without one of the columns.
  csv_rows(const std::vector<std::string>& paths, bool pattern, const csv_options& options, const target& fields,
           const task_context& context);
  ~csv_rows();

  bool next();
  void seek(const position& p);
  std::string save();
  void load(std::string_view saved);
  void again(const position_range& range);
  bool next_again();

  // The row that was found last; valid until the next.
  const position& at() const;
  std::string_view bytes() const;
  bool malformed() const { return !problem_.empty(); }
  /// The text of the struct's field `i`; null where it is empty or missing.
  const field* operator[](std::size_t i) const;
  /// What is wrong with the row, with file and line.
  std::string problem() const { return problem_; }
  /// The same of one of its fields: `"a.csv" line 7, column 3 "price": expected a number, not "12,5x"`.
  std::string problem(std::size_t i, const std::string& expected) const;

 private:
  struct state;
  void read_headers();
  void read_header(std::size_t file);
  bool take(bool found);
  bool split();
  bool split_quoted(std::size_t& from);
  void check_count();
  std::string place(std::size_t offset) const;
  std::string name_of(std::size_t column) const;

  std::unique_ptr<state> state_;
  std::vector<field> fields_;                          // by column
  const std::vector<std::size_t>* columns_ = nullptr;  // by field of the struct
  std::string unquoted_;                               // fields whose quotes were doubled
  std::string problem_;
};

}  // namespace freshet::file
