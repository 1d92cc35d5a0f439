#include "freshet/base/log.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

namespace freshet {
namespace {

class stderr_sink final : public log_sink {
 public:
  explicit stderr_sink(log_level minimum) noexcept : minimum_(minimum) {}

  void write(const log_record& record) noexcept override {
    if (record.level < minimum_ || record.level == log_level::off) return;
    // One call: the C library locks the stream for its length, so lines of several threads don't mix.
    const auto level = to_string(record.level);
    std::fprintf(stderr, "%.*s %.*s: %.*s\n", width(level), level.data(), width(record.component),
                 record.component.data(), width(record.message), record.message.data());
  }

 private:
  static int width(std::string_view text) noexcept {
    return static_cast<int>(std::min<std::size_t>(text.size(), 1 << 20));
  }
  const log_level minimum_;
};

}  // namespace

std::string_view to_string(log_level level) noexcept {
  switch (level) {
    case log_level::trace:
      return "trace";
    case log_level::debug:
      return "debug";
    case log_level::info:
      return "info";
    case log_level::warning:
      return "warning";
    case log_level::error:
      return "error";
    case log_level::off:
      return "off";
  }
  return "unknown";
}

log_sink::~log_sink() = default;

std::shared_ptr<log_sink> stderr_log(log_level minimum) { return std::make_shared<stderr_sink>(minimum); }

namespace {
constexpr int count_bits = 24;
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
}  // namespace

rate_limit::rate_limit(std::uint32_t limit, std::chrono::steady_clock::duration interval) noexcept
    : limit_(std::min<std::uint32_t>(limit, count_mask)), interval_(interval) {}

bool rate_limit::allow(std::chrono::steady_clock::time_point now) noexcept {
  const auto current = static_cast<std::uint64_t>(now.time_since_epoch() / interval_) << count_bits;
  std::uint64_t seen = window_.load(std::memory_order_relaxed);
  for (;;) {
    // Another thread may have read a later time: an interval never comes back.
    const std::uint64_t window = std::max(current, seen & ~count_mask);
    const std::uint64_t used = (seen & ~count_mask) == window ? seen & count_mask : 0;
    if (used >= limit_) break;
    if (window_.compare_exchange_weak(seen, window | (used + 1), std::memory_order_relaxed)) return true;
  }
  suppressed_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

}  // namespace freshet
