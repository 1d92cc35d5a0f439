#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "freshet/base/event_time.hpp"

namespace freshet {

/// The timers of the key in process: a parameter of `process` and `on_timer` of a keyed bolt that has
///     void on_timer(const Key&, event_time due, state&, timers&, emitter<Out>&)     // or fewer, in any order
/// A timer is due when the watermark has reached its time; the timers of a task are called in the order of their times,
/// and one that is set to a time that has passed is called soon. What `on_timer` emits has the timer's time. Timers
/// are part of the state: they fail, are undone, saved and moved with it. Changes apply when the call returns. When the
/// input ends, so does time, and all timers are called, those too that others set then: one that sets itself again has
/// to stop at some time, or nothing but a `drain_timeout` ends the run. Not thread safe; valid during
/// the call it is handed to.
class timers {
 public:
  /// Sets a timer, known by its time: setting it twice is setting it once.
  void at(event_time when) { note({tag_of(when), when, false}); }
  void cancel(event_time when) { note({tag_of(when), when, true}); }
  /// Sets the timer of this name, or moves it to another time.
  void set(std::uint32_t name, event_time when) { note({tag_of(name), when, false}); }
  void unset(std::uint32_t name) { note({tag_of(name), {}, true}); }
  /// In `on_timer`: it was called for the timer of this name.
  bool is(std::uint32_t name) const { return tag_ == tag_of(name); }

  // --- engine side ---
  struct change {
    std::uint64_t tag;
    event_time when;
    bool erases;
  };
  std::vector<change>& changes() { return changes_; }
  /// A call for the timer with this tag begins, due at `when`.
  void begin(std::uint64_t tag, event_time when) {
    tag_ = tag;
    when_ = when;
  }
  std::uint64_t tag() const { return tag_; }
  /// The timer at hand is to be called once more.
  void repeat() { note({tag_, when_, false}); }
  /// For a timer of the library's own, beside those of a bolt inside.
  static constexpr std::uint64_t own_tag = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 32);

 private:
  void note(const change& c);
  static std::uint64_t tag_of(event_time when) { return static_cast<std::uint64_t>(when.time_since_epoch().count()); }
  /// Names stand where no event can be: in the first milliseconds of time.
  static std::uint64_t tag_of(std::uint32_t name) { return tag_of(beginning_of_time) + name; }
  std::vector<change> changes_;
  std::uint64_t tag_ = own_tag;
  event_time when_{};
};

/// Timers that follow the executor's clock instead of event time: a parameter of `process` and `on_processing_timer` of
/// a keyed bolt that has
///     void on_processing_timer(const Key&, event_time due, state&, processing_timers&, emitter<Out>&)     // or fewer
/// Due when the clock has reached their time; in the batch engine, whose clock stands still during a batch, with the
/// first batch that begins then (a due timer begins one, where the trigger has it so). All else is as with `timers`:
/// when the input ends, the clock does too, and all of them are called. What they emit is never late: its event time is
/// that of the tuple that set the timer, or, where event time has passed that, the first after it.
class processing_timers : public timers {
 public:
  /// The clock (UTC): one and the same during a batch, in the event engine during some microseconds of work.
  event_time now() const { return now_; }

  // --- engine side ---
  void set_now(event_time now) { now_ = now; }

 private:
  event_time now_{};
};

}  // namespace freshet
