#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "freshet/core/emitter.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/stream/window_options.hpp"
#include "freshet/stream/window_trigger.hpp"
#include "freshet/stream/windowed.hpp"

// What the bolts behind windows of time share: when a window gives results, and what is in them.
namespace freshet {

namespace detail {
/// What all of these bolts have.
template <class T, class KeyFn, class K, class A>
class window_bolt_base {
 public:
  using accumulator = accumulator_t<A>;
  using output = emitter<windowed<K, aggregate_result_t<A>>, late_output_of<T>>;
  window_bolt_base(KeyFn key, A aggregate) : key_(std::move(key)), aggregate_(std::move(aggregate)) {}

 protected:
  auto start() const {
    return [this] { return started(aggregate_); };
  }
  auto merge() const {
    return [this](accumulator& into, const accumulator& from) { aggregate_.merge(into, from); };
  }
  /// A result that time alone has brought about: nothing older follows.
  void emit_closed(const K& key, const accumulator& value, const window& w, output& out, std::uint32_t pane = 0) const {
    out.emit_stamped(result_time(w), result_stamp(w), {key, result_of(aggregate_, value), w, pane, true});
  }

  KeyFn key_;
  A aggregate_;
};
}  // namespace detail

/// The timer of a key whose windows close one after the other, for the next of them. It remembers what it is set to, as
/// most tuples leave it there.
struct closing_timer {
  event_time due = end_of_time;  ///< the end of time: it may not be set

  void set(event_time when, timers& t) {
    if (when == due && when != end_of_time) return;
    t.set(0, due = when);
  }
  void unset(timers& t) {
    t.unset(0);
    due = end_of_time;
  }
};

/// What a window has gathered, and how often it has said so.
template <class Accumulator>
struct window_pane {
  Accumulator value{};
  std::uint64_t tuples = 0;  ///< since the last result
  std::uint32_t pane = 0;    ///< the next result's
};

namespace detail {
/// What the bolts have whose windows may give several results.
template <class T, class KeyFn, class K, class A, class Trigger>
class pane_bolt_base : public window_bolt_base<T, KeyFn, K, A> {
  using base = window_bolt_base<T, KeyFn, K, A>;

 public:
  using typename base::output;

 protected:
  using pane = window_pane<accumulator_t<A>>;
  pane_bolt_base(KeyFn key, A aggregate, window_options options, Trigger trigger)
      : base(std::move(key), std::move(aggregate)),
        options_(options),
        trigger_(std::move(trigger)),
        gives_updates_(options.gives_updates() || !std::is_same_v<Trigger, every_tuples>) {}

  pane new_pane() const { return {started(this->aggregate_)}; }
  /// Adds the tuple in process, and gives the result that it brings about. `ended`: up to here windows have given the
  /// first of `late_results`. True: the window is to be forgotten.
  bool add(const T& value, const window& w, event_time ended, pane& p, timers& t, processing_timers& by_clock,
           output& out) {
    this->aggregate_.add(p.value, value);
    if (!gives_updates_) return false;
    ++p.tuples;
    const auto wanted = w.end <= ended ? firing::fire : asked(value, w, p, out);
    if (wanted == firing::none) expect_early(w, t, by_clock, out);
    if (wanted == firing::fire || wanted == firing::fire_and_purge)
      emit_update(K(std::invoke(this->key_, value)), w, p, wanted == firing::fire_and_purge, out);
    return wanted == firing::purge || wanted == firing::fire_and_purge;
  }
  /// A pane of its own without a tuple: it has nothing to say, and not every aggregate could.
  bool is_empty(const pane& p) const { return options_.panes == panes::discarding && gives_updates_ && p.tuples == 0; }
  /// Whether time brings about a result at `due`, of a window that stays open.
  bool has_result(const window& w, event_time due, event_time ended, const pane& p) const {
    const bool ends = options_.late_results && w.end <= due && w.end > ended && !is_empty(p);
    return ends || (p.tuples != 0 && is_early_time(due));
  }
  /// A result before the window closes.
  void emit_update(const K& key, const window& w, pane& p, bool is_final, output& out) {
    // Within the allowed lateness the stamp at hand may be past the result's time, which would make it late elsewhere.
    const auto stamp = std::min(out.stamp(), result_stamp(w));
    out.emit_stamped(result_time(w), stamp, {key, result_of(this->aggregate_, p.value), w, p.pane++, is_final});
    p.tuples = 0;
    if (options_.panes == panes::discarding) p.value = started(this->aggregate_);
  }
  bool gives_updates() const { return gives_updates_; }
  const window_options& options() const { return options_; }

  void expect_early(const window& w, timers& t, processing_timers& by_clock, const output& out) const {
    if (options_.early.every == event_span{}) return;
    if (options_.follows_clock()) return by_clock.at(early_after(by_clock.now()));
    const auto next = early_after(std::max(out.time(), out.stamp()));
    if (next < w.end) t.at(next);
  }
  event_time early_after(event_time t) const {
    return shifted(aligned(t, options_.early.every, event_span{}), options_.early.every);
  }
  bool is_early_time(event_time due) const {
    return options_.early.every > event_span{} && !options_.follows_clock() &&
           aligned(due, options_.early.every, event_span{}) == due;
  }

 private:
  firing asked(const T& value, const window& w, const pane& p, const output& out) const {
    return std::invoke(std::as_const(trigger_), value, trigger_view{p.tuples, p.pane, w, out.time(), out.stamp()});
  }

  window_options options_;
  Trigger trigger_;
  bool gives_updates_;
};
}  // namespace detail

}  // namespace freshet
