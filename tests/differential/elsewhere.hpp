#pragma once
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "freshet/base/function.hpp"
#include "freshet/base/random.hpp"

namespace freshet::differential {

/// A thread that consumes tokens and answers calls, in any order. What it still has when it is destroyed is done then,
/// so also when the run is long over. Thread safe.
class elsewhere {
 public:
  using job = move_only_function<void()>;
  explicit elsewhere(std::uint64_t seed) : random_(seed) {}
  elsewhere(const elsewhere&) = delete;
  elsewhere& operator=(const elsewhere&) = delete;
  ~elsewhere() {
    thread_.request_stop();
    thread_.join();
    for (auto& j : jobs_) j();
    for (auto& j : forgotten_) j();
  }

  void soon(job j) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(j));
    added_.notify_one();
  }
  /// When the run is over.
  void at_last(job j) {
    std::lock_guard lock(mutex_);
    forgotten_.push_back(std::move(j));
  }

 private:
  void serve(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (added_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
      if (stop.stop_requested()) return;
      std::swap(jobs_[random_.below(jobs_.size())], jobs_.back());
      job next = std::move(jobs_.back());
      jobs_.pop_back();
      lock.unlock();
      next();
      lock.lock();
    }
  }
  random_source random_;
  std::mutex mutex_;
  std::condition_variable_any added_;
  std::vector<job> jobs_, forgotten_;
  std::jthread thread_{[this](std::stop_token stop) { serve(stop); }};  // last: the others exist before it runs
};

}  // namespace freshet::differential
