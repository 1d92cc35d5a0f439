#pragma once
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace freshet::kafka {

/// Looks until it is so. Throws where it isn't after a minute: everything here takes some seconds at most.
template <class Condition>
void await(const std::string& what, Condition is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited for a minute until " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace freshet::kafka
