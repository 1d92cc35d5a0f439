#pragma once
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/stream/as_of_join.hpp"
#include "freshet/stream/broadcast_join.hpp"
#include "freshet/stream/interval_join.hpp"
#include "freshet/stream/stream.hpp"
#include "freshet/stream/window_join.hpp"

namespace freshet {

/// The rows of a join of `L` and `R`, and what came too late for it, by side.
template <class Out, class L, class R>
class joined_stream : public stream<Out> {
 public:
  template <class B>
  explicit joined_stream(const bolt_node<B>& node)
      : stream<Out>(node),
        left_late_(node.template side<freshet::left_late<L>>()),
        right_late_(node.template side<freshet::right_late<R>>()) {}
  joined_stream(const stream_ref<Out>& rows, const stream<late_tuple<L>>& left, const stream<late_tuple<R>>& right)
      : stream<Out>(rows), left_late_(left), right_late_(right) {}

  /// Tuples that came too late, with the reason. They are in no row.
  const stream<late_tuple<L>>& left_late() const { return left_late_; }
  const stream<late_tuple<R>>& right_late() const { return right_late_; }

 private:
  stream<late_tuple<L>> left_late_;
  stream<late_tuple<R>> right_late_;
};

namespace wiring {
/// The bolt of co_process has a function for each side.
template <class Bolt>
struct check_co_process {
  static constexpr bool sides = requires {
    &Bolt::on_left;
    &Bolt::on_right;
  };
  static_assert(
      sides,
      "the bolt of co_process needs  void on_left(const L&, state&, output&)  and  void on_right(const R&, "
      "state&, output&),  each one public function (not overloaded, no template), and names its emitter once: "
      " using output = emitter<Out>;");
  static constexpr bool names_output = !sides || requires { typename Bolt::output; };
  static_assert(names_output,
                "the bolt of co_process has two inputs, so it names its emitter once:  using output = emitter<Out>;");
  static constexpr bool ok = sides && names_output;
};
/// The function can be called with the tuples of a window.
template <class Function, class Key, class Left, class Right, class Out>
struct check_co_group {
  static constexpr bool ok = std::is_invocable_v<Function&, const Key&, const window&, const std::vector<Left>&,
                                                 const std::vector<Right>&, emitter<Out>&>;
  static_assert(ok,
                "the function of co_group is  void f(const Key&, const window&, const std::vector<L>&, const "
                "std::vector<R>&, emitter<Out>&),  with co_group<Out>(name, other, windows, f)");
};
/// These windows are of time.
template <class Windows>
struct check_join_windows {
  static constexpr bool ok =
      std::is_same_v<Windows, tumbling> || std::is_same_v<Windows, hopping> || std::is_same_v<Windows, sessions>;
  static_assert(ok, "two streams are joined in windows of time: tumbling{1min}, hopping{1h, 15min} or sessions{30min}");
};
}  // namespace wiring

/// The part of `keyed_stream` that puts two streams of one key type together: this one, `T` by `F`, is the left, the
/// other the right. All need event times on both sides, `co_process` alone none. A join gives the same rows in both
/// engines, at every parallelism and interval, with replays. What is late is judged by the tuple's own stamp and
/// `allowed_lateness`, and goes to `left_late()` or `right_late()` of the result.
template <class Self, class T, class F>
class keyed_joins {
  using key_type = typename decltype(key_type_of<F, T>())::type;
  template <class R, class FR>
  static consteval bool fits() {
    using other_key = typename decltype(key_type_of<FR, R>())::type;
    return wiring::check_join_sides<key_type, other_key, T, R>::ok;
  }

