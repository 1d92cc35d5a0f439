#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/base/function.hpp"
#include "freshet/base/result.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet {

/// What the copies of one push_spout share: values on their way from any thread to the spout's tasks. Thread safe.
///
/// Invariants, under the mutex:
/// 1. `unread_` counts the values here and those that readers have taken and not emitted yet; it is above the capacity
///    never.
/// 2. Somebody waits in `waiting_` only while unread_ == capacity and the queue is open: room goes to them first.
/// 3. A reader that found nothing is marked idle, and whoever adds a value takes the mark off and wakes it. So values
///    are never left lying with every reader asleep, and under load nobody is woken.
/// Functions handed in and wakers are called without the mutex.
template <class T>
class push_queue {
 public:
  using ticket = std::uint64_t;
  using done_function = move_only_function<void(result<void>)>;
  enum class taken : std::uint8_t { some, nothing_now, nothing_ever };

  /// One task's end of the queue.
  struct reader {
    waker wake;
    bool idle = false;
    std::vector<T> values;  ///< taken and not emitted yet, from `next` on
    std::size_t next = 0;
  };

  explicit push_queue(std::size_t capacity) : capacity_(capacity) {}

  // --- who pushes ---

  template <class V>
  result<void> try_push(V&& value) {
    std::unique_lock lock(mutex_);
    if (!open()) return closed_error();
    if (unread_ >= capacity_) return full_error();
    add(std::forward<V>(value));
    finish(lock);
    return {};
  }
  result<void> push(T&& value) {
    std::unique_lock lock(mutex_);
    ++blocked_;
    room_.wait(lock, [this] { return !open() || unread_ < capacity_; });
    --blocked_;
    if (!open()) return closed_error();
    add(std::move(value));
    finish(lock);
    return {};
  }
  ticket push_then(std::optional<T> value, done_function done) {
    std::unique_lock lock(mutex_);
    if (open() && unread_ >= capacity_) {
      waiting_.push_back({++last_ticket_, std::move(value), std::move(done)});
      return last_ticket_;
    }
    const bool accepted = open();
    if (accepted && value) add(std::move(*value));
    finish(lock);
    done(accepted ? result<void>() : closed_error());
    return 0;
  }
  bool withdraw(ticket which) {
    waiter gone;  // destroyed without the mutex
    std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      if (at->id != which) continue;
      gone = std::move(*at);
      waiting_.erase(at);
      return true;
    }
    return false;
  }
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    finish(lock, true);
  }
  /// Like `close`, until a later run attaches its first reader.
  void drain() {
    std::unique_lock lock(mutex_);
    over_ = true;
    finish(lock, true);
  }
  bool is_open() const {
    std::lock_guard lock(mutex_);
    return open();
  }
  std::size_t unread() const {
    std::lock_guard lock(mutex_);
    return unread_;
  }
  std::size_t capacity() const { return capacity_; }

  // --- who reads ---

  void attach(reader& r) {
    std::lock_guard lock(mutex_);
    if (readers_.empty()) over_ = false;
    readers_.push_back(&r);
  }
  /// What the reader has not emitted goes back to the front. With the last reader the run is over for those who push.
  /// Returns how many values stay behind without a reader.
  std::size_t detach(reader& r) {
    std::unique_lock lock(mutex_);
    values_.insert(values_.begin(), std::make_move_iterator(r.values.begin() + static_cast<std::ptrdiff_t>(r.next)),
                   std::make_move_iterator(r.values.end()));
    r.values.clear();
    r.next = 0;
    std::erase(readers_, &r);
    const bool last = readers_.empty();
    over_ |= last;  // also by a drain, for the readers that are left
    const auto left = last ? unread_ : 0;
    finish(lock, true);
    return left;
  }
  /// Gives `r` new values: all there are, or about `wanted` where other tasks read too.
  /// REQUIRES: r has emitted all of its values.
  taken take(reader& r, std::size_t wanted) {
    r.values.clear();
    r.next = 0;
    std::lock_guard lock(mutex_);
    if (values_.empty()) {
      r.idle = open();
      return open() ? taken::nothing_now : taken::nothing_ever;
    }
    if (readers_.size() == 1) {
      r.values.swap(values_);
      return taken::some;
    }
    const auto end =
        values_.begin() + static_cast<std::ptrdiff_t>(std::min(std::max<std::size_t>(wanted, 1), values_.size()));
    r.values.assign(std::make_move_iterator(values_.begin()), std::make_move_iterator(end));
    values_.erase(values_.begin(), end);
    return taken::some;
  }
  /// A reader has emitted `n` values: there is room.
  void emitted(std::size_t n) {
    std::unique_lock lock(mutex_);
    unread_ -= n;
    finish(lock);
  }

 private:
  struct waiter {
    ticket id = 0;
    std::optional<T> value;
    done_function done;
  };
  static error closed_error() { return {errc::closed, "queue is closed"}; }
  static error full_error() { return {errc::full, "queue is full", true}; }

  bool open() const { return !closed_ && !over_; }
  template <class V>
  void add(V&& value) {
    values_.push_back(std::forward<V>(value));
    ++unread_;
  }
  /// After every change: lets in who waits, unlocks, wakes who has to know.
  void finish(std::unique_lock<std::mutex>& lock, bool all_readers = false) {
    std::vector<done_function> called;
    const bool accepted = open();
    while (!waiting_.empty() && (!accepted || unread_ < capacity_)) {
      waiter w = std::move(waiting_.front());
      waiting_.pop_front();
      if (accepted && w.value) add(std::move(*w.value));
      called.push_back(std::move(w.done));
    }
    std::vector<waker> sleepers;
    if (all_readers || !values_.empty())
      for (auto* r : readers_)
        if (std::exchange(r->idle, false)) sleepers.push_back(r->wake);
    const bool pushers = blocked_ != 0 && (!accepted || unread_ < capacity_);
    lock.unlock();
    if (pushers) room_.notify_all();
    for (const auto& wake : sleepers) wake();
    for (auto& done : called) done(accepted ? result<void>() : closed_error());
  }

  mutable std::mutex mutex_;
  std::condition_variable room_;
  const std::size_t capacity_;
  std::vector<T> values_;
  std::size_t unread_ = 0;
  std::size_t blocked_ = 0;  // threads in push
  std::deque<waiter> waiting_;
  ticket last_ticket_ = 0;
  std::vector<reader*> readers_;
  bool closed_ = false;
  bool over_ = false;  // the run that reads from here drains, or has ended
};

}  // namespace freshet
