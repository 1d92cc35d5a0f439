#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "freshet/state/list_state.hpp"
#include "freshet/stream/window_panes.hpp"
#include "freshet/time/sliced_aggregate.hpp"

namespace freshet {

/// Hopping windows that time makes give results before they close, or that give late ones, by slices: a tuple costs the
/// same however many windows it is in, a result O(log slices) merges. Results are accumulating; those that count the
/// tuples of each window, that have a trigger, or discard, keep each window by itself (`window_bolt`).
///
/// Which windows have changed since their last result: while none of them has ended, all give their early results at
/// the same moments, so what was added since the last of these is a few ranges of windows. One that has ended gives a
/// result with each tuple, at once, so nothing of it is ever left to be told.
template <class T, class KeyFn, class K, class A>
class hopping_update_bolt : public detail::pane_bolt_base<T, KeyFn, K, A, every_tuples> {
  using base = detail::pane_bolt_base<T, KeyFn, K, A, every_tuples>;
  using typename detail::window_bolt_base<T, KeyFn, K, A>::accumulator;
  /// Windows by number, the last one among them.
  struct range {
    std::int64_t first = 0, last = 0;
  };
  /// How many results a window has given.
  struct given_results {
    std::int64_t window = 0;
    std::uint32_t results = 0;
  };

 public:
  using typename base::output;
  struct state {
    sliced_aggregate<accumulator> windows;
    list_state<range> changed;             ///< since the last early results; sorted, apart from each other
    list_state<given_results> given;       ///< by window; of those that have not closed
    event_time ended = beginning_of_time;  ///< up to here they have given the first of `late_results`
    closing_timer next;
  };
  hopping_update_bolt(KeyFn key, hopping windows, A aggregate, window_options options)
      : base(std::move(key), std::move(aggregate), options, {}), windows_(windows) {}

  void process(const T& value, state& s, timers& t, processing_timers& by_clock, output& out) {
    const auto lateness = this->options().allowed_lateness;
    const auto put = [&](accumulator& into) { this->aggregate_.add(into, value); };
    const auto stamp = judged_stamp(out);
    if (s.windows.add(windows_, out.time(), lateness, stamp, this->start(), put) != added_to::windows)
      return emit_late<late_output_of<T>>(value, stamp == out.stamp() ? late_reason::window : late_reason::woke, out);
    const window_numbers numbers(windows_);
    const auto in_time = *numbers.first_after(out.time(), shifted_back(stamp, lateness));
    auto n = std::max(in_time, s.windows.first_open(numbers, out.time()));
    const auto last = numbers.last(out.time());
    for (; n <= last && numbers.at(n).end <= s.ended; ++n)
      emit_update(K(std::invoke(this->key_, value)), numbers, n, s, out);
    if (n <= last && this->options().early.every > event_span{}) {
      note_change({n, last}, s);
      this->expect_early(numbers.at(last), t, by_clock, out);
    }
    set_timer(numbers, s, t);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    const window_numbers numbers(windows_);
    close(key, due, s, out);
    if (this->options().late_results) give_ended(key, numbers, due, s, out);
    if (this->is_early_time(due)) give_changed(key, numbers, s, out);
    s.next = {};
    set_timer(numbers, s, t);
  }
  void on_processing_timer(const K& key, event_time, state& s, output& out) {
    give_changed(key, window_numbers(windows_), s, out);
  }
  bool forgets(const state& s) const { return s.windows.empty(); }

 private:
  void close(const K& key, event_time due, state& s, output& out) {
    for (auto w = s.windows.next(windows_); w && is_closed(*w, this->options().allowed_lateness, due);
         w = s.windows.next(windows_)) {
      const auto n = *s.windows.next_from(window_numbers(windows_), first_number);
      const bool has_given = !s.given.empty() && s.given.front().window == n;
      const auto result_number = has_given ? s.given.take_front().results : 0;
      this->emit_closed(key, s.windows.close(windows_, this->merge()), *w, out, result_number);
      forget_changes(n, s);
    }
  }
  /// The windows that end: each gives a result, and from then on one with each tuple.
  void give_ended(const K& key, const window_numbers& numbers, event_time due, state& s, output& out) {
    for (auto n = s.windows.next_from(numbers, numbers.first(s.ended)); n && numbers.at(*n).end <= due;
         n = s.windows.next_from(numbers, *n + 1)) {
      emit_update(key, numbers, *n, s, out);
      forget_changes(*n, s);
    }
    s.ended = std::max(s.ended, due);
  }
  void give_changed(const K& key, const window_numbers& numbers, state& s, output& out) {
    for (const range& r : s.changed)
      for (auto n = r.first; n <= r.last; ++n) emit_update(key, numbers, n, s, out);
    s.changed.clear();
  }
  void emit_update(const K& key, const window_numbers& numbers, std::int64_t n, state& s, output& out) {
    const auto w = numbers.at(n);
    const auto value = s.windows.so_far(numbers, n, this->merge());
    // As in pane_bolt_base: within the allowed lateness the stamp at hand may be past the result's time.
    const auto stamp = std::min(out.stamp(), result_stamp(w));
    const auto result_number = results_of(n, s).results++;
    out.emit_stamped(result_time(w), stamp, {key, result_of(this->aggregate_, value), w, result_number, false});
  }
  given_results& results_of(std::int64_t n, state& s) const {
    const auto before = [n](const given_results& g) { return g.window < n; };
    const auto found = std::partition_point(s.given.begin(), s.given.end(), before);
    const auto at = static_cast<std::size_t>(found - s.given.begin());
    if (found == s.given.end() || found->window != n) s.given.insert(at, {n, 0});
    return s.given.modify(at);
  }

  static void note_change(range r, state& s) {
    const auto before = [&](const range& other) { return other.last < r.first; };
    const auto found = std::partition_point(s.changed.begin(), s.changed.end(), before);
    const auto at = static_cast<std::size_t>(found - s.changed.begin());
    if (found != s.changed.end() && found->first <= r.first && r.last <= found->last) return;
    while (at < s.changed.size() && s.changed[at].first <= r.last) {
      r = {std::min(r.first, s.changed[at].first), std::max(r.last, s.changed[at].last)};
      s.changed.erase(at);
    }
    s.changed.insert(at, r);
  }
  /// Of the windows up to n.
  static void forget_changes(std::int64_t n, state& s) {
    while (!s.changed.empty() && s.changed.front().last <= n) s.changed.pop_front();
    if (!s.changed.empty() && s.changed.front().first <= n) s.changed.modify(0).first = n + 1;
  }

  void set_timer(const window_numbers& numbers, state& s, timers& t) const {
    const auto closes = s.windows.next(windows_);
    if (!closes) return;
    auto due = shifted(closes->end, this->options().allowed_lateness);
    if (this->options().late_results)
      if (const auto ends = s.windows.next_from(numbers, numbers.first(s.ended)))
        due = std::min(due, numbers.at(*ends).end);
    s.next.set(due, t);
  }

  static constexpr std::int64_t first_number = INT64_MIN;
  hopping windows_;
};

}  // namespace freshet
