#pragma once
#include <compare>
#include <cstdint>

#include "freshet/base/ids.hpp"

namespace freshet {

/// Where a tuple comes from: what decides between tuples of one event time where their order matters, whichever of them
/// happens to arrive first. What is emitted in a call has the origin of its tuple.
struct tuple_origin {
  std::uint32_t node = 0;      ///< the spout, or the bolt whose timer it was: its number + 1; 0: neither
  partition_id partition = 0;  ///< of the spout; its task, where it names no positions
  std::uint64_t ordinal = 0;   ///< the message's offset, or how many came before; of a timer, the hash of its key

  friend auto operator<=>(const tuple_origin&, const tuple_origin&) = default;
};

}  // namespace freshet
