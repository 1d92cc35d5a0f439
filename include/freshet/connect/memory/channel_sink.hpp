#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "freshet/core/task_context.hpp"

namespace freshet {

/// What a channel_sink does with a tuple when it is full.
enum class when_full : std::uint8_t {
  wait,  ///< backpressure: its node takes no further tuple until a quarter of the room is free again; no thread waits
  drop_oldest,  ///< the value that waited longest is lost: for readers who want what is new
  drop_newest,  ///< the tuple itself is lost
};

/// Settings of a channel_sink.
struct channel_options {
  /// Values that wait for the reader. With `wait` a task may go over it by one.
  std::size_t capacity = 1024;
  freshet::when_full when_full = freshet::when_full::wait;  ///< loses nothing
};

/// A bounded queue at the end of a topology that a service reads at its own pace. Copies share the queue; hand one to
/// the topology, keep one to read. Thread safe, for any number of readers.
///     freshet::channel_sink<answer> answers;
///     builder.sink("answers", answers).input(results);
///     auto run = executor.start(builder.build());
///     while (auto a = answers.pop()) use(*a);              // until the run is over and all is read
///
/// A tuple counts as finished when it is in the queue: what nobody reads is lost with the process. A reader that goes
/// away calls `close`, or with `when_full::wait` the topology waits for it for ever.
template <class T>
class channel_sink {
 public:
  /// Throws std::invalid_argument for capacity 0.
  explicit channel_sink(channel_options options = {}) : shared_(std::make_shared<shared>()) {
    if (options.capacity == 0) throw std::invalid_argument("channel_sink: capacity 0 has room for nothing");
    shared_->options = options;
  }
  channel_sink(const channel_sink& other) : shared_(other.shared_) {}
  channel_sink(channel_sink&&) noexcept = default;
  channel_sink& operator=(const channel_sink&) = delete;
  ~channel_sink() { leave(); }

  /// Waits for a value, also before a run has begun. Nothing: the run is over (or `close` was called), and all is read.
  std::optional<T> pop() {
    std::unique_lock lock(shared_->mutex);
    shared_->filled.wait(lock, [&] { return shared_->readable(); });
    return shared_->take(lock);
  }
  /// Waits so long at most. Nothing: the same, or there was no value in time.
  std::optional<T> pop_for(std::chrono::nanoseconds limit) {
    std::unique_lock lock(shared_->mutex);
    shared_->filled.wait_for(lock, limit, [&] { return shared_->readable(); });
    return shared_->take(lock);
  }
  /// Never waits.
  std::optional<T> try_pop() {
    std::unique_lock lock(shared_->mutex);
    return shared_->take(lock);
  }
  /// True when nothing will come any more and all is read.
  bool finished() const {
    std::lock_guard lock(shared_->mutex);
    return shared_->over() && shared_->values.empty();
  }
  std::size_t size() const {
    std::lock_guard lock(shared_->mutex);
    return shared_->values.size();
  }
  /// Values lost because the channel was full, or closed by its reader.
  std::uint64_t dropped() const {
    std::lock_guard lock(shared_->mutex);
    return shared_->dropped;
  }
  /// Nobody reads any more: what comes from now on is dropped and counted, and nothing waits for room. For good.
  /// (An engine calls this for its own copy when a task ends; with the last one the run is over for the readers.)
  void close() {
    if (task_) leave();
    else shared_->close();
  }

  // --- engine side ---
  void open(const task_context& context) {
    task_ = std::make_unique<task>();
    task_->wake = context.wake;
    std::lock_guard lock(shared_->mutex);
    shared_->tasks.push_back(task_.get());
    shared_->ended = false;
  }
  bool ready() { return !task_ || !task_->was_full || shared_->ready(*task_); }
  void write(const T& value) {
    const bool full = shared_->put(value);
    if (task_) task_->was_full = full;
  }

 private:
  struct task {
    waker wake;
    bool waits = false;     // under the mutex: asked for room and was refused
    bool was_full = false;  // the task's own: saves the lock while there is room
  };
  struct shared {
    bool over() const { return closed || ended; }
    bool readable() const { return !values.empty() || over(); }
    /// True when the channel is full now and its node should wait.
    bool put(const T& value) {
      std::unique_lock lock(mutex);
      const bool full = values.size() >= options.capacity;
      if (closed || (full && options.when_full == freshet::when_full::drop_newest)) {
        ++dropped;
        return false;
      }
      values.push_back(value);
      if (full && options.when_full == freshet::when_full::drop_oldest) {
        values.pop_front();
        ++dropped;
      }
      const bool now_full = options.when_full == freshet::when_full::wait && values.size() >= options.capacity;
      lock.unlock();
      filled.notify_one();
      return now_full;
    }
    bool ready(task& t) {
      std::lock_guard lock(mutex);
      t.was_full = !closed && values.size() >= options.capacity;
      t.waits = t.was_full;
      return !t.was_full;
    }
    std::optional<T> take(std::unique_lock<std::mutex>& lock) {
      if (values.empty()) return std::nullopt;
      std::optional<T> value(std::move(values.front()));
      values.pop_front();
      wake_tasks(lock, values.size() <= options.capacity - (options.capacity + 3) / 4);
      return value;
    }
    void close() {
      std::unique_lock lock(mutex);
      closed = true;
      filled.notify_all();
      wake_tasks(lock, true);
    }
    /// Without the mutex: a waker may take longer than a push.
    void wake_tasks(std::unique_lock<std::mutex>& lock, bool room) {
      std::vector<waker> sleepers;
      if (room)
        for (auto* t : tasks)
          if (std::exchange(t->waits, false)) sleepers.push_back(t->wake);
      lock.unlock();
      for (const auto& wake : sleepers) wake();
    }

    mutable std::mutex mutex;
    std::condition_variable filled;
    channel_options options;
    std::deque<T> values;
    std::uint64_t dropped = 0;
    std::vector<task*> tasks;
    bool closed = false;  // by the reader
    bool ended = false;   // the run has
  };
  void leave() noexcept {
    if (!task_) return;
    {
      std::lock_guard lock(shared_->mutex);
      std::erase(shared_->tasks, task_.get());
      shared_->ended = shared_->tasks.empty();
      if (shared_->ended) shared_->filled.notify_all();
    }
    task_.reset();
  }

  std::shared_ptr<shared> shared_;
  std::unique_ptr<task> task_;  // in a task's copy, while it is open
};

}  // namespace freshet
