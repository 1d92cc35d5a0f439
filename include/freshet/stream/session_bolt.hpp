#pragma once
#include <algorithm>
#include <utility>

#include "freshet/stream/combine_window_bolt.hpp"
#include "freshet/stream/window_panes.hpp"
#include "freshet/time/session_set.hpp"

namespace freshet {

/// The bolt behind sessions. A session that is bridged with another gathers what both had, and numbers its results on
/// from the larger of their numbers; one that grows past an end for which it has given a result gives another at its
/// new end.
template <class T, class KeyFn, class K, class A, class Trigger = every_tuples>
class session_bolt : public detail::pane_bolt_base<T, KeyFn, K, A, Trigger> {
  using base = detail::pane_bolt_base<T, KeyFn, K, A, Trigger>;
  using typename base::pane;

 public:
  using typename base::output;
  struct state {
    session_set<pane> sessions;
    event_time ended = beginning_of_time;  ///< up to here they have given the first of `late_results`
    closing_timer next;
  };
  session_bolt(KeyFn key, sessions windows, A aggregate, window_options options, Trigger trigger = {})
      : base(std::move(key), std::move(aggregate), options, std::move(trigger)), windows_(windows) {}

  void process(const T& value, state& s, timers& t, processing_timers& by_clock, output& out) {
    if (went_late<late_output_of<T>>(value, this->options().allowed_lateness, out)) return;
    const auto start = [this] { return this->new_pane(); };
    const auto merge = [this](pane& into, const pane& from) {
      this->aggregate_.merge(into.value, from.value);
      into.tuples += from.tuples;
      into.pane = std::max(into.pane, from.pane);
    };
    auto& joined = s.sessions.join(windows_, first_time(value, out), out.time(), start, merge);
    if (this->add(value, window_of(windows_, joined), s.ended, joined.value, t, by_clock, out))
      s.sessions.forget(joined);
    if (s.sessions.empty()) s.next.unset(t);
    set_timer(s, t);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    s.sessions.take_closed(windows_, this->options().allowed_lateness, due, [&](const session<pane>& closed) {
      const auto& of = closed.value;
      if (!this->is_empty(of)) this->emit_closed(key, of.value, window_of(windows_, closed), out, of.pane);
    });
    if (this->gives_updates()) give_updates(key, due, s, out);
    s.next = {};
    set_timer(s, t);
  }
  void on_processing_timer(const K& key, event_time, state& s, output& out) {
    for (std::size_t i = 0; i < s.sessions.all().size(); ++i)
      if (const auto& each = s.sessions.all()[i]; each.value.tuples != 0)
        this->emit_update(key, window_of(windows_, each), s.sessions.modify(i).value, false, out);
  }
  bool forgets(const state& s) const { return s.sessions.empty(); }

 private:
  /// Of a tuple its own; of those that were combined before they came, the earliest.
  static event_time first_time(const T& value, const output& out) {
    if constexpr (is_window_part<T>) return value.first;
    else return out.time();
  }
  void give_updates(const K& key, event_time due, state& s, output& out) {
    for (std::size_t i = 0; i < s.sessions.all().size(); ++i) {
      const auto& each = s.sessions.all()[i];
      const auto w = window_of(windows_, each);
      if (this->has_result(w, due, s.ended, each.value))
        this->emit_update(key, w, s.sessions.modify(i).value, false, out);
    }
    if (this->options().late_results) s.ended = std::max(s.ended, due);
  }
  /// For the first session to close, or, where that gives a result too, to end.
  void set_timer(state& s, timers& t) const {
    const auto first = s.sessions.next_end(windows_);
    if (!first) return;
    auto due = shifted(*first, this->options().allowed_lateness);
    if (this->options().late_results)
      if (const auto ends = s.sessions.next_end(windows_, s.ended)) due = std::min(due, *ends);
    s.next.set(due, t);
  }

  sessions windows_;
};

}  // namespace freshet
