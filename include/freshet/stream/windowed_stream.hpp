#pragma once
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/stream/count_window_bolt.hpp"
#include "freshet/stream/selecting_aggregates.hpp"
#include "freshet/stream/stream.hpp"
#include "freshet/stream/window_bolt.hpp"

namespace freshet {

/// Settings of what is made of windows.
struct window_bolt_options {
  std::size_t parallelism = 1;
  std::uint32_t max_parallelism = 128;  ///< key groups: fixed for the life of a checkpoint
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;
};

/// The results of windows of tuples `T`, and what came too late for them.
template <class R, class T>
class window_results : public stream<R> {
 public:
  /// REQUIRES: `results` is the main output of a node whose first side output is `late_output<T>`.
  explicit window_results(const stream_ref<R>& results)
      : window_results(results, {results.builder_state(), {{results.ends()[0].node, 1}}}) {}
  window_results(const stream_ref<R>& results, const stream_ref<late_tuple<T>>& late)
      : stream<R>(results), late_(late) {}

  /// Tuples that came too late for all their windows, with the reason.
  const stream<late_tuple<T>>& late() const { return late_; }
  /// The last result of each window alone: what an operator with state may read. Adds a node: "sales.final".
  stream<R> final_only() const {
    auto& nodes = this->builder_->nodes;
    const auto& producer = nodes[this->ends_[0].node];
    const bolt_options as_producer{.parallelism = producer.parallelism()};
    auto made = this->filter(
        producer.name + ".final", [](const R& r) { return r.is_final; }, as_producer);
    nodes.back().drops_updates = true;
    return made;
  }

 private:
  stream<late_tuple<T>> late_;
};

namespace detail {
template <class W>
inline constexpr bool counts_tuples = std::is_same_v<W, tumbling_count> || std::is_same_v<W, sliding_count>;
}  // namespace detail

namespace wiring {
/// What is made of parts of a window can be put together.
template <class Windows, class Aggregate>
struct check_merge {
  static constexpr bool needed =
      std::is_same_v<Windows, sessions> || std::is_same_v<Windows, hopping> || std::is_same_v<Windows, sliding_count>;
  static constexpr bool ok = !needed || mergeable_aggregate<Aggregate>;
  static_assert(ok,
                "these windows share tuples or grow together, so their aggregate needs  void merge(accumulator& into, "
                "const accumulator& from) const");
};
/// The function can be called with a window and its tuples.
template <class Function, class Key, class Given, class Out>
struct check_window_function {
  static constexpr bool ok =
      std::is_invocable_v<Function&, const Key&, const window&, const std::vector<Given>&, emitter<Out>&>;
  static_assert(ok,
                "a window function is  void f(const Key&, const window&, const std::vector<T>&, emitter<Out>&),  with "
                "process<Out>(name, f)");
};
}  // namespace wiring

/// A keyed stream divided into windows: what `window` gives. Its functions add a bolt whose state is the open windows
/// of each key. Cheap to copy; not thread safe, like the builder.
template <class T, class F, class W>
class windowed_stream {
  using key_type = typename decltype(key_type_of<F, T>())::type;

 public:
  windowed_stream(stream_ref<T> in, F key, W windows, window_options options)
      : in_(std::move(in)), key_(std::move(key)), windows_(windows), options_(options) {}

