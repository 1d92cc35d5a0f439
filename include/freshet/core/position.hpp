#pragma once
#include <compare>
#include <cstdint>

#include "freshet/base/ids.hpp"

namespace freshet {

/// Where a message stands in its partition of a spout: the half-open extent [offset, next). Offsets may have gaps and
/// may be wide: a line at bytes 100 to 120 is {p, 100, 121}, and a Kafka message after a compacted one starts behind
/// its predecessor's `next`. `next` is where reading goes on, so committing a position commits all up to `next`.
struct position {
  partition_id partition = 0;
  std::uint64_t offset = 0;
  std::uint64_t next = 0;

  /// By partition, then offset, then next: the order of emission within a partition.
  friend constexpr auto operator<=>(const position&, const position&) = default;
};

/// All messages of a partition whose offset is in [from, to).
struct position_range {
  partition_id partition = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;

  constexpr bool empty() const noexcept { return from >= to; }
  /// True when the message at `p` starts in the range.
  constexpr bool contains(const position& p) const noexcept {
    return p.partition == partition && p.offset >= from && p.offset < to;
  }

  friend constexpr auto operator<=>(const position_range&, const position_range&) = default;
};

}  // namespace freshet
