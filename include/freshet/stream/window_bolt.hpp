#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/emitter.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/window_options.hpp"
#include "freshet/stream/windowed.hpp"
#include "freshet/time/session_set.hpp"
#include "freshet/time/sliced_aggregate.hpp"
#include "freshet/time/two_stacks.hpp"

// The bolts behind the windows of a keyed stream. Each keeps the windows of a key as its state, and has a timer for
// when one of them closes.
namespace freshet {

/// One window, which gives results when it is asked to: by `early_results`, and when the input ends.
struct global_windows {};
template <class F>
constexpr void for_each_window(const global_windows&, event_time, F&& f) {
  f(global_window);
}
inline std::vector<std::string> mistakes_of(const global_windows&) { return {}; }

namespace detail {
/// By what a tuple is judged: its own stamp, or for one that its partition's idleness has cut off, what has closed.
template <class Emitter>
event_time judged_stamp(const Emitter& out) {
  return std::max(out.stamp(), out.frame().watermark);
}
/// What all of these bolts have.
template <class T, class KeyFn, class K, class A>
class window_bolt_base {
 public:
  using accumulator = accumulator_t<A>;
  using output = emitter<windowed<K, aggregate_result_t<A>>, late_output<T>>;
  window_bolt_base(KeyFn key, A aggregate) : key_(std::move(key)), aggregate_(std::move(aggregate)) {}

 protected:
  auto start() const {
    return [this] { return started(aggregate_); };
  }
  auto merge() const {
    return [this](accumulator& into, const accumulator& from) {
      if constexpr (mergeable_aggregate<A>) aggregate_.merge(into, from);
      else static_assert(mergeable_aggregate<A>, "only an aggregate with merge() can be put together");
    };
  }
  /// A result that time alone has brought about: nothing older follows.
  void emit_closed(const K& key, const accumulator& value, const window& w, output& out, std::uint32_t pane = 0) const {
    const auto at = result_time(w);
    out.emit_stamped(at, shifted_back(at, event_span{1}), {key, result_of(aggregate_, value), w, pane, true});
  }

  KeyFn key_;
  A aggregate_;
};
}  // namespace detail

/// A window that has not closed.
template <class Accumulator>
struct open_window {
  freshet::window window{};
  Accumulator value{};
  std::uint64_t tuples = 0;  ///< since the last result
  std::uint32_t pane = 0;    ///< the next result's
  bool has_ended = false;    ///< the result at its end was given, and late ones may follow
};

/// Windows that each keep an accumulator: tumbling ones, the global one, and hopping ones that give early or late
/// results. A tuple costs O(log open windows) for each window it is in.
template <class T, class KeyFn, class K, class W, class A>
class window_bolt : public detail::window_bolt_base<T, KeyFn, K, A> {
  using base = detail::window_bolt_base<T, KeyFn, K, A>;
  using typename base::accumulator;
  using open = open_window<accumulator>;

 public:
  using typename base::output;
  struct state {
    std::vector<open> windows;  ///< by end
  };
  window_bolt(KeyFn key, W windows, A aggregate, window_options options)
      : base(std::move(key), std::move(aggregate)), windows_(windows), options_(options) {}

  void process(const T& value, state& s, timers& t, output& out) {
    const auto stamp = detail::judged_stamp(out);
    bool was_late = true, is_late_itself = true;
    for_each_window(windows_, out.time(), [&](const window& w) {
      is_late_itself = is_late_itself && is_late(w, options_.allowed_lateness, out.stamp());
      if (is_late(w, options_.allowed_lateness, stamp)) return;
      was_late = false;
      add(value, window_in(s, w, t), t, out);
    });
    if (was_late) emit_late(value, is_late_itself ? late_reason::window : late_reason::woke, out);
  }
  void on_timer(const K& key, event_time due, state& s, output& out) {
    auto w = s.windows.begin();
    for (; w != s.windows.end() && is_closed(w->window, options_.allowed_lateness, due); ++w)
      this->emit_closed(key, w->value, w->window, out, w->pane);
    w = s.windows.erase(s.windows.begin(), w);
    if (!options_.gives_updates()) return;
    for (; w != s.windows.end(); ++w)
      if (ends_at(*w, due) || (w->tuples != 0 && is_early_time(due))) emit_update(key, *w, out);
  }
  bool forgets(const state& s) const { return s.windows.empty(); }

