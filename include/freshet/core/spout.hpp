#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/error.hpp"
#include "freshet/core/bolt.hpp"
#include "freshet/core/input_loop.hpp"
#include "freshet/core/position.hpp"
#include "freshet/core/range_lost.hpp"

namespace freshet {

/// What a spout says at the end of `poll`.
class poll_status {
 public:
  enum class kind : std::uint8_t { emitted, idle_until, idle, ended };
  using time_point = std::chrono::steady_clock::time_point;
  /// It emitted something, or did work: poll again at once.
  static constexpr poll_status emitted() { return {kind::emitted, {}}; }
  /// Nothing now; poll again at `when` (or earlier, when woken).
  static constexpr poll_status idle_until(time_point when) { return {kind::idle_until, when}; }
  /// Nothing until the waker that `open` handed out is called.
  static constexpr poll_status idle() { return {kind::idle, {}}; }
  /// Nothing ever again.
  static constexpr poll_status ended() { return {kind::ended, {}}; }

  constexpr kind what() const { return kind_; }
  constexpr time_point when() const { return when_; }

 private:
  constexpr poll_status(kind k, time_point t) : kind_(k), when_(t) {}
  kind kind_;
  time_point when_;
};

template <class T>
class spout_task_base;

/// How a spout sends its messages on. A spout that can read again names each message's position; messages emitted
/// under one position in one poll share its fate. Valid during the call it is handed to.
template <class T>
class spout_emitter {
 public:
  using value_type = T;
  /// A message without position: the engine keeps it until it is finished, where the guarantee asks for it.
  void emit(T&& value) { task_->message(nullptr, event_time{}, std::move(value)); }
  void emit(const T& value) { emit(T(value)); }
  void emit(const position& at, T&& value) { task_->message(&at, event_time{}, std::move(value)); }
  void emit(const position& at, const T& value) { emit(at, T(value)); }
  void emit_at(event_time when, T&& value) { task_->message(nullptr, when, std::move(value)); }
  void emit_at(event_time when, const T& value) { emit_at(when, T(value)); }
  void emit_at(const position& at, event_time when, T&& value) { task_->message(&at, when, std::move(value)); }
  void emit_at(const position& at, event_time when, const T& value) { emit_at(at, when, T(value)); }
  /// Both take what can't be a message, to say so.
  template <wiring::not_emitted<T> Given>
  void emit(Given&&) {
    wiring::check_emitted<Given, T>();
  }
  template <wiring::not_emitted<T> Given>
  void emit(const position&, Given&&) {
    wiring::check_emitted<Given, T>();
  }
  /// A message that can't become a `T`: a damaged row, bytes of an unknown format. It counts as a message that failed
  /// for good at its first attempt, as none of the others could do better, and meets the spout's `on_failure`: its dead
  /// letter has position, error and these bytes, and no type. Under exactly_once in the event engine it may come before
  /// the tuples of messages that were emitted before it.
  void reject(const position& at, error why, std::string bytes) {
    task_->reject(&at, std::move(why), std::move(bytes));
  }
  void reject(error why, std::string bytes) { task_->reject(nullptr, std::move(why), std::move(bytes)); }
  /// Whether more of a partition is wanted. Where partitions are aligned (`event_time_options::max_drift`) it is not
  /// while its event time is too far ahead of the slowest one's: a spout that can choose reads the others first, and
  /// says `idle` when they have nothing. It is polled again when that has changed. One that doesn't ask is held back
  /// only where no partition of its task is wanted.
  bool wants(partition_id partition) const {
    auto* clock = task_->frame().clock;
    return !clock || clock->wants(partition);
  }
  /// Nothing more will come of a partition, while others go on: it holds event time back no longer.
  void end(partition_id partition) { task_->end(partition); }
  /// How many more messages the engine would like from this poll. Emitting more is allowed, but memory grows.
  std::size_t room() const { return task_->room(); }

  // --- engine side ---
  explicit spout_emitter(spout_task_base<T>& task) : task_(&task) {}
  spout_emitter(const spout_emitter&) = delete;
  spout_emitter& operator=(const spout_emitter&) = delete;

