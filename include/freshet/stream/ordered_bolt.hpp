#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

#include "freshet/core/bolt_task.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/stream/window_bolt.hpp"

namespace freshet {

namespace detail {
/// A bolt's emitter with a late output behind its other outputs.
template <class Emitter, class T>
struct with_late_output;
template <class Out, class... Sides, class T>
struct with_late_output<emitter<Out, Sides...>, T> {
  using type = emitter<Out, Sides..., late_output<T>>;
  static constexpr std::uint32_t late_port = 1 + sizeof...(Sides);
  /// Makes `inner` write to the outputs of `outer`.
  static void connect(outlets<Out, Sides...>& inner, outlets<Out, Sides..., late_output<T>>& outer) {
    inner.node = outer.node;
    if constexpr (!std::is_void_v<Out>) inner.main.connect({&outer.main.target()});
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (std::get<I>(inner.sides).connect({&std::get<I>(outer.sides).target()}), ...);
    }
    (std::index_sequence_for<Sides...>{});
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
/// same time come in the order in which they arrived, which is one and the same where they are of one partition. Until
/// then they wait in the state: they are finished when they do, and what comes of them later is not anchored to them.
/// Late tuples (time + allowed lateness <= stamp) go to the late output.
template <class T, class K, class B>
class ordered_bolt {
  using widened = detail::with_late_output<emitter_of_t<B>, T>;

 public:
  struct waiting {
    event_time time{}, stamp{};
    T value{};
  };
  struct state {
    std::vector<waiting> tuples;  ///< by time
    typename B::state of_bolt{};
  };
  using output = typename widened::type;
  static constexpr std::uint32_t late_port = widened::late_port;

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
    if (is_late(out.time(), lateness_, out.stamp())) return emit_late(value, late_reason::time, out);
    if (is_late(out.time(), lateness_, detail::judged_stamp(out))) return emit_late(value, late_reason::woke, out);
    const auto behind = [](event_time time, const waiting& w) { return time < w.time; };
    s.tuples.insert(std::upper_bound(s.tuples.begin(), s.tuples.end(), out.time(), behind),
                    {out.time(), out.stamp(), value});
    await(s, t);
  }
  void on_timer(const K& key, event_time due, state& s, timers& t, output& out) {
    connect(out);
    const auto now = shifted_back(due, lateness_);
    // One call, one tuple: should it fail, it is the one to blame.
    if (!s.tuples.empty() && s.tuples.front().time <= now) {
      if (t.tag() != release) t.repeat();  // before the call, which may move it
      const waiting first = std::move(s.tuples.front());
      s.tuples.erase(s.tuples.begin());
      call(s, t, out, first.time, std::max(first.time, first.stamp),
           [&](const auto& c) { c.process(first.value, typename signature<decltype(&B::process)>::args{}); });
      return await(s, t);
    }
    if constexpr (has_timers<B>)
      if (t.tag() != release)
        call(s, t, out, now, out.stamp() == due ? now : out.stamp(),
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
  static constexpr std::uint64_t release = timers::own_tag;

  void await(const state& s, timers& t) const {
    if (!s.tuples.empty()) t.changes().push_back({release, shifted(s.tuples.front().time, lateness_), false});
  }
  void connect(output& out) {
    if (!std::exchange(connected_, true)) widened::connect(outlets_, out.all_outlets());
  }
  template <class F>
  void call(state& s, timers& t, output& out, event_time time, event_time stamp, F f) {
    call_frame& frame = out.frame();
    const auto time_before = std::exchange(frame.time, time), stamp_before = std::exchange(frame.stamp, stamp);
    emitter_of_t<B> inner{outlets_, frame};
    inner_timers_.begin(t.tag(), time);
    inner_timers_.changes().clear();
    f(detail::inner_call<B>{bolt_, s.of_bolt, inner_timers_, context_, inner});
    for (auto c : inner_timers_.changes()) {
      c.when = shifted(c.when, lateness_);
      t.changes().push_back(c);
    }
    frame.time = time_before;
    frame.stamp = stamp_before;
  }

  B bolt_;
  event_span lateness_;
  task_context context_;
  typename emitter_of_t<B>::outlets_type outlets_;
  bool connected_ = false;
  timers inner_timers_;
};

}  // namespace freshet