 private:
  open& window_in(state& s, const window& w, timers& t) {
    auto at =
        std::partition_point(s.windows.begin(), s.windows.end(), [&](const open& o) { return o.window.end < w.end; });
    if (at != s.windows.end() && at->window == w) return *at;
    t.at(shifted(w.end, options_.allowed_lateness));
    if (options_.late_results) t.at(w.end);
    return *s.windows.insert(at, open{w, started(this->aggregate_)});
  }
  void add(const T& value, open& o, timers& t, output& out) {
    this->aggregate_.add(o.value, value);
    if (!options_.gives_updates()) return;
    ++o.tuples;
    if (o.has_ended || (options_.early.every_tuples != 0 && o.tuples >= options_.early.every_tuples))
      return emit_update(K(std::invoke(this->key_, value)), o, out);
    if (options_.early.every == event_span{}) return;
    const auto reached = std::max(out.time(), out.stamp());
    const auto next = shifted(aligned(reached, options_.early.every, event_span{}), options_.early.every);
    if (next < o.window.end) t.at(next);
  }
  bool ends_at(open& o, event_time due) const {
    return options_.late_results && o.window.end <= due && !std::exchange(o.has_ended, true);
  }
  bool is_early_time(event_time due) const {
    return options_.early.every > event_span{} && aligned(due, options_.early.every, event_span{}) == due;
  }
  /// A result before the last.
  void emit_update(const K& key, open& o, output& out) {
    out.emit_stamped(result_time(o.window), out.stamp(),
                     {key, result_of(this->aggregate_, o.value), o.window, o.pane++, false});
    o.tuples = 0;
    if (options_.panes == panes::discarding) o.value = started(this->aggregate_);
  }

  W windows_;
  window_options options_;
};

/// Hopping windows with one result each, by slices: a tuple costs the same however many windows it is in.
template <class T, class KeyFn, class K, class A>
class hopping_bolt : public detail::window_bolt_base<T, KeyFn, K, A> {
  using base = detail::window_bolt_base<T, KeyFn, K, A>;
  using typename base::accumulator;

 public:
  using typename base::output;
  struct state {
    sliced_aggregate<accumulator> windows;
    event_time next = end_of_time;  ///< when the key's timer is due; the end of time: there may be none
  };
  hopping_bolt(KeyFn key, hopping windows, A aggregate, window_options options)
      : base(std::move(key), std::move(aggregate)), windows_(windows), lateness_(options.allowed_lateness) {}

  void process(const T& value, state& s, timers& t, output& out) {
    const auto put = [&](accumulator& into) { this->aggregate_.add(into, value); };
    const auto stamp = detail::judged_stamp(out);
    const auto front = s.windows.front();
    if (s.windows.add(windows_, out.time(), lateness_, stamp, this->start(), put) == added_to::windows) {
      if (s.next == end_of_time || s.windows.front() != front) set_timer(s, t);
      return;
    }
    emit_late(value, stamp == out.stamp() ? late_reason::window : late_reason::woke, out);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    s.next = end_of_time;
    for (auto w = s.windows.next(windows_); w && is_closed(*w, lateness_, due); w = s.windows.next(windows_)) {
      const auto value = s.windows.close(windows_, this->merge());
      this->emit_closed(key, value, *w, out);
    }
    set_timer(s, t);
  }
  bool forgets(const state& s) const { return s.windows.empty(); }

 private:
  void set_timer(state& s, timers& t) const {
    const auto w = s.windows.next(windows_);
    if (!w) return;
    const auto at = shifted(w->end, lateness_);
    if (at == s.next && at != end_of_time) return;
    t.set(0, s.next = at);
  }
  hopping windows_;
  event_span lateness_;
};

/// Sessions with one result each.
template <class T, class KeyFn, class K, class A>
class session_bolt : public detail::window_bolt_base<T, KeyFn, K, A> {
  using base = detail::window_bolt_base<T, KeyFn, K, A>;
  using typename base::accumulator;

 public:
  using typename base::output;
  struct state {
    session_set<accumulator> sessions;
    event_time next = end_of_time;  ///< when the key's timer is due; the end of time: there may be none
  };
  session_bolt(KeyFn key, sessions windows, A aggregate, window_options options)
      : base(std::move(key), std::move(aggregate)), windows_(windows), lateness_(options.allowed_lateness) {}

  void process(const T& value, state& s, timers& t, output& out) {
    if (is_late(out.time(), lateness_, out.stamp())) return emit_late(value, late_reason::time, out);
    if (is_late(out.time(), lateness_, detail::judged_stamp(out))) return emit_late(value, late_reason::woke, out);
    this->aggregate_.add(s.sessions.join(windows_, out.time(), this->start(), this->merge()).value, value);
    set_timer(s, t);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    s.next = end_of_time;
    s.sessions.take_closed(windows_, lateness_, due, [&](session<accumulator>&& closed) {
      this->emit_closed(key, closed.value, window_of(windows_, closed), out);
    });
    set_timer(s, t);
  }
  bool forgets(const state& s) const { return s.sessions.empty(); }

 private:
  void set_timer(state& s, timers& t) const {
    const auto end = s.sessions.next_end(windows_);
    if (!end) return;
    const auto at = shifted(*end, lateness_);
    if (at == s.next && at != end_of_time) return;
    t.set(0, s.next = at);
  }
  sessions windows_;
  event_span lateness_;
};

}  // namespace freshet
