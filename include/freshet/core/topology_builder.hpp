#pragma once
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/dead_letter.hpp"
#include "freshet/core/edge.hpp"
#include "freshet/core/sink_task.hpp"
#include "freshet/core/stream_ref.hpp"
#include "freshet/core/wiring.hpp"

namespace freshet {

/// A bolt in a topology under construction: its main output as a stream, and the place to wire its inputs.
template <class B>
class bolt_node : public stream_ref<typename emitter_of_t<B>::value_type> {
  using base = stream_ref<typename emitter_of_t<B>::value_type>;

 public:
  using base::base;

  /// Reads `stream` with the bolt's `process`.
  template <class T, class G = forward_grouping>
  const bolt_node& input(const stream_ref<T>& stream, G grouping = {}) const {
    if constexpr (wiring::check_process<B>::ok && wiring::check_readable<T>()) {
      if constexpr (requires { &B::process; })
        connect<T>(stream, std::move(grouping), method<&B::process>{},
                   typename signature<decltype(&B::process)>::args{});
      else if constexpr (requires { &B::operator(); })
        connect<T>(stream, std::move(grouping), call_itself{}, typename signature<decltype(&B::operator())>::args{});
      else connect<T>(stream, std::move(grouping), call_itself{}, typename signature<B>::args{});
    }
    return *this;
  }
  /// Reads `stream` with a member function of the bolt: the way to have several inputs.
  template <auto Method, class T, class G = forward_grouping>
  const bolt_node& input(const stream_ref<T>& stream, G grouping = {}) const {
    static_assert(std::is_member_function_pointer_v<decltype(Method)>,
                  "input<&bolt::on_x>(stream): name a member function of the bolt");
    if constexpr (wiring::check_readable<T>())
      connect<T>(stream, std::move(grouping), method<Method>{}, typename signature<decltype(Method)>::args{});
    return *this;
  }
  template <wiring::no_stream X, class G = forward_grouping>
  const bolt_node& input(const X&, G = {}) const {
    return wiring::check_stream<X>(), *this;
  }
  /// A side output, typed by its tag.
  template <class Tag>
  stream_ref<typename Tag::value_type> side() const {
    return {this->builder_,
            {this->ends_[0].node, static_cast<std::uint32_t>(emitter_of_t<B>::template port_of<Tag>())}};
  }

 private:
  template <class T, class G, class Fn, class Args>
  void connect(const stream_ref<T>& stream, G grouping, Fn fn, Args args) const {
    static_assert(!std::is_same_v<Args, parameter_list<>>, "process() needs a first parameter: the tuple it reads");
    using Takes = typename detail::first_parameter<Args>::type;
    if constexpr (wiring::check_input<B, Takes, T>::ok && wiring::check_state<B>::ok &&
                  wiring::check_grouping<G, T>()) {
      node& n = this->producer();
      if (!stream.is_beside(*this)) return detail::refuse_foreign(n);
      detail::add_inputs(n, stream.ends(), stream_type_of<T>(), grouping_kind_of<G>,
                         detail::bind_bolt<B, T>(n, std::move(grouping), fn, args));
    }
  }
};

/// A spout in a topology under construction: its messages as a stream.
template <class T>
class spout_node : public stream_ref<T> {
 public:
  using stream_ref<T>::stream_ref;
};

/// A sink in a topology under construction.
template <class S>
class sink_node {
 public:
  sink_node(const builder_ref& builder, std::uint32_t index) : node_(builder, {index, 0}) {}

  /// Writes the tuples of `stream`.
  template <class T, class G = forward_grouping>
  const sink_node& input(const stream_ref<T>& stream, G grouping = {}) const {
    if constexpr (wiring::check_readable<T>())
      if constexpr (wiring::check_sink<S, T>::ok && wiring::check_grouping<G, T>())
        connect(stream, std::move(grouping));
    return *this;
  }
  template <wiring::no_stream X, class G = forward_grouping>
  const sink_node& input(const X&, G = {}) const {
    return wiring::check_stream<X>(), *this;
  }

 private:
  template <class T, class G>
  void connect(const stream_ref<T>& stream, G grouping) const {
    node& n = node_.producer();
    n.heads_chain |= holding_sink<S, T>;
    if (!stream.is_beside(node_)) detail::refuse_foreign(n);
    else
      detail::add_inputs(n, stream.ends(), stream_type_of<T>(), grouping_kind_of<G>,
                         new detail::sink_binding<S, T, G>(std::move(grouping)));
  }

  any_stream_ref node_;  ///< as if it had an output
};

namespace detail {
/// Makes each task from what the user's function gives.
template <class Task, class F>
class made_by_function final : public task_source {
 public:
  explicit made_by_function(F from) : from_(std::move(from)) {}

 private:
  task_operator* new_task() const override { return new Task(from_()); }
  mutable F from_;  // a function may count how often it is called
};

namespace each_task_gets_a_copy::if_it_cannot_be_copied {
/// Makes each task from a copy of the user's object. `wiring::check_copyable` says the same in a better form, but not
/// of a member like std::vector<held_tuple>: a vector claims that it can be copied, whatever it holds, and no question
/// finds out. The compiler fails in the middle of the standard library then, and the line above its first error is this
/// function's full name.
template <class Task, class F>
class pass_a_function_that_makes_one final : public task_source {
 public:
  explicit pass_a_function_that_makes_one(F from) : from_(std::move(from)) {}

