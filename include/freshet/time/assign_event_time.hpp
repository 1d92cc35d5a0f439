#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/core/passed_value.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/time/clock_policy.hpp"
#include "freshet/time/partition_clock.hpp"

namespace freshet {

/// Settings of event time at its source.
struct event_time_options {
  /// How far behind the largest time seen a tuple may come without being late; not negative. 0 fits times that never go
  /// back, in windows; where tuples are judged one by one (sessions, joins) times that repeat want `ascending`.
  event_span bound{};
  /// A partition that sends nothing for so long doesn't hold the watermark back; 0: it does, however long it takes,
  /// because leaving it out makes late what it sends when it wakes.
  std::chrono::nanoseconds idle_timeout{};
  /// Partitions are aligned: one whose watermark is ahead of the slowest of the spout's, in whatever task, by more than
  /// this is not read for now, so that what waits for the slowest stays little (a poll's messages beyond it). The spout
  /// has to choose, by `spout_emitter::wants`; elsewhere a whole task waits when all it has is ahead. 0: none waits.
  /// One that never sends holds all others, unless it has an idle_timeout or `spout_emitter::end` is called.
  event_span max_drift{};
};

/// The same where a policy says how far time has come.
struct partition_options {
  std::chrono::nanoseconds idle_timeout{};
  event_span max_drift{};
};

/// In place of a function that reads a tuple's time: the time that the spout has given (`emit_at`).
struct time_of_spout {};

namespace detail {
template <class T>
void emit_timed(passed_value<T> value, event_time time, event_time stamp, emitter<T>& out) {
  call_frame& frame = out.frame();
  const auto inherited_time = std::exchange(frame.time, time), inherited_stamp = std::exchange(frame.stamp, stamp);
  std::move(value).emit_to(out);
  frame.time = inherited_time;
  frame.stamp = inherited_stamp;
}
}  // namespace detail

/// The bolt behind `assign_event_time`: gives each tuple its time, and its stamp by the clock of the spout's task.
template <class T, class F, class Policy>
class event_time_bolt {
 public:
  static constexpr bool is_durable = durable<typename Policy::state>;
  event_time_bolt(F time_of, Policy policy, const partition_options& options)
      : time_of_(std::move(time_of)), clock_(std::move(policy), options.idle_timeout, options.max_drift) {}
  void process(passed_value<T> value, emitter<T>& out) {
    const event_time t = nearest_event_time(told_by(value.get(), out.time()));
    detail::emit_timed(std::move(value), t, clock_.stamp(out.frame(), t, value.get()), out);
  }
  event_clock& clock() { return clock_; }

 private:
  event_time told_by(const T& value, event_time given) {
    const bool counts = clock_.takes_given_times(), is_given = counts && given != partition_clock::no_time;
    if constexpr (std::is_same_v<F, time_of_spout>) return is_given || !counts ? given : event_time{};
    else return is_given ? given : event_time{std::invoke(time_of_, value)};
  }

  F time_of_;
  policy_clock<Policy> clock_;
};

/// The same where event time is the executor's clock.
template <class T>
class clock_time_bolt {
 public:
  explicit clock_time_bolt(following_clock clock) : clock_(std::move(clock)) {}
  void process(passed_value<T> value, emitter<T>& out) {
    const auto stamp = clock_.stamp(out.frame());
    detail::emit_timed(std::move(value), shifted(stamp, event_span{1}), stamp, out);
  }
  event_clock& clock() { return clock_; }

