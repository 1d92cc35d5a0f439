#include "freshet/base/log.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace freshet {
namespace {

class memory_log final : public log_sink {
 public:
  void write(const log_record& r) noexcept override {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::string(to_string(r.level)) + ' ' + std::string(r.component) + ": " + std::string(r.message));
  }
  std::vector<std::string> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST(logger, passes_what_is_at_or_above_its_level) {
  auto sink = std::make_shared<memory_log>();
  const logger log(sink, log_level::warning);
  log.log(log_level::info, "a", "quiet");
  log.log(log_level::warning, "a", "loud");
  log.log(log_level::error, "b", "louder");
  EXPECT_EQ(sink->lines(), (std::vector<std::string>{"warning a: loud", "error b: louder"}));
  EXPECT_FALSE(log.enabled(log_level::info));
  EXPECT_TRUE(log.enabled(log_level::error));
}

TEST(logger, without_sink_says_nothing) {
  const logger none;
  EXPECT_FALSE(none.enabled(log_level::error));
  none.log(log_level::error, "a", "b");
  EXPECT_FALSE(logger(nullptr, log_level::trace).enabled(log_level::error));
}

TEST(logger, off_silences_and_is_no_level_to_speak_at) {
  auto sink = std::make_shared<memory_log>();
  logger(sink, log_level::off).log(log_level::error, "a", "b");
  logger(sink, log_level::trace).log(log_level::off, "a", "b");
  EXPECT_TRUE(sink->lines().empty());
}

TEST(stderr_log, writes_one_line_a_message) {
  testing::internal::CaptureStderr();
  auto sink = stderr_log(log_level::info);
  sink->write({log_level::debug, "kafka", "hidden"});
  sink->write({log_level::warning, "kafka", "no broker"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning kafka: no broker\n");
}

using std::chrono::steady_clock;
steady_clock::time_point at(std::chrono::milliseconds t) { return steady_clock::time_point(t); }
using namespace std::chrono_literals;

TEST(rate_limit, lets_so_many_through_an_interval_and_counts_the_rest) {
  rate_limit limit(2, 1s);
  EXPECT_TRUE(limit.allow(at(5000ms)));
  EXPECT_TRUE(limit.allow(at(5999ms)));
  EXPECT_FALSE(limit.allow(at(5999ms)));
  EXPECT_FALSE(limit.allow(at(5000ms)));
  EXPECT_TRUE(limit.allow(at(6000ms)));
  EXPECT_EQ(limit.take_suppressed(), 2u);
  EXPECT_EQ(limit.take_suppressed(), 0u);
}

TEST(rate_limit, works_from_time_zero_and_after_long_silence) {
  rate_limit limit(1, 1s);
  EXPECT_TRUE(limit.allow(at(0ms)));
  EXPECT_FALSE(limit.allow(at(1ms)));
  EXPECT_TRUE(limit.allow(at(1000h)));
}

TEST(rate_limit, a_thread_with_an_older_time_gets_no_second_interval) {
  rate_limit limit(1, 1s);
  EXPECT_TRUE(limit.allow(at(10s)));
  EXPECT_FALSE(limit.allow(at(9s)));
  EXPECT_FALSE(limit.allow(at(10s)));
}

TEST(rate_limit, of_zero_suppresses_all) {
  rate_limit limit(0, 1s);
  EXPECT_FALSE(limit.allow(at(10s)));
  EXPECT_EQ(limit.take_suppressed(), 1u);
}

TEST(rate_limit, holds_between_threads) {
  rate_limit limit(100, 1s);
  std::atomic<int> through{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) through += limit.allow(at(3s));
      });
  }
  EXPECT_EQ(through, 100);
  EXPECT_EQ(limit.take_suppressed(), 3900u);
}

}  // namespace
}  // namespace freshet
