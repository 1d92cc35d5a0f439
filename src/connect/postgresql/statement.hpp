#pragma once
#include <libpq-fe.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connect/postgresql/connection.hpp"
#include "freshet/connect/postgresql/row_format.hpp"

namespace freshet::postgresql {

/// The values of the parameters of a statement, for one row.
class parameters {
 public:
  explicit parameters(std::size_t count = 0) : slots_(count) {}
  void clear();
  std::size_t size() const { return slots_.size(); }
  /// REQUIRES: at < size(). `binary`: as the server keeps it, otherwise as text without a byte 0.
  void set(std::size_t at, std::string_view value, bool binary);
  /// What it takes to send them, about.
  std::size_t bytes() const { return bytes_.size() + 4 * slots_.size(); }

  /// Gives what libpq wants to `f(count, values, lengths, formats)`.
  template <class F>
  auto give(F f) const {
    std::vector<const char*> values;
    std::vector<int> lengths, formats;
    for (const auto& s : slots_) {
      values.push_back(s.is_null ? nullptr : bytes_.data() + s.at);
      lengths.push_back(s.length);
      formats.push_back(s.binary);
    }
    return f(static_cast<int>(slots_.size()), values.data(), lengths.data(), formats.data());
  }

 private:
  struct slot {
    std::size_t at = 0;
    int length = 0;
    bool is_null = true;
    bool binary = false;
  };
  std::string bytes_;  ///< each value with a byte 0 behind it, which libpq looks for
  std::vector<slot> slots_;
};

/// One statement that writes rows, prepared by the server under a name. All errors are std::runtime_error and name the
/// database and the statement. Used by one thread at a time, which is that of its connection.
class statement {
 public:
  /// REQUIRES: `in` outlives it. Prepares it; throws when the text isn't exactly one statement that writes.
  statement(connection& in, std::string sql);

  /// For a new session.
  void prepare();
  /// Throws where `fields` don't go with the parameters.
  void check(const std::optional<row_fields>& fields) const;

  connection& in() const { return in_; }
  /// In quotes, for a message; a long one is cut.
  std::string shown() const;
  static const char* name() { return "freshet_row"; }

  /// For one who binds the parameter number `at`, counted from 1: its type. Throws when there is none, or when it
  /// doesn't hold a value of that kind.
  Oid type_for(int at, value_kind kind) const;
  /// `parameter $2 of "insert ..."`.
  std::string parameter(int at) const;
  /// Throws where there is none.
  void check_parameter(int at) const;

  parameters row;

 private:
  void check_writes() const;

  connection& in_;
  const std::string sql_;
  std::vector<Oid> types_;
};

}  // namespace freshet::postgresql
