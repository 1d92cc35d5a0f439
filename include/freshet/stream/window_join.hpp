#pragma once
#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/timers.hpp"
#include "freshet/stream/join_function.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/stream/time_rows.hpp"
#include "freshet/time/session_set.hpp"

namespace freshet {

/// The tuples of one key and window from two streams: what `co_group` gives. At least one side has some. Either side is
/// in the order of time, equal times as they came.
template <class K, class L, class R>
struct co_grouped {
  using key_type = K;
  K key{};
  freshet::window window{};
  std::vector<L> lefts{};
  std::vector<R> rights{};
};

namespace detail {
/// What becomes of a window at its close: all pairs, and what has no partner as the kind asks for it.
template <class L, class R, class K, class F>
struct gives_pairs {
  static constexpr join_kind kind = join_kind_of<F, L, R>;
  using result = joined_t<F, L, R>;
  F f;

  template <class Emitter>
  void operator()(const K&, const window& w, const std::vector<const L*>& lefts, const std::vector<const R*>& rights,
                  Emitter& out) {
    const auto at = result_time(w);
    const auto give = [&](const L* l, const R* r) { emit_joined(out, at, result_stamp(w), call_join<kind>(f, l, r)); };
    for (auto l : lefts)
      for (auto r : rights) give(l, r);
    if constexpr (keeps_left(kind))
      if (rights.empty())
        for (auto l : lefts) give(l, nullptr);
    if constexpr (keeps_right(kind))
      if (lefts.empty())
        for (auto r : rights) give(nullptr, r);
  }
};
/// All of them together.
template <class L, class R, class K>
struct gives_groups {
  using result = co_grouped<K, L, R>;

  template <class Emitter>
  void operator()(const K& key, const window& w, const std::vector<const L*>& lefts,
                  const std::vector<const R*>& rights, Emitter& out) {
    result all{key, w};
    for (auto l : lefts) all.lefts.push_back(*l);
    for (auto r : rights) all.rights.push_back(*r);
    out.emit_stamped(result_time(w), result_stamp(w), std::move(all));
  }
};

constexpr event_span step_of(const tumbling& w) { return w.size; }
constexpr event_span step_of(const hopping& w) { return w.slide; }
/// The last of the windows that `t` is in.
template <class W>
constexpr window last_window_of(const W& w, event_time t) {
  const auto past = past_of(t, step_of(w), w.offset);
  return {shifted_back(t, past), shifted(t, w.size - past)};
}
}  // namespace detail

/// The bolt behind the window join and co-grouping of tumbling and hopping windows. A tuple is kept once, however many
/// windows it is in, until the last of them has closed. `Gives` says what a window gives at its close.
///
/// What is kept of a key: its tuples since the start of the windows that are open. A tuple costs O(log rows) and a
/// timer for each of its windows, a window what its pairs cost.
template <class L, class R, class K, class W, class Gives>
class window_join_bolt {
 public:
  using output = emitter<typename Gives::result, left_late<L>, right_late<R>>;
  struct state {
    time_rows<L> lefts;
    time_rows<R> rights;
  };
  window_join_bolt(W windows, event_span allowed_lateness, Gives gives)
      : windows_(windows), lateness_(allowed_lateness), gives_(std::move(gives)) {}

  void on_left(const L& value, state& s, timers& t, output& out) { add<left_late<L>>(value, s.lefts, t, out); }
  void on_right(const R& value, state& s, timers& t, output& out) { add<right_late<R>>(value, s.rights, t, out); }
  void on_timer(const K& key, event_time due, state& s, output& out) {
    for (const window& w : closing(s, due)) {
      const auto lefts = in_window(s.lefts, w);
      const auto rights = in_window(s.rights, w);
      if (!lefts.empty() || !rights.empty()) gives_(key, w, lefts, rights, out);
    }
    if (out.frame().flags.failed) return;
    drop_closed(s.lefts, due);
    drop_closed(s.rights, due);
  }
  bool forgets(const state& s) const { return s.lefts.empty() && s.rights.empty(); }

