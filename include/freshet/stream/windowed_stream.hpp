#pragma once
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/stream/aggregate_bolt.hpp"
#include "freshet/stream/combine_window_bolt.hpp"
#include "freshet/stream/count_window_bolt.hpp"
#include "freshet/stream/hopping_update_bolt.hpp"
#include "freshet/stream/selecting_aggregates.hpp"
#include "freshet/stream/session_bolt.hpp"
#include "freshet/stream/stream.hpp"
#include "freshet/stream/window_bolt.hpp"

namespace freshet {

/// The results of windows of tuples `T`, and what came too late for them.
template <class R, class T>
class window_results : public stream<R> {
 public:
  /// REQUIRES: `results` is the main output of a node whose first side output is `late_output<T>`.
  explicit window_results(const stream_ref<R>& results)
      : window_results(results, {results.builder_state(), {{results.ends()[0].node, 1}}}) {}
  window_results(const stream_ref<R>& results, const stream_ref<late_tuple<T>>& late)
      : stream<R>(results), late_(late) {}
  /// Where a result doesn't tell whether it is the last of its window: `add_final` adds what gives those that are.
  window_results(const stream_ref<R>& results, const stream_ref<late_tuple<T>>& late,
                 std::function<stream<R>()> add_final)
      : stream<R>(results), late_(late), add_final_(std::move(add_final)) {}

  /// Tuples that came too late for all their windows, with the reason.
  const stream<late_tuple<T>>& late() const { return late_; }
  /// The last result of each window alone: what an operator with state may read. Adds a node: "sales.final".
  stream<R> final_only() const {
    if (add_final_) return add_final_();
    if constexpr (requires(const R& r) { r.is_final; }) return filtered();
    else return *this;
  }

 private:
  stream<R> filtered() const {
    auto& nodes = this->builder_->nodes;
    const auto& producer = nodes[this->ends_[0].node];
    const bolt_options as_producer{.parallelism = producer.parallelism()};
    auto made = this->filter(
        producer.name + ".final", [](const R& r) { return r.is_final; }, as_producer);
    nodes.back().drops_updates = true;
    return made;
  }
  stream<late_tuple<T>> late_;
  std::function<stream<R>()> add_final_;
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
/// The tuples can be ranked.
template <class Function, class Given>
struct check_rank {
  static constexpr bool ok = requires(const Function& by, const Given& v) {
    { std::invoke(by, v) < std::invoke(by, v) } -> std::convertible_to<bool>;
  };
  static_assert(ok, "top_n needs  by(const T&),  or a pointer to member, whose results can be compared with <");
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
template <class T, class F, class W, class Trigger, bool Combines>
class windowed_stream {
  static_assert(
      requires(const W& w) { mistakes_of(w); },
      "window() takes windows: tumbling{1min}, hopping{1h, 15min}, sessions{30min}, tumbling_count{100}, "
      "sliding_count{100, 10} or global_windows{}");
  using key_type = typename decltype(key_type_of<F, T>())::type;
  static constexpr bool has_trigger = !std::is_same_v<Trigger, every_tuples>;

 public:
  windowed_stream(stream_ref<T> in, F key, W windows, window_options options)
      : windowed_stream(std::move(in), std::move(key), windows, options, every_tuples{options.early.every_tuples}) {}
  windowed_stream(stream_ref<T> in, F key, W windows, window_options options, Trigger fires_by)
      : in_(std::move(in)), key_(std::move(key)), windows_(windows), options_(options), trigger_(std::move(fires_by)) {}

  /// The same windows with a trigger: `firing f(const T& value, const trigger_view&)` says of each window, after each
  /// of its tuples, whether it gives a result now, is forgotten, or both; it stands in place of `early` and
  /// `late_results`. A pure function: then both engines give the same, where the tuples of a key come in the same
  /// order. What is forgotten gives its memory back, and is in no later result, the closing one neither; a tuple that
  /// comes after begins the window anew, from pane 0, and without one the window gives none. A session is forgotten
  /// with its times.
  ///     const auto at_logout = [](const click& c, const trigger_view&) {
  ///       return c.is_logout ? firing::fire_and_purge : firing::none;
  ///     };
  ///     clicks.key_by(&click::user).window(global_windows{}).trigger(at_logout).count("visits")
  template <class F2>
  auto trigger(F2 f) const {
    static_assert(!detail::counts_tuples<W>, "windows that count tuples have their trigger: leave out trigger(...)");
    static_assert(!Combines, "a trigger looks at each tuple, and combine() puts them together before: leave out one");
    if constexpr (wiring::check_trigger<F2, T>::ok)
      return windowed_stream<T, F, W, F2>(in_, key_, windows_, options_, std::move(f));
    else return *this;
  }

