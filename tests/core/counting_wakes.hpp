#pragma once
#include <atomic>
#include <functional>

#include "freshet/core/task_context.hpp"

namespace freshet::samples {

/// Who is woken: counts, and does what a test wants done at that moment.
struct counting_wakes : waker::target {
  std::atomic<int> count{0};
  std::function<void()> then = [] {};
  void wake() noexcept override {
    ++count;
    then();
  }
};

}  // namespace freshet::samples
