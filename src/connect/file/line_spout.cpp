#include "freshet/connect/file/line_spout.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "connect/file/record_source.hpp"
#include "freshet/core/spout_task.hpp"

namespace freshet::file {

struct line_spout::reading {
  reading(file_names which, const line_options& options, const task_context& context)
      : lines(std::move(which), {.lines = options}, context) {}
  record_source lines;
  record line;
};

line_spout::line_spout(std::string path_or_pattern, line_options options)
    : paths_{std::move(path_or_pattern)}, pattern_(true), options_(options) {}

line_spout::line_spout(std::vector<std::string> paths, line_options options)
    : paths_(std::move(paths)), options_(options) {
  if (paths_.empty()) throw std::invalid_argument("line_spout: an empty list of files");
}

std::vector<std::string> line_spout::partitions() const { return {"lines"}; }

void line_spout::open(const task_context& context) {
  if (context.partitions.empty()) return;
  reading_ = std::make_shared<reading>(file_names{paths_, pattern_}, options_, context);
}

void line_spout::close() { reading_.reset(); }

poll_status line_spout::poll(spout_emitter<std::string>& out) {
  if (!reading_) return poll_status::ended();
  auto& [lines, line] = *reading_;
  for (auto left = std::max<std::size_t>(out.room(), 1); left > 0; --left) {
    if (!lines.next(line)) return poll_status::ended();
    out.emit(line.at, std::string(line.text));
  }
  return poll_status::emitted();
}

void line_spout::read(const position_range& range, spout_emitter<std::string>& out) {
  if (!reading_) return;
  auto& [lines, line] = *reading_;
  lines.again(range);
  while (lines.next_again(line)) out.emit(line.at, std::string(line.text));
}

std::string line_spout::save(partition_id) { return reading_ ? reading_->lines.save() : std::string{}; }

void line_spout::load(partition_id, std::string_view saved) {
  if (reading_) reading_->lines.load(saved);
}

void line_spout::seek(const position& p) {
  if (reading_) reading_->lines.seek(p);
}

}  // namespace freshet::file