 public:
  /// Pairs the tuples of a key with lower <= right.time - left.time <= upper (`between`). What `f` gives of a pair has
  /// the larger of both times and the larger of both stamps; what it gives of a tuple alone (`options.kind`) has that
  /// one's, and comes when nothing can match it any more.
  ///     orders.key_by(&order::id).interval_join("paid", payments.key_by(&payment::order_id), between{0min, 10min},
  ///         [](const order& o, const payment* p) { return row{o.id, p != nullptr}; }, {.kind = join_kind::left});
  template <class R, class FR, class Fn>
  auto interval_join(std::string name, const keyed_stream<R, FR>& other, between reach, Fn f,
                     join_options options = {}) const {
    if constexpr (fits<R, FR>() && wiring::check_join_function<Fn, T, R>::ok) {
      auto mistakes = mistakes_of(options, join_kind_of<Fn, T, R>);
      for (auto& m : mistakes_of(reach)) mistakes.push_back(std::move(m));
      const auto delay = mistakes.empty() ? delay_of(reach, options) : event_span{};
      interval_join_bolt<T, R, key_type, Fn> bolt{reach, options.allowed_lateness, std::move(f)};
      return join<joined_t<Fn, T, R>>(std::move(name), std::move(bolt), other, options.of_bolt(),
                                      {type_name<Fn>(), delay, std::move(mistakes)});
    }
  }
  /// Pairs the tuples of a key that are in the same window, when it closes. What `f` gives has the last time in the
  /// window. Sessions are those of both sides together.
  template <class R, class FR, class W, class Fn>
  auto window_join(std::string name, const keyed_stream<R, FR>& other, W windows, Fn f,
                   join_options options = {}) const {
    if constexpr (fits<R, FR>() && wiring::check_join_windows<W>::ok && wiring::check_join_function<Fn, T, R>::ok)
      return in_windows<R, detail::gives_pairs<T, R, key_type, Fn>>(
          std::move(name), other, windows, {std::move(f)}, options,
          {type_name<Fn>(), {}, mistakes_of(options, join_kind_of<Fn, T, R>)});
  }
  /// The tuples of each key and window together, when it closes: `co_grouped{key, window, lefts, rights}`. `kind` is
  /// without meaning here: either side may be empty.
  template <class R, class FR, class W>
  auto co_group(std::string name, const keyed_stream<R, FR>& other, W windows, join_options options = {}) const {
    if constexpr (fits<R, FR>() && wiring::check_join_windows<W>::ok)
      return in_windows<R, detail::gives_groups<T, R, key_type>>(
          std::move(name), other, windows, {}, options, {type_name<W>(), {}, mistakes_of(options, options.kind)});
  }
  /// The same, with `f(const Key&, const window&, const std::vector<T>&, const std::vector<R>&, emitter<Out>&)` for
  /// each. Two nodes: "name.collect" and "name".
  template <class Out, class R, class FR, class W, class Fn>
  auto co_group(std::string name, const keyed_stream<R, FR>& other, W windows, Fn f, join_options options = {}) const {
    if constexpr (fits<R, FR>() && wiring::check_join_windows<W>::ok &&
                  wiring::check_co_group<Fn, key_type, T, R, Out>::ok) {
      const auto all = co_group(name + ".collect", other, windows, options);
      const auto call = [f = std::move(f)](const co_grouped<key_type, T, R>& g, emitter<Out>& out) mutable {
        std::invoke(f, g.key, g.window, g.lefts, g.rights, out);
      };
      const auto made = all.process(std::move(name), call, {.parallelism = options.parallelism});
      return joined_stream<Out, T, R>(made, all.left_late(), all.right_late());
    }
  }
  /// Each tuple with the last right one of its key at or before its time: the one of the same time counts. It waits
  /// until the watermark has reached its time, and the allowed lateness. Of several right ones with one time the last
  /// is chosen by `order`. What `f` gives has the tuple's time and the larger of both stamps. Kinds: inner, left.
  ///     trades.key_by(&trade::symbol).as_of_join("priced", quotes.key_by(&quote::symbol), as_of{5s}, price);
  template <class R, class FR, class Fn, class Order = by_arrival>
  auto as_of_join(std::string name, const keyed_stream<R, FR>& other, as_of reach, Fn f, join_options options = {},
                  Order order = {}) const {
    struct nothing {
      bool operator()(const R&) const { return false; }
    };
    if constexpr (fits<R, FR>() && wiring::check_join_function<Fn, T, R>::ok &&
                  wiring::check_changes<nothing, Order, R>::ok)
      return versioned(std::move(name), other, reach, table_changes<nothing, Order>{{}, std::move(order)}, std::move(f),
                       options);
  }
  /// Each tuple with the row of its key in a table, as it was at the tuple's own time. `changes` is the table's
  /// changelog: each of its tuples is the row of its key from its time on, until the next, or deletes it: where it has
  /// a member `value` like a std::optional that holds nothing (`keyed<K, std::optional<V>>`), or as `how` says. A tuple
  /// waits until the watermark has reached its time. So the rows are a matter of the data alone; joining with whatever
  /// the table happens to hold would be one of luck. The table's last row of each key is kept until it is deleted.
  template <class R, class FR, class Fn, class Deletes = without_value, class Order = by_arrival>
  auto join_table(std::string name, const keyed_stream<R, FR>& changes, Fn f, join_options options = {},
                  table_changes<Deletes, Order> how = {}) const {
    if constexpr (fits<R, FR>() && wiring::check_join_function<Fn, T, R>::ok &&
                  wiring::check_changes<Deletes, Order, R>::ok)
      return versioned(std::move(name), changes, as_of{}, std::move(how), std::move(f), options);
  }
  /// The same with a small table that is broadcast, `join_table("rated", rates.broadcast(), &rate::currency, f)`: there
  /// are `options.parallelism` copies of it, and this stream is divided evenly among them, so that a frequent key
  /// doesn't fall to one task. Adds two nodes more, "name.spread" and "name.copies".
  template <class R, class FR, class Fn, class Deletes = without_value, class Order = by_arrival>
  auto join_table(std::string name, const stream<R, all_grouping>& changes, FR key, Fn f, join_options options = {},
                  table_changes<Deletes, Order> how = {}) const {
    if constexpr (fits<R, FR>() && wiring::check_join_function<Fn, T, R>::ok &&
                  wiring::check_changes<Deletes, Order, R>::ok)
      return broadcast(std::move(name), keyed_stream<R, FR>(changes, std::move(key)), std::move(how), std::move(f),
                       options);
  }
  /// A bolt with two inputs that share the state of a key: `on_left(const T&, state&, ...)` and `on_right(const R&,
  /// state&, ...)` take what `process` may take, and `using output = emitter<Out>` names what they write to.
  template <class R, class FR, class B>
  auto co_process(std::string name, const keyed_stream<R, FR>& other, B bolt, bolt_options options = {}) const {
    using made = detail::made_by_t<B>;
    using other_key = typename decltype(key_type_of<FR, R>())::type;
    if constexpr (wiring::check_join_keys<key_type, other_key>::ok && wiring::check_co_process<made>::ok)
      return bolt_stream<made>(wire<made>(std::move(name), std::move(bolt), other, options));
  }

