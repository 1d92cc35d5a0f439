#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "freshet/core/bolt.hpp"
#include "freshet/core/broadcast_state.hpp"
#include "freshet/core/shape.hpp"
#include "freshet/core/task_operator.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/core/undo.hpp"

namespace freshet {

/// A member function as a type: kept as a value, `&B::process` would be an indirect call per tuple.
template <auto Method>
struct method {
  template <class B, class... A>
  decltype(auto) operator()([[maybe_unused]] B& b, A&&... a) const {
    if constexpr (std::is_member_function_pointer_v<decltype(Method)>) return (b.*Method)(std::forward<A>(a)...);
    else return Method(std::forward<A>(a)...);  // static
  }
};
/// The call operator of a function or of a lambda.
struct call_itself {
  template <class B, class... A>
  decltype(auto) operator()(B& b, A&&... a) const {
    return b(std::forward<A>(a)...);
  }
};

/// One task of the bolt `B`: a copy of the user's object, its state and its outputs. Runs on one worker at a time.
template <class B>
class bolt_task final : public task_operator {
 public:
  using emitter_type = emitter_of_t<B>;
  using outlets_type = typename emitter_type::outlets_type;
  explicit bolt_task(B b) : bolt_(std::move(b)) {}

  any_outlet& outlet_at(std::size_t port) override { return outlets_.port(port); }
  void flush() override {
    [[maybe_unused]] emitter_type out{outlets_, *frame_};
    if constexpr (requires { bolt_.flush(out); }) bolt_.flush(out);
    else if constexpr (requires { bolt_.flush(); }) bolt_.flush();
    if (flush_keys) flush_keys(*this);
  }
  void tick() override {
    [[maybe_unused]] emitter_type out{outlets_, *frame_};
    if constexpr (requires { bolt_.on_tick(out); }) bolt_.on_tick(out);
    else if constexpr (requires { bolt_.on_tick(); }) bolt_.on_tick();
  }
  void wake() override {
    [[maybe_unused]] emitter_type out{outlets_, *frame_};
    if constexpr (requires { bolt_.on_wake(out); }) bolt_.on_wake(out);
    else if constexpr (requires { bolt_.on_wake(); }) bolt_.on_wake();
  }
  bool ready() override {
    if constexpr (requires {
                    { bolt_.ready() } -> std::convertible_to<bool>;
                  })
      return bolt_.ready();
    else return true;
  }

  event_clock* clock() override {
    if constexpr (requires { bolt_.clock(); }) return &bolt_.clock();
    else return nullptr;
  }

  B& bolt() { return bolt_; }
  const B& bolt() const { return bolt_; }
  outlets_type& outputs() { return outlets_; }
  /// Of the key in process; bolts with `on_timer`.
  freshet::timers& key_timers() { return timers_; }
  /// The same with `on_processing_timer`.
  freshet::processing_timers& key_processing_timers() { return processing_timers_; }
  const task_context& context() const { return context_; }
  /// The broadcast state; bolts that have some, once `look_at_broadcast` was called.
  const broadcast_of_t<B>& broadcast() const { return *broadcast_; }
  /// When it has its state.
  void look_at_broadcast() {
    if constexpr (has_broadcast<B>)
      broadcast_ = &static_cast<with_broadcast<typename B::broadcast>&>(*state).shared().value();
  }
  /// Set for keyed bolts with `flush_key`.
  void (*flush_keys)(bolt_task&) = nullptr;

 private:
  void open_user(const task_context& c) override {
    context_ = c;
    outlets_.node = node_;
    if constexpr (requires { bolt_.open(context_); }) bolt_.open(context_);
    else if constexpr (requires { bolt_.open(); }) bolt_.open();
  }
  void close_user() override {
    if constexpr (requires { bolt_.close(); }) bolt_.close();
  }

