#pragma once
#include <array>
#include <functional>
#include <memory>

#include "freshet/core/bolt.hpp"
#include "freshet/core/router.hpp"
#include "freshet/core/state_slot.hpp"

namespace freshet {

/// One task of a node as the engines see it. Every call is for a batch or rarer, never for a tuple. Used by one thread
/// at a time.
class task_operator {
 public:
  virtual ~task_operator();
  /// Which node it is, and the frame of the chain it belongs to. Before `open`.
  void attach(std::uint32_t node, call_frame& frame) {
    node_ = node;
    frame_ = &frame;
  }
  std::uint32_t node() const { return node_; }
  call_frame& frame() const { return *frame_; }

  virtual void open(const task_context&) = 0;
  virtual void close() = 0;
  virtual any_outlet& outlet_at(std::size_t port) = 0;
  /// Lets go what the bolt holds back. Runs inside a call of its own, as do the next two.
  virtual void flush() = 0;
  virtual void tick() = 0;
  /// The task's waker was called.
  virtual void wake() = 0;
  /// False: the bolt wants no further tuple now; it is asked again after its waker was called.
  virtual bool ready() = 0;
  /// The sink protocol of one epoch; see `sink_task`. Others ignore it.
  virtual void begin_epoch(std::uint64_t) {}
  virtual void prepare_epoch() {}
  virtual void commit_epoch() {}
  virtual void abort_epoch() {}

  /// Tests: gives the fault injector its chance. REQUIRES: the frame has one. May throw.
  void ask_for_faults();

  std::unique_ptr<any_state> state;  ///< null for bolts without state
  std::uint64_t executed = 0;        ///< tuples `process` was called for, also those that failed

 protected:
  std::uint32_t node_ = 0;
  call_frame* frame_ = nullptr;
  std::uint64_t calls_ = 0;
};

/// Why `any_reader::read` came back.
enum class read_stop : std::uint8_t {
  end,          ///< the batch is read
  outbox_full,  ///< offer the outboxes, then go on
  not_ready,    ///< the bolt wants no further tuple now
  again_later,  ///< the host wants a pause before the tuple is tried again
  stop,         ///< the run is over
};
struct read_result {
  std::size_t next;  ///< the first tuple not read
  read_stop why;
};

/// Reads the batches of one input of one task: the head of a chain.
class any_reader {
 public:
  virtual ~any_reader();
  /// Runs head calls for the tuples from `from` on. All ledger changes are applied when it returns, so that what is in
  /// the outboxes may be offered.
  virtual read_result read(any_batch& in, std::size_t from) = 0;
};

/// Sums the ledger changes of tuples with the same slot, which mostly follow one another.
class settlement {
 public:
  explicit settlement(task_host& host) : host_(host) {}
  settlement(const settlement&) = delete;
  settlement& operator=(const settlement&) = delete;
  ~settlement() { apply(); }
  void add(std::uint32_t slot, std::int32_t delta) {
    if (slot != slot_) {
      apply();
      slot_ = slot;
    }
    delta_ += delta;
  }
  void add(root r, const root_list* several, std::int32_t delta) {
    if (!several) [[likely]]
      add(r.slot(), delta);
    else
      for (root each : *several) add(each.slot(), delta);
  }
  void apply() {
    if (delta_ != 0 && slot_ != 0) host_.settle(slot_, delta_);
    delta_ = 0;
  }

 private:
  task_host& host_;
  std::uint32_t slot_ = 0;
  std::int32_t delta_ = 0;
};

/// The per-tuple loop under one input of one bolt or sink: no virtual call, no allocation, no atomic; `Call::call` is
/// inlined. Also the consumer by which the bolt is chained behind another.
/// `Call` has: void call(T&& or const T&), void look_ahead(batch<T>&, from, to), static constexpr bool looks_ahead.
template <class T, class Call>
class input_loop final : public consumer_by<T, input_loop<T, Call>>, public any_reader {
 public:
  input_loop(task_operator& op, Call call) : op_(op), call_(std::move(call)) {}

  /// As a chained bolt.
  template <class V>
  [[gnu::always_inline]] void put(V&& value) {
    if (op_.frame().failed) [[unlikely]]
      return;
    ++op_.executed;
    guarded(std::forward<V>(value));
  }
  read_result read(any_batch& in, std::size_t from) override {
    auto& frame = op_.frame();
    const inside_calls inside(frame.place);
    return in.has_roots() ? loop<true>(static_cast<batch<T>&>(in), from, frame)
                          : loop<false>(static_cast<batch<T>&>(in), from, frame);
  }

