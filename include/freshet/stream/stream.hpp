#pragma once
#include <array>
#include <string>
#include <type_traits>
#include <utility>

#include "freshet/core/topology_builder.hpp"
#include "freshet/stream/map_async.hpp"
#include "freshet/stream/split.hpp"
#include "freshet/stream/transform.hpp"
#include "freshet/stream/whole_stream.hpp"
#include "freshet/stream/window_options.hpp"
#include "freshet/time/assign_event_time.hpp"

namespace freshet {

template <class T, class F>
class keyed_stream;
struct every_tuples;
template <class T, class F, class W, class Trigger = every_tuples, bool Combines = false>
class windowed_stream;
template <class B>
class bolt_stream;

namespace detail {
/// Of the node that emits a stream: with it, a bolt is chained to it.
template <class T>
std::size_t parallelism_of(const stream_ref<T>& s) {
  const auto producer = s.ends()[0].node;
  return producer == stream_end::dead_letters ? 1 : s.builder_state()->nodes[producer].parallelism();
}
}  // namespace detail

/// The fluent face of one stream. Each function that takes a name adds one node (or a few) to the topology under that
/// name and gives the stream that comes out; the others add none. A stream may be read as often as you like: everyone
/// gets every tuple. `stream{ref}` makes any stream of the low level fluent.
///
/// A bolt is chained to its producer, without a channel between, where both have the same parallelism; choose another
/// `Grouping` with `shuffle()` and its neighbours just before the bolt. Cheap to copy; not thread safe, like the
/// builder.
template <class T, class Grouping = forward_grouping>
class stream : public stream_ref<T> {
 public:
  /// `ref` with the grouping by which the next bolt reads it.
  explicit stream(stream_ref<T> ref, Grouping grouping = {})
      : stream_ref<T>(std::move(ref)), grouping_(std::move(grouping)) {}

