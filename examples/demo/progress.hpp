#pragma once
#include <chrono>
#include <string>

namespace demo {

/// Says how far a piece of work is: on a terminal one line that is rewritten, elsewhere a line each second.
class progress {
 public:
  enum class elsewhere { lines, nothing };
  explicit progress(std::string what, elsewhere shown = elsewhere::lines);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  /// Takes its line off the terminal.
  ~progress();
  /// `done` is a share of the whole, 0 to 1; `detail` is short.
  void show(double done, const std::string& detail);
  /// How often to call `show`.
  std::chrono::milliseconds pause() const;

 private:
  std::string what_;
  bool terminal_;
  bool shown_;
};

}  // namespace demo
