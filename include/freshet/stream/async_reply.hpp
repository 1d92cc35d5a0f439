#pragma once
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/error.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet {

/// Which call of `map_async` a reply belongs to: its place in the task's table, and a number that no other call has.
struct async_ticket {
  std::uint32_t place = 0;
  std::uint64_t serial = 0;
};

/// Where the replies to one task's calls arrive. Kept alive by the replies that are still out, so that one may come
/// when the task is gone: it is then forgotten. Thread safe. Invariant: while `arrived_` isn't empty, the task has been
/// woken and has not called `take` since.
template <class U>
class async_mailbox {
 public:
  struct reply {
    async_ticket to;
    std::optional<U> value;  ///< empty: the call failed
    error why;
  };
  explicit async_mailbox(waker wake) : wake_(std::move(wake)) {}

  void post(reply r) {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      arrived_.push_back(std::move(r));
      if (arrived_.size() > 1) return;
    }
    wake_();
  }
  /// Moves what has arrived into `all`, which is empty.
  void take(std::vector<reply>& all) {
    std::lock_guard lock(mutex_);
    all.swap(arrived_);
  }
  /// The task is gone.
  void close() {
    std::vector<reply> forgotten;  // destroyed outside the lock: the values are the user's
    std::lock_guard lock(mutex_);
    closed_ = true;
    forgotten.swap(arrived_);
  }

 private:
  const waker wake_;
  std::mutex mutex_;
  std::vector<reply> arrived_;
  bool closed_ = false;
};

/// The answer that a function of `map_async` owes. Give it once, with a value or an error, on any thread, also before
/// the function returns or after the run has ended. Destroyed unanswered it fails the tuple; an answer after the
/// timeout is ignored. Move-only; used by one thread at a time.
template <class U>
class async_reply {
 public:
  async_reply(std::shared_ptr<async_mailbox<U>> to, async_ticket ticket) : to_(std::move(to)), ticket_(ticket) {}
  async_reply(async_reply&&) noexcept = default;
  async_reply& operator=(async_reply&& other) noexcept {
    if (this != &other) {
      drop();
      to_ = std::move(other.to_);
      ticket_ = other.ticket_;
    }
    return *this;
  }
  ~async_reply() { drop(); }

  /// The new value of the tuple.
  void operator()(U value) {
    if (auto to = std::exchange(to_, nullptr)) to->post({ticket_, std::move(value), {}});
  }
  /// The tuple failed.
  void fail(error why) {
    if (auto to = std::exchange(to_, nullptr)) to->post({ticket_, std::nullopt, std::move(why)});
  }
  void fail(std::string why) { fail(error{errc::user_function, std::move(why)}); }
  /// False once answered.
  explicit operator bool() const noexcept { return to_ != nullptr; }

 private:
  void drop() noexcept {
    if (!to_) return;
    try {
      fail("the reply was destroyed unanswered");
    } catch (const std::exception&) { to_.reset(); }  // no memory for the message: the timeout tells
  }
  std::shared_ptr<async_mailbox<U>> to_;
  async_ticket ticket_;
};

}  // namespace freshet
