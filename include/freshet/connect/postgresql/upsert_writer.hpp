#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "freshet/connect/postgresql/binder.hpp"
#include "freshet/connect/postgresql/row_format.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::postgresql {

/// Settings of an upsert_sink.
struct upsert_options {
  /// SQL that is run when the sink is opened, by each task of each run anew, one after the other.
  std::string schema = {};
  /// How long to wait for a server that is away, when the connection has been lost. 10 s are longer than a server needs
  /// to start again, and short enough to say so while somebody looks. The task's thread waits.
  std::chrono::milliseconds wait_timeout = std::chrono::seconds(10);
  /// Rows in one transaction. 0: 1000 in batches, which are flushed before they count; and 1 in the event engine, where
  /// a tuple counts as finished when `write` has returned. More are faster there, and a crash loses what is held.
  std::size_t rows = 0;
};

/// The part of an upsert_sink that needs no type: rows that are held until a transaction of them has been committed.
/// All errors are std::runtime_error and name the database, never the password. Not thread safe, but not bound to a
/// thread.
///
/// Invariant: a row that `write` has taken without an error is in the database or is held.
class upsert_writer {
 public:
  /// Connects. Throws also when the statement is none that can be repeated.
  upsert_writer(const std::string& connection, const std::string& statement, const upsert_options& options,
                const std::optional<row_fields>& fields, const task_context& context);
  upsert_writer(const upsert_writer&) = delete;
  upsert_writer& operator=(const upsert_writer&) = delete;
  ~upsert_writer();

  /// A new row, whose parameters are all NULL.
  binder row();
  /// Takes the row, and writes those that are held when they are enough. When that fails it isn't taken, and the others
  /// stay.
  void write();
  /// Writes what is held, on a new connection when the old one is lost. When it fails nothing is lost: call it again.
  void flush();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace freshet::postgresql
