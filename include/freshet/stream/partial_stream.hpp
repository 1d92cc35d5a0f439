#pragma once
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/stream/aggregate_bolt.hpp"
#include "freshet/stream/keyed_stream.hpp"
#include "freshet/stream/partial_bolt.hpp"

namespace freshet {

namespace wiring {
/// What two tasks have of a key can be put together.
template <class Bolt, class Given, class Key>
struct check_partial {
  static consteval bool fits() {
    if constexpr (has_state<Bolt> && requires { typename signature<decltype(&Bolt::result)>::args; }) {
      using state = typename Bolt::state;
      using out = typename freshet::detail::find_emitter<typename signature<decltype(&Bolt::result)>::args>::type;
      if constexpr (std::is_void_v<out>) return false;
      else return requires(Bolt & b, const Given& v, const Key& k, state& s, const state& other, out& o) {
          b.process(v, s);
          b.merge(s, other);
          b.result(k, other, o);
        };
    } else {
      return false;
    }
  }
  static constexpr bool ok = fits();
  static_assert(ok,
                "behind partial() two tasks share a key, so its bolt has  using state = ...;  void process(const T&, "
                "state&),  void merge(state& into, const state& from)  and  void result(const Key&, const state&, "
                "emitter<Out>&)");
};
/// The same of an aggregate.
template <class Aggregate>
struct check_partial_aggregate {
  static constexpr bool ok = mergeable_aggregate<Aggregate>;
  static_assert(ok,
                "behind partial() two tasks share a key, so its aggregate needs  void merge(accumulator& into, const "
                "accumulator& from) const");
};
}  // namespace wiring

/// A keyed stream whose keys are each shared by two tasks, the less loaded of which gets the next tuple: what `partial`
/// gives. For keys so frequent that one task can't carry them; where all keys are alike it only costs. Its functions
/// add three nodes: "n.choose", chained to the producer, "n.partial", which collects, and "n", which merges: a row for
/// each part that comes, in batches at most two a key and batch, elsewhere as many as there is time for. The last row
/// of a key is what one task alone would have said last. It has the largest event time and stamp of the tuples in its
/// part. Cheap to copy; not thread safe, like the builder.
template <class T, class F>
class partial_stream {
  using key_type = typename decltype(key_type_of<F, T>())::type;

 public:
  partial_stream(stream_ref<T> in, F key) : in_(std::move(in)), key_(std::move(key)) {}

  /// As `keyed_stream::reduce`, `aggregate` and `count`; the function should be commutative, too.
  template <class R>
  stream<keyed<key_type, T>> reduce(std::string name, R f, bolt_options options = {}) const {
    if constexpr (wiring::check_reduce<R, T>::ok)
      return lower(std::move(name), reduce_aggregate<T, R>{std::move(f)}, options, type_name<R>());
  }
  template <class A>
  auto aggregate(std::string name, A aggregate, bolt_options options = {}) const {
    if constexpr (wiring::check_aggregate<A, T>::ok && wiring::check_partial_aggregate<A>::ok)
      return lower(std::move(name), std::move(aggregate), options, type_name<A>());
  }
  stream<keyed<key_type, std::uint64_t>> count(std::string name, bolt_options options = {}) const {
    return lower(std::move(name), count_aggregate<T>{}, options, type_name<count_aggregate<T>>());
  }
  /// Any bolt whose states can be merged:
  ///     using state = ...;
  ///     void process(const T&, state&);                              // part of the tuples, in one of two tasks
  ///     void merge(state& into, const state& from);                  // in the third
  ///     void result(const Key&, const state&, emitter<Out>&);        // when `merge` has changed the state of a key
  /// What the first two tasks have sent on they forget: their states are of what is new, and begin anew.
  template <class B>
  auto process(std::string name, B bolt, bolt_options options = {}) const {
    if constexpr (wiring::check_partial<B, T, key_type>::ok)
      return add(std::move(name), std::move(bolt), options, type_name<B>());
  }

 private:
  template <class A>
  auto lower(std::string name, A aggregate, const bolt_options& options, std::string_view written_as) const {
    using bolt = partial_aggregate<T, key_type, A>;
    return stream<keyed<key_type, aggregate_result_t<A>>>(
        add(std::move(name), bolt{std::move(aggregate)}, options, written_as));
  }
  template <class B>
  auto add(const std::string& name, B bolt, const bolt_options& options, std::string_view written_as) const {
    using output = typename detail::find_emitter<typename signature<decltype(&B::result)>::args>::type;
    using choose = choose_bolt<T, F, key_type>;
    topology_builder builder{in_.builder_state()};
    const bolt_options at_producer{.parallelism = detail::parallelism_of(in_), .on_failure = options.on_failure};
    const auto placed =
        builder.bolt(name + ".choose", choose{key_, options.max_parallelism, options.parallelism}, at_producer)
            .input(in_);
    auto without_ttl = options;
    without_ttl.state_ttl = {};  // nothing stays there
    const auto parts = builder.bolt(name + ".partial", partial_bolt<B, T, key_type>{bolt}, without_ttl)
                           .input(placed, key_grouping{place_of_tuple{}});
    in_.builder_state()->nodes.back().written_as = written_as;
    using merge = merge_parts_bolt<B, key_type, output>;
    const auto merged =
        builder.bolt(name, merge{std::move(bolt)}, options).input(parts, key_grouping{key_of_partial{}});
    in_.builder_state()->nodes.back().written_as = written_as;
    return bolt_stream<merge>(merged);
  }

  stream_ref<T> in_;
  F key_;
};

}  // namespace freshet
