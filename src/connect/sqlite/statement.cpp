#include "connect/sqlite/statement.hpp"

#include <utility>

#include "connect/file/field_error.hpp"

namespace freshet::sqlite {

statement::statement(database& in, std::string sql) : in_(in), sql_(std::move(sql)) {
  std::string_view rest;
  compiled_ = compile(sql_, rest);
  if (!compiled_) in_.refuse("the statement " + shown() + " is empty");
  // Blanks, comments and semicolons may follow.
  while (!rest.empty())
    if (compile(rest, rest))
      in_.refuse(shown() +
                 " is more than one statement: let a trigger do the rest; what prepares the database belongs "
                 "into sink_options::schema");
}

std::string statement::shown() const { return file::shown(sql_); }

statement::pointer statement::compile(std::string_view sql, std::string_view& rest) const {
  sqlite3_stmt* compiled = nullptr;
  const char* behind = nullptr;
  const int code = sqlite3_prepare_v2(in_.get(), sql.data(), static_cast<int>(sql.size()), &compiled, &behind);
  if (code != SQLITE_OK) in_.fail(code, "the statement " + shown() + " cannot be used");
  rest = sql.substr(static_cast<std::size_t>(behind - sql.data()));
  return pointer(compiled);
}

std::string statement::parameter(int at) const {
  const char* name = sqlite3_bind_parameter_name(get(), at);
  return "parameter " + std::to_string(at) + (name ? " (" + file::in_quotes(name) + ")" : "") + " of " + shown();
}

void statement::check_bound(int code, int at) const {
  if (code == SQLITE_OK) return;
  if ((code & 0xff) == SQLITE_RANGE)
    in_.refuse("there is no " + parameter(at) + ": they are counted from 1, and it has " +
               std::to_string(parameters()));
  in_.fail(code, parameter(at) + " cannot have this value");
}

void statement::run() {
  const reset at_end{get()};
  while (step()) continue;  // `returning` gives rows, which nobody wants
}

bool statement::step() {
  const int code = sqlite3_step(get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) in_.fail(code, shown() + " cannot be run");
  return code == SQLITE_ROW;
}

}  // namespace freshet::sqlite
