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
/// A call or what follows from its reply fails: the token fails, and the engine has the tuple tried again as after any
/// failure. Its result then goes out when it has come, also where results are ordered.
template <class T, class U, class F>
class async_bolt {
 public:
  async_bolt(F f, const async_options& options) : f_(std::move(f)), options_(options) {}
  async_bolt(async_bolt&&) = default;
  ~async_bolt() { close(); }

  void open(const task_context& context) {
    context_ = context;
    ordered_ = options_.ordered || context.batched;
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
    try {
      ask(place, value);
    } catch (...) {
      // The engine takes the hold back with the call; until then the token must not be consumed.
      revoked_.push_back(std::move(c.held));
      calls_.give_back(place);
      throw;
    }
    if (ordered_) calls_.join_line(place);
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
      if (c.is == stage::asked && c.deadline <= now) failed(place, {errc::timeout, "no reply within " + limit()});
    }
    if (calls_.can_go_on()) context_.wake();
  }

 private:
  using call = typename async_calls<U>::call;
  using stage = async_stage;

  // --- asking ---

  void ask(std::uint32_t place, const T& value) {
    call& c = calls_[place];
    c.serial = ++serial_;
    c.is = stage::asked;
    c.deadline = deadline(context_.clock->now(), options_.timeout);
    std::invoke(f_, value, async_reply<U>(mailbox_, {place, c.serial}));
  }
  void arrive(typename async_mailbox<U>::reply& r) {
    call& c = calls_[r.to.place];
    if (c.is != stage::asked || c.serial != r.to.serial) return;  // too late
    if (!r.value) return failed(r.to.place, std::move(r.why));
    c.value = std::move(r.value);
    c.is = stage::replied;
    if (!ordered_) calls_.join_line(r.to.place);
  }
  void failed(std::uint32_t place, error why) {
    call& c = calls_[place];
    c.held.fail(std::move(why));
    if (ordered_) c.is = stage::gone;
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
    out.emit(std::move(*c.value), c.held);
    c.held.ack();
    calls_.leave_line();
    if (calls_.can_go_on()) context_.wake();
  }

  F f_;
  const async_options options_;
  bool ordered_ = true;  ///< in batches always: what is computed again must come in the same order
  task_context context_;
  std::shared_ptr<async_mailbox<U>> mailbox_;
  std::vector<typename async_mailbox<U>::reply> arrived_;
  async_calls<U> calls_;
  std::uint64_t serial_ = 0;
  std::vector<held_tuple> revoked_;
};

}  // namespace freshet
