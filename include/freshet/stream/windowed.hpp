#pragma once
#include <cstdint>

#include "freshet/time/window.hpp"

namespace freshet {

/// A result of one key and window. Its event time is the last in the window (`result_time`); its stamp, where time
/// alone has brought it about, is 1 ms less: nothing older follows, and it isn't late itself.
/// Where windows give several results, with accumulating panes the last one stands for those before it, with discarding
/// panes all of them add up. The windows of a session's results grow with it: a result belongs to the same session as
/// those before it of its key whose windows its own contains; they may be those of several sessions, which have become
/// one. Pane numbers then go on from the largest, so that one may occur twice.
template <class K, class V>
struct windowed {
  using key_type = K;
  using value_type = V;
  K key{};
  V value{};
  freshet::window window{};
  std::uint32_t pane = 0;  ///< how many results of the window came before it
  bool is_final = true;    ///< what the window has gathered is in no other result after it: it has closed, or is purged
};

}  // namespace freshet
