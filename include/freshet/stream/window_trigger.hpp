#pragma once
#include <cstdint>
#include <functional>
#include <type_traits>

#include "freshet/time/window.hpp"

namespace freshet {

/// What a trigger wants of a window, in Flink's words.
enum class firing : std::uint8_t {
  none,            ///< nothing yet
  fire,            ///< a result; what the window has gathered stays, unless its panes are discarding
  purge,           ///< the window is forgotten: what it has gathered, and that it was there
  fire_and_purge,  ///< a result, which is final, and the window is forgotten
};

/// A window as its trigger sees it when a tuple has been added.
struct trigger_view {
  std::uint64_t tuples = 0;  ///< since its last result, this one among them
  std::uint32_t pane = 0;    ///< how many results it has given
  freshet::window window{};
  event_time time{};   ///< the tuple's
  event_time stamp{};  ///< from `window.end` on, the tuple is late and within the allowed lateness
};

/// The trigger of windows that are given none: `early_results::every_tuples`.
struct every_tuples {
  std::uint64_t count = 0;  ///< 0: never
  template <class T>
  firing operator()(const T&, const trigger_view& v) const {
    return count != 0 && v.tuples >= count ? firing::fire : firing::none;
  }
};

namespace wiring {
/// The trigger answers, and keeps nothing of its own.
template <class Trigger, class Given>
struct check_trigger {
  static constexpr bool ok = std::is_invocable_r_v<firing, const Trigger&, const Given&, const trigger_view&>;
  static_assert(ok,
                "a trigger is  firing f(const T& value, const trigger_view&),  callable on a const object: it keeps "
                "nothing of its own, what it knows of the window is in the view");
};
}  // namespace wiring

}  // namespace freshet