  B bolt_;
  task_context context_;
  outlets_type outlets_;
  freshet::timers timers_;
  freshet::processing_timers processing_timers_;
  const broadcast_of_t<B>* broadcast_ = nullptr;
};

/// A bolt whose keys have timers.
template <class B>
concept has_timers = requires {
  &B::on_timer;
};
template <class B>
concept has_processing_timers = requires {
  &B::on_processing_timer;
};

namespace detail {
/// Gives a further parameter of `process` what it asks for by its type.
template <class Param, class B, class S>
decltype(auto) supply(bolt_task<B>& task, [[maybe_unused]] S* state, emitter_of_t<B>& out) {
  using P = std::remove_cvref_t<Param>;
  if constexpr (is_emitter<P>) {
    static_assert(std::is_same_v<P, emitter_of_t<B>>,
                  "all functions of one bolt must name the same emitter<Out, Sides...>");
    static_assert(std::is_lvalue_reference_v<Param>,
                  "process() takes its emitter by reference: emitter<Out, Sides...>&");
    return static_cast<emitter_of_t<B>&>(out);
  } else if constexpr (std::is_same_v<P, task_context>) {
    return task.context();
  } else if constexpr (std::is_same_v<P, timers>) {
    static_assert(has_timers<B>,
                  "process() asks for timers, and nobody would hear of them: give the bolt  void on_timer(const Key&, "
                  "event_time, state&, timers&, emitter<Out>&)");
    return task.key_timers();
  } else if constexpr (std::is_same_v<P, processing_timers>) {
    static_assert(has_processing_timers<B>,
                  "process() asks for processing_timers, and nobody would hear of them: give the bolt  void "
                  "on_processing_timer(const Key&, event_time, state&, processing_timers&, emitter<Out>&)");
    return task.key_processing_timers();
  } else if constexpr (std::is_same_v<P, S>) {
    static_assert(std::is_lvalue_reference_v<Param>,
                  "process() takes its state by reference, state& or const state&: what it changed in a copy would be "
                  "forgotten");
    return static_cast<S&>(*state);
  } else if constexpr (std::is_same_v<P, broadcast_of_t<B>>) {
    return task.broadcast();
  } else {
    static_assert(
        !sizeof(P*),
        "process() asks for something Freshet doesn't have: after the value it may take state&, const broadcast&, "
        "timers&, processing_timers&, const task_context& and emitter<Out, Sides...>&");
    return *static_cast<P*>(nullptr);  // never compiled: keeps this the only error
  }
}
/// The value as the first parameter wants it: moved only where it is ours to move.
template <class A0, class V>
decltype(auto) pass(V&& value) {
  using T = std::remove_cvref_t<V>;
  if constexpr (std::is_lvalue_reference_v<A0>) {
    return static_cast<const T&>(value);
  } else if constexpr (std::is_same_v<std::remove_cvref_t<A0>, T>) {
    return T(std::forward<V>(value));
  } else {
    return std::forward<V>(value);  // converted: a class may take a temporary otherwise than a const T&
  }
}
/// Emits what `process` gives back.
template <class Out, class R>
void emit_result(Out& out, R&& result) {
  if constexpr (is_optional<std::remove_cvref_t<R>>) {
    if (result.has_value()) out.emit(*std::forward<R>(result));
  } else if constexpr (lazy_output<std::remove_cvref_t<R>>) {
    for (auto&& each : result) out.emit(std::forward<decltype(each)>(each));
  } else {
    out.emit(std::forward<R>(result));
  }
}
template <class B, class Fn, class S, class V, class A0, class... Rest>
[[gnu::always_inline]] inline void invoke_bolt(bolt_task<B>& task, const Fn& fn, S* state, V&& value,
                                               parameter_list<A0, Rest...>) {
  emitter_of_t<B> out{task.outputs(), task.frame()};
  using R = decltype(fn(task.bolt(), pass<A0>(std::forward<V>(value)), supply<Rest, B, S>(task, state, out)...));
  if constexpr (std::is_void_v<R>)
    fn(task.bolt(), pass<A0>(std::forward<V>(value)), supply<Rest, B, S>(task, state, out)...);
  else emit_result(out, fn(task.bolt(), pass<A0>(std::forward<V>(value)), supply<Rest, B, S>(task, state, out)...));
}
}  // namespace detail

/// How one input calls a bolt without state.
template <class B, class T, class Fn, class Args>
struct plain_call {
  static constexpr std::size_t strip = 0;
  static constexpr bool can_refuse = detail::refuses<B>;
  bolt_task<B>* task;
  Fn fn{};
  template <class V>
  void call(V&& value) {
    detail::invoke_bolt(*task, fn, static_cast<no_key*>(nullptr), std::forward<V>(value), Args{});
  }
};

namespace detail {
/// Runs `f(state)`; when the call fails and `rollback`, the state is as before. An exception of `f` leaves
/// through here; a failure further down the chain is in the frame.
template <class S, class F>
[[gnu::always_inline]] inline void call_with_rollback(call_frame& frame, bool rollback, S& state, F&& f) {
  if (!rollback) [[likely]]
    return f(state);
  undo_point<S> before(state);
  try {
    f(state);
  } catch (...) {
    before.undo(state);
    throw;
  }
  if (frame.flags.failed) before.undo(state);
  else before.keep(state);
}
}  // namespace detail

/// How one input calls a bolt with one state a task: its `state`, or its `broadcast`.
template <class B, class T, class Fn, class Args, class S>
struct single_state_call {
  static constexpr std::size_t strip = 0;
  static constexpr bool can_refuse = detail::refuses<B>;
  using state = S;
  bolt_task<B>* task;
  single_state<state>* table;
  Fn fn{};
  template <class V>
  void call(V&& value) {
    detail::call_with_rollback(task->frame(), task->frame().rollback_state, table->use(),
                               [&](state& s) { detail::invoke_bolt(*task, fn, &s, std::forward<V>(value), Args{}); });
  }
};

}  // namespace freshet
