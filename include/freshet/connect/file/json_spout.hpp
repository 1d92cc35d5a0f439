#pragma once
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/file/json_fields.hpp"
#include "freshet/connect/file/json_lines.hpp"
#include "freshet/core/spout.hpp"

namespace freshet::file {

/// Emits the lines of files, each a text of JSON, as values of a struct; ends after the last.
///     struct event {
///       static constexpr std::string_view field_names[] = {"id", "at", "tags", "place"};
///       std::int64_t id; freshet::event_time at; std::vector<std::string> tags; std::optional<place> where;
///     };
///     builder.spout("events", freshet::file::json_spout<event>{"events.jsonl"});
///
/// A line is an object, whose members are found by the names in `json_options::fields` or the struct's `field_names`,
/// in whichever order, or an array of the fields in their order. Members without a field are skipped; the last of
/// several with one name counts. A field is what `text_field` names, an optional, a sequence (std::vector), or a struct
/// again, with `field_names` of its own or from an array. A member that is missing or null is an empty optional, and an
/// error for any other type. Numbers may stand in strings, as some write those of 64 bits; times are strings or, with
/// "%s" and "%Q", numbers. Lines of blanks are left out. Text has to be UTF-8.
///
/// A line that is no such struct goes to the topology's dead letters (`spout_options::on_failure`) and reading goes on.
/// The letter says file, line, column (a byte of the line), member and value, and has the line's bytes and position:
///     "events.jsonl" line 7, column 31, "place.lat": expected a number, not "north"
///
/// Files, patterns, positions, reading again and what may be wrong with files: as for `line_spout`. Not thread safe.
/// Copies made before `open` are independent.
template <class T>
class json_spout {
  static_assert(has_fields<T> && std::is_default_constructible_v<T>,
                "json_spout<T>: T has to be a struct of fields that can be made without arguments, or a class with "
                "freshet_fields");
  static_assert(detail::reads_from_json<T>(),
                "json_spout<T>: each field has to be a bool, a number, an enumeration, a std::string, a time of "
                "std::chrono::system_clock, a type with freshet_from_text(std::string_view, T&), a struct of these, or "
                "a std::optional or std::vector of one");

 public:
  /// Throws std::invalid_argument for options that don't fit the struct.
  explicit json_spout(std::string path_or_pattern, json_options options = {})
      : json_spout({std::move(path_or_pattern)}, std::move(options), true) {}
  /// Throws std::invalid_argument also for an empty list.
  explicit json_spout(std::vector<std::string> paths, json_options options = {})
      : json_spout(std::move(paths), std::move(options), false) {}

  /// Throws std::system_error or std::runtime_error naming what can't be read.
  void open(const task_context& context) {
    if (context.partitions.empty()) return;
    lines_ = std::make_shared<json_lines>(paths_, pattern_, options_, context);
    names_ = detail::own_names<T>();
    if (!options_.fields.empty()) names_.assign(options_.fields.begin(), options_.fields.end());
  }
  void close() { lines_.reset(); }
  std::vector<std::string> partitions() const { return {"lines"}; }
  poll_status poll(spout_emitter<T>& out) {
    if (!lines_) return poll_status::ended();
    for (auto left = std::max<std::size_t>(out.room(), 1); left > 0; --left) {
      if (!lines_->next()) return poll_status::ended();
      emit(out);
    }
    return poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<T>& out) {
    if (!lines_) return;
    lines_->again(range);
    while (lines_->next_again()) emit(out);
  }
  void seek(const position& p) {
    if (lines_) lines_->seek(p);
  }
  void commit(const position&) {}
  std::string save(partition_id) { return lines_ ? lines_->save() : std::string{}; }
  void load(partition_id, std::string_view saved) {
    if (lines_) lines_->load(saved);
  }

 private:
  json_spout(std::vector<std::string> paths, json_options options, bool pattern)
      : paths_(std::move(paths)), pattern_(pattern), options_(std::move(options)) {
    if (paths_.empty()) throw std::invalid_argument("json_spout: an empty list of files");
    const auto count = detail::optional_fields<T>().size();
    const auto named = options_.fields.empty() ? detail::own_names<T>().size() : options_.fields.size();
    if (named != 0 && named != count)
      throw std::invalid_argument("json_spout<" + readable_type_name<T>() + ">: " + std::to_string(named) +
                                  " names are given for " + std::to_string(count) + " fields");
  }

  void emit(spout_emitter<T>& out) {
    if (!lines_->too_long()) {
      T value{};
      auto& in = lines_->reader();
      if (detail::read_json_fields(in, value, names_, options_.times) && in.finish())
        return out.emit(lines_->at(), std::move(value));
    }
    out.reject(lines_->at(), {errc::data_loss, lines_->problem()}, std::string(lines_->bytes()));
  }

  std::vector<std::string> paths_;
  bool pattern_;
  json_options options_;
  std::vector<std::string_view> names_;  // while open: of this copy's options, or the struct's
  std::shared_ptr<json_lines> lines_;    // while open
};

}  // namespace freshet::file
