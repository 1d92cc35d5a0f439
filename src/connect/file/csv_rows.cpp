#include "freshet/connect/file/csv_rows.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "connect/file/field_error.hpp"
#include "connect/file/record_source.hpp"

namespace freshet::file {

namespace {

constexpr std::size_t absent = ~std::size_t{0};

bool by_name(const csv_options& options) { return !options.columns.empty() && options.columns[0].number() == 0; }

record_source::settings settings_of(const csv_options& o) {
  record_source::settings how;
  how.lines.max_line_bytes = o.max_row_bytes;
  how.lines.buffer_bytes = o.buffer_bytes;
  how.long_lines = line_reader::long_line::cut;
  how.quotes.emplace(o.separator, o.quote, o.comment);
  return how;
}

}  // namespace

csv_column::csv_column(int number) : number_(static_cast<std::size_t>(number)) {
  if (number < 1) throw std::invalid_argument("csv_column: columns are numbered from 1, not " + std::to_string(number));
}

void csv_rows::check(const csv_options& o, const target& fields) {
  const auto refuse = [&](const std::string& what) {
    throw std::invalid_argument("csv_spout<" + fields.type + ">: " + what);
  };
  if (o.separator == o.quote || o.separator == '\n' || o.quote == '\n')
    refuse("the separator and the quote have to be two characters, and no line end");
  if (!o.columns.empty() && o.columns.size() != fields.optional.size())
    refuse(std::to_string(o.columns.size()) + " columns are given for " + std::to_string(fields.optional.size()) +
           " fields");
  for (const auto& c : o.columns) {
    if ((c.number() == 0) != (o.columns[0].number() == 0))
      refuse("columns are given by name or by number, not some by each");
    if (c.number() == 0 && c.name().empty()) refuse("a column's name is empty");
  }
  if (!fields.names.empty() && fields.names.size() != fields.optional.size())
    refuse("its field_names has " + std::to_string(fields.names.size()) + " names for " +
           std::to_string(fields.optional.size()) + " fields");
}

struct csv_rows::state {
  state(file_names which, const csv_options& o, const task_context& context)
      : options(o), source(std::move(which), settings_of(o), context) {}

  /// The first row of a file, which names its columns.
  struct header {
    std::vector<std::string> names;
    std::vector<std::size_t> columns;  // by field of the struct; `absent` where the file has none
    std::uint64_t end = 0;             // byte behind it
    std::size_t width = 0;             // columns of a row; 0: any number
    bool missing = false;              // the file had no row
    bool operator==(const header&) const = default;
  };
  csv_options options;
  target fields;
  record_source source;
  std::vector<std::shared_ptr<const header>> headers;  // by file; alike ones are one
  record row;

