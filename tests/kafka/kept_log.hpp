#pragma once
#include <mutex>
#include <string>

#include "freshet/base/log.hpp"

namespace freshet::kafka {

/// Keeps all that is logged, line by line. Thread safe.
class kept_log : public log_sink {
 public:
  void write(const log_record& r) noexcept override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(r.message) + "\n";
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool says(const std::string& what) const { return count(what) > 0; }
  /// How often.
  int count(const std::string& what) const {
    const auto all = text();
    int n = 0;
    for (auto at = all.find(what); at != all.npos; at = all.find(what, at + what.size())) ++n;
    return n;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace freshet::kafka
