#pragma once
#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace freshet {

/// Where other threads wait for a look at something that only its owner may touch: the owner lets them look when
/// nothing is at work on it. Costs the owner one relaxed read for each time he asks whether somebody waits.
/// Thread safety: `ask` on any thread, `answer` and `close` on the owner's.
/// Invariant: looks are called under the mutex, one at a time: by the owner, or, once it is closed, by who asks.
class query_desk {
 public:
  /// Has `look` called, and waits for that. What it throws comes through. `wake_owner` is called when the owner has to
  /// hear of it, and must have a seq_cst fence before it reads whether he sleeps.
  template <class Wake>
  void ask(const std::function<void()>& look, Wake&& wake_owner) {
    visitor mine{look};
    {
      std::lock_guard lock(mutex_);
      if (closed_) return look();
      waiting_.push_back(&mine);
      somebody_waits_.store(true, std::memory_order_relaxed);  // the fence is the waker's
    }
    wake_owner();
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return mine.done; });
    if (mine.thrown) std::rethrow_exception(mine.thrown);
  }
  /// Lets those who wait look. Nothing may be at work on what they look at.
  void answer() {
    // relaxed: what they ask is read under the mutex.
    if (somebody_waits_.load(std::memory_order_relaxed)) [[unlikely]]
      answer_all();
  }
  /// What they look at won't change any more: when those who wait have looked, `then` is called, and from there on
  /// nobody waits.
  void close(const std::function<void()>& then = {}) noexcept { answer_all(true, then); }
  /// Somebody waits; one who has just come may not be seen yet.
  bool is_asked() const { return somebody_waits_.load(std::memory_order_relaxed); }

 private:
  struct visitor {
    const std::function<void()>& look;
    bool done = false;
    std::exception_ptr thrown = nullptr;
  };
  void answer_all(bool for_good = false, const std::function<void()>& then = {}) noexcept {
    std::lock_guard lock(mutex_);
    closed_ |= for_good;
    for (auto* v : waiting_) {
      try {
        v->look();
      } catch (...) { v->thrown = std::current_exception(); }
      v->done = true;
    }
    if (then) then();
    waiting_.clear();
    somebody_waits_.store(false, std::memory_order_relaxed);
    answered_.notify_all();
  }

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable answered_;
  std::vector<visitor*> waiting_;
  bool closed_ = false;
  std::atomic<bool> somebody_waits_{false};
};

}  // namespace freshet