  /// The same windows, whose tuples are put together, key by key and window by window, where they are produced: in
  /// batches a part for each key and window goes to the task of the key instead of its tuples, which pays where they
  /// are many. Adds a node: "sums.combine". The results and what is late are the same; the aggregate needs `merge`, and
  /// there are no results before the last.
  auto combine() const {
    static_assert(!detail::counts_tuples<W>, "windows that count tuples depend on their order: leave out combine()");
    static_assert(!has_trigger,
                  "a trigger looks at each tuple, and combine() puts them together before: leave out one");
    return windowed_stream<T, F, W, every_tuples, true>(in_, key_, windows_, options_);
  }

  /// What `aggregate` makes of each window: an object with `void add(accumulator&, const T&) const` and, where wanted,
  /// `init()`, `merge(accumulator& into, const accumulator& from)` and `result(const accumulator&)`, all const.
  /// Several at once: `aggregates::all_of`.
  template <class A>
  auto aggregate(std::string name, A aggregate, bolt_options options = {}) const {
    return lower(std::move(name), std::move(aggregate), options, type_name<A>());
  }
  /// How many tuples each window has.
  auto count(std::string name, bolt_options options = {}) const {
    return lower(std::move(name), count_aggregate<T>{}, options, type_name<count_aggregate<T>>());
  }
  /// One value of each window's, by `f(const T& so_far, const T& next)`, which should be associative.
  template <class R>
  auto reduce(std::string name, R f, bolt_options options = {}) const {
    if constexpr (wiring::check_reduce<R, T>::ok)
      return lower(std::move(name), reduce_aggregate<T, R>{std::move(f)}, options, type_name<R>());
  }
  /// The `n` tuples of each window with the greatest `by`, a function or a pointer to member; the greatest first. Those
  /// that `by` does not tell apart come in their own order, the least first: by their `<=>`, where it is a strong one,
  /// else by the bytes that their codec writes. So the result doesn't depend on the order in which they came. For
  /// several with their own rules: `aggregates::top_k`.
  template <class By>
  auto top_n(std::string name, std::size_t n, By by, bolt_options options = {}) const {
    if constexpr (wiring::check_rank<By, T>::ok) {
      aggregates::top_k<T, By, aggregates::least_first> top{n, std::move(by)};
      const auto made = lower(std::move(name), std::move(top), options, type_name<By>());
      if (n == 0) in_.builder_state()->nodes.back().mistakes.push_back("asks for the top 0 of each window");
      return made;
    }
  }
  /// Anything that can be made of all tuples of a window together, by `f(const Key&, const window&, const
  /// std::vector<T>&, emitter<Out>&)`. Keeps the tuples until the window closes: an aggregate takes less memory. Two
  /// nodes: "name.collect" and "name". Windows with early or late results call it for each; `final_only()` adds two
  /// nodes more, which call it for the last alone.
  template <class Out, class R>
  window_results<Out, T> process(std::string name, R f, bolt_options options = {}) const {
    static_assert(!detail::counts_tuples<W>, "process needs windows of time");
    if constexpr (wiring::check_window_function<R, key_type, T, Out>::ok) {
      const auto all = lower(name + ".collect", aggregates::collect<T>{}, options, type_name<R>());
      const auto call = [f = std::move(f)](const windowed<key_type, std::vector<T>>& w, emitter<Out>& out) mutable {
        f(w.key, w.window, w.value, out);
      };
      const bolt_options beside{.parallelism = options.parallelism};
      const auto add_final = [all, name, call, beside]() -> stream<Out> {
        return all.final_only().process(name + ".final", call, beside);
      };
      const auto made = all.process(std::move(name), call, beside);
      return window_results<Out, T>(made, all.late(), add_final);
    }
  }