 private:
  /// What is written down of a join's node.
  struct about {
    std::string_view written_as;
    event_span delay{};
    std::vector<std::string> mistakes;
  };

  const Self& self() const { return static_cast<const Self&>(*this); }
  template <class B, class Made, class R, class FR>
  bolt_node<B> wire(std::string name, Made bolt, const keyed_stream<R, FR>& other, const bolt_options& options) const {
    topology_builder builder{self().ungrouped().builder_state()};
    return builder.bolt(std::move(name), std::move(bolt), options)
        .template input<&B::on_left>(self().ungrouped(), key_grouping{self().key()})
        .template input<&B::on_right>(other.ungrouped(), key_grouping{other.key()});
  }
  template <class Out, class B, class R, class FR>
  joined_stream<Out, T, R> join(std::string name, B bolt, const keyed_stream<R, FR>& other, const bolt_options& options,
                                about what) const {
    const auto made = wire<B>(std::move(name), std::move(bolt), other, options);
    note(std::move(what));
    return joined_stream<Out, T, R>(made);
  }
  void note(about what) const {
    node& n = self().ungrouped().builder_state()->nodes.back();
    n.written_as = what.written_as;
    n.delay = what.delay;
    for (auto& m : what.mistakes) n.mistakes.push_back(std::move(m));
  }
  template <class R, class Gives, class FR, class W>
  auto in_windows(std::string name, const keyed_stream<R, FR>& other, W windows, Gives gives,
                  const join_options& options, about what) const {
    using bolt = std::conditional_t<std::is_same_v<W, sessions>, session_join_bolt<T, R, key_type, Gives>,
                                    window_join_bolt<T, R, key_type, W, Gives>>;
    for (auto& m : mistakes_of(windows)) what.mistakes.push_back("is wrong about its windows: " + m);
    what.delay = options.allowed_lateness + event_span{1};  // its rows are not after the watermark that follows them
    return join<typename Gives::result>(std::move(name), bolt{windows, options.allowed_lateness, std::move(gives)},
                                        other, options.of_bolt(), std::move(what));
  }
  static std::vector<std::string> mistakes_of_versions(const join_options& options, join_kind written) {
    auto mistakes = mistakes_of(options, written);
    if (detail::keeps_right(options.kind)) mistakes.push_back("keeps its left side alone: its kind is inner or left");
    return mistakes;
  }
  template <class R, class FR, class Fn, class Deletes, class Order>
  auto versioned(std::string name, const keyed_stream<R, FR>& other, as_of reach, table_changes<Deletes, Order> changes,
                 Fn f, const join_options& options) const {
    auto mistakes = mistakes_of_versions(options, join_kind_of<Fn, T, R>);
    for (auto& m : mistakes_of(reach)) mistakes.push_back(std::move(m));
    as_of_join_bolt<T, R, key_type, Fn, Deletes, Order> bolt{reach, options.allowed_lateness, std::move(changes),
                                                             std::move(f)};
    return join<joined_t<Fn, T, R>>(std::move(name), std::move(bolt), other, options.of_bolt(),
                                    {type_name<Fn>(), options.allowed_lateness, std::move(mistakes)});
  }
  template <class R, class FR, class Fn, class Deletes, class Order>
  auto broadcast(std::string name, const keyed_stream<R, FR>& table, table_changes<Deletes, Order> changes, Fn f,
                 const join_options& options) const {
    using one_copy = as_of_join_bolt<T, R, key_type, Fn, Deletes, Order>;
    using bolt = broadcast_join_bolt<T, R, key_type, one_copy>;
    const auto copies = options.parallelism;
    const auto spread = detail::beside(self().ungrouped(), name + ".spread", spread_bolt<T>{copies});
    const auto all = detail::beside(table.ungrouped(), name + ".copies", copies_bolt<R>{copies});
    const auto key_of = [](auto key) {
      return [key](const auto& c) { return key_in_copy<key_type>{c.copy, key_type(std::invoke(key, c.value))}; };
    };
    topology_builder builder{self().ungrouped().builder_state()};
    const auto made = builder
                          .bolt(std::move(name),
                                bolt{one_copy{as_of{}, options.allowed_lateness, std::move(changes), std::move(f)},
                                     options.allowed_lateness},
                                options.of_bolt())
                          .template input<&bolt::on_left>(spread, key_grouping{key_of(self().key())})
                          .template input<&bolt::on_right>(all, key_grouping{key_of(table.key())});
    note({type_name<Fn>(), options.allowed_lateness, mistakes_of_versions(options, join_kind_of<Fn, T, R>)});
    return joined_stream<joined_t<Fn, T, R>, T, R>(made);
  }
};

}  // namespace freshet