  /// `f(const T&)` gives the new value.
  template <class F>
  auto map(std::string name, F f, bolt_options options = {}) const {
    if constexpr (wiring::check_map<F, T>::ok) {
      using U = std::remove_cvref_t<std::invoke_result_t<F&, const T&>>;
      return add<U, F>(std::move(name), map_bolt<T, F, U>{std::move(f)}, options);
    } else {
      return *this;
    }
  }
  /// Keeps the tuples for which `keep(const T&)` holds.
  template <class F>
  auto filter(std::string name, F keep, bolt_options options = {}) const {
    if constexpr (wiring::check_predicate<F, T>::ok)
      return add<T, F>(std::move(name), filter_bolt<T, F>{std::move(keep)}, options);
    else return *this;
  }
  /// Shows every tuple to `look(const T&)` and passes it on.
  template <class F>
  auto peek(std::string name, F look, bolt_options options = {}) const {
    if constexpr (wiring::check_function<F, T>::ok)
      return add<T, F>(std::move(name), peek_bolt<T, F>{std::move(look)}, options);
    else return *this;
  }
  /// Any number of new values: `f(const T&)` gives a range or a std::optional, or `f(const T&, emitter<U>&)` emits.
  /// Name the type of the elements, `flat_map<std::string>(...)`, where they have to be converted: views to strings.
  template <class As = void, class F>
  auto flat_map(std::string name, F f, bolt_options options = {}) const {
    if constexpr (emits<F>()) {
      return process(std::move(name), std::move(f), options);
    } else if constexpr (emits_as<As, F>()) {
      return add<As, F>(std::move(name), emitting_bolt<T, F, As>{std::move(f)}, options);
    } else if constexpr (wiring::check_flat_map<F, T, As>::ok) {
      using U = typename std::conditional_t<std::is_void_v<As>,
                                            detail::element<std::remove_cvref_t<std::invoke_result_t<F&, const T&>>>,
                                            std::type_identity<As>>::type;
      return add<U, F>(std::move(name), flat_map_bolt<T, F, U>{std::move(f)}, options);
    } else {
      return *this;
    }
  }
  /// Any bolt of the low level, or a function that makes one. `.side<Tag>()` of the result gives its side outputs.
  template <class F>
  auto process(std::string name, F bolt, bolt_options options = {}) const {
    using B = detail::made_by_t<F>;
    return bolt_stream<B>(builder().bolt(std::move(name), std::move(bolt), options).input(*this, grouping_));
  }
  /// Work elsewhere: `f(const T&, async_reply<U>)` starts it and returns; the reply comes from any thread, once. At
  /// most `capacity` tuples are under way, then the stream waits.
  template <class U, class F>
  stream<U> map_async(std::string name, F f, async_options options = {}) const {
    if constexpr (wiring::check_async<F, T, U>::ok) {
      auto make = [f = std::move(f), options] { return async_bolt<T, U, F>(f, options); };
      auto made = add<U, F>(std::move(name), std::move(make), options.of_bolt());
      for (auto& m : options.mistakes()) this->builder_->nodes.back().mistakes.push_back(std::move(m));
      return made;
    } else {
      return stream<U>(stream_ref<U>(this->builder_, this->ends_));
    }
  }
  /// Divides the stream: `auto [cheap, dear, rest] = orders.split("by price", is_cheap, is_dear)`. A tuple goes to the
  /// first predicate that holds; the last stream has those for which none does. Options stand before the predicates, of
  /// which there may be any number: `split("by price", {.parallelism = 2}, is_cheap)`.
  template <class... P>
  std::array<stream<T>, sizeof...(P) + 1> split(std::string name, P... holds) const {
    return split(std::move(name), bolt_options{}, std::move(holds)...);
  }
  template <class... P>
  std::array<stream<T>, sizeof...(P) + 1> split(std::string name, bolt_options options, P... holds) const {
    static_assert(sizeof...(P) > 0, "split needs at least one predicate");
    if constexpr ((wiring::check_predicate<P, T>::ok && ...)) {
      auto node =
          builder().bolt(std::move(name), split_bolt<T, P...>{{std::move(holds)...}}, options).input(*this, grouping_);
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<stream<T>, sizeof...(P) + 1>{stream<T>(node),
                                                       stream<T>(node.template side<split_branch<T, I + 1>>())...};
      }
      (std::make_index_sequence<sizeof...(P)>{});
    } else {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<stream<T>, sizeof...(P) + 1>{((void)I, stream<T>(*this))...};
      }
      (std::make_index_sequence<sizeof...(P) + 1>{});
    }
  }

  /// Gives the tuples event times, as `assign_event_time` does: by `time_of(const T&)` or a pointer to member, of a
  /// spout's stream or behind bolts without state chained to one.
  ///     .event_time(&reading::at, {.bound = 5s, .idle_timeout = 1min})
  template <class F>
  stream<T> event_time(F time_of, event_time_options options = {}) const {
    return stream<T>(assign_event_time<T>(*this, std::move(time_of), options));
  }
  /// The same, with a policy of watermarks: `.event_time(&reading::at, ascending{})`.
  template <class F, class Policy>
  stream<T> event_time(F time_of, Policy policy, partition_options options = {}) const {
    return stream<T>(assign_event_time<T>(*this, std::move(time_of), std::move(policy), options));
  }
  /// The same by the executor's clock: when a message is emitted, or when it was for the first time.
  stream<T> event_time(processing_time by) const { return stream<T>(assign_event_time<T>(*this, by)); }
  stream<T> event_time(ingestion_time by) const { return stream<T>(assign_event_time<T>(*this, by)); }

  /// Groups the tuples by `key(const T&)` or a pointer to member: what follows sees all tuples of a key in one task.
  template <class F>
  keyed_stream<T, F> key_by(F key) const {
    static_assert(std::is_same_v<Grouping, forward_grouping>,
                  "key_by chooses the grouping itself: leave out the other one");
    return keyed_stream<T, F>(*this, std::move(key));
  }
  template <class F, class G, class... More>
  auto key_by(F, G, More...) const {
    static_assert(std::is_void_v<F>,
                  "one function gives the key; one of several parts is a tuple: key_by([](const T& v) { return "
                  "std::tuple(v.a, v.b); })");
  }
  /// Windows over all tuples, whatever their keys: `keyed_stream::window` with one key, and so with one task, which is
  /// as fast as one core. Where there are keys, let each have its windows first, and then all of those results theirs:
  ///     pages.key_by(&visit::page).window(tumbling{1min}).count("visits")
  ///          .window(tumbling{1min}).top_n("top pages", 3, [](const auto& page) { return page.value; })
  template <class W>
  windowed_stream<T, in_whole_stream, W> window(W windows, window_options options = {}) const {
    static_assert(std::is_same_v<Grouping, forward_grouping>,
                  "windows choose the grouping themselves: leave out the other one");
    return windowed_stream<T, in_whole_stream, W>(*this, {}, windows, options);
  }
  /// One stream of this one's tuples and the others'.
  template <class... More>
  stream<T> merge(const More&... more) const {
    static_assert(std::is_same_v<Grouping, forward_grouping>, "choose the grouping after merge, not before");
    return stream<T>(freshet::merge<T>(*this, more...));
  }

  /// The next bolt gets the tuples evenly, task after task.
  stream<T, shuffle_grouping> shuffle() const { return group(shuffle_grouping{}); }
  /// Every task of the next bolt gets every tuple.
  stream<T, all_grouping> broadcast() const { return group(all_grouping{}); }
  /// Task 0 of the next bolt gets all tuples.
  stream<T, global_grouping> global() const { return group(global_grouping{}); }
  /// Like shuffle, among the tasks on the producer's own worker, where there are any.
  stream<T, local_or_shuffle_grouping> local_or_shuffle() const { return group(local_or_shuffle_grouping{}); }
  /// The next bolt reads by any grouping: `group(custom_grouping{f})`.
  template <any_grouping G>
  stream<T, G> group(G grouping) const {
    return stream<T, G>(*this, std::move(grouping));
  }

  /// Ends in a sink: an object with `write(const T&)`, a lambda, or a function that makes either. Gives the stream
  /// back.
  template <class S>
  const stream& to(std::string name, S sink, bolt_options options = {}) const {
    (void)builder().sink(std::move(name), std::move(sink), options).input(*this, grouping_);
    return *this;
  }

  /// The builder it belongs to, to go on at the low level.
  topology_builder builder() const { return topology_builder{this->builder_}; }

 private:
  template <class F>
  static consteval bool emits() {
    if constexpr (std::is_void_v<typename decltype(process_signature<F>())::type>) return false;
    else return !std::is_void_v<typename bolt_port_traits<typename decltype(process_signature<F>())::type>::found>;
  }
  template <class As, class F>
  static consteval bool emits_as() {
    if constexpr (std::is_void_v<As>) return false;
    else return std::is_invocable_v<F&, const T&, emitter<As>&>;
  }
  /// `Written` is the user's class, which descriptions show instead of the bolt around it.
  template <class U, class Written, class Bolt>
  stream<U> add(std::string name, Bolt bolt, bolt_options options) const {
    if constexpr (check_stream_value<U>()) {
      auto node = builder().bolt(std::move(name), std::move(bolt), options).input(*this, grouping_);
      this->builder_->nodes.back().written_as = type_name<Written>();
      return stream<U>(std::move(node));
    } else {
      return stream<U>(stream_ref<U>(this->builder_, this->ends_));
    }
  }

  [[no_unique_address]] Grouping grouping_;
};
template <class T>
stream(const stream_ref<T>&) -> stream<T>;

/// What comes out of a bolt: its main output, and its side outputs by their tags.
template <class B>
class bolt_stream : public std::conditional_t<std::is_void_v<typename emitter_of_t<B>::value_type>, stream_ref<void>,
                                              stream<typename emitter_of_t<B>::value_type>> {
  using out = typename emitter_of_t<B>::value_type;
  using base = std::conditional_t<std::is_void_v<out>, stream_ref<void>, stream<out>>;

 public:
  explicit bolt_stream(const bolt_node<B>& node) : base(static_cast<const stream_ref<out>&>(node)), node_(node) {}
  template <class Tag>
  stream<typename Tag::value_type> side() const {
    return stream<typename Tag::value_type>(node_.template side<Tag>());
  }

 private:
  bolt_node<B> node_;
};

}  // namespace freshet

#include "freshet/stream/keyed_stream.hpp"