 private:
  template <class A>
  auto lower(std::string name, A aggregate, const bolt_options& options, std::string_view written_as) const {
    if constexpr (wiring::check_aggregate<A, T>::ok && wiring::check_merge<W, A>::ok) {
      using results = window_results<windowed<key_type, aggregate_result_t<A>>, T>;
      if constexpr (detail::counts_tuples<W>) {
        using bolt = count_window_bolt<T, F, key_type, W, A>;
        const auto made =
            add(in_, key_, std::move(name), bolt{key_, windows_, std::move(aggregate)}, options, written_as);
        if (options_.gives_updates() || options_.allowed_lateness != event_span{})
          in_.builder_state()->nodes.back().mistakes.push_back(
              "is wrong about its windows: those that count tuples give a result when they are full, whatever the "
              "time: "
              "leave out allowed_lateness, early and late_results");
        return stream(made);
      } else if constexpr (!Combines) {
        return results(add_windows(in_, key_, std::move(name), std::move(aggregate), options, written_as));
      } else if constexpr (wiring::check_combine<A>::ok) {
        return combined<results>(std::move(name), std::move(aggregate), options, written_as);
      }
    }
  }
  /// Two nodes: the first is chained to the producer, so it has its parallelism.
  template <class R, class A>
  R combined(std::string name, A aggregate, const bolt_options& options, std::string_view written_as) const {
    using combine = combine_window_bolt<T, F, key_type, W, A>;
    const bolt_options at_producer{.parallelism = detail::parallelism_of(in_), .on_failure = options.on_failure};
    topology_builder builder{in_.builder_state()};
    const auto parts =
        builder.bolt(name + ".combine", combine{key_, windows_, aggregate, options_.allowed_lateness}, at_producer)
            .input(in_);
    in_.builder_state()->nodes.back().written_as = written_as;
    using of_parts = aggregate_of_parts<T, key_type, A>;
    const auto made =
        add_windows(parts, key_of_partial{}, std::move(name), of_parts{std::move(aggregate)}, options, written_as);
    const stream_ref<late_tuple<T>> late_by_luck{made.builder_state(), {{made.ends()[0].node, 1}}};
    return R(made, freshet::merge<late_tuple<T>>(parts.template side<late_output<T>>(), late_by_luck));
  }
  /// The bolt behind these windows, of what comes from `in`.
  template <class U, class By, class A>
  auto add_windows(const stream_ref<U>& in, By by, std::string name, A aggregate, const bolt_options& options,
                   std::string_view written_as) const {
    const auto made_by = [&](auto bolt) { return add(in, by, std::move(name), std::move(bolt), options, written_as); };
    if constexpr (std::is_same_v<W, sessions>) {
      return made_by(session_bolt<U, By, key_type, A, Trigger>{by, windows_, std::move(aggregate), options_, trigger_});
    } else {
      if constexpr (std::is_same_v<W, hopping> && !has_trigger)
        if (!options_.gives_updates())
          return made_by(hopping_bolt<U, By, key_type, A>{by, windows_, std::move(aggregate), options_});
      if constexpr (std::is_same_v<W, hopping> && !has_trigger && !is_window_part<U>)
        if (options_.early.every_tuples == 0 && options_.panes == panes::accumulating)
          return made_by(hopping_update_bolt<U, By, key_type, A>{by, windows_, std::move(aggregate), options_});
      return made_by(
          window_bolt<U, By, key_type, W, A, Trigger>{by, windows_, std::move(aggregate), options_, trigger_});
    }
  }
  template <class U, class By, class B>
  stream_ref<typename emitter_of_t<B>::value_type> add(const stream_ref<U>& in, const By& by, std::string name, B bolt,
                                                       const bolt_options& options, std::string_view written_as) const {
    topology_builder builder{in_.builder_state()};
    const auto made = builder.bolt(std::move(name), std::move(bolt), options).input(in, key_grouping{by});
    node& n = in_.builder_state()->nodes.back();
    n.written_as = written_as;
    n.delay = options_.allowed_lateness + event_span{1};  // the watermark that flows is before a result's time
    n.gives_updates = has_trigger || options_.gives_updates();
    n.follows_clock = options_.follows_clock();
    if (std::is_same_v<key_type, whole_stream> && options.parallelism != 1)
      n.mistakes.push_back("has windows of a whole stream, which are one task, and parallelism " +
                           std::to_string(options.parallelism) + ": leave it at 1, or divide the stream by key_by");
    for (auto& m : mistakes_of(windows_)) n.mistakes.push_back("is wrong about its windows: " + m);
    for (auto& m : mistakes_of(options_, has_trigger, Combines))
      n.mistakes.push_back("is wrong about its windows: " + m);
    if (std::is_same_v<W, global_windows> && (options_.late_results || options_.allowed_lateness != event_span{}))
      n.mistakes.push_back(
          "is wrong about its windows: nothing is late for the one that is all of time: leave out allowed_lateness and "
          "late_results");
    return made;
  }

  stream_ref<T> in_;
  F key_;
  W windows_;
  window_options options_;
  Trigger trigger_;
};

}  // namespace freshet