 private:
  template <class Tag, class T>
  void add(const T& value, time_rows<T>& rows, timers& t, output& out) const {
    const auto stamp = judged_stamp(out);
    if (is_late(last(out.time()), lateness_, stamp)) {
      const bool itself = is_late(last(out.time()), lateness_, out.stamp());
      emit_late<Tag>(value, itself ? late_reason::window : late_reason::woke, out);
      return;
    }
    rows.add({value, out.time(), stamp});
    for_each_window(windows_, out.time(), [&](const window& w) {
      if (!is_late(w, lateness_, stamp)) t.at(closes_at(w));
    });
  }
  /// The windows that close at `due`: one, but for those at the end of time.
  std::vector<window> closing(const state& s, event_time due) const {
    const auto end = shifted_back(due, lateness_);
    if (due != end_of_time) return {{shifted_back(end, windows_.size), end}};
    std::vector<window> all;
    const auto collect = [&](const auto& rows) {
      for (const auto& r : rows)
        for_each_window(windows_, r.time, [&](const window& w) {
          if (closes_at(w) == end_of_time) all.push_back(w);
        });
    };
    collect(s.lefts);
    collect(s.rights);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
  /// Without the tuples that were too late for this window, if not for a later one.
  template <class T>
  std::vector<const T*> in_window(const time_rows<T>& rows, const window& w) const {
    std::vector<const T*> all;
    for (auto r = rows.not_before(w.start); r != rows.end() && r->time < w.end; ++r)
      if (!is_late(w, lateness_, r->stamp)) all.push_back(&r->value);
    return all;
  }
  event_time closes_at(const window& w) const { return shifted(w.end, lateness_); }
  window last(event_time t) const { return detail::last_window_of(windows_, t); }
  template <class T>
  void drop_closed(time_rows<T>& rows, event_time due) const {
    rows.drop_before(std::partition_point(rows.begin(), rows.end(),
                                          [&](const auto& r) { return is_closed(last(r.time), lateness_, due); }));
  }

  W windows_;
  event_span lateness_;
  Gives gives_;
};

/// The same for sessions: those of both streams together.
template <class L, class R, class K, class Gives>
class session_join_bolt {
  struct both {
    list_state<timed_row<L>> lefts;
    list_state<timed_row<R>> rights;
    friend auto freshet_fields(both& b) { return std::tie(b.lefts, b.rights); }
  };

 public:
  using output = emitter<typename Gives::result, left_late<L>, right_late<R>>;
  using state = session_set<both>;
  session_join_bolt(sessions windows, event_span allowed_lateness, Gives gives)
      : windows_(windows), lateness_(allowed_lateness), gives_(std::move(gives)) {}

  void on_left(const L& value, state& s, timers& t, output& out) { add<left_late<L>>(value, &both::lefts, s, t, out); }
  void on_right(const R& value, state& s, timers& t, output& out) {
    add<right_late<R>>(value, &both::rights, s, t, out);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    for (const auto& each : s.all()) {
      const auto w = window_of(windows_, each);
      if (!is_closed(w, lateness_, due)) break;
      gives_(key, w, by_time(each.value.lefts), by_time(each.value.rights), out);
    }
    if (out.frame().flags.failed) return;
    s.take_closed(windows_, lateness_, due, [](auto&&) {});
    set_timer(s, t);
  }
  bool forgets(const state& s) const { return s.empty(); }

 private:
  template <class Tag, class T>
  void add(const T& value, list_state<timed_row<T>> both::*side, state& s, timers& t, output& out) const {
    if (went_late<Tag>(value, lateness_, out)) return;
    auto& joined = s.join(
        windows_, out.time(), [] { return both{}; },
        [](both& into, const both& from) {
          for (const auto& r : from.lefts) into.lefts.push_back(r);
          for (const auto& r : from.rights) into.rights.push_back(r);
        });
    (joined.value.*side).push_back({value, out.time(), out.stamp()});
    set_timer(s, t);
  }
  template <class T>
  static std::vector<const T*> by_time(const list_state<timed_row<T>>& rows) {
    std::vector<const timed_row<T>*> sorted;
    for (const auto& r : rows) sorted.push_back(&r);
    std::stable_sort(sorted.begin(), sorted.end(), [](auto a, auto b) { return a->time < b->time; });
    std::vector<const T*> all;
    for (auto r : sorted) all.push_back(&r->value);
    return all;
  }
  void set_timer(const state& s, timers& t) const {
    if (const auto end = s.next_end(windows_)) t.set(0, shifted(*end, lateness_));
  }
  sessions windows_;
  event_span lateness_;
  Gives gives_;
};

}  // namespace freshet
