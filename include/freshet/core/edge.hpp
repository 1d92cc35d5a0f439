#pragma once
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "freshet/core/bolt_task.hpp"
#include "freshet/core/input_loop.hpp"
#include "freshet/core/keyed_call.hpp"
#include "freshet/core/lazy_call.hpp"
#include "freshet/core/sink_task.hpp"
#include "freshet/core/timer_reader.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/core/wiring.hpp"

namespace freshet {

/// How a topology writes down the grouping `G`.
template <class G>
inline constexpr grouping_kind grouping_kind_of = grouping_kind::forward;
template <>
inline constexpr grouping_kind grouping_kind_of<shuffle_grouping> = grouping_kind::shuffle;
template <>
inline constexpr grouping_kind grouping_kind_of<local_or_shuffle_grouping> = grouping_kind::local_or_shuffle;
template <>
inline constexpr grouping_kind grouping_kind_of<all_grouping> = grouping_kind::all;
template <>
inline constexpr grouping_kind grouping_kind_of<global_grouping> = grouping_kind::global;
template <class F>
inline constexpr grouping_kind grouping_kind_of<key_grouping<F>> = grouping_kind::key;
template <class F>
inline constexpr grouping_kind grouping_kind_of<partial_key_grouping<F>> = grouping_kind::partial_key;
template <class F>
inline constexpr grouping_kind grouping_kind_of<custom_grouping<F>> = grouping_kind::custom;
template <class F>
inline constexpr grouping_kind grouping_kind_of<direct_grouping<F>> = grouping_kind::direct;

namespace detail {
template <class L>
struct first_parameter;
template <class A, class... R>
struct first_parameter<parameter_list<A, R...>> {
  using type = A;
};

/// A function without parameters that gives an object of a class makes the object for each task.
template <class F>
struct made_by {
  using type = std::decay_t<F>;
};
template <class F>
requires(std::invocable<std::decay_t<F>&>&& std::is_class_v<std::invoke_result_t<std::decay_t<F>&>> &&
         !spout_class<std::decay_t<F>>) struct made_by<F> {
  using type = std::invoke_result_t<std::decay_t<F>&>;
};
template <class F>
using made_by_t = typename made_by<F>::type;

/// The routing half of an edge.
template <class T, class G>
class routed_binding : public edge_binding {
 public:
  explicit routed_binding(G grouping) : grouping_(std::move(grouping)) {}

 protected:
  G grouping_;

 private:
  any_router* new_router(const freshet::route& where, call_frame& frame) const override {
    return new router<T, G>(grouping_, where, frame);
  }
};

template <class B, class T, class G, class Fn, class Args>
class plain_binding final : public routed_binding<T, G> {
 public:
  static constexpr bool is_lazy = lazy_output<lazy_result_t<B, T, Fn, Args>>;
  using routed_binding<T, G>::routed_binding;

 private:
  any_reader* new_reader(task_operator& task) const override {
    using call = typename std::conditional_t<is_lazy, std::type_identity<lazy_call<B, T, Fn, Args>>,
                                             std::type_identity<plain_call<B, T, Fn, Args>>>::type;
    auto& bolt = static_cast<bolt_task<B>&>(task);
    if constexpr (wiring::asks_for_state<broadcast_of_t<B>>(Args{})) bolt.look_at_broadcast();
    return new input_loop<T, call>(task, call{&bolt});
  }
};

template <class B, class T, class G, class Fn, class Args>
class single_state_binding final : public routed_binding<T, G> {
 public:
  using routed_binding<T, G>::routed_binding;

 private:
  any_reader* new_reader(task_operator& task) const override {
    using call = single_state_call<B, T, Fn, Args, typename B::state>;
    auto& bolt = static_cast<bolt_task<B>&>(task);
    bolt.look_at_broadcast();
    auto& table = static_cast<single_state<typename B::state>&>(own_state<B>(*task.state));
    return new input_loop<T, call>(task, call{&bolt, &table});
  }
};

/// Of the input that changes the broadcast state.
template <class B, class T, class G, class Fn, class Args>
class broadcast_binding final : public routed_binding<T, G> {
 public:
  using routed_binding<T, G>::routed_binding;

 private:
  any_reader* new_reader(task_operator& task) const override {
    using call = single_state_call<B, T, Fn, Args, typename B::broadcast>;
    auto& shared = static_cast<with_broadcast<typename B::broadcast>&>(*task.state).shared();
    return new input_loop<T, call>(task, call{&static_cast<bolt_task<B>&>(task), &shared});
  }
};

template <class B, class T, class G, class Fn, class Args, class K>
class keyed_binding final : public routed_binding<T, G> {
 public:
  using routed_binding<T, G>::routed_binding;