  const header& of_row() const { return *headers[row.file]; }
  bool left_out(const record& r) const {
    return r.what == record::defect::none &&
           (r.text.empty() || (options.comment != '\0' && r.text[0] == options.comment));
  }
  void find_columns(header& h, const std::string& path) const;
};

/// Where in a row the struct's fields are.
void csv_rows::state::find_columns(header& h, const std::string& path) const {
  std::string missing;
  for (std::size_t i = 0; i < fields.optional.size(); ++i) {
    if (!by_name(options)) {
      h.columns.push_back(options.columns.empty() ? i : options.columns[i].number() - 1);
      continue;
    }
    const auto& name = options.columns[i].name();
    const auto found = std::find(h.names.begin(), h.names.end(), name);
    h.columns.push_back(found == h.names.end() ? absent : static_cast<std::size_t>(found - h.names.begin()));
    if (found == h.names.end() && !fields.optional[i])
      missing.append(missing.empty() ? "" : ", ").append(in_quotes(name));
    else if (found != h.names.end() && std::find(found + 1, h.names.end(), name) != h.names.end())
      throw std::runtime_error(in_quotes(path) + ": two columns have the name " + in_quotes(name));
  }
  if (missing.empty()) return;
  std::string there;
  for (const auto& name : h.names) there.append(there.empty() ? "" : ", ").append(in_quotes(name));
  throw std::runtime_error(in_quotes(path) + " has no column " + missing + "; its columns are " + there);
}

csv_rows::csv_rows(const std::vector<std::string>& paths, bool pattern, const csv_options& options,
                   const target& fields, const task_context& context) {
  state_ = std::make_unique<state>(file_names{paths, pattern}, options, context);
  state& s = *state_;
  s.fields = fields;
  if (s.options.columns.empty() && !fields.names.empty())
    s.options.columns.assign(fields.names.begin(), fields.names.end());
  if (s.source.is_open()) read_headers();
}

void csv_rows::read_headers() {
  state& s = *state_;
  for (std::size_t file = 0; file < s.source.files().size(); ++file) {
    read_header(file);
    if (file && *s.headers[file - 1] == *s.headers[file]) s.headers[file] = s.headers[file - 1];
  }
  s.source.restart();
}

/// Where the columns of one file are, by its first row.
void csv_rows::read_header(std::size_t file) {
  state& s = *state_;
  state::header h;
  const bool named = by_name(s.options);
  if (s.options.columns.empty()) h.width = s.fields.optional.size();
  s.headers.push_back(std::make_shared<state::header>(h));
  bool found = false;
  if (named || s.options.header) {
    s.source.begin(file);
    while ((found = s.source.next(s.row) && s.row.file == file) && s.left_out(s.row)) continue;
  }
  if (found) {
    if (!split()) throw std::runtime_error("the header of " + problem_);
    for (const auto& f : fields_) h.names.emplace_back(f.text);
    h.width = h.names.size();
    h.end = s.row.begin + (s.row.at.next - s.row.at.offset);
  }
  if (found || !named) s.find_columns(h, s.source.files().path(file));
  else h.missing = true;
  s.headers[file] = std::make_shared<state::header>(std::move(h));
}

csv_rows::~csv_rows() = default;

bool csv_rows::take(bool found) {
  if (found) split();
  return found;
}

bool csv_rows::next() {
  state& s = *state_;
  while (s.source.next(s.row))
    if (!s.left_out(s.row) && s.row.begin >= s.of_row().end) return take(true);
  return false;
}

void csv_rows::seek(const position& p) {
  if (state_->source.find(p)) read_headers();
  state_->source.seek(p);
}
std::string csv_rows::save() { return state_->source.save(); }
void csv_rows::load(std::string_view saved) {
  state_->source.load(saved);
  if (state_->source.is_open()) read_headers();
}
void csv_rows::again(const position_range& range) { state_->source.again(range); }

bool csv_rows::next_again() {
  state& s = *state_;
  while (s.source.next_again(s.row))
    if (!s.left_out(s.row) && s.row.begin >= s.of_row().end) return take(true);
  return false;
}

const position& csv_rows::at() const { return state_->row.at; }
std::string_view csv_rows::bytes() const { return state_->row.text; }

// --- a row ---

/// Cuts the row into fields. False: it is malformed, and `problem_` says how.
bool csv_rows::split() {
  const state& s = *state_;
  const auto text = s.row.text;
  problem_.clear();
  fields_.clear();
  unquoted_.clear();
  columns_ = &s.of_row().columns;
  if (s.row.what == record::defect::too_long) {
    problem_ = place(0) + ": the row is longer than max_row_bytes (" + std::to_string(s.options.max_row_bytes) + ")";
    return false;
  }
  if (s.of_row().missing) {
    problem_ = place(0) + ": the file had no header when the run started";
    return false;
  }
  for (std::size_t from = 0;; ++from) {
    if (from < text.size() && text[from] == s.options.quote) {
      if (!split_quoted(from)) return false;
    } else {
      const auto end = std::min(text.find(s.options.separator, from), text.size());
      fields_.push_back({text.substr(from, end - from), from, false});
      from = end;
    }
    if (from == text.size()) break;
  }
  check_count();
  return problem_.empty();
}

/// The quoted field that begins at `from`, which then is the place behind it.
bool csv_rows::split_quoted(std::size_t& from) {
  const state& s = *state_;
  const auto text = s.row.text;
  const auto begin = from + 1;
  auto part = begin;  // not copied yet
  const auto copied_from = unquoted_.size();
  for (auto at = text.find(s.options.quote, begin);; at = text.find(s.options.quote, at + 2)) {
    const auto where = [&] { return place(from) + ", " + name_of(fields_.size()); };
    if (at == std::string_view::npos) {
      problem_ = where() + ": the quote isn't closed " +
                 (s.row.what == record::defect::far_quote
                      ? "within max_row_bytes (" + std::to_string(s.options.max_row_bytes) + ")"
                      : "before the end of the file");
      return false;
    }
    if (at + 1 < text.size() && text[at + 1] == s.options.quote) {
      if (unquoted_.capacity() < text.size()) unquoted_.reserve(text.size());  // once: views of it must stay
      unquoted_.append(text.substr(part, at + 1 - part));
      part = at + 2;
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] != s.options.separator) {
      problem_ = where() + ": expected a separator behind the closing quote, not " + shown(text.substr(at + 1, 1));
      return false;
    }
    if (part == begin) {
      fields_.push_back({text.substr(begin, at - begin), from, true});
    } else {
      unquoted_.append(text.substr(part, at - part));
      fields_.push_back({std::string_view(unquoted_).substr(copied_from), from, true});
    }
    from = at + 1;
    return true;
  }
}

void csv_rows::check_count() {
  const state& s = *state_;
  const auto width = s.of_row().width;
  if (s.options.ragged || width == 0 || fields_.size() == width) return;
  const bool header = !s.of_row().names.empty();
  problem_ = place(0) + ": expected " + std::to_string(width) + (width == 1 ? " column" : " columns") + ", as " +
             (header ? "the header" : s.fields.type) + " has, not " + std::to_string(fields_.size());
}

const csv_rows::field* csv_rows::operator[](std::size_t i) const {
  const auto column = (*columns_)[i];
  if (column >= fields_.size()) return nullptr;
  const field& f = fields_[column];
  if (f.quoted) return &f;
  if (f.text.empty()) return nullptr;
  for (const auto& null : state_->options.nulls)
    if (f.text == null) return nullptr;
  return &f;
}

// --- what is wrong ---

std::string csv_rows::place(std::size_t offset) const {
  state& s = *state_;
  const auto before = s.row.text.substr(0, offset);
  const auto line =
      s.source.line_of(s.row) + static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n'));
  return in_quotes(s.source.files().path(s.row.file)) + " line " + std::to_string(line);
}

std::string csv_rows::name_of(std::size_t column) const {
  const auto& names = state_->of_row().names;
  auto name = "column " + std::to_string(column + 1);
  return column < names.size() ? name.append(" ").append(shown(names[column])) : name;
}

std::string csv_rows::problem(std::size_t i, const std::string& expected) const {
  const auto column = (*columns_)[i];
  const auto what = ": expected " + expected;
  if (column < fields_.size()) {
    const field& f = fields_[column];
    const auto where = place(f.offset) + ", " + name_of(column) + what;
    return where + (f.text.empty() && !f.quoted ? ", not an empty field" : ", not " + shown(f.text));
  }
  return place(0) + ", " + name_of(column) + what + ", but the row has " + std::to_string(fields_.size()) +
         (fields_.size() == 1 ? " column" : " columns");
}

}  // namespace freshet::file
