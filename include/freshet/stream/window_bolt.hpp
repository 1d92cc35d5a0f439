#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "freshet/state/list_state.hpp"
#include "freshet/stream/window_panes.hpp"
#include "freshet/time/sliced_aggregate.hpp"

// The bolts behind the windows of a keyed stream; sessions have theirs in session_bolt.hpp. Each keeps the windows of a
// key as its state, and has a timer for when one of them closes.
namespace freshet {

/// One window, which gives results when it is asked to, by `early_results` or a trigger, and when the input ends.
struct global_windows {};
template <class F>
constexpr void for_each_window(const global_windows&, event_time, F&& f) {
  f(global_window);
}
inline std::vector<std::string> mistakes_of(const global_windows&) { return {}; }

/// A window that has not closed.
template <class Accumulator>
struct open_window {
  freshet::window window{};
  window_pane<Accumulator> pane{};
};

/// Windows that each keep an accumulator: tumbling ones, the global one, and hopping ones that have a trigger, count
/// their tuples or discard their panes. A tuple costs O(log open windows) for each window it is in.
template <class T, class KeyFn, class K, class W, class A, class Trigger = every_tuples>
class window_bolt : public detail::pane_bolt_base<T, KeyFn, K, A, Trigger> {
  using base = detail::pane_bolt_base<T, KeyFn, K, A, Trigger>;
  using open = open_window<accumulator_t<A>>;

 public:
  using typename base::output;
  struct state {
    list_state<open> windows;              ///< by end
    event_time ended = beginning_of_time;  ///< up to here they have given the first of `late_results`
  };
  window_bolt(KeyFn key, W windows, A aggregate, window_options options, Trigger trigger = {})
      : base(std::move(key), std::move(aggregate), options, std::move(trigger)), windows_(windows) {}

  void process(const T& value, state& s, timers& t, processing_timers& by_clock, output& out) {
    const auto lateness = this->options().allowed_lateness;
    const auto stamp = judged_stamp(out);
    bool was_late = true, is_late_itself = true;
    for_each_window(windows_, out.time(), [&](const window& w) {
      is_late_itself = is_late_itself && is_late(w, lateness, out.stamp());
      if (is_late(w, lateness, stamp)) return;
      was_late = false;
      const auto at = place_of(w, s, t);
      if (this->add(value, w, s.ended, s.windows.modify(at).pane, t, by_clock, out)) forget(at, s, t);
    });
    if (was_late) emit_late<late_output_of<T>>(value, is_late_itself ? late_reason::window : late_reason::woke, out);
  }
  void on_timer(const K& key, event_time due, state& s, output& out) {
    std::size_t closed = 0;
    for (const open& w : s.windows) {
      if (!is_closed(w.window, this->options().allowed_lateness, due)) break;
      if (!this->is_empty(w.pane)) this->emit_closed(key, w.pane.value, w.window, out, w.pane.pane);
      ++closed;
    }
    s.windows.erase(0, closed);
    if (!this->gives_updates()) return;
    for (std::size_t i = 0; i < s.windows.size(); ++i)
      if (this->has_result(s.windows[i].window, due, s.ended, s.windows[i].pane))
        this->emit_update(key, s.windows[i].window, s.windows.modify(i).pane, false, out);
    if (this->options().late_results) s.ended = std::max(s.ended, due);
  }
  void on_processing_timer(const K& key, event_time, state& s, output& out) {
    for (std::size_t i = 0; i < s.windows.size(); ++i)
      if (s.windows[i].pane.tuples != 0)
        this->emit_update(key, s.windows[i].window, s.windows.modify(i).pane, false, out);
  }
  bool forgets(const state& s) const { return s.windows.empty(); }

 private:
  event_time closing_time(const window& w) const { return shifted(w.end, this->options().allowed_lateness); }
  /// Where the window is in the list, now if it wasn't before.
  std::size_t place_of(const window& w, state& s, timers& t) {
    const auto ends_before = [&](const open& o) { return o.window.end < w.end; };
    const auto found = std::partition_point(s.windows.begin(), s.windows.end(), ends_before);
    const auto at = static_cast<std::size_t>(found - s.windows.begin());
    if (found == s.windows.end() || found->window != w) {
      t.at(closing_time(w));
      if (this->options().late_results && w.end > s.ended) t.at(w.end);
      s.windows.insert(at, open{w, this->new_pane()});
    }
    return at;
  }
  /// A window is purged. Its timer is its own, except at the end of time, which all share that would close later.
  void forget(std::size_t at, state& s, timers& t) {
    const auto closes = closing_time(s.windows[at].window);
    s.windows.erase(at);
    if (closes != end_of_time || s.windows.empty()) t.cancel(closes);
  }

  W windows_;
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
    closing_timer next;
  };
  hopping_bolt(KeyFn key, hopping windows, A aggregate, window_options options)
      : base(std::move(key), std::move(aggregate)), windows_(windows), lateness_(options.allowed_lateness) {}

  void process(const T& value, state& s, timers& t, output& out) {
    const auto put = [&](accumulator& into) { this->aggregate_.add(into, value); };
    const auto stamp = judged_stamp(out);
    const auto front = s.windows.front();
    if (s.windows.add(windows_, out.time(), lateness_, stamp, this->start(), put) == added_to::windows) {
      if (s.next.due == end_of_time || s.windows.front() != front) set_timer(s, t);
      return;
    }
    emit_late<late_output_of<T>>(value, stamp == out.stamp() ? late_reason::window : late_reason::woke, out);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    s.next = {};
    for (auto w = s.windows.next(windows_); w && is_closed(*w, lateness_, due); w = s.windows.next(windows_)) {
      const auto value = s.windows.close(windows_, this->merge());
      this->emit_closed(key, value, *w, out);
    }
    set_timer(s, t);
  }
  bool forgets(const state& s) const { return s.windows.empty(); }

 private:
  void set_timer(state& s, timers& t) const {
    if (const auto w = s.windows.next(windows_)) s.next.set(shifted(w->end, lateness_), t);
  }
  hopping windows_;
  event_span lateness_;
};

}  // namespace freshet