 private:
  task_operator* new_task() const override { return new Task(from_); }
  F from_;
};
}  // namespace each_task_gets_a_copy::if_it_cannot_be_copied
namespace copies = each_task_gets_a_copy::if_it_cannot_be_copied;
}  // namespace detail

/// Writes down a topology: spouts, bolts and sinks with unique names, and who reads what. Nothing runs and nothing is
/// checked before `build`. Not thread safe.
class topology_builder {
 public:
  explicit topology_builder(std::string name);
  /// Goes on with the graph that a handle belongs to.
  explicit topology_builder(builder_ref state);
  topology_builder(const topology_builder&);
  topology_builder& operator=(const topology_builder&);
  ~topology_builder();

  /// Adds a spout: an object with `poll_status poll(spout_emitter<T>&)`, copied for each task, or a function that makes
  /// one (called once a task).
  template <class F>
  auto spout(std::string name, F made_of, spout_options options = {}) {
    using S = detail::made_by_t<F>;
    static_assert(spout_class<S>,
                  "a spout needs  freshet::poll_status poll(freshet::spout_emitter<T>&), which says what comes next: "
                  "emitted(), idle_until(t), idle() or ended()");
    if constexpr (spout_class<S>) {
      using T = spout_output_t<S>;
      if constexpr (check_stream_value<T>()) {
        [[maybe_unused]] constexpr wiring::check_spout<S> checked;
        node& n = add(std::move(name), node_kind::spout, type_name<S>());
        n.spout = options;
        n.replayable = replayable_spout<S>;
        const output_port messages{"", &stream_type_of<T>()};
        detail::set_outputs(n, &messages, 1);
        make_tasks<spout_task<S>, S>(n, std::move(made_of));
      }
      return spout_node<T>{state_, {last(), 0}};
    }
  }
  /// Adds a bolt: an object with `process`, a lambda, or a function that makes either (called once a task).
  template <class F>
  [[nodiscard("a bolt without .input(stream) reads nothing, and build() refuses it")]] auto bolt(
      std::string name, F made_of, bolt_options options = {}) {
    using B = detail::made_by_t<F>;
    if constexpr (wiring::check_outputs<B>()) {
      [[maybe_unused]] constexpr wiring::check_calls<B, emitter_of_t<B>> checked;
      node& n = add(std::move(name), node_kind::bolt, type_name<B>());
      n.options = options;
      const auto ports = emitter_of_t<B>::ports();
      detail::set_outputs(n, ports.data(), ports.size());
      n.has_tick = requires(B & b, emitter_of_t<B> & o) { b.on_tick(o); }
      || requires(B & b) { b.on_tick(); };
      n.heads_chain = detail::refuses<B>;
      n.has_timers = n.needs_event_time = has_timers<B>;
      n.follows_clock = has_processing_timers<B>;
      n.sets_event_time = requires(B & b) { b.clock(); };
      make_tasks<bolt_task<B>, B>(n, std::move(made_of));
    }
    return bolt_node<B>{state_, {last(), 0}};
  }
  /// Adds a sink: an object with `write(const T&)`, or `write(const T&, emitter<void>&)` if it may hold; a lambda; or a
  /// function that makes either.
  template <class F>
  [[nodiscard("a sink without .input(stream) reads nothing, and build() refuses it")]] auto sink(
      std::string name, F made_of, bolt_options options = {}) {
    using S = detail::made_by_t<F>;
    [[maybe_unused]] constexpr wiring::check_calls<S, wiring::no_emitter> checked;
    node& n = add(std::move(name), node_kind::sink, type_name<S>());
    n.options = options;
    n.transactional = transactional_sink<S> || deciding_sink<S>;
    n.overlaps_epochs = overlapping_sink<S>;
    n.decides = deciding_sink<S>;
    n.has_tick = requires(S & s) { s.on_tick(); };
    if constexpr (requires { S::default_tick; })
      if (options.tick == std::chrono::nanoseconds{}) n.options.tick = S::default_tick;
    n.heads_chain = detail::refuses<S> || requires(S & s) { s.on_wake(); };
    make_tasks<sink_task<S>, S>(n, std::move(made_of));
    return sink_node<S>{state_, last()};
  }
  /// What failed for good, from every node whose policy is `on_failure::dead_letter`. A letter that a grouping of one
  /// of its readers throws at goes to none of them, but to `run_status::unread_dead_letters`, with what was thrown.
  stream_ref<dead_letter> dead_letters() const { return {state_, {stream_end::dead_letters, 0}}; }

  /// Checks the whole graph. Throws topology_error that names every mistake.
  topology build() const;

 private:
  node& add(std::string name, node_kind kind, std::string_view written_as);
  std::uint32_t last() const;
  template <class Task, class Made, class F>
  static void make_tasks(node& n, F from) {
    if constexpr (!std::is_same_v<Made, F>)
      detail::set_tasks(n, new detail::made_by_function<Task, F>(std::move(from)));
    else if constexpr (wiring::check_copyable<F>::ok)
      detail::set_tasks(n, new detail::copies::pass_a_function_that_makes_one<Task, F>(std::move(from)));
  }

  builder_ref state_;
};

}  // namespace freshet
