#pragma once
#include <cstdint>
#include <string_view>

#include "freshet/core/side_output.hpp"
#include "freshet/time/window.hpp"

namespace freshet {

/// A result of one key and window. Its event time is the last in the window (`result_time`); its stamp, where time
/// alone has brought it about, is 1 ms less: nothing older follows, and it isn't late itself.
template <class K, class V>
struct windowed {
  using key_type = K;
  using value_type = V;
  K key{};
  V value{};
  freshet::window window{};
  std::uint32_t pane = 0;  ///< how many results of the window came before it
  bool is_final = true;    ///< no other result of the window follows
};

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

/// Sends the tuple in process to the late output, and counts it.
template <class T, class Emitter>
void emit_late(const T& value, late_reason why, Emitter& out) {
  out.template emit<late_output<T>>({value, out.time(), out.stamp(), why});
  auto& frame = out.frame();
  if (frame.flags.failed) return;
  ++(why == late_reason::woke ? frame.woke_behind : frame.late);
}

}  // namespace freshet
