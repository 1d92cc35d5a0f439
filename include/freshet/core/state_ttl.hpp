#pragma once
#include "freshet/base/time_arithmetic.hpp"

namespace freshet {

/// How long the state of a key is kept after its last use by a tuple. Timers see it and change it, and don't prolong
/// it.
struct state_ttl {
  /// 0: as long as the run. When it is over the key begins anew, with a default constructed state. In event time that
  /// is when a tuple's stamp has reached last use + ttl, whatever the order of keys; its memory is given back some time
  /// after the watermark has. So where nobody has waited for a tuple, as its partition was idle, the state may be gone
  /// that its stamp would still find.
  event_span after{};
  time_domain measured_in = time_domain::event;
};

}  // namespace freshet
