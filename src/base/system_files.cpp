#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/descriptor.hpp"
#include "freshet/base/file_system.hpp"

namespace freshet {

namespace {

/// Once more where a signal has interrupted it.
template <class F>
auto restarted(F f) {
  for (;;) {
    const auto result = f();
    if (result >= 0 || errno != EINTR) return result;
  }
}
descriptor open_file(const std::string& path, int flags) {
  return descriptor(restarted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); }));
}

class system_append_file final : public append_file {
 public:
  system_append_file(descriptor fd, std::string path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto n = restarted([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
      if (n < 0) return system_error(errno, "append to", path_);
      size_ += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }
  result<void> sync() override {
    if (failure_ == 0 && restarted([&] { return ::fdatasync(fd_.get()); }) != 0) failure_ = errno;
    if (failure_ != 0) return sync_error(failure_, "sync", path_);
    return {};
  }
  result<void> cut(std::uint64_t size) override {
    if (restarted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0)
      return system_error(errno, "cut back", path_);
    size_ = size;
    return {};
  }
  std::uint64_t size() const override { return size_; }
  result<void> close() override {
    if (const int code = fd_.close()) return system_error(code, "close", path_);
    return {};
  }

 private:
  descriptor fd_;
  std::string path_;
  std::uint64_t size_;
  int failure_ = 0;  // of a sync: it stays
};

class system_read_file final : public read_file {
 public:
  system_read_file(descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) const override {
    std::size_t got = 0;
    while (got < n) {
      const auto more =
          restarted([&] { return ::pread(fd_.get(), to + got, n - got, static_cast<off_t>(offset + got)); });
      if (more < 0) return system_error(errno, "read", path_);
      if (more == 0) break;
      got += static_cast<std::size_t>(more);
    }
    return got;
  }
  result<std::uint64_t> size() const override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return system_error(errno, "look at", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  descriptor fd_;
  std::string path_;
};

class system_lock final : public file_lock {
 public:
  explicit system_lock(descriptor fd) : fd_(std::move(fd)) {}
  system_lock(const system_lock&) = delete;
  system_lock& operator=(const system_lock&) = delete;
  /// Nobody is to be taken for who has it: another process may have that number, as in a container each first one.
  ~system_lock() override {
    if (::ftruncate(fd_.get(), 0) != 0) return;  // then it is as behind a kill
  }

 private:
  descriptor fd_;
};

class all_system_files final : public file_system {
 public:
  result<std::unique_ptr<append_file>> create(const std::string& path) override {
    return to_append(path, O_CREAT | O_EXCL, "create");
  }
  result<std::unique_ptr<append_file>> open_to_append(const std::string& path) override {
    return to_append(path, 0, "open");
  }
  result<std::unique_ptr<read_file>> open(const std::string& path) override {
    auto fd = open_file(path, O_RDONLY);
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) return system_error(errno, "open", path);
    if (S_ISDIR(info.st_mode)) return system_error(EISDIR, "open", path);
    return std::unique_ptr<read_file>(new system_read_file(std::move(fd), path));
  }
  result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, "rename to \"" + to + "\"", from);
    return {};
  }
  bool is_of_this_machine() const override { return true; }
  result<void> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return system_error(errno, "link as \"" + to + "\"", from);
    return {};
  }
  result<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return system_error(errno, "remove", path);
    return {};
  }
  result<void> create_folder(const std::string& path) override {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed) return system_error(failed.value(), "create the folder", path);
    return {};
  }
  result<std::vector<folder_entry>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) return system_error(errno, "list", path);
    std::vector<folder_entry> all;
    for (;;) {
      errno = 0;
      const dirent* const each = ::readdir(folder.get());
      if (!each) break;
      const std::string_view name(each->d_name);
      if (name == "." || name == "..") continue;
      struct stat info {};
      if (::fstatat(::dirfd(folder.get()), each->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // gone meanwhile
        return system_error(errno, "look at", path + "/" + each->d_name);
      }
      const bool is_folder = S_ISDIR(info.st_mode);
      all.push_back({std::string(name), is_folder, is_folder ? 0 : static_cast<std::uint64_t>(info.st_size)});
    }
    if (errno != 0) return system_error(errno, "list", path);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return all;
  }
  result<bool> exists(const std::string& path) override {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error(errno, "look at", path);
  }
  result<void> sync_folder(const std::string& path) override {
    const auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!fd) return system_error(errno, "open", path);
    if (restarted([&] { return ::fsync(fd.get()); }) != 0) return sync_error(errno, "sync the folder", path);
    return {};
  }
  result<std::unique_ptr<file_lock>> lock(const std::string& path) override {
    auto fd = open_file(path, O_RDWR | O_CREAT);
    if (!fd) return system_error(errno, "open", path);
    if (restarted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return system_error(errno, "lock", path);
      char owner[32] = {};
      const auto n = ::pread(fd.get(), owner, sizeof owner - 1, 0);
      std::string who(owner, n > 0 ? static_cast<std::size_t>(n) : 0);
      if (const auto end = who.find('\n'); end != std::string::npos) who.resize(end);
      return error{errc::invalid_argument, "\"" + path + "\" is locked by " +
                                               (who.empty() ? "another process" : "process " + who) +
                                               ", which uses this folder"};
    }
    // For people alone: the lock is the system's, and ends with the process.
    const std::string me = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), me.data(), me.size(), 0) < 0)
      return system_error(errno, "write", path);
    return std::unique_ptr<file_lock>(new system_lock(std::move(fd)));
  }

 private:
  static result<std::unique_ptr<append_file>> to_append(const std::string& path, int flags, std::string_view what) {
    auto fd = open_file(path, O_WRONLY | O_APPEND | flags);
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) return system_error(errno, what, path);
    return std::unique_ptr<append_file>(
        new system_append_file(std::move(fd), path, static_cast<std::uint64_t>(info.st_size)));
  }
};

}  // namespace

file_system& system_files() {
  static all_system_files all;
  return all;
}

}  // namespace freshet
