#pragma once
#include <algorithm>
#include <utility>

#include "freshet/core/timers.hpp"
#include "freshet/stream/join_function.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/stream/time_rows.hpp"
#include "freshet/time/window.hpp"

namespace freshet {

/// The bolt behind `interval_join`. A tuple is paired with the rows of the other side that are there, then becomes a
/// row itself, until the watermark says that nothing can match it any more; a row that never had a partner is given
/// then, where the kind asks for it, with its own time and stamp.
///
/// What is kept of a key: the rows whose time is at most so much behind the watermark as they reach forward, and the
/// allowed lateness. A tuple costs O(log rows + pairs), and a timer is called for each time at which rows leave.
template <class L, class R, class K, class F>
class interval_join_bolt {
  static constexpr join_kind kind = join_kind_of<F, L, R>;

 public:
  using output = emitter<joined_t<F, L, R>, left_late<L>, right_late<R>>;
  struct state {
    time_rows<L> lefts;
    time_rows<R> rights;
  };
  interval_join_bolt(between reach, event_span allowed_lateness, F f)
      : reach_(reach), lateness_(allowed_lateness), f_(std::move(f)) {}

  void on_left(const L& value, state& s, timers& t, output& out) {
    if (went_late<left_late<L>>(value, lateness_, out)) return;
    const auto from = s.rights.not_before(shifted(out.time(), reach_.lower));
    const auto to = s.rights.after(shifted(out.time(), reach_.upper));
    pair(from, to, out, [&](const auto& r) { return detail::call_join<kind>(f_, &value, &r.value); });
    add(value, s.lefts, s.rights, from, to, s, t, out);
  }
  void on_right(const R& value, state& s, timers& t, output& out) {
    if (went_late<right_late<R>>(value, lateness_, out)) return;
    const auto from = s.lefts.not_before(shifted(out.time(), -reach_.upper));
    const auto to = s.lefts.after(shifted(out.time(), -reach_.lower));
    pair(from, to, out, [&](const auto& l) { return detail::call_join<kind>(f_, &l.value, &value); });
    add(value, s.rights, s.lefts, from, to, s, t, out);
  }
  void on_timer(const K&, event_time due, state& s, timers& t, output& out) {
    const auto lefts = leaving(s.lefts, reach_.upper, due);
    const auto rights = leaving(s.rights, -reach_.lower, due);
    if constexpr (detail::keeps_left(kind))
      give_unmatched(s.lefts.begin(), lefts, out,
                     [&](const L& l) { return detail::call_join<kind>(f_, &l, static_cast<const R*>(nullptr)); });
    if constexpr (detail::keeps_right(kind))
      give_unmatched(s.rights.begin(), rights, out,
                     [&](const R& r) { return detail::call_join<kind>(f_, static_cast<const L*>(nullptr), &r); });
    if (out.frame().flags.failed) return;
    s.lefts.drop_before(lefts);
    s.rights.drop_before(rights);
    if (!forgets(s)) t.set(0, next_leaving(s));
  }
  bool forgets(const state& s) const { return s.lefts.empty() && s.rights.empty(); }

 private:
  template <class Row, class Call>
  static void pair(const Row* from, const Row* to, output& out, Call&& call) {
    for (auto r = from; r != to; ++r)
      detail::emit_joined(out, std::max(out.time(), r->time), std::max(out.stamp(), r->stamp), call(*r));
  }
  /// The state changes last, and not for a call that has failed: it will come again.
  template <class T, class U>
  void add(const T& value, time_rows<T>& rows, time_rows<U>& others, const timed_row<U>* from, const timed_row<U>* to,
           state& s, timers& t, output& out) const {
    if (out.frame().flags.failed) return;
    rows.add({value, out.time(), out.stamp(), from != to});
    others.mark(from, to);
    t.set(0, next_leaving(s));
  }
  template <class Row, class Call>
  static void give_unmatched(const Row* from, const Row* to, output& out, Call&& call) {
    for (auto r = from; r != to; ++r)
      if (!r->marked) detail::emit_joined(out, r->time, released_stamp(r->time, r->stamp), call(r->value));
  }
  /// When nothing can match a row of this time any more: a tuple still to come is after watermark - allowed lateness.
  event_time leaves_at(event_time row, event_span forward) const { return shifted(row, forward + lateness_); }
  template <class T>
  const timed_row<T>* leaving(const time_rows<T>& rows, event_span forward, event_time due) const {
    return std::partition_point(rows.begin(), rows.end(),
                                [&](const auto& r) { return leaves_at(r.time, forward) <= due; });
  }
  /// REQUIRES: there are rows.
  event_time next_leaving(const state& s) const {
    auto next = end_of_time;
    if (!s.lefts.empty()) next = std::min(next, leaves_at(s.lefts.front().time, reach_.upper));
    if (!s.rights.empty()) next = std::min(next, leaves_at(s.rights.front().time, -reach_.lower));
    return next;
  }

  between reach_;
  event_span lateness_;
  F f_;
};

}  // namespace freshet
