#pragma once
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "freshet/core/emitter.hpp"
#include "freshet/core/held_tuple.hpp"
#include "freshet/core/task_context.hpp"

// Sinks that hold, for tests: they hear later, from a thread, whether a value was delivered.
namespace freshet {

/// Takes values with their tokens, and answers on a thread of its own what a test says. Thread safe.
class courier {
 public:
  enum class answer { ack, fail, drop, keep };
  /// What becomes of `value`, which is handed over for the `nth` time, from 1. It may say `rest`.
  using decision = std::function<answer(int value, int nth)>;

  explicit courier(decision decide = [](int, int) { return answer::ack; })
      : decide_(std::move(decide)), thread_([this](const std::stop_token& stop) { work(stop); }) {}

  void hand_over(int value, held_tuple token) {
    std::lock_guard lock(mutex_);
    waiting_.emplace_back(value, std::move(token));
    ++times_[value];
    ++unanswered_;
    most_waiting_ = std::max(most_waiting_, waiting_.size());
    changed_.notify_all();
  }
  /// Called after every answer.
  void wake_with(waker w) {
    std::lock_guard lock(mutex_);
    wakers_.push_back(std::move(w));
  }
  /// Answers nothing until `go_on`.
  void rest() {
    std::lock_guard lock(mutex_);
    rests_ = true;
  }
  void go_on() {
    std::lock_guard lock(mutex_);
    rests_ = false;
    changed_.notify_all();
  }
  void wait_for_waiting(std::size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() >= n; });
  }
  bool rests() const {
    std::lock_guard lock(mutex_);
    return rests_;
  }
  /// Tokens it has, but for one that it is just about to consume.
  std::size_t unanswered() const {
    std::lock_guard lock(mutex_);
    return unanswered_;
  }
  std::size_t waiting() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  std::size_t most_waiting() const {
    std::lock_guard lock(mutex_);
    return most_waiting_;
  }
  /// Those that were acked, in that order.
  std::vector<int> delivered() const {
    std::lock_guard lock(mutex_);
    return delivered_;
  }
  int times(int value) const {
    std::lock_guard lock(mutex_);
    const auto at = times_.find(value);
    return at == times_.end() ? 0 : at->second;
  }

 private:
  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !rests_ && !waiting_.empty(); })) {
      auto [value, token] = std::move(waiting_.front());
      waiting_.pop_front();
      const auto nth = times_[value];
      const auto wakers = wakers_;
      lock.unlock();
      const auto what = decide_(value, nth);
      lock.lock();
      if (what == answer::ack) delivered_.push_back(value);
      if (what == answer::keep) kept_.push_back(std::move(token));
      else --unanswered_;
      lock.unlock();
      if (what == answer::ack) token.ack();
      if (what == answer::fail) token.fail("not delivered");
      if (what == answer::drop) held_tuple dropped = std::move(token);
      for (const auto& w : wakers) w();
      lock.lock();
    }
  }

  const decision decide_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::pair<int, held_tuple>> waiting_;
  std::vector<held_tuple> kept_;
  std::vector<int> delivered_;
  std::map<int, int> times_;
  std::vector<waker> wakers_;
  std::size_t most_waiting_ = 0, unanswered_ = 0;
  bool rests_ = false;
  std::jthread thread_;  // the last: it uses the others
};

/// Hands each value over at once.
struct posting_sink {
  std::shared_ptr<courier> by;
  void write(const int& v, emitter<void>& out) { by->hand_over(v, out.hold()); }
};

/// Hands all over when it is flushed.
struct sink_that_posts_when_flushed {
  std::shared_ptr<courier> by;
  std::vector<std::pair<int, held_tuple>> kept = {};
  void write(const int& v, emitter<void>& out) { kept.emplace_back(v, out.hold()); }
  void flush() {
    for (auto& [v, token] : std::exchange(kept, {})) by->hand_over(v, std::move(token));
  }
};

/// Has room for three that wait.
struct narrow_posting_sink : posting_sink {
  void open(const task_context& c) { by->wake_with(c.wake); }
  bool ready() const { return by->waiting() < 3; }
};

/// While its courier rests, that has to go on after many of its ticks: what is due comes earlier.
struct patient_posting_sink : narrow_posting_sink {
  int ticks = 0;
  void on_tick() {
    if (by->rests() && ++ticks == 50) by->go_on();
  }
};

/// Keeps its tokens until somebody calls its waker, and throws in the first of these calls.
struct sink_that_answers_when_woken {
  std::shared_ptr<int> bad_calls;
  waker wake = {};
  std::vector<held_tuple> kept = {};
  std::jthread thread = {};
  void open(const task_context& c) { wake = c.wake; }
  void write(const int&, emitter<void>& out) {
    kept.push_back(out.hold());
    if (kept.size() == 10) thread = std::jthread([this] { wake(); });
  }
  void on_wake() {
    if (kept.size() < 10) return;
    if (--*bad_calls >= 0) throw std::runtime_error("not now");
    for (auto& token : std::exchange(kept, {})) token.ack();
  }
};

}  // namespace freshet
