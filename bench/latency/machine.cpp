#include "machine.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <fstream>
#include <thread>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace freshet::latency {

using namespace std::chrono_literals;

std::chrono::nanoseconds process_cpu_time() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::uint64_t resident_bytes() {
#ifdef __linux__
  std::uint64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
#else
  return 0;
#endif
}

void sleep_exactly() {
#ifdef __linux__
  prctl(PR_SET_TIMERSLACK, 1);
#endif
}

constexpr auto timer_lateness = 10us;

void wait_until(clock::time_point when) {
  if (when - clock::now() > 2 * timer_lateness) std::this_thread::sleep_until(when - timer_lateness);
  while (clock::now() < when) {}
}

namespace {

// std::atomic::wait looks for a while before it sleeps; here the sleep is the point.
void sleep_while_zero(std::atomic<std::uint32_t>& word) {
#ifdef __linux__
  while (word.load(std::memory_order_acquire) == 0)
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
#else
  word.wait(0, std::memory_order_acquire);
#endif
}
void wake_sleeper(std::atomic<std::uint32_t>& word) {
#ifdef __linux__
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
#else
  word.notify_one();
#endif
}

}  // namespace

histogram bare_wake(std::chrono::nanoseconds for_how_long) {
  histogram latency;
  // 1: woken at `sent`; 2: go home. release and acquire hand `sent` over.
  std::atomic<std::uint32_t> word{0};
  clock::time_point sent;
  std::thread sleeper([&] {
    for (;;) {
      sleep_while_zero(word);
      const auto now = clock::now();
      if (word.load(std::memory_order_acquire) == 2) return;
      latency.record(static_cast<std::uint64_t>((now - sent).count()));
      word.store(0, std::memory_order_release);
    }
  });
  std::thread waker([&] {
    sleep_exactly();
    const auto end = clock::now() + for_how_long;
    for (auto next = clock::now() + 100us; next < end; next += 100us) {
      wait_until(next);
      // Where the machine was busy the sleeper may not be back yet: this turn is left out.
      if (word.load(std::memory_order_acquire) != 0) continue;
      sent = clock::now();
      word.store(1, std::memory_order_release);
      wake_sleeper(word);
    }
    while (word.load(std::memory_order_acquire) != 0) std::this_thread::yield();
    word.store(2, std::memory_order_release);
    wake_sleeper(word);
  });
  waker.join();
  sleeper.join();
  return latency;
}

histogram sleep_lateness(std::chrono::nanoseconds for_how_long) {
  histogram lateness;
  std::thread([&] {
    sleep_exactly();
    const auto end = clock::now() + for_how_long;
    for (auto next = clock::now() + 100us; next < end; next = std::max(next, clock::now()) + 100us) {
      std::this_thread::sleep_until(next);
      lateness.record(static_cast<std::uint64_t>((clock::now() - next).count()));
    }
  }).join();
  return lateness;
}

}  // namespace freshet::latency
