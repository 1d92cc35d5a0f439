#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>

#include "freshet/core/bolt_task.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/time/window.hpp"

namespace freshet {

namespace detail {
/// A bolt's emitter with a late output behind its other outputs.
template <class Emitter, class T>
struct with_late_output;
template <class Out, class... Sides, class T>
struct with_late_output<emitter<Out, Sides...>, T> {
  using type = emitter<Out, Sides..., late_output<T>>;
  /// Makes `inner` write to where `outer` leads now, which is another place when a reader was rescaled.
  static void connect(outlets<Out, Sides...>& inner, outlets<Out, Sides..., late_output<T>>& outer) {
    inner.node = outer.node;
    if constexpr (!std::is_void_v<Out>) follow(inner.main, outer.main);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (follow(std::get<I>(inner.sides), std::get<I>(outer.sides)), ...);
    }
    (std::index_sequence_for<Sides...>{});
  }

 private:
  template <class V>
  static void follow(outlet<V>& inner, outlet<V>& outer) {
    if (&inner.target() != &outer.target()) [[unlikely]]
      inner.connect({&outer.target()});
  }
};

/// What a call of the bolt inside can ask for, by type.
template <class B>
struct inner_call {
  using state = typename B::state;
  B& bolt;
  state& s;
  freshet::timers& timers;
  const task_context& context;
  emitter_of_t<B>& out;

  template <class P>
  auto& give() const {
    using plain = std::remove_cvref_t<P>;
    if constexpr (std::is_same_v<plain, state>) return s;
    else if constexpr (std::is_same_v<plain, freshet::timers>) return timers;
    else if constexpr (std::is_same_v<plain, task_context>) return context;
    else return out;
  }
  template <class T, class A0, class... A>
  void process(const T& value, parameter_list<A0, A...>) const {
    using R = decltype(bolt.process(value, give<A>()...));
    if constexpr (std::is_void_v<R>) bolt.process(value, give<A>()...);
    else emit_result(out, bolt.process(value, give<A>()...));
  }
  template <class K, class A0, class A1, class... A>
  void on_timer(const K& key, event_time due, parameter_list<A0, A1, A...>) const {
    bolt.on_timer(key, due, give<A>()...);
  }
};
}  // namespace detail

/// A keyed bolt that gets the tuples of a key in the order of their event times, and its timers between them: each when
/// the watermark (less the allowed lateness) has reached it; a tuple before the timers of its time. Tuples with the
/// same time come in the order of their origins: those of one partition in the order of the partition, whoever has
/// passed them on; those of different partitions and spouts one partition after the other; results of timers by their
/// bolt and key. Only what a tuple brings about together with others, like a join's pairs, comes in the order of
/// arrival. Until then they wait in the state: they are finished when they do, and what comes of them later is not
/// anchored to them.
/// Late tuples (time + allowed lateness <= stamp) go to the late output.
template <class T, class K, class B>
class ordered_bolt {
  using widened = detail::with_late_output<emitter_of_t<B>, T>;

 public:
  struct waiting {
    event_time time{}, stamp{};
    tuple_origin origin;
    T value{};
  };
  struct state {
    list_state<waiting> tuples;  ///< by time, then by origin
    typename B::state of_bolt{};
  };
  using output = typename widened::type;

  ordered_bolt(B bolt, event_span allowed_lateness) : bolt_(std::move(bolt)), lateness_(allowed_lateness) {}
  /// Each task has outputs of its own.
  ordered_bolt(const ordered_bolt& other) : bolt_(other.bolt_), lateness_(other.lateness_) {}
  ordered_bolt(ordered_bolt&&) = default;

  void open(const task_context& c) {
    context_ = c;
    if constexpr (requires { bolt_.open(context_); }) bolt_.open(context_);
    else if constexpr (requires { bolt_.open(); }) bolt_.open();
  }
  void close() {
    if constexpr (requires { bolt_.close(); }) bolt_.close();
  }
  void process(const T& value, state& s, timers& t, output& out) {
    if (went_late<late_output<T>>(value, lateness_, out)) return;
    const auto& origin = out.frame().origin;
    const auto behind = [&](event_time time, const waiting& w) {
      return time != w.time ? time < w.time : origin < w.origin;
    };
    const auto found = std::upper_bound(s.tuples.begin(), s.tuples.end(), out.time(), behind);
    const auto at = static_cast<std::size_t>(found - s.tuples.begin());
    s.tuples.insert(at, {out.time(), out.stamp(), origin, value});
    if (at == 0) await(s, t);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    widened::connect(outlets_, out.all_outlets());
    const auto now = shifted_back(due, lateness_);
    const bool is_own = t.tag() == release || t.tag() == give_up;
    // One call, one tuple: should it fail, it is the one to blame.
    if (!s.tuples.empty() && s.tuples.front().time <= now) {
      const waiting first = s.tuples.take_front();
      // Before the call, which may throw, and may move the timer at hand.
      if (!is_own) t.repeat();
      await(s, t);
      // Timers are called in the order of their times: one that still waits when its own has been has failed for good.
      if (released_at(first) == due)
        call(s, t, out, first.time, released_stamp(first.time, first.stamp), first.origin,
             [&](const auto& c) { c.process(first.value, typename signature<decltype(&B::process)>::args{}); });
      return;
    }
    if constexpr (has_timers<B>)
      if (!is_own)
        call(s, t, out, now, out.stamp() < due ? shifted_back(now, event_span{1}) : out.stamp(), out.frame().origin,
             [&](const auto& c) { c.on_timer(key, now, typename signature<decltype(&B::on_timer)>::args{}); });
  }
  bool forgets(const state& s) const {
    if constexpr (requires {
                    { bolt_.forgets(s.of_bolt) } -> std::convertible_to<bool>;
                  })
      return s.tuples.empty() && bolt_.forgets(s.of_bolt);
    else return false;
  }

 private:
  static constexpr std::uint64_t release = timers::own_tag, give_up = release + 1;

  event_time released_at(const waiting& w) const { return shifted(w.time, lateness_); }
  /// For the next tuple, and for what is to go on behind it when its call fails for good: that call changes nothing.
  void await(const state& s, timers& t) const {
    const auto next = s.tuples.empty() ? event_time{} : released_at(s.tuples.front());
    if (!s.tuples.empty()) t.changes().push_back({release, next, false});
    t.changes().push_back({give_up, shifted(next, event_span{1}), s.tuples.empty()});
  }
  template <class F>
  void call(state& s, timers& t, output& out, event_time time, event_time stamp, tuple_origin origin, F f) {
    call_frame& frame = out.frame();
    const auto time_before = std::exchange(frame.time, time);
    const auto origin_before = std::exchange(frame.origin, origin);
    frame.stamp = stamp;  // of the timers that are set, too, when this call is over
    emitter_of_t<B> inner{outlets_, frame};
    inner_timers_.begin(t.tag(), time);
    inner_timers_.changes().clear();
    f(detail::inner_call<B>{bolt_, s.of_bolt, inner_timers_, context_, inner});
    for (auto c : inner_timers_.changes()) {
      c.when = shifted(c.when, lateness_);
      t.changes().push_back(c);
    }
    frame.time = time_before;
    frame.origin = origin_before;
  }

  B bolt_;
  event_span lateness_;
  task_context context_;
  typename emitter_of_t<B>::outlets_type outlets_;
  timers inner_timers_;
};

}  // namespace freshet