  /// What `aggregate` makes of each window: an object with `void add(accumulator&, const T&) const` and, where wanted,
  /// `init()`, `merge(accumulator& into, const accumulator& from)` and `result(const accumulator&)`, all const.
  /// Several at once: `aggregates::all_of`.
  template <class A>
  auto aggregate(std::string name, A aggregate, window_bolt_options options = {}) const {
    return lower(std::move(name), std::move(aggregate), options, type_name<A>());
  }
  /// How many tuples each window has.
  auto count(std::string name, window_bolt_options options = {}) const {
    return lower(std::move(name), count_aggregate<T>{}, options, type_name<count_aggregate<T>>());
  }
  /// One value of each window's, by `f(const T& so_far, const T& next)`, which should be associative.
  template <class R>
  auto reduce(std::string name, R f, window_bolt_options options = {}) const {
    if constexpr (wiring::check_reduce<R, T>::ok)
      return lower(std::move(name), reduce_aggregate<T, R>{std::move(f)}, options, type_name<R>());
  }
  /// Anything that can be made of all tuples of a window together, by `f(const Key&, const window&, const
  /// std::vector<T>&, emitter<Out>&)`. Keeps the tuples until the window closes: an aggregate takes less memory. Two
  /// nodes: "name.collect" and "name".
  template <class Out, class R>
  window_results<Out, T> process(std::string name, R f, window_bolt_options options = {}) const {
    static_assert(!detail::counts_tuples<W>, "process needs windows of time");
    if constexpr (wiring::check_window_function<R, key_type, T, Out>::ok) {
      const auto all = lower(name + ".collect", aggregates::collect<T>{}, options, type_name<R>());
      const auto call = [f = std::move(f)](const windowed<key_type, std::vector<T>>& w, emitter<Out>& out) mutable {
        f(w.key, w.window, w.value, out);
      };
      const auto made = all.process(std::move(name), call, bolt_options{.parallelism = options.parallelism});
      return window_results<Out, T>(made, all.late());
    }
  }

 private:
  template <class A>
  auto lower(std::string name, A aggregate, const window_bolt_options& options, std::string_view written_as) const {
    if constexpr (wiring::check_aggregate<A, T>::ok && wiring::check_merge<W, A>::ok) {
      if constexpr (detail::counts_tuples<W>) {
        using bolt = count_window_bolt<T, F, key_type, W, A>;
        return stream(add(std::move(name), bolt{key_, windows_, std::move(aggregate)}, options, written_as));
      } else {
        return window_results<windowed<key_type, aggregate_result_t<A>>, T>(
            by_time(std::move(name), std::move(aggregate), options, written_as));
      }
    }
  }
  template <class A>
  auto by_time(std::string name, A aggregate, const window_bolt_options& options, std::string_view written_as) const {
    const auto made_by = [&](auto bolt) { return add(std::move(name), std::move(bolt), options, written_as); };
    if constexpr (std::is_same_v<W, sessions>) {
      return made_by(session_bolt<T, F, key_type, A>{key_, windows_, std::move(aggregate), options_});
    } else if constexpr (std::is_same_v<W, hopping>) {
      if (!options_.gives_updates())
        return made_by(hopping_bolt<T, F, key_type, A>{key_, windows_, std::move(aggregate), options_});
      return made_by(window_bolt<T, F, key_type, W, A>{key_, windows_, std::move(aggregate), options_});
    } else {
      return made_by(window_bolt<T, F, key_type, W, A>{key_, windows_, std::move(aggregate), options_});
    }
  }
  template <class B>
  stream_ref<typename emitter_of_t<B>::value_type> add(std::string name, B bolt, const window_bolt_options& options,
                                                       std::string_view written_as) const {
    topology_builder builder{in_.builder_state()};
    const bolt_options of_bolt{.parallelism = options.parallelism,
                               .max_parallelism = options.max_parallelism,
                               .on_failure = options.on_failure};
    const auto made = builder.bolt(std::move(name), std::move(bolt), of_bolt).input(in_, key_grouping{key_});
    node& n = in_.builder_state()->nodes.back();
    n.written_as = written_as;
    n.delay = options_.allowed_lateness;
    n.gives_updates = options_.gives_updates();
    for (auto& m : mistakes_of(windows_)) n.mistakes.push_back("is wrong about its windows: " + m);
    for (auto& m : mistakes_of(options_)) n.mistakes.push_back("is wrong about its windows: " + m);
    if (std::is_same_v<W, sessions> && options_.gives_updates())
      n.mistakes.push_back("is wrong about its windows: a session gives one result, when it is over");
    return made;
  }

  stream_ref<T> in_;
  F key_;
  W windows_;
  window_options options_;
};

}  // namespace freshet
