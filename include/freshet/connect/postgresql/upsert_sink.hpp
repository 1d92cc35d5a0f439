#pragma once
#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include "freshet/connect/postgresql/binder.hpp"
#include "freshet/connect/postgresql/row_format.hpp"
#include "freshet/connect/postgresql/upsert_writer.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::postgresql {

/// Writes tuples into a PostgreSQL database by a statement that leaves the same when it is run again: a newer row takes
/// the place of the one with its key.
///     struct total { std::string city; std::int64_t cents; };
///     builder.sink("totals", freshet::postgresql::upsert_sink<total>{"host=db.example dbname=shop",
///                      "insert into totals values ($1, $2) on conflict (city) do update set cents = excluded.cents"},
///                  {.blocking = true})
///         .input(totals, freshet::global_grouping{});
/// At least once, and rows are visible before their epoch counts: what comes again after a failure is written over
/// itself, so that the table is the same in the end. In batches rows keep their order. In the event engine under
/// `at_least_once` a row that comes again comes behind newer ones: let the statement keep the newest of them (`... do
/// update set cents = excluded.cents, at = excluded.at where totals.at <= excluded.at`). What has been written and is
/// not made again stays; a run that goes on at older rows shows those until it has caught up.
///
/// No table of epochs and no lock: unlike `sink`, several may write to one table, and a topology may have any number of
/// them, with several tasks. Let all rows of a key come to one task (`key_grouping`), or they overtake one another, and
/// transactions of two tasks can wait for each other until the server ends one of them, which is then repeated.
///
/// In the event engine each row is a transaction of its own, unless `upsert_options::rows` says otherwise; in batches
/// 1000 are. An insert without `on conflict` is refused; an update that adds up (`set n = n + $2`) isn't, and gives
/// wrong sums. Errors as of `sink`. Not thread safe. Copies made before `open` are independent.
template <class T>
class upsert_sink {
 public:
  /// Only rows that are held are written by it.
  static constexpr std::chrono::nanoseconds default_tick = std::chrono::seconds(1);

  /// Binds the fields of T. The statement has as many parameters.
  explicit upsert_sink(std::string connection, std::string statement, upsert_options options = {})
      : connection_(std::move(connection)), statement_(std::move(statement)), options_(std::move(options)) {}
  /// Lets `bind`, a `void(postgresql::binder&, const T&)`, give the parameters their values.
  template <class F>
  requires(!std::convertible_to<F, upsert_options>)
      upsert_sink(std::string connection, std::string statement, F bind, upsert_options options = {})
      : connection_(std::move(connection)),
        statement_(std::move(statement)),
        options_(std::move(options)),
        format_(std::move(bind)) {}

  void open(const task_context& context) {
    rows_ = std::make_shared<upsert_writer>(connection_, statement_, options_, format_.fields(), context);
  }
  void write(const T& value) {
    auto row = rows_->row();
    format_(row, value);
    rows_->write();
  }
  void flush() { rows_->flush(); }
  void on_tick() { flush(); }
  /// Writes what is held.
  void close() {
    if (const auto rows = std::exchange(rows_, nullptr)) rows->flush();
  }

 private:
  std::string connection_;
  std::string statement_;
  upsert_options options_;
  row_format<T> format_;
  std::shared_ptr<upsert_writer> rows_;  // while open: not shared, but a sink can be copied
};

}  // namespace freshet::postgresql
