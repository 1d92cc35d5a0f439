#pragma once
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "freshet/base/ids.hpp"
#include "freshet/base/type_name.hpp"
#include "freshet/connect/sqlite/binder.hpp"
#include "freshet/connect/sqlite/row_writer.hpp"
#include "freshet/core/fields.hpp"
#include "freshet/core/shape.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::sqlite {

namespace detail {
template <class... F>
consteval std::size_t count_of(freshet::detail::type_list<F...>*) {
  return sizeof...(F);
}
}  // namespace detail

/// Writes tuples into a SQLite database, each by one statement whose parameters are the fields of the struct in their
/// order, or what a function binds:
///     struct order { std::int64_t id; std::string city; std::optional<double> price; freshet::event_time at; };
///     builder.sink("orders", freshet::sqlite::sink<order>{"orders.db", "insert into orders values (?, ?, ?, ?)",
///                  {.schema = "create table if not exists orders(id integer, city text, price real, at integer)"}})
///         .input(orders, freshet::global_grouping{});
///     freshet::sqlite::sink<order>{"orders.db", "insert into cities(name) values (:name)",
///                                  [](freshet::sqlite::binder& row, const order& o) { row.bind(":name", o.city); }}
///
/// Exactly once: the rows of an epoch become visible in one transaction, which also notes the epoch in the table
/// `freshet_epochs` of the database. After a crash that table decides whether the epoch counts: a `deciding_sink`, of
/// which a topology with checkpoints has one. A run without checkpoints writes each epoch in one transaction too, and
/// leaves that table as it is: what it holds is for the run with checkpoints that goes on there.
///
/// One task: SQLite has one writer at a time, and rows and epoch are of one transaction. It is held while the epoch is
/// written, so others who write to the database wait for that long, and readers never do (its journal is a write-ahead
/// log). Two sinks of one run can't write to the same file.
///
/// Errors are std::runtime_error and name database, statement, parameter and what SQLite said: at start for a path, a
/// statement or a number of parameters that can't be, and for several tasks; later for a row, which fails the attempt.
/// A database that others have locked for longer than `busy_timeout` is an error that says so, and is tried again. One
/// whose file is removed or replaced while the run works ends it at the next epoch: leave it where it is. Not
/// thread safe. Copies made before `open` are independent.
template <class T>
class sink {
 public:
  /// Binds the fields of T. The statement has as many parameters.
  explicit sink(std::string path, std::string statement, sink_options options = {})
      : sink(std::move(path), std::move(statement), std::move(options), &bind_fields, fields()) {}
  /// Lets `bind`, a `void(sqlite::binder&, const T&)`, give the parameters their values.
  template <class F>
  requires(!std::convertible_to<F, sink_options>)
      sink(std::string path, std::string statement, F bind, sink_options options = {})
      : sink(std::move(path), std::move(statement), std::move(options), to_bind(std::move(bind)), {}) {}

  void open(const task_context& context) {
    rows_ = std::make_shared<row_writer>(path_, statement_, options_, fields_, context);
  }
  void begin(const epoch_id& epoch) { rows_->begin(epoch); }
  void write(const T& value) {
    auto row = rows_->row();
    bind_(row, value);
    rows_->write();
  }
  void prepare() { rows_->prepare(); }
  void commit() { rows_->commit(); }
  /// Changes nothing where nothing is open.
  void abort() {
    if (rows_) rows_->abort();
  }
  std::optional<epoch_id> last_committed() { return rows_->last_committed(); }
  /// Rolls back what is not committed.
  void close() { rows_.reset(); }

 private:
  using bind_function = std::function<void(binder&, const T&)>;

  sink(std::string path, std::string statement, sink_options options, bind_function bind,
       std::optional<row_fields> fields)
      : path_(std::move(path)),
        statement_(std::move(statement)),
        options_(std::move(options)),
        bind_(std::move(bind)),
        fields_(std::move(fields)) {}

  static row_fields fields() {
    if constexpr (has_fields<T>) {
      static_assert(
          freshet::detail::all_column_fields(freshet::detail::parts_of<T>()),
          "sqlite::sink<T>: each field of T has to be a bool, an integer, an enumeration, a float or double, a "
          "std::string, a std::vector<std::byte>, an event_time, or a std::optional of one of these; for "
          "others pass a function void(sqlite::binder&, const T&)");
      return {readable_type_name<T>(), detail::count_of(freshet::detail::parts_of<T>())};
    } else {
      static_assert(has_fields<T>,
                    "sqlite::sink<T>: T has to be a struct of fields or a class with freshet_fields; for others pass a "
                    "function void(sqlite::binder&, const T&)");
      return {};
    }
  }
  static void bind_fields(binder& row, const T& value) {
    if constexpr (has_fields<T>) {
      if constexpr (freshet::detail::all_column_fields(freshet::detail::parts_of<T>()))
        with_fields(value, [&](const auto&... field) {
          int at = 0;
          (row.bind(++at, field), ...);
        });
    }
  }
  template <class F>
  static bind_function to_bind(F bind) {
    constexpr bool fits = std::is_invocable_v<F&, binder&, const T&>;
    static_assert(fits, "sqlite::sink<T>: the function that binds a row is called with (sqlite::binder&, const T&)");
    if constexpr (fits) return bind;
    else return {};
  }

  std::string path_;
  std::string statement_;
  sink_options options_;
  bind_function bind_;
  std::optional<row_fields> fields_;
  std::shared_ptr<row_writer> rows_;  // while open: not shared, but a sink can be copied
};

}  // namespace freshet::sqlite
