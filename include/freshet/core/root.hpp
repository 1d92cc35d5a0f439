#pragma once
#include <cstdint>

namespace freshet {

/// Names the spout message a tuple descends from: a ledger slot (22 bits, unique in the run) and the message's index
/// in that slot (10 bits). Slot 0 is never handed out, so a zero root means "descends from no message" (unrooted).
struct root {
  static constexpr std::uint32_t index_bits = 10;
  static constexpr std::uint32_t messages_per_slot = 1u << index_bits;
  static constexpr std::uint32_t slot_limit = (1u << (32 - index_bits)) - 1;  ///< the last slot marks several roots

  std::uint32_t bits = 0;

  constexpr root() = default;
  constexpr root(std::uint32_t slot, std::uint32_t index) : bits(slot << index_bits | index) {}
  constexpr std::uint32_t slot() const { return bits >> index_bits; }
  constexpr std::uint32_t index() const { return bits & (messages_per_slot - 1); }
  constexpr explicit operator bool() const { return bits != 0; }

  /// A tuple anchored on several messages: `index` is the place of its list in the batch's side array.
  static constexpr root several(std::uint32_t index) { return {slot_limit, index}; }
  constexpr bool is_several() const { return slot() == slot_limit; }

  friend constexpr bool operator==(root, root) = default;
};

}  // namespace freshet
