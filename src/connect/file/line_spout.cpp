#include "freshet/connect/file/line_spout.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "connect/file/record_source.hpp"
#include "freshet/core/spout_task.hpp"

namespace freshet::file {

struct line_spout::reading {
  reading(const std::vector<std::string>& paths, const line_options& options, std::stop_token run)
      : lines(paths, {.lines = options}, std::move(run)) {}
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
  reading_ = std::make_shared<reading>(pattern_ ? file_set::expand(paths_[0]) : paths_, options_, context.stop);
  reading_->lines.partition = context.partitions[0].id;
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

void line_spout::seek(const position& p) {
  if (reading_) reading_->lines.seek(p);
}

}  // namespace freshet::file
