#include "freshet/connect/file/json_lines.hpp"

#include <utility>

#include "connect/file/field_error.hpp"
#include "connect/file/record_source.hpp"

namespace freshet::file {

namespace {
record_source::settings settings_of(const json_options& o) {
  record_source::settings how;
  how.lines.max_line_bytes = o.max_line_bytes;
  how.lines.buffer_bytes = o.buffer_bytes;
  how.long_lines = line_reader::long_line::cut;
  return how;
}
}  // namespace

struct json_lines::state {
  state(file_names which, const json_options& o, const task_context& context)
      : bound(o.max_line_bytes), source(std::move(which), settings_of(o), context) {}
  std::size_t bound;
  record_source source;
  record line;
  json_reader reader;
  bool is_blank() const { return line.text.find_first_not_of(" \t\r") == std::string_view::npos; }
};

json_lines::json_lines(const std::vector<std::string>& paths, bool pattern, const json_options& options,
                       const task_context& context)
    : state_(std::make_unique<state>(file_names{paths, pattern}, options, context)) {}

json_lines::~json_lines() = default;

bool json_lines::next() {
  while (state_->source.next(state_->line))
    if (!state_->is_blank()) return take();
  return false;
}

void json_lines::seek(const position& p) { state_->source.seek(p); }
std::string json_lines::save() { return state_->source.save(); }
void json_lines::load(std::string_view saved) { state_->source.load(saved); }
void json_lines::again(const position_range& range) { state_->source.again(range); }

bool json_lines::next_again() {
  while (state_->source.next_again(state_->line))
    if (!state_->is_blank()) return take();
  return false;
}

bool json_lines::take() {
  state_->reader.begin(state_->line.text);
  return true;
}

const position& json_lines::at() const { return state_->line.at; }
std::string_view json_lines::bytes() const { return state_->line.text; }
bool json_lines::too_long() const { return state_->line.what == record::defect::too_long; }
json_reader& json_lines::reader() { return state_->reader; }

std::string json_lines::problem() const {
  const auto& line = state_->line;
  const auto where =
      in_quotes(state_->source.files().path(line.file)) + " line " + std::to_string(state_->source.line_of(line));
  if (too_long()) return where + ": the line is longer than max_line_bytes (" + std::to_string(state_->bound) + ")";
  const auto& reader = state_->reader;
  return where + ", column " + std::to_string(reader.offset() + 1) +
         (reader.member().empty() ? "" : ", " + shown(reader.member())) + ": " + reader.problem();
}

}  // namespace freshet::file
