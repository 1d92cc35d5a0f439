#pragma once
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/stream/aggregate_bolt.hpp"
#include "freshet/stream/deduplicate.hpp"
#include "freshet/stream/stream.hpp"
#include "freshet/stream/window_options.hpp"

namespace freshet {

template <class Self, class T, class F>
class keyed_joins;

template <class T, class F>
class combined_stream;
template <class T, class F>
class ordered_stream;
template <class T, class F>
class partial_stream;

/// What `deduplicate` lets pass, what it drops, and what came too late for it.
template <class T>
class deduplicated_stream : public stream<T> {
 public:
  template <class B>
  explicit deduplicated_stream(const bolt_node<B>& node)
      : stream<T>(node), duplicates_(node.template side<duplicate<T>>()), late_(node.template side<late_output<T>>()) {}

  /// The tuples that were dropped, to be counted or looked at.
  const stream<T>& duplicates() const { return duplicates_; }
  /// Tuples that came too late, with the reason: whether they are duplicates is no longer known.
  const stream<late_tuple<T>>& late() const { return late_; }

 private:
  stream<T> duplicates_;
  stream<late_tuple<T>> late_;
};

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
  stream<keyed<key_type, T>> reduce(std::string name, R f, bolt_options options = {}) const {
    if constexpr (wiring::check_reduce<R, T>::ok && is_grouped)
      return lower(std::move(name), reduce_aggregate<T, R>{std::move(f)}, options, type_name<R>());
    else return nothing<keyed<key_type, T>>();
  }
  /// What `aggregate` collects of each key: an object with `void add(accumulator&, const T&) const` and, where wanted,
  /// `init()`, `merge(accumulator& into, const accumulator& from)` and `result(const accumulator&)`, all const.
  template <class A>
  auto aggregate(std::string name, A aggregate, bolt_options options = {}) const {
    if constexpr (wiring::check_aggregate<A, T>::ok && is_grouped)
      return lower(std::move(name), std::move(aggregate), options, type_name<A>());
    else return nothing<keyed<key_type, T>>();
  }
  /// How many tuples each key had.
  stream<keyed<key_type, std::uint64_t>> count(std::string name, bolt_options options = {}) const {
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
  /// What reduce, aggregate and count of it add gets the tuples of each key put together where they are produced: for
  /// batches with many tuples of a key. In batches a row for each key that has changed, elsewhere one for each tuple.
  combined_stream<T, F> combine() const { return combined_stream<T, F>(in_, key_); }
  /// What reduce, aggregate, count and process of it add shares each key among two tasks, and merges what they have:
  /// for a few keys so frequent that one task can't carry them.
  partial_stream<T, F> partial() const { return partial_stream<T, F>(in_, key_); }
  /// The first tuple of each key, and again the first that is more than `within` away from those that have passed,
  /// before or after; the others go to `duplicates()`. Each is judged when it comes, so which of several passes is a
  /// matter of their order. In any order, of a key: those that pass are more than `within` apart; each that is dropped
  /// is within it of one that has passed; of tuples that are all within it of each other, and of no others, exactly one
  /// passes. `ordered().deduplicate(...)` lets the earliest pass, always, and waits for the watermark to know it.
  /// A key is kept until the watermark is `within` and the allowed lateness beyond what has passed; event_span::max()
  /// keeps it to the end.
  deduplicated_stream<T> deduplicate(std::string name, event_span within, deduplicate_options options = {}) const {
    const auto made =
        builder()
            .bolt(std::move(name), deduplicate_bolt<T, key_type>{within, options.allowed_lateness}, options.of_bolt())
            .input(in_, key_grouping{key_});
    for (auto& m : mistakes_of(options, within)) in_.builder_state()->nodes.back().mistakes.push_back(std::move(m));
    return deduplicated_stream<T>(made);
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
  auto lower(std::string name, A aggregate, const bolt_options& options, std::string_view written_as) const {
    using bolt = running_aggregate_bolt<T, F, key_type, A>;
    const auto made =
        builder().bolt(std::move(name), bolt{key_, std::move(aggregate)}, options).input(in_, key_grouping{key_});
    in_.builder_state()->nodes.back().written_as = written_as;
    return stream<keyed<key_type, aggregate_result_t<A>>>(made);
  }

  stream_ref<T> in_;
  F key_;
};

}  // namespace freshet

// The base, and what `window`, `combine`, `ordered` and `partial` give: whoever calls them needs it too.
#include "freshet/stream/combined_stream.hpp"
#include "freshet/stream/keyed_joins.hpp"
#include "freshet/stream/ordered_stream.hpp"
#include "freshet/stream/partial_stream.hpp"
#include "freshet/stream/windowed_stream.hpp"
