#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "freshet/core/call_frame.hpp"
#include "freshet/core/side_output.hpp"
#include "freshet/time/window.hpp"

namespace freshet {

/// Why a tuple was too late.
enum class late_reason : std::uint8_t {
  window,  ///< its partition's watermark had passed the end of all its windows, and the allowed lateness, before it
  time,    ///< its partition's watermark had passed its own time, and the allowed lateness, before it
  woke,    ///< not late by itself: its partition had been idle, and the others did not wait for it
};
std::string_view to_string(late_reason) noexcept;

/// A tuple that came too late, as the late output of its operator gives it.
template <class T>
struct late_tuple {
  T value{};
  event_time time{};
  event_time stamp{};  ///< the watermark of its partition just before it
  late_reason reason = late_reason::window;
};
/// Names the late output of an operator that reads `T`.
template <class T>
struct late_output : side_output<late_tuple<T>, "late"> {};
/// Name the late outputs of an operator that reads `L` on its left and `R` on its right.
template <class L>
struct left_late : side_output<late_tuple<L>, "left_late"> {};
template <class R>
struct right_late : side_output<late_tuple<R>, "right_late"> {};

/// By what a tuple is judged: its own stamp, or for one whose partition's idleness has cut it off, what was settled
/// without it.
template <class Emitter>
event_time judged_stamp(const Emitter& out) {
  return std::max(out.stamp(), out.frame().watermark);
}
/// What the late output of an operator that reads `T` gives of one: the tuple itself.
template <class T>
struct late_value {
  using type = T;
  static const T& of(const T& value) { return value; }
};
template <class T>
using late_output_of = late_output<typename late_value<T>::type>;

/// Sends the tuple in process to the late output `Tag`, and counts it.
template <class Tag, class T, class Emitter>
void emit_late(const T& value, late_reason why, Emitter& out) {
  out.template emit<Tag>({late_value<T>::of(value), out.time(), out.stamp(), why});
  auto& frame = out.frame();
  if (frame.flags.failed) return;
  ++(why == late_reason::woke ? frame.woke_behind : frame.late);
}
/// Whether the tuple in process is too late by its own time, and sent to the late output `Tag`. For bolts of your own,
/// too: one that lists `late_output<T>` in its emitter begins with
///     if (went_late<late_output<T>>(value, lateness, out)) return;
template <class Tag, class T, class Emitter>
bool went_late(const T& value, event_span allowed_lateness, Emitter& out) {
  if (!is_late(out.time(), allowed_lateness, judged_stamp(out))) return false;
  const bool itself = is_late(out.time(), allowed_lateness, out.stamp());
  emit_late<Tag>(value, itself ? late_reason::time : late_reason::woke, out);
  return true;
}

}  // namespace freshet