 private:
  following_clock clock_;
};

namespace wiring {
/// The function gives a tuple's time.
template <class Function, class Given>
struct check_time {
  static constexpr bool ok =
      std::is_same_v<Function, time_of_spout> || std::is_invocable_r_v<event_time, Function&, const Given&>;
  static_assert(ok,
                "event_time needs a function or a member that gives  freshet::event_time  (UTC, milliseconds) of a "
                "tuple: time_point_cast<milliseconds>() makes one of finer times");
};
/// The policy can follow the stream's times.
template <class Policy, class Given>
struct check_policy {
  static constexpr bool ok = watermark_policy<Policy, Given>;
  static_assert(ok,
                "a watermark policy needs  using state = ...;  state start() const;  and  event_time observe(state&, "
                "event_time) const  or  observe(state&, event_time, const T&) const");
};
}  // namespace wiring

namespace detail {
/// Adds the bolt behind what it reads, in the same task.
template <class T, class B>
stream_ref<T> add_event_time(const stream_ref<T>& in, B bolt, std::string_view written_as,
                             std::vector<std::string> mistakes) {
  topology_builder builder{in.builder_state()};
  bolt_options as_producer;
  std::string name = "event_time";
  if (const auto producer = in.ends()[0].node; producer != stream_end::dead_letters) {
    const node& read = in.builder_state()->nodes[producer];
    as_producer.parallelism = read.parallelism();
    name = read.name + "." + name;
  }
  auto made = builder.bolt(std::move(name), std::move(bolt), as_producer).input(in);
  node& n = in.builder_state()->nodes.back();
  n.written_as = written_as;
  if constexpr (requires { B::is_durable; }) n.state_durable = B::is_durable;
  for (auto& m : mistakes) n.mistakes.push_back(std::move(m));
  return made;
}
}  // namespace detail

/// Gives the tuples of `in` their event times, by `time_of(const T&)` or a pointer to member, and lets `policy` say how
/// far time has come. `in` is a spout's stream, or that of bolts without state chained to it: where tuples have been
/// divided, nobody can say any more in which order their partition had them, and `build()` refuses it. Adds a node
/// named after the one it reads: "lines.event_time". A function that throws fails its tuple; nothing of its task
/// overtakes a message that failed here, or before, and is tried again. Bolts in front must not hold tuples back: the
/// clock takes what comes for a part of the message in process.
///
/// Of a message that is emitted again the time is read again; its stamp is the one it had, once the clock has seen it.
template <class T, class F, class Policy>
stream_ref<T> assign_event_time(const stream_ref<T>& in, F time_of, Policy policy, partition_options options = {}) {
  if constexpr (wiring::check_time<F, T>::ok && wiring::check_policy<Policy, T>::ok) {
    std::vector<std::string> mistakes;
    if constexpr (requires { mistakes_of(policy); }) mistakes = mistakes_of(policy);
    if (options.idle_timeout < std::chrono::nanoseconds{}) mistakes.push_back("has a negative idle_timeout");
    if (options.max_drift < event_span{}) mistakes.push_back("has a negative max_drift");
    event_time_bolt<T, F, Policy> bolt{std::move(time_of), std::move(policy), options};
    return detail::add_event_time(in, std::move(bolt), type_name<Policy>(), std::move(mistakes));
  } else {
    return in;
  }
}
/// The same, where tuples come at most `options.bound` behind the largest time seen.
template <class T, class F>
stream_ref<T> assign_event_time(const stream_ref<T>& in, F time_of, event_time_options options = {}) {
  return assign_event_time(in, std::move(time_of), bounded_out_of_orderness{options.bound},
                           partition_options{options.idle_timeout, options.max_drift});
}
/// The same by the executor's clock.
template <class T>
stream_ref<T> assign_event_time(const stream_ref<T>& in, processing_time by) {
  return detail::add_event_time(in, clock_time_bolt<T>{following_clock{false, by.resolution}},
                                type_name<processing_time>(), mistakes_of(by));
}
template <class T>
stream_ref<T> assign_event_time(const stream_ref<T>& in, ingestion_time by) {
  return detail::add_event_time(in, clock_time_bolt<T>{following_clock{true, by.resolution}},
                                type_name<ingestion_time>(), mistakes_of(by));
}

}  // namespace freshet
