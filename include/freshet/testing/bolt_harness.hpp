#pragma once
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "freshet/core/topology_builder.hpp"
#include "freshet/runtime/executor.hpp"
#include "freshet/testing/any_bolt_harness.hpp"

namespace freshet::testing {

namespace detail {
/// Stands for what an input reads.
template <class T>
struct silent_spout {
  poll_status poll(spout_emitter<T>&) { return poll_status::ended(); }
};
/// What `process` reads; a bolt whose inputs are all named has none.
struct no_process {};
template <class Signature>
struct read_by {
  using type = typename bolt_port_traits<Signature>::input;
};
template <>
struct read_by<void> {
  using type = no_process;
};
/// Names a member function at run time.
template <auto Method>
inline constexpr char method_id = 0;
}  // namespace detail

/// Calls one bolt alone, without a topology: its `process` with values, times and stamps of the test's choice, its
/// timers, ticks and flushes, on the caller's thread. State belongs to the harness, as it does to an engine.
///     bolt_harness harness{add_up{}, key_grouping{&order::shop}};
///     harness.process({"Oslo", 3});
///     assert(harness.output().values == std::vector<std::int64_t>{3} && harness.state("Oslo") == 3);
///
/// A bolt with several inputs is told of them before the first call: `harness.input<&B::on_rule>(all_grouping{})`, then
/// `harness.process<&B::on_rule>(rule)`. What a call throws is a run_error from the function that made the call; what
/// it had emitted is gone, and state is as before. What `build()` would refuse of the bolt is a topology_error. Bolts
/// that hold tuples want a topology_driver. Not thread safe.
template <class B>
class bolt_harness final : public any_bolt_harness {
  using emitter_type = emitter_of_t<B>;
  using process_signature_type = typename decltype(process_signature<B>())::type;
  using process_input = typename detail::read_by<process_signature_type>::type;
  template <auto Method>
  using input_of = typename freshet::detail::first_arg<typename signature<decltype(Method)>::args>::type;

 public:
  /// `made_of` is what a topology_builder takes: the bolt, or a function that makes one. `grouping` is for `process`.
  template <class F, class G = forward_grouping>
  explicit bolt_harness(F made_of, G grouping = {}, harness_options options = {})
      : any_bolt_harness(options), bolt_(topology_builder{graph()}.bolt("bolt", std::move(made_of))) {
    add_ports(std::type_identity<emitter_type>{});
    if constexpr (!std::is_void_v<process_signature_type>) bolt_.input(source<process_input>(), std::move(grouping));
  }

  /// Adds an input that `Method` reads.
  template <auto Method, class G = forward_grouping>
  void input(G grouping = {}) {
    inputs_[&detail::method_id<Method>] = graph()->nodes.front().inputs.size();
    bolt_.template input<Method>(source<input_of<Method>>(), std::move(grouping));
  }

  /// Calls `process`. `stamp` is how far the value's partition had come before it, as `emitter::stamp` gives it.
  void process(process_input value, event_time time = {}, event_time stamp = beginning_of_time) {
    call_with(0, std::move(value), time, stamp);
  }
  /// Calls `Method`, which reads an input that was added.
  template <auto Method>
  void process(input_of<Method> value, event_time time = {}, event_time stamp = beginning_of_time) {
    call_with(inputs_.at(&detail::method_id<Method>), std::move(value), time, stamp);
  }

  /// What has come out of the main output so far.
  auto& output() { return output_at<typename emitter_type::value_type>(0); }
  /// The same of a side output.
  template <class Tag>
  auto& side() {
    return output_at<typename Tag::value_type>(emitter_type::template port_of<Tag>());
  }
  /// A copy of what is kept for `key`; nothing where nothing is.
  template <class Key>
  auto state(const Key& key) requires has_state<B> {
    state_query<typename B::state, queried_key_t<Key>> query{queried_key_t<Key>(key)};
    answer(query);
    return std::move(query).take();
  }

 private:
  template <class T>
  class typed_port final : public port {
   public:
    typed_port(call_frame& frame, std::uint32_t capacity)
        : router_({}, {.layout = {.capacity = capacity, .times = true}}, frame) {}
    void take() override {
      auto& box = *router_.outboxes()[0];
      box.seal();
      while (box.has_sealed()) {
        auto* b = static_cast<batch<T>*>(box.pop());
        for (std::size_t i = 0; i < b->size(); ++i) {
          seen.values.push_back(b->value(i));
          seen.times.push_back(b->time_of(i));
          seen.stamps.push_back(b->stamp_of(i));
        }
        box.pool.give(b);
      }
    }
    any_router& router() override { return router_; }
    harness_output<T> seen;

   private:
    freshet::router<T, forward_grouping> router_;
  };

  template <class T>
  void add_typed_port() {
    if constexpr (std::is_void_v<T>) add_port(nullptr);
    else add_port(std::make_unique<typed_port<T>>(frame(), outbox_capacity()));
  }
  template <class Out, class... Sides>
  void add_ports(std::type_identity<emitter<Out, Sides...>>) {
    add_typed_port<Out>();
    (add_typed_port<typename Sides::value_type>(), ...);
  }
  template <class T>
  harness_output<T>& output_at(std::size_t n) {
    take_outputs();
    return static_cast<typed_port<T>&>(port_at(n)).seen;
  }
  template <class T>
  stream_ref<T> source() {
    const auto name = "input " + std::to_string(graph()->nodes.size());
    return topology_builder{graph()}.spout(name, detail::silent_spout<T>{});
  }
  template <class T>
  void call_with(std::size_t which, T&& value, event_time time, event_time stamp) {
    batch<std::decay_t<T>> one{{.capacity = 1, .times = true}};
    one.append({}, time, stamp, std::forward<T>(value));
    call(which, one);
  }

  bolt_node<B> bolt_;
  std::map<const void*, std::size_t> inputs_;  ///< by `method_id`
};
template <class F, class... More>
bolt_harness(F, More...) -> bolt_harness<freshet::detail::made_by_t<F>>;

}  // namespace freshet::testing