 private:
  any_reader* new_reader(task_operator& task) const override {
    using state = typename B::state;
    using call = keyed_call<B, T, Fn, Args, K, decltype(G::key)>;
    auto& bolt = static_cast<bolt_task<B>&>(task);
    bolt.look_at_broadcast();
    if constexpr (wiring::check_flush_key<B, K, state, emitter_of_t<B>>::ok)
      bolt.flush_keys = [](bolt_task<B>& t) {
        emitter_of_t<B> out{t.outputs(), t.frame()};
        static_cast<keyed_state<K, state>&>(own_state<B>(*t.state)).for_each_touched([&](const K& k, state& s) {
          t.bolt().flush_key(k, s, out);
        });
      };
    if constexpr (has_timers<B> || has_processing_timers<B>) {
      auto& all = static_cast<timed_state<K, state>&>(own_state<B>(*task.state));
      if constexpr (has_timers<B>)
        if constexpr (wiring::check_on_timer<B, K>::ok)
          if (!task.timers) task.timers = new timer_reader<B, K>(bolt, all);
      if constexpr (has_processing_timers<B>)
        if constexpr (wiring::check_on_processing_timer<B, K>::ok)
          if (!task.processing_timers) task.processing_timers = new processing_timer_reader<B, K>(bolt, all);
      return new input_loop<T, call>(task, call{&bolt, &all.states, &all, this->grouping_.key});
    } else {
      auto& table = static_cast<keyed_state<K, state>&>(own_state<B>(*task.state));
      return new input_loop<T, call>(task, call{&bolt, &table, nullptr, this->grouping_.key});
    }
  }
};

template <class S, class T, class G>
class sink_binding final : public routed_binding<T, G> {
 public:
  using routed_binding<T, G>::routed_binding;

 private:
  any_reader* new_reader(task_operator& task) const override {
    return new input_loop<T, sink_call<S>>(task, sink_call<S>{&static_cast<sink_task<S>&>(task)});
  }
};

/// Writes down what kind of state the node has; a second input must agree with the first.
void declare_state(node& n, std::string_view key, std::string_view state, bool durable, state_maker make);
/// Writes down that the node has broadcast state, and whether this input changes it. `make` is for nodes without other
/// state.
void declare_broadcast(node& n, std::string_view type, bool durable, bool changes, state_maker make);
/// Notes that the grouping leads tuples of one key to several tasks.
void refuse_state(node& n, grouping_kind grouping);
/// Writes down what the node emits.
void set_outputs(node& n, const output_port* first, std::size_t count);
/// Makes `made` the node's, as the other functions here not a template: a std::make_shared for each class would cost as
/// much to compile as the class.
void set_tasks(node& n, const task_source* made);
/// Appends one input for each end of a stream. Takes `binding`, which is null where a mistake was noted.
void add_inputs(node& n, const std::vector<stream_end>& ends, const stream_type& type, grouping_kind grouping,
                const edge_binding* binding);
void refuse_foreign(node& n);

/// The binding of one input of a bolt; notes in the node what the grouping doesn't allow.
template <class B, class T, class G, class Fn, class Args>
const edge_binding* bind_bolt(node& n, G grouping, Fn, Args) {
  using S = typename state_of<B>::type;
  using X = broadcast_of_t<B>;
  constexpr bool changes_broadcast = wiring::changes_state<X>(Args{});
  if constexpr (wiring::asks_for_state<X>(Args{}))
    if constexpr (wiring::check_broadcast<B, G, changes_broadcast>::ok)
      declare_broadcast(n, type_name<X>(), durable<X>, changes_broadcast,
                        [](const bolt_options&) { return beside_broadcast<B>(nullptr); });
  if constexpr (changes_broadcast) {
    if constexpr (wiring::check_broadcast<B, G, true>::ok)
      return new broadcast_binding<B, T, G, Fn, Args>(std::move(grouping));
    else return nullptr;
  } else if constexpr (!wiring::asks_for_state<S>(Args{})) {
    n.heads_chain |= plain_binding<B, T, G, Fn, Args>::is_lazy;
    return new plain_binding<B, T, G, Fn, Args>(std::move(grouping));
  } else if constexpr (is_key_grouping<G>) {
    using K = typename decltype(key_type_of<decltype(G::key), T>())::type;
    constexpr bool is_timed = has_timers<B> || has_processing_timers<B>;
    using kept = std::conditional_t<is_timed, timed_state<K, S>, keyed_state<K, S>>;
    declare_state(n, type_name<K>(), type_name<S>(), durable<S>, [](const bolt_options& o) {
      return beside_broadcast<B>(std::unique_ptr<any_state>(new kept(o.max_parallelism, o.state_ttl)));
    });
    return new keyed_binding<B, T, G, Fn, Args, K>(std::move(grouping));
  } else if constexpr (std::is_same_v<G, global_grouping> || std::is_same_v<G, all_grouping>) {
    declare_state(n, "", type_name<S>(), durable<S>, [](const bolt_options&) {
      return beside_broadcast<B>(std::unique_ptr<any_state>(new single_state<S>()));
    });
    return new single_state_binding<B, T, G, Fn, Args>(std::move(grouping));
  } else {
    refuse_state(n, grouping_kind_of<G>);
    return nullptr;
  }
}
}  // namespace detail

}  // namespace freshet
