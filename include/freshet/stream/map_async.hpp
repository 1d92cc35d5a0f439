#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/topology.hpp"
#include "freshet/stream/async_reply.hpp"
#include "freshet/stream/function_check.hpp"

namespace freshet {

/// Settings of `map_async`.
struct async_options {
  std::size_t parallelism = 1;
  std::size_t capacity = 100;  ///< calls in flight, a task; at this bound the stream waits
  /// A call without reply fails after so long. It cannot be endless, as what is in flight holds the end of a run up;
  /// keep it below the engine's message_timeout (30 s), which speaks of the held tuple and not of the call.
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
  bool ordered = true;  ///< results in the order of the tuples; else in that of the replies
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;

  /// As settings of the bolt: overdue calls are looked for four times a timeout, at most a thousand times a second.
  bolt_options of_bolt() const {
    using namespace std::chrono_literals;
    const auto tick = std::clamp<std::chrono::nanoseconds>(timeout / 4, 1ms, 1s);
    return {.parallelism = parallelism, .tick = tick, .on_failure = on_failure};
  }
};

namespace wiring {
template <class Function, class Given, class Reply>
struct check_async {
  static constexpr bool called = std::is_invocable_v<Function&, const Given&, async_reply<Reply>>;
  static_assert(called,
                "map_async<U> needs  void f(const T&, freshet::async_reply<U>)  for the stream's type (see Function, "
                "Given and Reply above)");
  static constexpr bool copied = std::copy_constructible<Function>;
  static_assert(copied,
                "each task gets a copy of map_async's function and this one can't be copied: keep what it needs "
                "in a std::shared_ptr");
  static constexpr bool ok = called && copied;
};
}  // namespace wiring

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
    calls_.resize(std::max<std::size_t>(options_.capacity, 1));
    for (auto n = calls_.size(); n-- > 0;) free_.push_back(static_cast<std::uint32_t>(n));
  }
  void close() {
    if (mailbox_) mailbox_->close();
  }
  bool ready() const { return !free_.empty(); }

  void process(const T& value, emitter<U>& out) {
    revoked_.clear();
    const auto place = take_place();
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
      give_place_back(place);
      throw;
    }
    if (options_.ordered) line_.push(calls_, place);
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
    if (emittable()) context_.wake();
  }

 private:
  /// free -> asked -> replied -> (emitted ->) free; or asked -> again -> asked; or asked -> gone -> free.
  enum class stage : std::uint8_t {
    free,
    asked,    ///< the function was called
    replied,  ///< the result waits for its turn
    emitted,  ///< until the call that emitted it has succeeded
    again,    ///< failed; asked again with the next tick
    gone,     ///< failed for good; waits in the line for its turn to leave it
  };
  struct call {
    stage is = stage::free;
    bool stays = false;  ///< failures are dealt with here
    std::uint32_t attempts = 0;
    std::uint32_t next = 0;  ///< in the line
    std::uint64_t serial = 0;
    held_tuple held;
    std::optional<T> input;  ///< while it stays
    std::optional<U> value;
    std::chrono::steady_clock::time_point deadline;
  };
  /// Places in the order in which their results go out, linked through the calls.
  struct line {
    static constexpr std::uint32_t end = 0xffff'ffff;
    std::uint32_t first = end, last = end;
    void push(std::vector<call>& calls, std::uint32_t place) {
      calls[place].next = end;
      (first == end ? first : calls[last].next) = place;
      last = place;
    }
    void pop(std::vector<call>& calls) { first = calls[first].next; }
  };
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

  // --- places ---

  /// There is a free one, but for engines that don't ask `ready` before each tuple.
  std::uint32_t take_place() {
    if (free_.empty()) {
      calls_.emplace_back();
      return static_cast<std::uint32_t>(calls_.size() - 1);
    }
    const auto place = free_.back();
    free_.pop_back();
    return place;
  }
  void give_place_back(std::uint32_t place) {
    call& c = calls_[place];
    c.is = stage::free;
    c.input.reset();
    c.value.reset();
    free_.push_back(place);
  }

  // --- asking ---

  void ask(std::uint32_t place, const T& value) {
    call& c = calls_[place];
    ++c.attempts;
    c.serial = ++serial_;
    c.is = stage::asked;
    c.deadline = context_.clock->now() + options_.timeout;
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
    if (!options_.ordered) line_.push(calls_, r.to.place);
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
    else give_place_back(place);
  }
  std::string limit() const {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count()) + " ms";
  }

  // --- emitting ---

  /// Something can leave the line.
  bool emittable() const {
    if (line_.first == line::end) return false;
    const auto is = calls_[line_.first].is;
    return is == stage::replied || is == stage::gone;
  }
  void leave_line() {
    const auto place = line_.first;
    line_.pop(calls_);
    give_place_back(place);
  }
  void emit_next(emitter<U>& out) {
    while (emittable() && calls_[line_.first].is == stage::gone) leave_line();
    if (!emittable()) return;
    call& c = calls_[line_.first];
    if (c.stays) {
      c.is = stage::emitted;
      out.emit(*c.value, c.held);
      held_tuple(std::make_shared<outcome>(*this, *c.held.state())).ack();
      return;
    }
    out.emit(std::move(*c.value), c.held);
    c.held.ack();
    leave_line();
    if (emittable()) context_.wake();
  }
  void confirmed() noexcept {
    calls_[line_.first].held.ack();
    leave_line();
    if (emittable()) context_.wake();
  }
  void refused(error why) noexcept {
    call& c = calls_[line_.first];
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
  std::vector<call> calls_;
  std::vector<std::uint32_t> free_;
  line line_;
  std::uint64_t serial_ = 0;
  std::vector<held_tuple> revoked_;
};

}  // namespace freshet
