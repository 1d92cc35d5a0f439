#include "connect/file/file_set.hpp"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "freshet/base/hash.hpp"
#include "freshet/connect/file/line_spout.hpp"

namespace freshet::file {

void throw_system_error(int error_number, const std::string& doing, const std::string& path) {
  throw std::system_error(error_number, std::generic_category(), "cannot " + doing + " \"" + path + "\"");
}
void throw_at(const std::string& path, std::uint64_t byte, const std::string& what) {
  throw std::runtime_error("\"" + path + "\" at byte " + std::to_string(byte) + ": " + what);
}

namespace {

struct open_problem {
  std::string text;
  bool missing = false;
};

/// A readable regular file of a size that positions can say, or why not.
std::optional<open_problem> open_readable(const std::string& path, descriptor& fd, struct stat& info) {
  const auto no = [&](const std::string& why) { return open_problem{"cannot open \"" + path + "\": " + why}; };
  const auto system_says = [&] {
    const int number = errno;
    return open_problem{no(std::generic_category().message(number)).text, number == ENOENT};
  };
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

/// Up to `beginning_bytes`; fewer where they can't be read, which is an error when they are to be emitted.
std::string first_bytes(int fd) {
  std::string bytes(beginning_bytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto got = ::pread(fd, bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

file_beginning beginning_of(std::string_view bytes) { return {bytes.size(), hash_bytes(bytes.data(), bytes.size())}; }

/// Still where it was, and the spout's paths just don't lead there any more.
bool is_at_its_path(const known_file& k) {
  struct stat info {};
  return ::stat(k.path.c_str(), &info) == 0 && info.st_ino == k.inode;
}

}  // namespace

/// Known files by inode and path.
class file_set::inode_index {
 public:
  explicit inode_index(const known_files& known) : known_(known) {
    for (std::size_t k = 0; k < known.files.size(); ++k) {
      by_inode_.emplace(known.files[k].inode, k);
      paths_.insert(known.files[k].path);
    }
  }
  bool has(const std::string& path) const { return paths_.count(path) != 0; }
  /// Those with the inode that begin with the same bytes.
  std::vector<std::size_t> alike(std::uint64_t inode, std::string_view bytes) const {
    std::vector<std::size_t> all;
    const auto [from, to] = by_inode_.equal_range(inode);
    for (auto each = from; each != to; ++each) {
      const auto& begins = known_.files[each->second].begins;
      if (begins.bytes <= bytes.size() && beginning_of(bytes.substr(0, begins.bytes)) == begins)
        all.push_back(each->second);
    }
    return all;
  }

 private:
  const known_files& known_;
  std::multimap<std::uint64_t, std::size_t> by_inode_;
  std::set<std::string_view> paths_;
};

file_set::file_set(const file_names& which, std::stop_token run) : claims_(std::move(run)) {
  find(which.pattern ? expand(which.paths[0]) : which.paths, nullptr);
  next_ = files_.size();
}

file_set::file_set(const file_names& which, std::stop_token run, const known_files& known, std::uint64_t offset)
    : claims_(std::move(run)) {
  const auto found = find(which.pattern ? expand(which.paths[0], !known.files.empty()) : which.paths, &known);
  auto all = recognise(known, found, offset, is_at_its_path);
  next_ = all.next;
  if (next_ > line_spout::max_files) throw std::runtime_error("more files than positions can name (2^24)");
  not_there_ = std::move(all.not_there);
  lost_ = std::move(all.lost);
  std::size_t file = 0;
  for (std::size_t f = 0; f < found.size(); ++f)
    if (!found[f].missing) files_[file++].number = all.numbers[f];
  std::erase_if(files_, [](const entry& e) { return e.number == recognised_files::nowhere; });
  std::sort(files_.begin(), files_.end(), [](const entry& a, const entry& b) { return a.number < b.number; });
  keep_open(line_spout::file_of(offset));
}

/// Makes the entries of the files that are there, in this order. `known`: null where none have to be remembered.
std::vector<found_file> file_set::find(const std::vector<std::string>& paths, const known_files* known) {
  if (paths.size() > line_spout::max_files)
    throw std::runtime_error(std::to_string(paths.size()) + " files are more than positions can name (2^24)");
  const known_files none;
  const inode_index index(known ? *known : none);
  std::vector<found_file> found;
  std::string problems;
  std::size_t shown = 0;
  for (const auto& path : paths) {
    descriptor fd;
    struct stat info {};
    if (const auto problem = open_readable(path, fd, info)) {
      found.push_back({.path = path, .missing = true});
      if (problem->missing && index.has(path)) continue;
      if (++shown <= 10) problems += (problems.empty() ? "" : "; ") + problem->text;
      continue;
    }
    claims_.add(info, file_use::reads, path);
    entry e{path, info.st_dev, info.st_ino, files_.size(), static_cast<std::uint64_t>(info.st_size)};
    if (known) {
      const auto bytes = first_bytes(fd.get());
      e.begins = beginning_of(bytes);
      found.push_back({path, e.device, e.inode, e.size, false, index.alike(e.inode, bytes)});
    }
    if (files_.size() < kept_open) e.fd = std::move(fd);
    files_.push_back(std::move(e));
  }
  if (shown > 10) problems += "; and " + std::to_string(shown - 10) + " more";
  if (shown) throw std::runtime_error(problems);
  return found;
}

/// Those that are to be read, from a number on.
void file_set::keep_open(std::uint64_t from) {
  std::size_t kept = 0;
  for (auto& e : files_) {
    const bool wanted = e.number >= from && kept < kept_open;
    if (!wanted) e.fd.close();
    if (wanted && ++kept && !e.fd) {
      struct stat info {};
      static_cast<void>(open_readable(e.path, e.fd, info));  // where that fails now, it does when it is read
      if (e.fd && (info.st_dev != e.device || info.st_ino != e.inode)) e.fd.close();
    }
  }
}

std::size_t file_set::with_number(std::uint64_t number) const {
  const auto at = std::lower_bound(files_.begin(), files_.end(), number,
                                   [](const entry& e, std::uint64_t n) { return e.number < n; });
  return static_cast<std::size_t>(at - files_.begin());
}

known_files file_set::known() const {
  known_files all{next_, not_there_};
  for (const auto& e : files_) all.files.push_back({e.number, e.path, e.device, e.inode, e.size, e.begins});
  std::sort(all.files.begin(), all.files.end(),
            [](const known_file& a, const known_file& b) { return a.number < b.number; });
  return all;
}

std::optional<lost_files> file_set::take_lost(std::uint64_t offset) {
  const auto at = std::find_if(lost_.begin(), lost_.end(),
                               [&](const lost_files& l) { return line_spout::offset_of(l.end, 0) > offset; });
  if (at == lost_.end()) return std::nullopt;
  auto found = std::move(*at);
  lost_.erase(at);
  return found;
}

std::vector<std::string> file_set::expand(const std::string& path_or_pattern, bool may_be_none) {
  struct stat info {};
  if (::stat(path_or_pattern.c_str(), &info) == 0 || path_or_pattern.find_first_of("*?[") == std::string::npos)
    return {path_or_pattern};
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> free{&found, &::globfree};
  const int status = ::glob(path_or_pattern.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &found);
  if (status == GLOB_NOMATCH && may_be_none) return {};
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
  if (names.empty() && !may_be_none) throw_system_error(ENOENT, "find a file that matches", path_or_pattern);
  return names;
}

int file_set::open(std::size_t file, descriptor& spare) const {
  const entry& e = files_[file];
  if (e.fd) return e.fd.get();
  struct stat info {};
  if (const auto problem = open_readable(e.path, spare, info)) {
    const bool gone = ::stat(e.path.c_str(), &info) != 0 ? errno == ENOENT : info.st_ino != e.inode;
    if (gone) throw file_gone(problem->text);
    throw std::runtime_error(problem->text);
  }
  if (info.st_dev != e.device || info.st_ino != e.inode)
    throw file_gone("\"" + e.path + "\" is another file than when the run started");
  return spare.get();
}

}  // namespace freshet::file