 private:
  spout_task_base<T>* task_;
};
template <class E>
struct spout_value;
template <class T>
struct spout_value<spout_emitter<T>> {
  using type = T;
};

namespace detail {
template <class S>
consteval auto spout_output() {
  if constexpr (requires { typename signature<decltype(&S::poll)>::args; }) {
    using poll = signature<decltype(&S::poll)>;
    using E = typename first_arg<typename poll::args>::type;
    if constexpr (std::is_convertible_v<typename poll::result, poll_status> &&
                  requires { typename spout_value<E>::type; })
      return std::type_identity<typename spout_value<E>::type>{};
    else return std::type_identity<void>{};
  } else {
    return std::type_identity<void>{};
  }
}
}  // namespace detail
/// What a spout emits: the `T` of the spout_emitter that `poll` takes; void where `S` is no spout.
template <class S>
using spout_output_t = typename decltype(detail::spout_output<S>())::type;

/// An object with `poll_status poll(spout_emitter<T>&)`; optional: `open(context)`, `close()`, `partitions()`,
/// `drain()`.
///
/// Where `poll` throws, it is called again after a pause, and what it had emitted by then counts as emitted: it is to
/// throw between messages, and the next call goes on there. Where one throws within a message, nothing is lost under
/// at_least_once in the event engine, whether the next call emits the rest or, under the same position, the message
/// from its beginning, of which a part comes twice then. The position isn't committed before, and when a tuple fails
/// all of the message is read again. Under exactly_once a part that comes twice counts twice.
///
/// When a run drains or stops, a spout without `drain()` isn't polled any more: what it has not emitted stays where it
/// is, a file or a broker. One that has accepted values from somebody and would lose them has `drain()`: it is called
/// once, between polls, after which the spout accepts nothing and is polled until it says `ended`.
template <class S>
concept spout_class = !std::is_void_v<spout_output_t<S>>;
/// A spout that can emit any of its messages again: what replay, recovery and lineage stand on. `read` emits exactly
/// what lies in a range, under the same positions; it runs between polls and must not disturb them. Where some of that
/// is gone for good it throws `range_lost`; after any other exception it is called again, also for the last message
/// that it had emitted by then, of which there may have been only a part. `seek`, too, throws `range_lost` where
/// messages at or behind the position are gone before they were read; each loss once, as it is called again where the
/// loss is accepted (`on_data_loss::skip`): from the same position, or the loss's end. `commit` is told how far
/// messages are finished, unless a bolt of the topology has state: that goes with the process, and what is in it would
/// not be read again. Where it throws it is called again with the next, and the last time the run ends with its error.
template <class S>
concept replayable_spout = spout_class<S> &&
    requires(S& s, const position& p, const position_range& r, spout_emitter<spout_output_t<S>>& out) {
  s.read(r, out);
  s.seek(p);
  s.commit(p);
};
/// A spout whose offsets alone don't say where it is: they count files, say, and there may be others when the next run
/// goes on. `save` gives what checkpoints are to keep of a partition beside its offset, as bytes of the spout's own:
/// all of it when something has changed since the last call for this partition, else nothing, which stands for what was
/// given then. It is called between polls, with every epoch in which something of the partition was emitted, so it must
/// be cheap while nothing changes; what it throws ends the run.
///
/// In a run that keeps checkpoints (`spout_partition::kept`) `load` is called once for each partition, behind `open`
/// and before the partition's `seek`, with what was given last; empty where nothing is known, and then no `seek` may
/// follow. So `open` leaves to `load` what depends on it.
template <class S>
concept saving_spout = replayable_spout<S> && requires(S& s, partition_id partition, std::string_view saved) {
  { s.save(partition) } -> std::convertible_to<std::string>;
  s.load(partition, saved);
};
/// A spout with named partitions, which the engine deals to its tasks (`task_context::partitions`).
template <class S>
concept partitioned_spout = spout_class<S> && requires(S& s) {
  { s.partitions() } -> std::convertible_to<std::vector<std::string>>;
};

}  // namespace freshet

// What `spout_emitter` stands on: whoever writes a spout needs it too.
#include "freshet/core/spout_task.hpp"
