#pragma once
#include <algorithm>
#include <concepts>
#include <functional>
#include <utility>

#include "freshet/core/timers.hpp"
#include "freshet/stream/join_function.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/stream/time_rows.hpp"
#include "freshet/time/window.hpp"

namespace freshet {

/// Which of several right tuples of one key and time is the last: by their stamps, then as they came. Those of one
/// partition keep its order; with replays (at_least_once in the event engine), or where they come from several
/// partitions, only a number of their own makes it certain: give a function of the tuple, or a pointer to member.
struct by_arrival {};
/// A tuple deletes its key's row where it has a member `value` like a std::optional, and that holds nothing.
struct without_value {
  template <class R>
  bool operator()(const R& r) const {
    if constexpr (requires { r.value.has_value(); }) return !r.value.has_value();
    else return false;
  }
};
/// How the tuples of a changelog make a table: each replaces the row of its key, or deletes it.
///     table_changes{&change::is_delete}      table_changes{&change::is_delete, &change::number}
template <class Deletes = without_value, class Order = by_arrival>
struct table_changes {
  Deletes deletes{};  ///< bool(const R&), or a pointer to member
  Order order{};      ///< of several changes of a key at one time: the largest counts
};
table_changes()->table_changes<>;
template <class D>
table_changes(D) -> table_changes<D>;
template <class D, class O>
table_changes(D, O) -> table_changes<D, O>;

namespace wiring {
/// The right tuples of a join say which of them delete, and which of several is the last.
template <class Deletes, class Order, class Right>
struct check_changes {
  static constexpr bool deletes = std::is_invocable_r_v<bool, const Deletes&, const Right&>;
  static_assert(deletes,
                "what deletes a row of a table is  bool f(const R&),  or a pointer to member, on a const object");
  static constexpr bool orders = std::is_same_v<Order, by_arrival> || requires(const Order& by, const Right& r) {
    { std::invoke(by, r) < std::invoke(by, r) } -> std::convertible_to<bool>;
  };
  static_assert(orders,
                "the order of a join is no comparison of two tuples but  by(const R&),  or a pointer to member, whose "
                "results can be compared with <: of those with one key and time the largest counts");
  static constexpr bool ok = deletes && orders;
};
}  // namespace wiring

/// The bolt behind `as_of_join` and `join_table`. A left tuple waits until the watermark says that all right ones up to
/// its time have come, and then sees the last of them. Both wait as state.
///
/// What is kept of a key: what is behind the watermark by less than the allowed lateness, and besides one right tuple,
/// the last before that, until it is deleted or older than the tolerance. A tuple costs O(log rows), and a timer is
/// called for each time in the state.
template <class L, class R, class K, class F, class Deletes, class Order>
class as_of_join_bolt {
  static constexpr join_kind kind = join_kind_of<F, L, R>;

 public:
  using output = emitter<joined_t<F, L, R>, left_late<L>, right_late<R>>;
  struct state {
    time_rows<L> waiting;
    time_rows<R> versions;  ///< marked: a deletion
  };
  as_of_join_bolt(as_of reach, event_span allowed_lateness, table_changes<Deletes, Order> changes, F f)
      : reach_(reach), lateness_(allowed_lateness), changes_(std::move(changes)), f_(std::move(f)) {}

  void on_left(const L& value, state& s, timers& t, output& out) {
    if (went_late<left_late<L>>(value, lateness_, out)) return;
    s.waiting.add({value, out.time(), out.stamp()});
    set_timer(s, t);
  }
  void on_right(const R& value, state& s, timers& t, output& out) {
    if (went_late<right_late<R>>(value, lateness_, out)) return;
    const bool deletes = std::invoke(changes_.deletes, value);
    s.versions.add({value, out.time(), out.stamp(), deletes},
                   [this](const auto& fresh, const auto& old) { return is_later(fresh, old); });
    set_timer(s, t);
  }
  void on_timer(const K&, event_time due, state& s, timers& t, output& out) {
    const auto ready = settled(s.waiting, due);
    for (auto l = s.waiting.begin(); l != ready; ++l) give(*l, last_before(s.versions, l->time), out);
    if (out.frame().flags.failed) return;
    s.waiting.drop_before(ready);
    s.versions.drop_before(outdated(s.versions, due));
    set_timer(s, t);
  }
  bool forgets(const state& s) const { return s.waiting.empty() && s.versions.empty(); }

 private:
  using version = timed_row<R>;

  bool is_later(const version& fresh, const version& old) const {
    if constexpr (std::is_same_v<Order, by_arrival>) return !(fresh.stamp < old.stamp);
    else return !(std::invoke(changes_.order, fresh.value) < std::invoke(changes_.order, old.value));
  }
  void give(const timed_row<L>& l, const version* r, output& out) {
    if (r) {
      detail::emit_joined(out, l.time, std::max(released_stamp(l.time, l.stamp), r->stamp),
                          detail::call_join<kind>(f_, &l.value, &r->value));
    } else if constexpr (detail::keeps_left(kind)) {
      const R* none = nullptr;
      detail::emit_joined(out, l.time, released_stamp(l.time, l.stamp), detail::call_join<kind>(f_, &l.value, none));
    }
  }
  const version* last_before(const time_rows<R>& versions, event_time t) const {
    const auto next = versions.after(t);
    if (next == versions.begin()) return nullptr;
    const version* last = next - 1;
    return last->marked || distance(last->time, t) > reach_.tolerance ? nullptr : last;
  }
  /// The end of the rows whose time is settled: all that could come before them has come.
  template <class T>
  const timed_row<T>* settled(const time_rows<T>& rows, event_time due) const {
    return std::partition_point(rows.begin(), rows.end(), [&](const auto& r) { return settled_at(r.time) <= due; });
  }
  /// The end of the versions that no left tuple can see any more.
  const version* outdated(const time_rows<R>& versions, event_time due) const {
    const version* end = settled(versions, due);
    if (end == versions.begin()) return end;
    const version* last = end - 1;
    return last->marked || expires_at(*last) <= due ? end : last;
  }
  event_time settled_at(event_time t) const { return shifted(t, lateness_); }
  event_time expires_at(const version& v) const { return settled_at(shifted(v.time, reach_.tolerance)); }

  /// The end of time: nothing has to be done before it.
  event_time next_due(const state& s) const {
    auto next = end_of_time;
    if (!s.waiting.empty()) next = std::min(next, settled_at(s.waiting.front().time));
    if (s.versions.empty()) return next;
    const version& first = s.versions.front();
    next = std::min(next, first.marked ? settled_at(first.time) : expires_at(first));
    return s.versions.size() == 1 ? next : std::min(next, settled_at((&first + 1)->time));
  }
  void set_timer(const state& s, timers& t) const {
    const auto next = next_due(s);
    if (next != end_of_time || !s.waiting.empty()) t.set(0, next);
  }

  as_of reach_;
  event_span lateness_;
  table_changes<Deletes, Order> changes_;
  F f_;
};

}  // namespace freshet
