#include "connect/file/file_set.hpp"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "freshet/connect/file/line_spout.hpp"

namespace freshet::file {

void throw_system_error(int error_number, const std::string& doing, const std::string& path) {
  throw std::system_error(error_number, std::generic_category(), "cannot " + doing + " \"" + path + "\"");
}
void throw_at(const std::string& path, std::uint64_t byte, const std::string& what) {
  throw std::runtime_error("\"" + path + "\" at byte " + std::to_string(byte) + ": " + what);
}

namespace {

/// A readable regular file of a size that positions can say, or why not.
std::optional<std::string> open_readable(const std::string& path, descriptor& fd, struct stat& info) {
  const auto no = [&](const std::string& why) { return "cannot open \"" + path + "\": " + why; };
  const auto system_says = [&] { return no(std::generic_category().message(errno)); };
  // Looked at first: opening a FIFO would wait for its writer.
  if (::stat(path.c_str(), &info) != 0) return system_says();
  if (S_ISDIR(info.st_mode)) return no("it is a directory");
  if (!S_ISREG(info.st_mode)) return no("it is not a regular file");
  fd = descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd || ::fstat(fd.get(), &info) != 0) return system_says();
  if (static_cast<std::uint64_t>(info.st_size) >= line_spout::max_file_bytes)
    return no("it has " + std::to_string(info.st_size) + " bytes; positions reach to 2^40");
  return std::nullopt;
}

}  // namespace

file_set::file_set(const std::vector<std::string>& paths, std::stop_token run) : claims_(std::move(run)) {
  if (paths.size() > line_spout::max_files)
    throw std::runtime_error(std::to_string(paths.size()) + " files are more than positions can name (2^24)");
  std::string problems;
  std::size_t shown = 0;
  for (const auto& path : paths) {
    descriptor fd;
    struct stat info {};
    if (auto problem = open_readable(path, fd, info)) {
      if (++shown <= 10) problems += (problems.empty() ? "" : "; ") + *problem;
      continue;
    }
    claims_.add(info, file_use::reads, path);
    if (files_.size() >= kept_open) fd.close();
    files_.push_back({path, info.st_dev, info.st_ino, std::move(fd)});
  }
  if (shown > 10) problems += "; and " + std::to_string(shown - 10) + " more";
  if (shown) throw std::runtime_error(problems);
}

std::vector<std::string> file_set::expand(const std::string& path_or_pattern) {
  struct stat info {};
  if (::stat(path_or_pattern.c_str(), &info) == 0 || path_or_pattern.find_first_of("*?[") == std::string::npos)
    return {path_or_pattern};
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> free{&found, &::globfree};
  const int status = ::glob(path_or_pattern.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &found);
  if (status == GLOB_NOMATCH) throw_system_error(ENOENT, "find a file that matches", path_or_pattern);
  if (status != 0) throw_system_error(status == GLOB_NOSPACE ? ENOMEM : errno, "list", path_or_pattern);
  std::vector<std::string> names(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  // By bytes and not by the process's locale: positions stand for places in this order.
  std::sort(names.begin(), names.end());
  std::set<std::pair<dev_t, ino_t>> seen;
  std::erase_if(names, [&](const std::string& name) {
    return ::stat(name.c_str(), &info) == 0 &&
           (S_ISDIR(info.st_mode) || !seen.emplace(info.st_dev, info.st_ino).second);
  });
  if (names.empty()) throw_system_error(ENOENT, "find a file that matches", path_or_pattern);
  return names;
}

int file_set::open(std::size_t file, descriptor& spare) const {
  const entry& e = files_[file];
  if (e.fd) return e.fd.get();
  struct stat info {};
  if (auto problem = open_readable(e.path, spare, info)) {
    const bool gone = ::stat(e.path.c_str(), &info) != 0 ? errno == ENOENT : info.st_ino != e.inode;
    if (gone) throw file_gone(*problem);
    throw std::runtime_error(*problem);
  }
  if (info.st_dev != e.device || info.st_ino != e.inode)
    throw file_gone("\"" + e.path + "\" is another file than when the run started");
  return spare.get();
}

}  // namespace freshet::file
