#pragma once
#include <algorithm>
#include <type_traits>
#include <utility>

#include "freshet/core/input_loop.hpp"
#include "freshet/core/keyed_call.hpp"
#include "freshet/core/timed_state.hpp"

namespace freshet {

namespace detail {
/// `on_timer(const Key&, event_time, ...)` as a function of a timer.
template <auto Method>
struct timer_method {
  template <class B, class K, class... A>
  decltype(auto) operator()(B& b, const timer<K>& t, A&&... a) const {
    return (b.*Method)(t.key, t.time, std::forward<A>(a)...);
  }
};
/// What it takes, for a timer in place of key and time.
template <class K, class L>
struct timer_parameters {
  using key = void;
  using type = parameter_list<const timer<K>&>;
};
template <class K, class A0, class A1, class... A>
struct timer_parameters<K, parameter_list<A0, A1, A...>> {
  using key = A0;
  using time = A1;
  using type = parameter_list<const timer<K>&, A...>;
};
struct key_of_timer {
  template <class K>
  const K& operator()(const timer<K>& t) const {
    return t.key;
  }
};
}  // namespace detail

namespace wiring {
/// The bolt's timers can be told of their keys.
template <class Bolt, class Key>
struct check_on_timer {
  using parameters = freshet::detail::timer_parameters<Key, typename signature<decltype(&Bolt::on_timer)>::args>;
  static consteval bool takes_both() {
    if constexpr (requires { typename parameters::time; })
      return std::is_convertible_v<const Key&, typename parameters::key> &&
             std::is_convertible_v<event_time, typename parameters::time>;
    else return false;
  }
  static constexpr bool ok = takes_both();
  static_assert(ok,
                "on_timer needs the key and the time first:  void on_timer(const Key&, event_time, state&, timers&, "
                "emitter<Out>&)  (see Key above)");
};
}  // namespace wiring

/// Makes tuples of a keyed bolt's timers, read by `on_timer`: with everything that holds for tuples, failures and full
/// outboxes among it. Those in one batch are of different keys: as a call reaches the timers of its own key only, what
/// one does can't concern the others.
template <class B, class K>
class timer_reader final : public any_timer_reader {
  using parameters = detail::timer_parameters<K, typename signature<decltype(&B::on_timer)>::args>;
  using call =
      keyed_call<B, timer<K>, detail::timer_method<&B::on_timer>, typename parameters::type, K, detail::key_of_timer>;

 public:
  timer_reader(bolt_task<B>& task, timed_state<K, typename B::state>& state)
      : timers_(state.timers),
        due_({.capacity = call::strip, .times = true}),
        loop_(task, call{&task, &state.states, &state.timers, detail::key_of_timer{}}) {}

  event_time next_time() const override { return timers_.next_time(); }
  any_batch* take_due(event_time watermark) override {
    due_.clear();
    while (!due_.full() && (due_.size() == 0 || timers_.next_time() == due_.time_of(0))) {
      auto t = timers_.take_due(watermark);
      if (!t) break;
      // Equal keys follow one another.
      if (due_.size() && key_equal{}(due_.value(due_.size() - 1).key, t->key)) {
        timers_.put_back(std::move(*t));
        break;
      }
      // No stamp is as large as the tuple's own time: where tuples are judged by themselves, it would be late.
      const auto time = t->time, stamp = std::max(before(time), t->stamp);
      due_.append({}, time, stamp, std::move(*t));
    }
    return due_.size() ? &due_ : nullptr;
  }
  any_reader& reader() override { return loop_; }

 private:
  static event_time before(event_time t) { return t == beginning_of_time ? t : t - event_time::duration{1}; }

  keyed_timers<K>& timers_;
  batch<timer<K>> due_;
  input_loop<timer<K>, call> loop_;
};

}  // namespace freshet
