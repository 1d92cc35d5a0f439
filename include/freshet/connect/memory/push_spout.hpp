#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "freshet/connect/memory/push_queue.hpp"
#include "freshet/core/spout.hpp"

namespace freshet {

/// Settings of a push_spout.
struct push_options {
  /// Values that were pushed and not yet read by the topology. 1024 absorb a burst of a millisecond at a million a
  /// second; memory is bounded by it.
  std::size_t capacity = 1024;
};

/// The way in for a service: a handle through which any thread pushes values into a running topology. Copies share one
/// queue; hand one to the topology, keep others to push. Thread safe.
///     freshet::push_spout<order> orders;
///     builder.spout("orders", orders);
///     ...
///     if (auto pushed = orders.try_push(o); !pushed) reject(pushed.error());     // full or closed
///     ...
///     orders.close();  run.wait();                                               // all that was pushed is finished
///
/// Pushing is possible before a run starts, up to the capacity. From a drain or stop of the run on, and after `close`,
/// every push is refused as `closed`; a later run with the same spout opens it again, unless `close` was called. What
/// was accepted before is finished: the spout ends when the topology has read it. Only a run that fails leaves values
/// behind (`queued` says how many), for the next.
///
/// Nothing can be read again from the caller: under at_least_once the engine keeps a value until it is finished. With
/// several tasks the values are shared out, in no promised order; with one they keep the order of the pushes.
template <class T>
class push_spout {
 public:
  /// Names a waiting `push_then` or `on_room`; 0 is none.
  using ticket = typename push_queue<T>::ticket;

  /// Throws std::invalid_argument for capacity 0.
  explicit push_spout(push_options options = {}) {
    if (options.capacity == 0) throw std::invalid_argument("push_spout: capacity 0 has room for nothing");
    queue_ = std::make_shared<push_queue<T>>(options.capacity);
  }
  push_spout(const push_spout& other) : queue_(other.queue_) {}
  push_spout(push_spout&&) noexcept = default;
  push_spout& operator=(const push_spout&) = delete;
  ~push_spout() { leave(); }

  /// Never waits: errc::full (retryable) or errc::closed. The value is moved from on success only.
  result<void> try_push(T&& value) { return queue_->try_push(std::move(value)); }
  result<void> try_push(const T& value) { return queue_->try_push(value); }
  /// Waits for room; errc::closed when the run ends or somebody calls `close` meanwhile. Not for bolts: a worker that
  /// waits here can't make room.
  result<void> push(T value) { return queue_->push(std::move(value)); }
  /// Queues the value as soon as there is room, first come first served, then calls `done` once: with success or with
  /// errc::closed. It is called before the return (0 is returned then), or later on a thread of the topology or the
  /// one that closes: it must neither wait nor throw. async_push stands on this. Who calls it bounds how many wait.
  ticket push_then(T value, move_only_function<void(result<void>)> done) {
    return queue_->push_then(std::optional<T>(std::move(value)), std::move(done));
  }
  /// Calls `ready` once when there is room or the spout is closed; like `push_then`, but takes no place.
  ticket on_room(move_only_function<void()> ready) {
    return queue_->push_then(std::nullopt, [f = std::move(ready)](const result<void>&) mutable { f(); });
  }
  /// Takes back a waiting `push_then` or `on_room`: its function is never called. False: it has been, or is about to.
  bool withdraw(ticket waiting) { return queue_->withdraw(waiting); }

  /// No push from now on; what is queued is still read, then the spout ends. For good; may be called again.
  /// (An engine calls this for its own copy when a task ends; that ends the run for those who push.)
  void close() {
    if (reader_) leave();
    else queue_->close();
  }
  /// True when a push would be refused as closed.
  bool closed() const { return !queue_->is_open(); }
  /// Values pushed and not yet read by the topology.
  std::size_t queued() const { return queue_->unread(); }
  std::size_t capacity() const { return queue_->capacity(); }

  // --- engine side ---
  void open(const task_context& context) {
    node_ = context.node;
    log_ = context.log;
    reader_ = std::make_unique<typename push_queue<T>::reader>();
    reader_->wake = context.wake;
    queue_->attach(*reader_);
  }
  void drain() { queue_->drain(); }
  poll_status poll(spout_emitter<T>& out) {
    auto& r = *reader_;
    const auto room = std::max<std::size_t>(out.room(), 1);
    if (r.next == r.values.size()) {
      const auto taken = queue_->take(r, room);
      if (taken == push_queue<T>::taken::nothing_now) return poll_status::idle();
      if (taken == push_queue<T>::taken::nothing_ever) return poll_status::ended();
    }
    // Counted also where an emit throws: the value is gone from here either way.
    const struct emitting {
      push_queue<T>& queue;
      const std::size_t& next;
      const std::size_t from;
      ~emitting() { queue.emitted(next - from); }
    } turn{*queue_, r.next, r.next};
    for (auto n = std::min(room, r.values.size() - r.next); n > 0; --n) out.emit(std::move(r.values[r.next++]));
    return poll_status::emitted();
  }

 private:
  void leave() noexcept {
    if (!reader_) return;
    const auto left = queue_->detach(*reader_);
    reader_.reset();
    if (left)
      log_.log(log_level::warning, node_,
               std::to_string(left) +
                   " pushed values were not read: the run failed, and a later run with this spout reads them");
  }

  std::shared_ptr<push_queue<T>> queue_;
  std::unique_ptr<typename push_queue<T>::reader> reader_;  // in a task's copy, while it is open
  std::string node_;
  logger log_;
};

}  // namespace freshet
