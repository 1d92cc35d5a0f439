#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace freshet {

/// How much a message matters; `off` is above all.
enum class log_level : std::uint8_t { trace, debug, info, warning, error, off };

/// The level's name: "warning".
std::string_view to_string(log_level) noexcept;

/// One message. The views are valid during `write` only.
struct log_record {
  log_level level = log_level::info;
  std::string_view component;  ///< who speaks: a node, a task, a part of an engine
  std::string_view message;
};

/// Where messages go. Implementations are thread safe, don't throw, and don't wait for slow receivers for long: any
/// thread of an engine may log.
class log_sink {
 public:
  log_sink() = default;
  log_sink(const log_sink&) = delete;
  log_sink& operator=(const log_sink&) = delete;
  virtual ~log_sink();
  virtual void write(const log_record&) noexcept = 0;
};

/// A sink that writes lines "warning kafka: no broker" to stderr, whole lines at a time.
std::shared_ptr<log_sink> stderr_log(log_level minimum = log_level::info);

/// A cheap, copyable handle to a sink. Default constructed it says nothing. Thread safe as its sink is.
class logger {
 public:
  logger() = default;
  explicit logger(std::shared_ptr<log_sink> sink, log_level minimum = log_level::info) noexcept
      : sink_(std::move(sink)), minimum_(sink_ ? minimum : log_level::off) {}

  /// False when a message of this level would go nowhere: ask before building an expensive text.
  bool enabled(log_level level) const noexcept { return level >= minimum_ && level != log_level::off; }
  void log(log_level level, std::string_view component, std::string_view message) const noexcept {
    if (enabled(level)) sink_->write({level, component, message});
  }

 private:
  std::shared_ptr<log_sink> sink_;
  log_level minimum_ = log_level::off;
};

/// Lets through at most `limit` messages an interval and counts the others, so that one bad input doesn't drown the
/// log. Intervals follow each other from the first call's clock; thread safe and lock free.
class rate_limit {
 public:
  /// REQUIRES: interval > 0. At most 2^24 - 1 messages an interval.
  rate_limit(std::uint32_t limit, std::chrono::steady_clock::duration interval) noexcept;

  /// True when a message may be logged at `now`, otherwise it is counted as suppressed.
  bool allow(std::chrono::steady_clock::time_point now) noexcept;
  /// How many messages were suppressed since the last call of this: "(and 312 more)".
  std::uint64_t take_suppressed() noexcept { return suppressed_.exchange(0, std::memory_order_relaxed); }

 private:
  const std::uint32_t limit_;
  const std::chrono::steady_clock::duration interval_;
  // The number of the current interval in the high 40 bits, the messages let through in it in the low 24: one word,
  // so that a new interval and its first message are one step. Relaxed everywhere: it guards no other memory.
  std::atomic<std::uint64_t> window_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace freshet
