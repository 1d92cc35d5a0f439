#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "freshet/stream/aggregate_bolt.hpp"
#include "freshet/stream/keyed_stream.hpp"

namespace freshet {

/// A keyed stream whose tuples are put together, key by key, before they are sent to the task of their key: what
/// `combine` gives. In batches an aggregate gives one row for each key that has changed, with its value at the end of
/// the batch; elsewhere one for each tuple, as without. Its functions add two nodes: "n.combine", chained to the
/// producer, and "n". Cheap to copy; not thread safe, like the builder.
template <class T, class F>
class combined_stream {
  using key_type = typename decltype(key_type_of<F, T>())::type;

 public:
  combined_stream(stream_ref<T> in, F key) : in_(std::move(in)), key_(std::move(key)) {}

  /// As `keyed_stream::reduce`, `aggregate` and `count`.
  template <class R>
  auto reduce(std::string name, R f, bolt_options options = {}) const {
    if constexpr (wiring::check_reduce<R, T>::ok)
      return lower(std::move(name), reduce_aggregate<T, R>{std::move(f)}, options, type_name<R>());
  }
  template <class A>
  auto aggregate(std::string name, A aggregate, bolt_options options = {}) const {
    if constexpr (wiring::check_aggregate<A, T>::ok && wiring::check_combine<A>::ok)
      return lower(std::move(name), std::move(aggregate), options, type_name<A>());
  }
  auto count(std::string name, bolt_options options = {}) const {
    return lower(std::move(name), count_aggregate<T>{}, options, type_name<count_aggregate<T>>());
  }

 private:
  template <class A>
  auto lower(std::string name, A aggregate, const bolt_options& options, std::string_view written_as) const {
    topology_builder builder{in_.builder_state()};
    // The first has the producer's parallelism: it is chained to it.
    const bolt_options at_producer{.parallelism = detail::parallelism_of(in_), .on_failure = options.on_failure};
    const auto parts =
        builder.bolt(name + ".combine", combine_bolt<T, F, key_type, A>{key_, aggregate}, at_producer).input(in_);
    in_.builder_state()->nodes.back().written_as = written_as;
    const auto merged = builder.bolt(std::move(name), merge_bolt<key_type, A>{std::move(aggregate)}, options)
                            .input(parts, key_grouping{key_of_partial{}});
    in_.builder_state()->nodes.back().written_as = written_as;
    return stream<keyed<key_type, aggregate_result_t<A>>>(merged);
  }

  stream_ref<T> in_;
  F key_;
};

}  // namespace freshet
