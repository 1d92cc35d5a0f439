#pragma once
#include <algorithm>
#include <type_traits>
#include <utility>

#include "freshet/core/input_loop.hpp"
#include "freshet/core/keyed_call.hpp"

namespace freshet {

namespace detail {
/// `on_timer(const Key&, event_time, ...)`, or `on_processing_timer`, as a function of a timer.
template <auto Method>
struct timer_method {
  template <class B, class Timer, class... A>
  decltype(auto) operator()(B& b, const Timer& t, A&&... a) const {
    return (b.*Method)(t.key, t.time, std::forward<A>(a)...);
  }
};
/// What it takes, for a timer in place of key and time.
template <class Timer, class L>
struct timer_parameters {
  using key = void;
  using type = parameter_list<const Timer&>;
};
template <class Timer, class A0, class A1, class... A>
struct timer_parameters<Timer, parameter_list<A0, A1, A...>> {
  using key = A0;
  using time = A1;
  using type = parameter_list<const Timer&, A...>;
};
struct key_of_timer {
  template <class K>
  const K& operator()(const timer<K>& t) const {
    return t.key;
  }
};
/// The method can be told of the key and the time of a timer.
template <class Key, class Method>
consteval bool takes_timers() {
  using parameters = timer_parameters<timer<Key>, typename signature<Method>::args>;
  if constexpr (requires { typename parameters::time; })
    return std::is_convertible_v<const Key&, typename parameters::key> &&
           std::is_convertible_v<event_time, typename parameters::time>;
  else return false;
}
}  // namespace detail

namespace wiring {
/// The bolt's timers can be told of their keys.
template <class Bolt, class Key>
struct check_on_timer {
  static constexpr bool ok = freshet::detail::takes_timers<Key, decltype(&Bolt::on_timer)>();
  static_assert(ok,
                "on_timer needs the key and the time first:  void on_timer(const Key&, event_time, state&, timers&, "
                "emitter<Out>&)  (see Key above)");
};
/// The same of those that follow the clock.
template <class Bolt, class Key>
struct check_on_processing_timer {
  static constexpr bool ok = freshet::detail::takes_timers<Key, decltype(&Bolt::on_processing_timer)>();
  static_assert(ok,
                "on_processing_timer needs the key and the time first:  void on_processing_timer(const Key&, "
                "event_time, state&, processing_timers&, emitter<Out>&)  (see Key above)");
};
}  // namespace wiring

namespace detail {
/// Makes tuples of a keyed bolt's timers, read by `Method`: with everything that holds for tuples, failures and full
/// outboxes among it. Those in one batch are of different keys: as a call reaches the timers of its own key only, what
/// one does can't concern the others.
template <class B, class K, class Timer, auto Method>
class timer_reader_of : public any_timer_reader {
  using parameters = timer_parameters<Timer, typename signature<decltype(Method)>::args>;
  using call = keyed_call<B, Timer, timer_method<Method>, typename parameters::type, K, key_of_timer>;

 public:
  timer_reader_of(bolt_task<B>& task, timed_state<K, typename B::state>& state, keyed_timers<K>& timers)
      : timers_(timers),
        task_(task),
        due_({.capacity = call::strip, .times = true, .origins = true}),
        loop_(task, call{&task, &state.states, &state, key_of_timer{}}) {}

  event_time next_time() const override { return timers_.next_time(); }
  bool any() const override { return timers_.size() != 0; }
  any_batch* take_due(event_time reached) override {
    due_.clear();
    event_time first{};
    while (!due_.full() && (due_.size() == 0 || timers_.next_time() == first)) {
      auto t = timers_.take_due(reached);
      if (!t) break;
      // Equal keys follow one another.
      if (due_.size() && key_equal{}(due_.value(due_.size() - 1).key, t->key)) {
        timers_.put_back(std::move(*t));
        break;
      }
      first = t->time;
      const auto [time, stamp] = times_of(*t);
      if (task_.frame().keeps_origins) due_.origins()[due_.size()] = {task_.node() + 1, 0, stable_hash<K>::of(t->key)};
      due_.append({}, time, stamp, Timer{std::move(*t)});
    }
    return due_.size() ? &due_ : nullptr;
  }
  any_reader& reader() override { return loop_; }

 protected:
  /// Event time and stamp of what the timer emits.
  virtual std::pair<event_time, event_time> times_of(const timer<K>&) const = 0;
  static event_time before(event_time t) { return t == beginning_of_time ? t : t - event_time::duration{1}; }
  static event_time after(event_time t) { return t >= last_event_time ? t : t + event_time::duration{1}; }

 private:
  keyed_timers<K>& timers_;
  const bolt_task<B>& task_;
  batch<Timer> due_;
  input_loop<Timer, call> loop_;
};
}  // namespace detail

/// Of timers in event time.
template <class B, class K>
class timer_reader final : public detail::timer_reader_of<B, K, timer<K>, &B::on_timer> {
  using base = detail::timer_reader_of<B, K, timer<K>, &B::on_timer>;

 public:
  timer_reader(bolt_task<B>& task, timed_state<K, typename B::state>& state) : base(task, state, state.timers) {}

 private:
  /// No stamp is as large as the tuple's own time: where tuples are judged by themselves, it would be late.
  std::pair<event_time, event_time> times_of(const timer<K>& t) const override {
    return {t.time, std::max(base::before(t.time), t.stamp)};
  }
};

/// Of timers that follow the clock.
template <class B, class K>
class processing_timer_reader final
    : public detail::timer_reader_of<B, K, processing_timer<K>, &B::on_processing_timer> {
  using base = detail::timer_reader_of<B, K, processing_timer<K>, &B::on_processing_timer>;

 public:
  processing_timer_reader(bolt_task<B>& task, timed_state<K, typename B::state>& state)
      : base(task, state, state.processing_timers), frame_(task.frame()) {}

 private:
  /// Event time as far as it has come here: what is emitted is behind no window that has closed.
  std::pair<event_time, event_time> times_of(const timer<K>& t) const override {
    const auto reached = std::min(frame_.watermark, base::before(last_event_time));
    return {reached == beginning_of_time ? t.stamp : std::max(t.stamp, base::after(reached)), reached};
  }
  const call_frame& frame_;
};

}  // namespace freshet
