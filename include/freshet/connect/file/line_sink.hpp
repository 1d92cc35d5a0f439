#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "freshet/connect/file/output_file.hpp"
#include "freshet/connect/line_format.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::file {

/// Writes tuples to a file, one line each: through their operator<<, or a function that returns a line's text (or
/// appends it, `void(std::string&, const T&)`).
///     builder.sink("out", freshet::file::line_sink{"counts.txt"}).input(counts);
///     builder.sink("out", freshet::file::line_sink{"part-{task}.csv", [](const order& o) { return o.csv(); }},
///                  {.parallelism = 4}).input(orders, freshet::shuffle_grouping{});
///
/// The file is opened when the run starts; a path that can't be written, or that the same run reads, is an error then.
/// It is emptied by the first line or flush, or when the run ends: a start that fails leaves it as it was. Lines go
/// through a buffer that is written when it is full, each second, when the engine flushes, and at the end;
/// `.buffer_bytes = 0` writes each line as it comes. A failure (disk full, no permission, a broken device) is an error
/// with path and reason: it fails the tuple or the flush, which the engine repeats, and nothing is dropped silently.
/// What can't be written in the end fails the run when the file is closed.
///
/// At least once: a tuple counts as finished when it is in the buffer, a replayed tuple is written again, and a crash
/// loses the buffer. Not thread safe; each task has its own file, named by "{task}" in the path.
template <class Format = line_format>
class line_sink {
 public:
  static constexpr std::chrono::nanoseconds default_tick = std::chrono::seconds(1);

  explicit line_sink(std::string path, output_options options = {}) requires std::default_initializable<Format>
      : path_(std::move(path)), options_(options) {}
  explicit line_sink(std::string path, Format format, output_options options = {})
      : path_(std::move(path)), options_(options), format_(std::move(format)) {}

  void open(const task_context& context) {
    file_ =
        std::make_shared<output_file>(path_of_task(path_, context.task, context.task_count), options_, context.stop);
  }
  template <class T>
  void write(const T& value) {
    add_line(*file_, format_, value);
  }
  void flush() { file_->flush(); }
  void on_tick() { flush(); }
  void close() {
    if (file_) file_->close();
  }

 private:
  std::string path_;
  output_options options_;
  Format format_{};
  std::shared_ptr<output_file> file_;  // while open: not shared, but a sink can be copied
};

line_sink(std::string)->line_sink<line_format>;
line_sink(std::string, output_options)->line_sink<line_format>;

}  // namespace freshet::file
