#pragma once
#ifdef __linux__
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace freshet {

/// Which thread runs something, told by itself: 0 until then.
using thread_number = std::atomic<pid_t>;

/// Waits until a thread of this process has told its number, and sleeps. False: after ten seconds it does not.
inline bool falls_asleep(const thread_number& thread) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (; std::chrono::steady_clock::now() < patience; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    std::ifstream in("/proc/self/task/" + std::to_string(thread.load()) + "/stat");
    std::string stat;
    std::getline(in, stat);  // number (name) state ...
    const auto state = stat.rfind(')');
    if (state != std::string::npos && stat.compare(state, 3, ") S") == 0) return true;
  }
  return false;
}

}  // namespace freshet
#endif
