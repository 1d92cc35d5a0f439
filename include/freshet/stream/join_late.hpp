#pragma once
#include <algorithm>
#include <optional>

#include "freshet/core/call_frame.hpp"
#include "freshet/stream/windowed.hpp"

namespace freshet {

/// Name the late outputs of an operator that reads `L` on its left and `R` on its right.
template <class L>
struct left_late : side_output<late_tuple<L>, "left_late"> {};
template <class R>
struct right_late : side_output<late_tuple<R>, "right_late"> {};

namespace detail {
/// By what a tuple of a join is judged: its own stamp, or for one whose partition's idleness has cut it off, what was
/// settled without it.
template <class Emitter>
event_time settled_stamp(const Emitter& out) {
  return std::max(out.stamp(), out.frame().watermark);
}
/// Sends the tuple in process to the late output `Tag`, and counts it.
template <class Tag, class T, class Emitter>
void emit_late_as(const T& value, late_reason why, Emitter& out) {
  out.template emit<Tag>({value, out.time(), out.stamp(), why});
  auto& frame = out.frame();
  if (frame.flags.failed) return;
  ++(why == late_reason::woke ? frame.woke_behind : frame.late);
}
/// Whether the tuple in process is too late by its own time, and sent to the late output `Tag`.
template <class Tag, class T, class Emitter>
bool went_late(const T& value, event_span allowed_lateness, Emitter& out) {
  if (!is_late(out.time(), allowed_lateness, settled_stamp(out))) return false;
  const bool itself = is_late(out.time(), allowed_lateness, out.stamp());
  emit_late_as<Tag>(value, itself ? late_reason::time : late_reason::woke, out);
  return true;
}
}  // namespace detail

}  // namespace freshet
