#pragma once
#include <array>
#include <functional>
#include <memory>
#include <utility>

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

  /// Calls the user's `open`.
  void open(const task_context& context) {
    open_user(context);
    opened_ = true;
  }
  /// Calls the user's `close`, if `open` has succeeded and nobody has closed it since.
  void close() {
    if (std::exchange(opened_, false)) close_user();
  }
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

  /// Tests: gives the fault injector its chance, if the frame has one. False: it threw, and the call has failed.
  bool pass_faults();

  std::unique_ptr<any_state> state;  ///< null for bolts without state
  std::uint64_t executed = 0;        ///< tuples `process` was called for, also those that failed

 protected:
  virtual void open_user(const task_context&) = 0;
  virtual void close_user() = 0;

  std::uint32_t node_ = 0;
  call_frame* frame_ = nullptr;
  std::uint64_t calls_ = 0;

 private:
  bool opened_ = false;
};

/// Why `any_reader::read` came back.
enum class read_stop : std::uint8_t {
  end,          ///< the batch is read
  outbox_full,  ///< offer the outboxes, then go on
  not_ready,    ///< the bolt wants no further tuple now
  again_later,  ///< the host wants a pause before the tuple is tried again
  stop,         ///< the run is over
};
/// How far `any_reader::read` came, and why no further.
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

/// Ends the call for tuple `i` of `in`, in which something has failed, has to do with tokens or has filled an outbox.
/// `read_stop::end`: go on. `again_later` and `stop`: the tuple counts as not read.
read_stop after_unusual_call(any_batch& in, std::size_t i, call_frame& frame, settlement& ledger);

/// The per-tuple loop under one input of one bolt or sink: no virtual call, no allocation, no atomic; `Call::call` is
/// inlined. Also the consumer by which the bolt is chained behind another.
/// `Call` has: void call(T&& or const T&), static constexpr std::size_t strip; if that isn't 0, the tuples of a batch
/// are taken in strips of so many: void look_ahead(batch<T>&, from, to) is told each, and call gets the place in it
/// besides.
template <class T, class Call>
class input_loop final : public consumer_by<T, input_loop<T, Call>>, public any_reader {
 public:
  input_loop(task_operator& op, Call call) : op_(op), call_(std::move(call)) {}

  /// As a chained bolt.
  template <class V>
  [[gnu::always_inline]] void put(V&& value) {
    if constexpr (Call::strip == 0) {  // what looks ahead reads batches: it heads a chain
      ++op_.executed;
      if (op_.frame().flags.any()) [[unlikely]]
        return put_carefully(std::forward<V>(value));
      guarded(std::forward<V>(value));
    }
  }
  read_result read(any_batch& in, std::size_t from) override {
    auto& frame = op_.frame();
    const inside_calls inside(frame.place);
    return loop(static_cast<batch<T>&>(in), from, frame);
  }

