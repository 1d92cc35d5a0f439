#pragma once
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "freshet/base/ids.hpp"
#include "freshet/connect/postgresql/binder.hpp"
#include "freshet/connect/postgresql/row_format.hpp"
#include "freshet/connect/postgresql/row_writer.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::postgresql {

/// Writes tuples into a PostgreSQL database, each by one statement whose parameters are the fields of the struct in
/// their order, or what a function binds:
///     struct order { std::int64_t id; std::string city; std::optional<double> price; freshet::event_time at; };
///     builder.sink("orders", freshet::postgresql::sink<order>{"host=db.example dbname=shop user=writer",
///                      "insert into orders values ($1, $2, $3, $4)",
///                      {.schema = "create table if not exists orders(id bigint, city text, price float8, "
///                                 "at timestamptz)"}}, {.blocking = true})
///         .input(orders, freshet::global_grouping{});
///     freshet::postgresql::sink<order>{"postgresql://writer@db.example/shop", "insert into cities(name) values ($1)",
///                                      [](freshet::postgresql::binder& row, const order& o) { row.bind(1, o.city); }}
/// The connection is one of libpq: keywords and values, or a URI. A password has a better place in a password file
/// (`passfile=...`) or a service file; no message shows it. `tcp_user_timeout` says when a server that has vanished
/// without a word is given up.
///
/// Exactly once: the rows of an epoch become visible in one transaction, which also notes the epoch in the table
/// `freshet_epochs` of the database. After a crash that table decides whether the epoch counts: a `deciding_sink`, of
/// which a topology with checkpoints has one. A run without checkpoints writes each epoch in one transaction too, and
/// leaves that table as it is: what it holds is for the run with checkpoints that goes on there.
///
/// One task: rows and epoch are of one transaction. It is open while the epoch is written, which others notice only by
/// the locks of its rows. Rows are sent without waiting for what the server says of each; 1000 of them, or 1 MiB, are
/// under way at once, and nothing else is held in memory. Under one name one session writes at a time (an advisory
/// lock): a second run is an error that says which session it is. So the connection has to be a session: PgBouncer in
/// between, pooling by transaction, can't be. The task's thread waits for the server, so declare the sink as
/// `blocking`.
///
/// Errors are std::runtime_error and name database, statement, parameter and what the server said: at start for a
/// connection, a statement or parameters that can't be, and for several tasks; later for a row, which fails the
/// attempt. A connection that is lost fails the attempt, which is repeated on a new one. Not thread safe. Copies made
/// before `open` are independent.
template <class T>
class sink {
 public:
  /// Binds the fields of T. The statement has as many parameters.
  explicit sink(std::string connection, std::string statement, sink_options options = {})
      : connection_(std::move(connection)), statement_(std::move(statement)), options_(std::move(options)) {}
  /// Lets `bind`, a `void(postgresql::binder&, const T&)`, give the parameters their values.
  template <class F>
  requires(!std::convertible_to<F, sink_options>)
      sink(std::string connection, std::string statement, F bind, sink_options options = {})
      : connection_(std::move(connection)),
        statement_(std::move(statement)),
        options_(std::move(options)),
        format_(std::move(bind)) {}

  void open(const task_context& context) {
    rows_ = std::make_shared<row_writer>(connection_, statement_, options_, format_.fields(), context);
  }
  void begin(const epoch_id& epoch) { rows_->begin(epoch); }
  void write(const T& value) {
    auto row = rows_->row();
    format_(row, value);
    rows_->write();
  }
  void prepare() { rows_->prepare(); }
  void commit() { rows_->commit(); }
  /// Changes nothing where nothing is open.
  void abort() {
    if (rows_) rows_->abort();
  }
  std::optional<epoch_id> last_committed() { return rows_->last_committed(); }
  /// The server rolls back what is not committed.
  void close() { rows_.reset(); }

 private:
  std::string connection_;
  std::string statement_;
  sink_options options_;
  row_format<T> format_;
  std::shared_ptr<row_writer> rows_;  // while open: not shared, but a sink can be copied
};

}  // namespace freshet::postgresql