 private:
  static constexpr std::size_t look_ahead = 32;

  template <class V>
  [[gnu::always_inline]] void guarded(V&& value) {
    try {
      if (op_.frame().faults) [[unlikely]]
        op_.ask_for_faults();
      call_.call(std::forward<V>(value));
    } catch (...) { op_.frame().fail_from_exception(op_.node()); }
  }
  template <bool Tracked>
  read_result loop(batch<T>& in, std::size_t from, call_frame& frame) {
    settlement ledger{*frame.host};
    const std::size_t n = in.size();
    const bool timed = in.has_times();
    std::size_t i = from;
    auto why = read_stop::end;
    frame.outbox_full = false;
    for (; i < n; ++i) {
      if constexpr (Call::looks_ahead)
        if ((i - from) % look_ahead == 0) call_.look_ahead(in, i, std::min(n, i + look_ahead));
      const root r = Tracked ? in.root_of(i) : root{};
      const root_list* several = Tracked && r.is_several() ? &in.roots_of(i) : nullptr;
      frame.begin(r, several, timed ? in.time_of(i) : event_time{}, timed ? in.stamp_of(i) : beginning_of_time);
      guarded(std::as_const(in.value(i)));
      if (frame.failed) [[unlikely]] {
        frame.cut_back();
        const auto verdict = frame.host->failed(frame, in, i);
        frame.failed = false;
        if (verdict != task_host::verdict::next) {
          why = verdict == task_host::verdict::stop ? read_stop::stop : read_stop::again_later;
          break;
        }
      }
      if constexpr (Tracked) ledger.add(r, several, frame.children - 1);
      if (frame.deferred) [[unlikely]] {
        ledger.apply();  // what the call counted comes before what its acks count off
        frame.apply_deferred();
      }
      if (frame.outbox_full || (Call::can_refuse && !op_.ready())) [[unlikely]] {
        why = frame.outbox_full ? read_stop::outbox_full : read_stop::not_ready;
        ++i;
        break;
      }
    }
    op_.executed += i - from;
    return {i, i == n ? read_stop::end : why};
  }

  task_operator& op_;
  Call call_;
};

/// A member function as a type: kept as a value, `&B::process` would be an indirect call per tuple.
template <auto Method>
struct method {
  template <class B, class... A>
  decltype(auto) operator()(B& b, A&&... a) const {
    return (b.*Method)(std::forward<A>(a)...);
  }
};
/// The call operator of a function or of a lambda.
struct call_itself {
  template <class B, class... A>
  decltype(auto) operator()(B& b, A&&... a) const {
    return b(std::forward<A>(a)...);
  }
};

template <class B>
class bolt_task final : public task_operator {
 public:
  using emitter_type = emitter_of_t<B>;
  using outlets_type = typename emitter_type::outlets_type;
  explicit bolt_task(B b) : bolt_(std::move(b)) {}

  void open(const task_context& c) override {
    context_ = c;
    outlets_.node = node_;
    if constexpr (requires { bolt_.open(context_); }) bolt_.open(context_);
    else if constexpr (requires { bolt_.open(); }) bolt_.open();
  }
  void close() override {
    if constexpr (requires { bolt_.close(); }) bolt_.close();
  }
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
  }
  bool ready() override {
    if constexpr (requires {
                    { bolt_.ready() } -> std::convertible_to<bool>;
                  })
      return bolt_.ready();
    else return true;
  }

  B& bolt() { return bolt_; }
  outlets_type& outputs() { return outlets_; }
  const task_context& context() const { return context_; }
  /// Set for keyed bolts with `flush_key`.
  void (*flush_keys)(bolt_task&) = nullptr;

 private:
  B bolt_;
  task_context context_;
  outlets_type outlets_;
};

