#pragma once
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "freshet/connect/line_format.hpp"

namespace freshet {

/// Writes tuples to the standard output, one line each, through their operator<< or a function of yours.
///     builder.sink("print", console_sink{}).input(counts);
///     builder.sink("print", console_sink{[](const word& w) { return w.text + ' ' + std::to_string(w.n);
///     }}).input(counts);
///
/// Lines of several tasks never mix. A terminal shows each at once; a pipe or file gets them when the C library's
/// buffer is full, each second, and when the engine flushes. A write that fails (a full disk) fails the tuple.
template <class Format = line_format>
class console_sink {
 public:
  static constexpr std::chrono::nanoseconds default_tick = std::chrono::seconds(1);

  explicit console_sink(Format format = {}) : format_(std::move(format)) {}
  template <class T>
  void write(const T& value) {
    line_.clear();
    append_line(line_, format_, value);
    // One call a line: the C library lets no other thread write in between.
    if (std::fwrite(line_.data(), 1, line_.size(), stdout) != line_.size()) fail();
  }
  void flush() {
    if (std::fflush(stdout) != 0) fail();
  }
  void on_tick() { flush(); }
  void close() { flush(); }

 private:
  [[noreturn]] static void fail() {
    const int why = errno;
    std::clearerr(stdout);
    throw std::system_error(why, std::generic_category(), "cannot write to the standard output");
  }

  Format format_;
  std::string line_;
};

}  // namespace freshet
