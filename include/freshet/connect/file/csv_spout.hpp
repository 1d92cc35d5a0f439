#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/file/csv_rows.hpp"
#include "freshet/connect/file/field_names.hpp"
#include "freshet/core/spout.hpp"

namespace freshet::file {

/// Emits the rows of CSV files as values of a struct; ends after the last.
///     struct order { std::int64_t id; std::string city; std::optional<double> price; freshet::event_time at; };
///     builder.spout("orders", freshet::file::csv_spout<order>{"orders-*.csv", {.columns = {"id", "city", "price",
///     "at"}}});
///
/// Fields are what `text_field` names; a class with private members is read through its `freshet_fields`. Where they
/// stand in a row is said by `csv_options::columns`, or by the struct itself:
///     static constexpr std::string_view field_names[] = {"id", "city", "price", "at"};
/// or by their order alone. A field without text (or one of `nulls`) is an empty optional or an empty string, and an
/// error for any other type; of a column that the header doesn't have, an empty optional. Fields in quotes hold
/// separators, line ends, and quotes written twice (RFC 4180); a quoted field without text is a text. Lines without any
/// text are left out.
///
/// A row that is no such struct goes to the topology's dead letters (`spout_options::on_failure`) and reading goes on.
/// The letter says file, line, column and value, and has the row's bytes and position:
///     "orders.csv" line 7, column 3 "price": expected a number, not "12,5x"
/// A quote that isn't closed damages its own line only. A header without one of the columns is an error at start.
///
/// Files, patterns, positions, reading again and what may be wrong with files: as for `line_spout`; a position is the
/// bytes of one row. Not thread safe. Copies made before `open` are independent.
template <class T>
class csv_spout {
  static_assert(has_fields<T> && std::is_default_constructible_v<T>,
                "csv_spout<T>: T has to be a struct of fields that can be made without arguments, or a class with "
                "freshet_fields");
  static_assert(detail::all_text_fields<T>,
                "csv_spout<T>: each field has to be a bool, a number, an enumeration, a std::string, a time of "
                "std::chrono::system_clock, a type with freshet_from_text(std::string_view, T&), or a std::optional of "
                "one of these");

 public:
  /// Throws std::invalid_argument for options that don't fit the struct.
  explicit csv_spout(std::string path_or_pattern, csv_options options = {})
      : csv_spout({std::move(path_or_pattern)}, std::move(options), true) {}
  /// Throws std::invalid_argument also for an empty list.
  explicit csv_spout(std::vector<std::string> paths, csv_options options = {})
      : csv_spout(std::move(paths), std::move(options), false) {}

  /// Throws std::system_error or std::runtime_error naming what can't be read.
  void open(const task_context& context) {
    if (!context.partitions.empty()) rows_ = std::make_shared<csv_rows>(paths_, pattern_, options_, fields(), context);
  }
  void close() { rows_.reset(); }
  std::vector<std::string> partitions() const { return {"rows"}; }
  poll_status poll(spout_emitter<T>& out) {
    if (!rows_) return poll_status::ended();
    for (auto left = std::max<std::size_t>(out.room(), 1); left > 0; --left) {
      if (!rows_->next()) return poll_status::ended();
      emit(out);
    }
    return poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<T>& out) {
    if (!rows_) return;
    rows_->again(range);
    while (rows_->next_again()) emit(out);
  }
  void seek(const position& p) {
    if (rows_) rows_->seek(p);
  }
  void commit(const position&) {}
  std::string save(partition_id) { return rows_ ? rows_->save() : std::string{}; }
  void load(partition_id, std::string_view saved) {
    if (rows_) rows_->load(saved);
  }

 private:
  csv_spout(std::vector<std::string> paths, csv_options options, bool pattern)
      : paths_(std::move(paths)), pattern_(pattern), options_(std::move(options)) {
    if (paths_.empty()) throw std::invalid_argument("csv_spout: an empty list of files");
    csv_rows::check(options_, fields());
  }
  static csv_rows::target fields() {
    csv_rows::target t{readable_type_name<T>(), detail::optional_fields<T>(), {}};
    if constexpr (names_field_names<T>) t.names.assign(std::begin(T::field_names), std::end(T::field_names));
    return t;
  }

  void emit(spout_emitter<T>& out) {
    T value{};
    std::string problem;
    if (rows_->malformed()) {
      problem = rows_->problem();
    } else {
      const bool good = with_fields(value, [&](auto&... field) {
        std::size_t i = 0;
        return (read_field(i++, field, problem) && ...);
      });
      if (good) return out.emit(rows_->at(), std::move(value));
    }
    out.reject(rows_->at(), {errc::data_loss, std::move(problem)}, std::string(rows_->bytes()));
  }
  template <class F>
  bool read_field(std::size_t i, F& into, std::string& problem) const {
    const auto* field = (*rows_)[i];
    if constexpr (freshet::detail::is_optional<F>) {
      return !field || read_value(i, field->text, into.emplace(), problem);
    } else if constexpr (std::is_same_v<F, std::string>) {
      if (field) into.assign(field->text);
      return true;
    } else {
      if (field) return read_value(i, field->text, into, problem);
      problem = rows_->problem(i, expected_text<F>(options_.times));
      return false;
    }
  }
  template <class F>
  bool read_value(std::size_t i, std::string_view text, F& into, std::string& problem) const {
    if (detail::read_guarded(text, into, options_.times, problem)) return true;
    const auto thrown = problem.empty() ? std::string{} : " (" + problem + ")";
    problem = rows_->problem(i, expected_text<F>(options_.times)) + thrown;
    return false;
  }

  std::vector<std::string> paths_;
  bool pattern_;
  csv_options options_;
  std::shared_ptr<csv_rows> rows_;  // while open
};

}  // namespace freshet::file
