#include "freshet/connect/file/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "connect/file/file_set.hpp"

namespace freshet::file {

output_file::output_file(std::string path, const output_options& options, std::stop_token run)
    : path_(std::move(path)),
      options_(options),
      run_(std::move(run)),
      claims_(std::make_unique<file_claims>(run_)),
      begun_(options.append) {
  if (options_.create_folders) {
    std::error_code failed;
    const auto folder = std::filesystem::path(path_).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, failed);
    if (failed) throw_system_error(failed.value(), "create the folder of", path_);
  }
  descriptor fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (options_.append ? O_APPEND : 0), 0666));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) throw_system_error(errno, "open for writing", path_);
  claims_->add(info, options_.append ? file_use::appends : file_use::rewrites, path_);
  fd_ = fd.release();
}

/// Empties the file, once. Pipes and devices have nothing to be emptied.
void output_file::begin() {
  if (begun_) return;
  if (::ftruncate(fd_, 0) != 0 && errno != EINVAL) throw_system_error(errno, "empty", path_);
  begun_ = true;
}

output_file::~output_file() {
  try {
    close();
  } catch (...) {  // told to nobody: `close` is for that
  }
}

void output_file::added(std::size_t size_before) {
  if (buffer_.size() < options_.buffer_bytes) return;
  const auto behind = buffer_.size() - size_before;
  try {
    write_out();
  } catch (...) {
    if (buffer_.size() >= behind) buffer_.resize(buffer_.size() - behind);
    throw;
  }
}

void output_file::flush() {
  write_out();
  // Pipes and devices have nothing to wait for.
  if (options_.sync && fd_ >= 0 && ::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS)
    throw_system_error(errno, "sync", path_);
}

void output_file::write_out() {
  begin();
  std::size_t sent = 0;
  while (sent < buffer_.size()) {
    const auto n = ::write(fd_, buffer_.data() + sent, buffer_.size() - sent);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    const int why = errno;
    buffer_.erase(0, sent);
    throw_system_error(why, "write", path_);
  }
  buffer_.clear();
}

void output_file::close() {
  if (fd_ < 0) return;
  descriptor fd(fd_);
  const bool nothing_came_of_it = !begun_ && buffer_.empty() && run_.stop_requested();
  try {
    if (!nothing_came_of_it) flush();
  } catch (...) {
    fd_ = -1;
    throw;
  }
  fd_ = -1;
  claims_.reset();
  if (const int why = fd.close()) throw_system_error(why, "close", path_);
}

std::string path_of_task(std::string_view path, std::size_t task, std::size_t tasks) {
  constexpr std::string_view mark = "{task}";
  std::string result(path);
  bool found = false;
  for (auto at = result.find(mark); at != std::string::npos; at = result.find(mark, at)) {
    result.replace(at, mark.size(), std::to_string(task));
    found = true;
  }
  if (!found && tasks > 1)
    throw std::invalid_argument("\"" + result + "\" would be written by " + std::to_string(tasks) +
                                " tasks at once: put {task} into the path");
  return result;
}

}  // namespace freshet::file
