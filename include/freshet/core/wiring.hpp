#pragma once
#include <concepts>
#include <type_traits>

#include "freshet/core/bolt.hpp"
#include "freshet/core/broadcast_state.hpp"
#include "freshet/core/emitter.hpp"
#include "freshet/core/spout.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/stream_ref.hpp"

/// The compile-time half of wiring: sentences that a person reads before the compiler's own.
namespace freshet::wiring {

/// Its name and arguments are what the compiler prints above the sentence: the bolt, what it takes, what it is given.
template <class Bolt, class Takes, class Given>
struct check_input {
  using plain = std::remove_cvref_t<Takes>;
  static constexpr bool same_number =
      !(std::is_arithmetic_v<plain> && std::is_arithmetic_v<Given>) || std::is_same_v<plain, Given>;
  static constexpr bool ok = std::is_convertible_v<const Given&, Takes> && same_number;
  static_assert(ok,
                "the bolt can't take this stream: the first parameter of its process() isn't the stream's type (see "
                "Takes and Given above)");
};

/// Called for what `input` can't read: says so.
template <class Given>
concept no_stream = !std::derived_from<Given, any_stream_ref>;
template <class Given>
consteval void check_stream() {
  static_assert(std::is_void_v<Given>,
                "input() reads a stream: what spout(), bolt(), side<Tag>() and dead_letters() give (see Given above)");
}

/// There is a stream to read.
template <class T>
consteval bool check_readable() {
  static_assert(!std::is_void_v<T>,
                "this bolt emits nothing, so there is no stream to read: give process() an emitter<Out>& or a result");
  return !std::is_void_v<T>;
}

/// A grouping that needs a function of the value can call it.
template <class G, class T>
consteval bool check_grouping() {
  static_assert(any_grouping<G>,
                "this is no grouping: give input() one of Freshet's after the stream, as key_grouping{f} or "
                "custom_grouping{f} around a function");
  if constexpr (!any_grouping<G>) {
    return false;
  } else if constexpr (requires(G g) { g.key; }) {
    using F = std::remove_cv_t<decltype(G::key)>;
    return !std::is_same_v<typename decltype(key_type_of<F, T>())::type, no_key>;
  } else if constexpr (requires(G g) { g.choose; }) {
    constexpr bool ok = std::is_invocable_r_v<std::size_t, decltype(G::choose)&, const T&, std::size_t>;
    static_assert(ok, "custom_grouping needs  size_t choose(const T&, size_t task_count)");
    return ok;
  } else if constexpr (requires(G g) { g.task; }) {
    constexpr bool ok = std::is_invocable_r_v<std::size_t, decltype(G::task)&, const T&>;
    static_assert(ok, "direct_grouping needs  size_t task(const T&)");
    return ok;
  } else {
    return true;
  }
}

/// The bolt has one `process` whose parameters can be read.
template <class Bolt>
struct check_process {
  static constexpr bool ok = !std::is_void_v<typename decltype(process_signature<Bolt>())::type>;
  static_assert(ok,
                "a bolt needs one function  void process(const In&, emitter<Out>&)  (or operator()): it is missing, "
                "private, a template or overloaded. Name several inputs with .input<&bolt::on_x>(stream)");
};

/// Members that are data may have any name.
template <class M>
concept member_function = std::is_member_function_pointer_v<M>;
/// What the engines call where it is there can be called by them: else nobody would, and nobody would say so.
template <class Node>
struct check_life_cycle {
  static constexpr bool opens = !requires { requires member_function<decltype(&Node::open)>; }
  || requires(Node& n, const task_context& c) { n.open(c); }
  || requires(Node& n) { n.open(); };
  static_assert(opens, "open() is called with a const freshet::task_context&, or with nothing");
  static constexpr bool closes = !requires { requires member_function<decltype(&Node::close)>; }
  || requires(Node& n) { n.close(); };
  static_assert(closes, "close() is called with nothing");
};
/// `Out`: the emitter of a bolt.
template <class Node, class Out>
struct check_calls : check_life_cycle<Node> {
  static constexpr bool flushes = !requires { requires member_function<decltype(&Node::flush)>; }
  || requires(Node& n, Out& o) { n.flush(o); }
  || requires(Node& n) { n.flush(); };
  static_assert(flushes, "flush() is called with nothing, or that of a bolt with the emitter of its process()");
  static constexpr bool ticks = !requires { requires member_function<decltype(&Node::on_tick)>; }
  || requires(Node& n, Out& o) { n.on_tick(o); }
  || requires(Node& n) { n.on_tick(); };
  static_assert(ticks, "on_tick() is called with nothing, or that of a bolt with the emitter of its process()");
  static constexpr bool wakes = !requires { requires member_function<decltype(&Node::on_wake)>; }
  || requires(Node& n, Out& o) { n.on_wake(o); }
  || requires(Node& n) { n.on_wake(); };
  static_assert(wakes, "on_wake() is called with nothing, or that of a bolt with the emitter of its process()");
  static constexpr bool answers = !requires { requires member_function<decltype(&Node::ready)>; }
  || detail::refuses<Node>;
  static_assert(answers, "ready() says whether there is room for more: bool ready()");
};
/// Where the keys of a batch are flushed, they can be.
template <class Bolt, class Key, class State, class Out>
struct check_flush_key {
  static constexpr bool there = requires { requires member_function<decltype(&Bolt::flush_key)>; };
  static constexpr bool ok = requires(Bolt & b, const Key& k, State& s, Out& o) { b.flush_key(k, s, o); };
  static_assert(ok || !there, "flush_key is  void flush_key(const Key&, state&, emitter<Out>&)  (see Key above)");
};
/// What a sink has in place of an emitter.
struct no_emitter {};
template <class S>
struct check_spout : check_life_cycle<S> {
  using out = spout_emitter<spout_output_t<S>>;
  static constexpr bool names_partitions = !requires { requires member_function<decltype(&S::partitions)>; }
  || partitioned_spout<S>;
  static_assert(names_partitions, "partitions() gives the names of a spout's partitions: std::vector<std::string>");
  static constexpr bool reads_again =
      replayable_spout<S> || !(
                                 requires(S & s, const position_range& r, out& o) { s.read(r, o); } ||
                                 requires(S & s, const position& p) { s.seek(p); });
  static_assert(reads_again,
                "a spout that can read again has all of  void read(const position_range&, spout_emitter<T>&),  void "
                "seek(const position&)  and  void commit(const position&)");
};

/// The engines can start, copy and save the bolt's state.
template <class Bolt>
struct check_state {
  using state = typename state_of<Bolt>::type;
  static constexpr bool constructible = !has_state<Bolt> || std::default_initializable<state>;
  static_assert(constructible,
                "a bolt's state starts default constructed for every new key: give its state type a default "
                "constructor");
  static constexpr bool copyable = !has_state<Bolt> || std::copyable<state>;
  static_assert(copyable,
                "a bolt's state must be copyable: the engines keep a copy of what a failed call or batch had changed");
  static constexpr bool saved = !has_state<Bolt> || durable<state> || freshet::detail::is_transient<state>;
  static_assert(saved,
                "keyed state is checkpointed, and this type has no codec: make it an aggregate of durable fields, give "
                "it freshet_fields, specialise freshet::codec<S>, or write  using state = freshet::transient<S>  if a "
                "crash may lose it");
  static constexpr bool ok = constructible && copyable && saved;
};

/// An object given by value can be copied, once a task.
template <class Bolt>
struct check_copyable {
  static constexpr bool ok = std::copy_constructible<Bolt>;
  static_assert(
      ok,
      "each task gets a copy of the object and this one can't be copied: pass a function that makes one,  [] { "
      "return my_class{...}; }");
};

/// The sink can be called with the stream's type.
template <class Sink, class Given>
struct check_sink {
  static constexpr bool ok = requires(Sink & s, const Given& v) { s.write(v); }
  || requires(Sink& s, const Given& v, emitter<void>& out) { s.write(v, out); }
  || std::is_invocable_v<Sink&, const Given&>;
  static_assert(ok,
                "a sink needs  void write(const T&),  void write(const T&, emitter<void>&)  or a call operator for the "
                "stream's type (see Given above)");
};

/// A bolt's outputs can travel.
template <class Out, class... Sides>
consteval bool check_ports(std::type_identity<emitter<Out, Sides...>>) {
  const bool sides = (check_stream_value<typename Sides::value_type>() && ...);
  if constexpr (std::is_void_v<Out>) return sides;
  else return check_stream_value<Out>() && sides;
}
template <class B>
consteval bool check_outputs() {
  return check_ports(emitter_of<B>());
}

/// Whether a function's further parameters ask for the bolt's state.
template <class S, class... A>
consteval bool takes_state(parameter_list<A...>) {
  return (std::is_same_v<std::remove_cvref_t<A>, S> || ...);
}
template <class S, class A0, class... A>
consteval bool asks_for_state(parameter_list<A0, A...>) {
  return !std::is_same_v<S, no_key> && takes_state<S>(parameter_list<A...>{});
}
template <class S>
consteval bool asks_for_state(parameter_list<>) {
  return false;
}
/// Whether they ask for it to change it.
template <class S, class A0, class... A>
consteval bool changes_state(parameter_list<A0, A...>) {
  return !std::is_same_v<S, no_key> && (std::is_same_v<A, S&> || ...);
}
template <class S>
consteval bool changes_state(parameter_list<>) {
  return false;
}
/// Every task makes the same changes to broadcast state.
template <class Bolt, class Grouping, bool Changes>
struct check_broadcast {
  static constexpr bool is_same_everywhere = !Changes || std::is_same_v<Grouping, all_grouping>;
  static_assert(is_same_everywhere,
                "broadcast state is changed behind all_grouping only, where every task gets the same tuples: put the "
                "grouping there, or take it by const&");
  static constexpr bool is_told_apart = !std::is_same_v<typename state_of<Bolt>::type, broadcast_of_t<Bolt>>;
  static_assert(is_told_apart, "state and broadcast of a bolt are told apart by their types: make them two");
  static constexpr bool ok = is_same_everywhere && is_told_apart;
};

}  // namespace freshet::wiring
