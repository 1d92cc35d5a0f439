#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/emitter.hpp"
#include "freshet/stream/async_calls.hpp"
#include "freshet/stream/async_options.hpp"
#include "freshet/stream/async_reply.hpp"

namespace freshet {

/// The bolt behind map_async: every tuple is held until its reply has come and what follows from it was emitted. One
/// reply is emitted a call of `on_wake`, so that a failure further down the chain is that tuple's alone.
///
/// A tuple that fails is failed at its token, and its spout emits it again. Where no spout does (exactly_once, tuples
/// that descend from no message) it is tried again here: its call first at once, then with the ticks; its result when
/// what follows failed.
template <class T, class U, class F>
class async_bolt {
 public:
  async_bolt(F f, const async_options& options) : f_(std::move(f)), options_(options) {}
  async_bolt(async_bolt&&) = default;
  ~async_bolt() { close(); }

  void open(const task_context& context) {
    context_ = context;
    mailbox_ = std::make_shared<async_mailbox<U>>(context.wake);
    calls_.open(options_.capacity);
  }
  void close() {
    if (mailbox_) mailbox_->close();
  }
  bool ready() const { return calls_.has_room(); }

  void process(const T& value, emitter<U>& out) {
    revoked_.clear();
    const auto place = calls_.take_place();
    call& c = calls_[place];
    c.held = out.hold();
    c.attempts = 0;
    c.stays = !c.held.state()->anchor && context_.attempts_in_place > 1;
    if (c.stays) c.input.emplace(value);
    try {
      ask(place, value);
    } catch (...) {
      // The engine takes the hold back with the call; until then the token must not be consumed.
      revoked_.push_back(std::move(c.held));
      calls_.give_back(place);
      throw;
    }
    if (options_.ordered) calls_.join_line(place);
  }
  void on_wake(emitter<U>& out) {
    mailbox_->take(arrived_);
    for (auto& r : arrived_) arrive(r);
    arrived_.clear();
    emit_next(out);
  }
  void on_tick(emitter<U>&) {
    const auto now = context_.clock->now();
    for (std::uint32_t place = 0; place < calls_.size(); ++place) {
      call& c = calls_[place];
      if (c.is == stage::again) ask_again(place);
      else if (c.is == stage::asked && c.deadline <= now) failed(place, {errc::timeout, "no reply within " + limit()});
    }
    if (calls_.can_go_on()) context_.wake();
  }

 private:
  using call = typename async_calls<T, U>::call;
  using stage = async_stage;

  /// Told whether the call succeeded in which the first of the line was emitted.
  class outcome final : public held_state {
   public:
    outcome(async_bolt& bolt, const held_state& of)
        : held_state(of.anchor, nullptr, of.time, of.stamp, of.place), bolt_(bolt) {}
    void ack() noexcept override { bolt_.confirmed(); }
    void fail(error why) noexcept override { bolt_.refused(std::move(why)); }
    void revoke() noexcept override {}
    bool live() const noexcept override { return true; }

   private:
    async_bolt& bolt_;
  };

  // --- asking ---

  void ask(std::uint32_t place, const T& value) {
    call& c = calls_[place];
    ++c.attempts;
    c.serial = ++serial_;
    c.is = stage::asked;
    c.deadline = deadline(context_.clock->now(), options_.timeout);
    std::invoke(f_, value, async_reply<U>(mailbox_, {place, c.serial}));
  }
  void ask_again(std::uint32_t place) {
    try {
      ask(place, *calls_[place].input);
    } catch (...) { failed(place, error_from_current_exception()); }
  }
  void arrive(typename async_mailbox<U>::reply& r) {
    call& c = calls_[r.to.place];
    if (c.is != stage::asked || c.serial != r.to.serial) return;  // too late
    if (!r.value) return failed(r.to.place, std::move(r.why));
    c.value = std::move(r.value);
    c.is = stage::replied;
    if (!options_.ordered) calls_.join_line(r.to.place);
  }
  void failed(std::uint32_t place, error why) {
    call& c = calls_[place];
    if (c.stays && c.attempts < context_.attempts_in_place) {
      if (c.attempts == 1) ask_again(place);
      else c.is = stage::again;
      return;
    }
    c.held.fail(std::move(why));
    if (options_.ordered) c.is = stage::gone;
    else calls_.give_back(place);
  }
  std::string limit() const {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count()) + " ms";
  }

  // --- emitting ---

  void emit_next(emitter<U>& out) {
    while (calls_.can_go_on() && calls_.first().is == stage::gone) calls_.leave_line();
    if (!calls_.can_go_on()) return;
    call& c = calls_.first();
    if (c.stays) {
      c.is = stage::emitted;
      out.emit(*c.value, c.held);
      held_tuple(std::make_shared<outcome>(*this, *c.held.state())).ack();
      return;
    }
    out.emit(std::move(*c.value), c.held);
    c.held.ack();
    calls_.leave_line();
    if (calls_.can_go_on()) context_.wake();
  }
  void confirmed() noexcept {
    calls_.first().held.ack();
    calls_.leave_line();
    if (calls_.can_go_on()) context_.wake();
  }
  void refused(error why) noexcept {
    call& c = calls_.first();
    c.is = stage::replied;
    if (++c.attempts > context_.attempts_in_place) {
      c.held.fail(std::move(why));
      c.is = stage::gone;
    }
    context_.wake();
  }

  F f_;
  const async_options options_;
  task_context context_;
  std::shared_ptr<async_mailbox<U>> mailbox_;
  std::vector<typename async_mailbox<U>::reply> arrived_;
  async_calls<T, U> calls_;
  std::uint64_t serial_ = 0;
  std::vector<held_tuple> revoked_;
};

}  // namespace freshet
