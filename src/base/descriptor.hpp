#pragma once
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace freshet {

/// An open file descriptor. Move-only.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = other.release();
    }
    return *this;
  }
  ~descriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Gives it up to the caller.
  int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes; returns the error number, 0 for none.
  int close() noexcept {
    const int fd = release();
    // Never again after EINTR: Linux has closed it by then, and the number may be somebody else's.
    return fd >= 0 && ::close(fd) != 0 && errno != EINTR ? errno : 0;
  }

 private:
  int fd_ = -1;
};

}  // namespace freshet
