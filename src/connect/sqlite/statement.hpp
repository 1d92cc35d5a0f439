#pragma once
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "connect/sqlite/database.hpp"

namespace freshet::sqlite {

/// One statement, compiled. All errors are std::runtime_error and name the database and the statement. Used by one
/// thread at a time, which is that of its database.
class statement {
 public:
  /// REQUIRES: `in` outlives it. Throws when the text isn't exactly one statement.
  statement(database& in, std::string sql);

  sqlite3_stmt* get() const { return compiled_.get(); }
  database& in() const { return in_; }
  /// In quotes, for a message; a long one is cut.
  std::string shown() const;
  int parameters() const { return sqlite3_bind_parameter_count(get()); }
  bool writes() const { return !sqlite3_stmt_readonly(get()); }

  /// For what SQLite returns to one who binds the parameter number `at`.
  void check_bound(int code, int at) const;
  /// `parameter 2 (":city") of "insert ..."`.
  std::string parameter(int at) const;
  void clear() { sqlite3_clear_bindings(get()); }

  /// Runs it to its end.
  void run();
  /// Gives the first row to `visit`, if there is one.
  template <class F>
  void first_row(F visit) {
    const reset at_end{get()};
    if (step()) visit(get());
  }

 private:
  struct finalize {
    void operator()(sqlite3_stmt* compiled) const { sqlite3_finalize(compiled); }
  };
  /// Ends it: one that is under way would hold its locks.
  struct reset {
    sqlite3_stmt* compiled;
    ~reset() { sqlite3_reset(compiled); }
  };
  using pointer = std::unique_ptr<sqlite3_stmt, finalize>;

  pointer compile(std::string_view sql, std::string_view& rest) const;
  /// True: there is a row.
  bool step();

  database& in_;
  const std::string sql_;
  pointer compiled_;
};

}  // namespace freshet::sqlite
