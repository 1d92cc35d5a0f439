#include "freshet/connect/file/line_spout.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "connect/file/file_set.hpp"
#include "connect/file/line_reader.hpp"
#include "freshet/core/spout_task.hpp"

namespace freshet::file {

struct line_spout::reading {
  reading(const std::vector<std::string>& paths, const line_options& options, std::stop_token run)
      : files(paths, std::move(run)), polled(options), again(options) {}

  file_set files;
  partition_id partition = 0;
  descriptor polled_fd, again_fd;
  line_reader polled, again;
  std::size_t file = 0;    // polled now, or next
  std::uint64_t byte = 0;  // where in it
  bool started = false;
  std::vector<std::uint64_t> ends;  // where polling found the end of each file

  std::uint64_t end_of(std::size_t of) const { return of < ends.size() ? ends[of] : line_reader::no_limit; }
  void read_file(std::size_t of, std::uint64_t from, std::uint64_t to, spout_emitter<std::string>& out);
};

/// Emits the lines of one file that were emitted before. `to` is where the last of them had ended.
void line_spout::reading::read_file(std::size_t of, std::uint64_t from, std::uint64_t to,
                                    spout_emitter<std::string>& out) {
  auto at = from;
  const auto lost = [&](const std::string& why) {
    return range_lost({partition, offset_of(of, at), offset_of(of + 1, 0)}, why);
  };
  try {
    again.start(files.open(of, again_fd), files.path(of), from, to);
  } catch (const file_gone& e) { throw lost(e.what()); } catch (const file_cut& e) {
    throw lost(e.what());
  }
  line_reader::line line;
  while (again.next(line)) {
    if (!line.ended && line.end < to && to != line_reader::no_limit) break;  // the cut went through it
    at = line.end;
    out.emit({partition, offset_of(of, line.begin), offset_of(of, line.end)}, std::string(line.text));
  }
  if (to != line_reader::no_limit && at < to && again.where() < to)
    throw lost("\"" + files.path(of) + "\" at byte " + std::to_string(again.where()) +
               ": the file ends here, but was read to byte " + std::to_string(to));
}

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
  reading_->partition = context.partitions[0].id;
}

void line_spout::close() { reading_.reset(); }

poll_status line_spout::poll(spout_emitter<std::string>& out) {
  if (!reading_) return poll_status::ended();
  reading& r = *reading_;
  line_reader::line line;
  for (auto left = std::max<std::size_t>(out.room(), 1); left > 0;) {
    if (r.file >= r.files.size()) return poll_status::ended();
    if (!r.started) {
      r.polled.start(r.files.open(r.file, r.polled_fd), r.files.path(r.file), r.byte);
      r.started = true;
    }
    if (!r.polled.next(line)) {
      r.ends.resize(std::max(r.ends.size(), r.file + 1), line_reader::no_limit);
      r.ends[r.file] = r.polled.where();
      ++r.file;
      r.byte = 0;
      r.started = false;
      continue;
    }
    r.byte = line.end;
    out.emit({r.partition, offset_of(r.file, line.begin), offset_of(r.file, line.end)}, std::string(line.text));
    --left;
  }
  return poll_status::emitted();
}

void line_spout::read(const position_range& range, spout_emitter<std::string>& out) {
  if (!reading_ || range.empty()) return;
  reading& r = *reading_;
  const auto last = file_of(range.to - 1);
  for (auto file = file_of(range.from); file <= last && file < r.files.size(); ++file) {
    const auto from = file == file_of(range.from) ? byte_of(range.from) : 0;
    const auto to = file == file_of(range.to) ? byte_of(range.to) : r.end_of(file);
    r.read_file(file, from, to, out);
  }
}

void line_spout::seek(const position& p) {
  if (!reading_) return;
  reading_->file = file_of(p.offset);
  reading_->byte = byte_of(p.offset);
  reading_->started = false;
}

}  // namespace freshet::file