 private:
  template <class... Args>
  [[gnu::always_inline]] void guarded(Args&&... args) {
    try {
      call_.call(std::forward<Args>(args)...);
    } catch (...) { op_.frame().fail_from_exception(op_.node()); }
  }
  /// Nothing is called in a call that has failed.
  template <class V>
  [[gnu::noinline, gnu::cold]] void put_carefully(V&& value) {
    if (op_.frame().flags.failed) return void(--op_.executed);
    if (op_.pass_faults()) guarded(std::forward<V>(value));
  }
  read_result loop(batch<T>& in, std::size_t from, call_frame& frame) {
    settlement ledger{*frame.host};
    const std::size_t n = in.size();
    const root* const roots = in.roots();
    const event_time* const times = in.times();
    const bool faults = frame.flags.faults;
    auto why = read_stop::end;
    frame.inherit_nothing();  // the columns that are not there stay so
    frame.flags.outbox_full = false;
    std::uint64_t call = frame.call;
    std::size_t i = from, strip = from;
    while (i < n && why == read_stop::end) {
      std::size_t end = n;
      if constexpr (Call::strip > 0) {
        strip = i;
        end = std::min(n, i + Call::strip);
        call_.look_ahead(in, i, end);
      }
      for (; i < end; ++i) {
        frame.call = ++call;
        frame.children = 0;
        if (roots) {
          frame.anchor = roots[i];
          frame.anchors = frame.anchor.is_several() ? &in.roots_of(i) : nullptr;
        }
        if (times) {
          frame.time = times[i];
          frame.stamp = in.stamps()[i];
        }
        if (!faults || op_.pass_faults()) [[likely]] {
          if constexpr (Call::strip > 0) guarded(std::as_const(in.value(i)), i - strip);
          else guarded(std::as_const(in.value(i)));
        }
        if (frame.flags.any()) [[unlikely]] {
          why = after_unusual_call(in, i, frame, ledger);
          call = frame.call;
          if (why == read_stop::outbox_full) ++i;
          if (why != read_stop::end) break;
        } else if (roots) {
          ledger.add(frame.anchor, frame.anchors, frame.children - 1);
        }
        if (Call::can_refuse && !op_.ready()) [[unlikely]] {
          why = read_stop::not_ready;
          ++i;
          break;
        }
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
  if (frame.flags.failed) state = std::move(before);
}
}  // namespace detail

/// How one input calls a bolt with one state a task.
template <class B, class T, class Fn, class Args>
struct single_state_call {
  static constexpr std::size_t strip = 0;
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

/// How one input calls a bolt with state by key. Hashes are computed ahead, the memory they lead to is fetched, and
/// then the states are looked up, all before the first of these tuples is processed: were each state looked up and
/// changed in turn, every read would wait for the place of the write before it.
template <class B, class T, class Fn, class Args, class K, class KeyFn>
class keyed_call {
 public:
  static constexpr std::size_t strip = 32;
  static constexpr bool can_refuse = detail::refuses<B>;
  using state = typename B::state;
  keyed_call(bolt_task<B>* task, keyed_state<K, state>* table, KeyFn key)
      : task_(task), table_(table), key_(std::move(key)) {}

  void look_ahead(const batch<T>& in, std::size_t from, std::size_t to) {
    moves_ = table_->moves();
    for (std::size_t i = from; i < to; ++i) ahead_[i - from].hash = hash_of(in.value(i));
    if (table_->is_far())
      for (std::size_t i = from; i < to; ++i) table_->prefetch(ahead_[i - from].hash);
    std::size_t i = from;
    if constexpr (key_is_at_hand) try {
        for (; i < to; ++i) {
          auto& h = ahead_[i - from];
          h.found = table_->look_up(key_of(in.value(i)), h.hash);
        }
      } catch (...) {}
    for (; i < to; ++i) ahead_[i - from].found = nullptr;  // the calls look for themselves
  }
  template <class V>
  void call(V&& value, std::size_t place) {
    const auto [hash, found] = ahead_[place];
    state& s = found && moves_ == table_->moves() ? table_->use_found(*found, hash) : table_->use(key_of(value), hash);
    detail::call_with_rollback(task_->frame(), s, [&](state& of_key) {
      detail::invoke_bolt(*task_, Fn{}, &of_key, std::forward<V>(value), Args{});
    });
  }

 private:
  /// The key costs nothing to ask for twice.
  static constexpr bool key_is_at_hand =
      std::is_reference_v<std::invoke_result_t<const KeyFn&, const T&>> || std::is_trivially_copyable_v<K>;
  decltype(auto) key_of(const T& value) const { return std::invoke(key_, value); }
  std::uint64_t hash_of(const T& value) const {
    try {
      return stable_hash<K>::of(key_of(value));
    } catch (...) {
      return 0;  // the call for this tuple throws again, and fails there
    }
  }

  bolt_task<B>* task_;
  keyed_state<K, state>* table_;
  KeyFn key_;
  struct looked_up {
    std::uint64_t hash;
    typename keyed_state<K, state>::entry* found;
  };
  std::array<looked_up, strip> ahead_;
  std::uint64_t moves_ = 0;
};

}  // namespace freshet