namespace detail {
/// Gives a further parameter of `process` what it asks for by its type.
template <class Param, class B, class S>
decltype(auto) supply(bolt_task<B>& task, [[maybe_unused]] S* state, emitter_of_t<B>& out) {
  using P = std::remove_cvref_t<Param>;
  if constexpr (is_emitter<P>) {
    static_assert(std::is_same_v<P, emitter_of_t<B>>,
                  "all functions of one bolt must name the same emitter<Out, Sides...>");
    return static_cast<emitter_of_t<B>&>(out);
  } else if constexpr (std::is_same_v<P, task_context>) {
    return task.context();
  } else if constexpr (std::is_same_v<P, S>) {
    return static_cast<S&>(*state);
  } else {
    static_assert(!sizeof(P*),
                  "process() asks for something Freshet doesn't have: after the value it may take state&, const "
                  "task_context& and emitter<Out, Sides...>&");
    return *static_cast<P*>(nullptr);  // never compiled: keeps this the only error
  }
}
/// The value as the first parameter wants it: moved only where it is ours to move.
template <class A0, class V>
decltype(auto) pass(V&& value) {
  using T = std::remove_cvref_t<V>;
  if constexpr (std::is_lvalue_reference_v<A0>) {
    static_assert(std::is_const_v<std::remove_reference_t<A0>> || !std::is_same_v<std::remove_cvref_t<A0>, T>,
                  "process() takes its tuple by non-const reference: take const T& (or T, to change a copy)");
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
  if constexpr (requires {
                  result.has_value();
                  *std::forward<R>(result);
                }) {
    if (result.has_value()) out.emit(*std::forward<R>(result));
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
template <class B>
inline constexpr bool refuses = requires(B& b) {
  { b.ready() } -> std::convertible_to<bool>;
};
}  // namespace detail

/// How one input calls a bolt without state.
template <class B, class T, class Fn, class Args>
struct plain_call {
  static constexpr bool looks_ahead = false;
  static constexpr bool can_refuse = detail::refuses<B>;
  bolt_task<B>* task;
  Fn fn{};
  template <class V>
  void call(V&& value) {
    detail::invoke_bolt(*task, fn, static_cast<no_key*>(nullptr), std::forward<V>(value), Args{});
  }
};

namespace detail {
/// Runs `f(state)`; when the call fails and the run asks for it, the state is as before. An exception of `f` leaves
/// through here; a failure further down the chain is in the frame.
template <class S, class F>
[[gnu::always_inline]] inline void call_with_rollback(call_frame& frame, S& state, F&& f) {
  if (!frame.rollback_state) [[likely]]
    return f(state);
  S before = state;
  try {
    f(state);
  } catch (...) {
    state = std::move(before);
    throw;
  }
  if (frame.failed) state = std::move(before);
}
}  // namespace detail

/// How one input calls a bolt with one state a task.
template <class B, class T, class Fn, class Args>
struct single_state_call {
  static constexpr bool looks_ahead = false;
  static constexpr bool can_refuse = detail::refuses<B>;
  using state = typename B::state;
  bolt_task<B>* task;
  single_state<state>* table;
  Fn fn{};
  template <class V>
  void call(V&& value) {
    detail::call_with_rollback(task->frame(), table->use(),
                               [&](state& s) { detail::invoke_bolt(*task, fn, &s, std::forward<V>(value), Args{}); });
  }
};

/// How one input calls a bolt with state by key. Hashes are computed ahead, and the memory they lead to is fetched
/// while earlier tuples are processed.
template <class B, class T, class Fn, class Args, class K, class KeyFn>
struct keyed_call {
  static constexpr bool looks_ahead = true;
  static constexpr bool can_refuse = detail::refuses<B>;
  using state = typename B::state;
  bolt_task<B>* task;
  keyed_state<K, state>* table;
  KeyFn key;
  Fn fn{};
  std::array<std::uint64_t, 32> hashes{};
  std::size_t at = 0;

  void look_ahead(batch<T>& in, std::size_t from, std::size_t to) {
    at = 0;
    for (std::size_t i = from; i < to; ++i) {
      try {
        hashes[i - from] = stable_hash<K>::of(std::invoke(key, std::as_const(in.value(i))));
      } catch (...) {
        hashes[i - from] = 0;  // the call for this tuple throws again, and fails there
      }
      table->prefetch(hashes[i - from]);
    }
  }
  template <class V>
  void call(V&& value) {
    const auto hash = hashes[at++];
    detail::call_with_rollback(task->frame(), table->use(std::invoke(key, std::as_const(value)), hash),
                               [&](state& s) { detail::invoke_bolt(*task, fn, &s, std::forward<V>(value), Args{}); });
  }
};

}  // namespace freshet
