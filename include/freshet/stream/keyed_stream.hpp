#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/stream/aggregate_bolt.hpp"
#include "freshet/stream/stream.hpp"
#include "freshet/stream/window_options.hpp"

namespace freshet {

template <class Self, class T, class F>
class keyed_joins;

/// How often an aggregate of a keyed stream says what it has.
enum class updates : std::uint8_t {
  every,   ///< one row for each tuple: the running value
  latest,  ///< in batches one row for each key that changed, combined before it is sent; else as `every`
};

/// Settings of reduce, aggregate and count.
struct aggregate_options {
  std::size_t parallelism = 1;
  freshet::updates updates = freshet::updates::every;
  std::uint32_t max_parallelism = 128;  ///< key groups: fixed for the life of a checkpoint
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;
};

template <class T, class F, class W>
class windowed_stream;
template <class T, class F>
class ordered_stream;

/// A stream grouped by key: what `key_by` gives. The functions add a bolt whose state belongs to the engine, one for
/// each key, and give the stream that comes out. Cheap to copy; not thread safe, like the builder.
template <class T, class F>
class keyed_stream : public keyed_joins<keyed_stream<T, F>, T, F> {
 public:
  using key_type = typename decltype(key_type_of<F, T>())::type;
  keyed_stream(stream_ref<T> in, F by) : in_(std::move(in)), key_(std::move(by)) {}

  /// The stream as it is without groups, and the function of the key.
  const stream_ref<T>& ungrouped() const { return in_; }
  const F& key() const { return key_; }

  /// The running value of each key by `f(const T& so_far, const T& next)`, which should be associative.
  template <class R>
  stream<keyed<key_type, T>> reduce(std::string name, R f, aggregate_options options = {}) const {
    if constexpr (wiring::check_reduce<R, T>::ok && is_grouped)
      return lower(std::move(name), reduce_aggregate<T, R>{std::move(f)}, options, type_name<R>());
    else return nothing<keyed<key_type, T>>();
  }
  /// What `aggregate` collects of each key: an object with `void add(accumulator&, const T&) const` and, where wanted,
  /// `init()`, `merge(accumulator& into, const accumulator& from)` and `result(const accumulator&)`, all const.
  template <class A>
  auto aggregate(std::string name, A aggregate, aggregate_options options = {}) const {
    if constexpr (wiring::check_aggregate<A, T>::ok && is_grouped)
      return lower(std::move(name), std::move(aggregate), options, type_name<A>());
    else return nothing<keyed<key_type, T>>();
  }
  /// How many tuples each key had.
  stream<keyed<key_type, std::uint64_t>> count(std::string name, aggregate_options options = {}) const {
    if constexpr (is_grouped)
      return lower(std::move(name), count_aggregate<T>{}, options, type_name<count_aggregate<T>>());
    else return nothing<keyed<key_type, std::uint64_t>>();
  }
  /// Divides the stream of each key into windows: `tumbling{1min}`, `hopping{1h, 15min}`, `sessions{30min}`,
  /// `tumbling_count{100}`, `sliding_count{100, 10}`, `global_windows{}`. All but those that count need event times.
  template <class W>
  windowed_stream<T, F, W> window(W windows, window_options options = {}) const {
    return windowed_stream<T, F, W>(in_, key_, windows, options);
  }
  /// What `process` of it adds gets the tuples of each key in the order of their event times, and timers between them;
  /// each waits until the watermark has reached it. Late is a tuple whose time + `allowed_lateness` its stamp has
  /// reached: where times repeat, let event times be `ascending`, or allow a millisecond.
  ordered_stream<T, F> ordered(event_span allowed_lateness = {}) const {
    return ordered_stream<T, F>(in_, key_, allowed_lateness);
  }
  /// A keyed bolt, or a function that makes one: `process(const T&, state&, ...)` sees the state of the tuple's key.
  template <class B>
  auto process(std::string name, B bolt, bolt_options options = {}) const {
    using made = detail::made_by_t<B>;
    return bolt_stream<made>(builder().bolt(std::move(name), std::move(bolt), options).input(in_, key_grouping{key_}));
  }

 private:
  static constexpr bool is_grouped = !std::is_same_v<key_type, no_key>;

  topology_builder builder() const { return topology_builder{in_.builder_state()}; }
  template <class U>
  stream<U> nothing() const {
    return stream<U>(stream_ref<U>(in_.builder_state(), in_.ends()));
  }
  template <class A>
  using result_stream = stream<keyed<key_type, aggregate_result_t<A>>>;

  template <class A>
  result_stream<A> lower(std::string name, A aggregate, const aggregate_options& options,
                         std::string_view written_as) const {
    const bolt_options bolt{.parallelism = options.parallelism,
                            .max_parallelism = options.max_parallelism,
                            .on_failure = options.on_failure};
    result_stream<A> made = nothing<typename result_stream<A>::value_type>();
    if constexpr (mergeable_aggregate<A>)
      if (options.updates == updates::latest) made = combined(name, aggregate, bolt, written_as);
    if (options.updates == updates::every || !mergeable_aggregate<A>)
      made = running(std::move(name), std::move(aggregate), bolt);
    node& last = in_.builder_state()->nodes.back();
    last.written_as = written_as;
    if (options.updates == updates::latest && !mergeable_aggregate<A>)
      last.mistakes.push_back(
          "has updates::latest, which combines tuples before they are sent on: its aggregate needs  void "
          "merge(accumulator& into, const accumulator& from) const  to put the parts together");
    return made;
  }
  template <class A>
  result_stream<A> running(std::string name, A aggregate, const bolt_options& options) const {
    using bolt = running_aggregate_bolt<T, F, key_type, A>;
    return result_stream<A>(
        builder().bolt(std::move(name), bolt{key_, std::move(aggregate)}, options).input(in_, key_grouping{key_}));
  }
  /// Two nodes: the first is chained to the producer, so it has its parallelism.
  template <class A>
  result_stream<A> combined(const std::string& name, const A& aggregate, const bolt_options& options,
                            std::string_view written_as) const {
    using parts = combine_bolt<T, F, key_type, A>;
    auto at_producer = options;
    at_producer.parallelism = producer_parallelism();
    const auto partials = builder().bolt(name + ".combine", parts{key_, aggregate}, at_producer).input(in_);
    in_.builder_state()->nodes.back().written_as = written_as;
    return result_stream<A>(builder()
                                .bolt(name, merge_bolt<key_type, A>{aggregate}, options)
                                .input(partials, key_grouping{key_of_partial{}}));
  }
  std::size_t producer_parallelism() const {
    const auto producer = in_.ends()[0].node;
    return producer == stream_end::dead_letters ? 1 : in_.builder_state()->nodes[producer].parallelism();
  }

  stream_ref<T> in_;
  F key_;
};

}  // namespace freshet

// The base, and what `window` and `ordered` give: whoever calls them needs it too.
#include "freshet/stream/keyed_joins.hpp"
#include "freshet/stream/ordered_stream.hpp"
#include "freshet/stream/windowed_stream.hpp"
