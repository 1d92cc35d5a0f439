#pragma once
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace freshet::file {

class file_claims;

/// How a file is written.
struct output_options {
  bool append = false;  ///< keeps what is in the file; otherwise each run begins it anew, see `output_file`
  /// Lines are collected to so many bytes before the system is asked to write them; 0: each line by itself. 64 KiB
  /// make the cost of that call disappear.
  std::size_t buffer_bytes = std::size_t{64} << 10;
  bool create_folders = false;  ///< makes missing folders of the path; off, as a wrong path is a mistake more often
  bool sync = false;            ///< each flush waits until the device has the bytes (fsync)
};

/// A file being written, with a buffer. Every failure is a std::system_error with path and reason. Not thread safe.
///
/// What was in the file stays until there is something better: it is emptied (unless `append` is set) by the first
/// write, flush or close, and not by opening it. When the run that it is opened for has failed before any of these (its
/// token says so: a start that did not come about), the file is left as it was.
class output_file {
 public:
  /// Throws also, std::runtime_error, when the run reads the file, or writes it elsewhere.
  output_file(std::string path, const output_options& options, std::stop_token run = {});
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  /// Tries to write what is left. Use `close` to learn of a failure.
  ~output_file();

  const std::string& path() const { return path_; }
  /// Append here, then call `added` with the size from before.
  std::string& buffer() { return buffer_; }
  /// Writes the buffer when it is large enough. When that fails, what was added is taken out again (unless some of it
  /// is in the file already): whoever adds it again does not add it twice.
  void added(std::size_t size_before);
  /// Writes all. When it fails the rest stays in the buffer and can be tried again.
  void flush();
  /// Flushes and closes; the last chance of the system to report a failure. The file is closed also where this throws.
  void close();

 private:
  void begin();
  void write_out();

  std::string path_;
  output_options options_;
  std::stop_token run_;
  std::unique_ptr<file_claims> claims_;
  std::string buffer_;
  bool begun_ = false;  ///< what was in the file is gone, or to be kept
  int fd_ = -1;
};

/// `path` with every "{task}" replaced by the number. Throws std::invalid_argument when there are several tasks and the
/// path has none: they would write over each other.
std::string path_of_task(std::string_view path, std::size_t task, std::size_t tasks);

}  // namespace freshet::file
