#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/call_frame.hpp"

namespace freshet {

/// Engine side of a held tuple. Thread safe: the token may be consumed on any thread.
class held_state {
 public:
  /// Of the tuple in process.
  explicit held_state(const call_frame& f);
  virtual ~held_state();
  /// Both are final: the first call of either wins, later ones are reported and change nothing.
  virtual void ack() noexcept = 0;
  virtual void fail(error why) noexcept = 0;
  /// The call that took the hold failed: the token is worth nothing from now on, and nothing is counted for it.
  virtual void revoke() noexcept = 0;
  /// False once one of the three was called: its messages may be finished, and nothing can be anchored to them.
  virtual bool live() const noexcept = 0;
  const root anchor;
  root_list anchors;
  const event_time time, stamp;
  const tuple_origin origin;
  const std::shared_ptr<call_place> place;
};

/// A tuple whose ack was taken over with `emitter::hold`; see there what a failure undoes. Consume it once, from any
/// thread, with `ack` or `fail`; a token that is destroyed unconsumed fails its tuple. Emit with it (`out.emit(value,
/// held)`) to anchor what is emitted to the held tuple. Move-only; one token is used by one thread at a time.
class held_tuple {
 public:
  held_tuple() = default;
  explicit held_tuple(std::shared_ptr<held_state> state) : state_(std::move(state)) {}
  held_tuple(held_tuple&&) noexcept = default;
  held_tuple& operator=(held_tuple&& other) noexcept;
  ~held_tuple() {
    if (state_) drop();
  }

  /// The tuple is done.
  void ack() noexcept;
  /// The tuple failed: it is replayed, or meets its node's policy, as if `process` had thrown.
  void fail(error why) noexcept;
  void fail(std::string why) noexcept;
  /// False once consumed.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  event_time time() const noexcept { return state_ ? state_->time : event_time{}; }
  const std::shared_ptr<held_state>& state() const noexcept { return state_; }

 private:
  void drop() noexcept;
  std::shared_ptr<held_state> state_;
};

/// While it lives, what the frame's chain emits is anchored to held tuples and has their times. The deliveries are
/// counted at once: the tokens are live, so no count can reach zero in between.
class held_scope {
 public:
  held_scope(call_frame& frame, const held_tuple& held);
  held_scope(call_frame& frame, const std::vector<held_tuple>& held);
  held_scope(const held_scope&) = delete;
  held_scope& operator=(const held_scope&) = delete;
  ~held_scope();
  /// False when there were tokens, and all of them had ended.
  bool live() const { return live_; }

 private:
  held_scope(call_frame& frame, const held_tuple* held, std::size_t count);

  call_frame& frame_;
  root_list roots_;
  const root anchor_;
  const root_list* const anchors_;
  const event_time time_, stamp_;
  const tuple_origin origin_;
  const std::int32_t children_;
  bool live_ = true;
};

}  // namespace freshet
