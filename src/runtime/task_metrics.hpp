#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

#include "freshet/runtime/metrics.hpp"

namespace freshet {

/// A counter with one writer. Relaxed load and store instead of an atomic addition: no other thread writes.
class counter {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A histogram that one thread writes, once a batch, and others copy.
class shared_histogram {
 public:
  void record(std::uint64_t ns, std::uint64_t count) {
    std::lock_guard lock(mutex_);
    histogram_.record(ns, count);
  }
  histogram copy() const {
    std::lock_guard lock(mutex_);
    return histogram_;
  }

 private:
  mutable std::mutex mutex_;
  histogram histogram_;
};

}  // namespace freshet
