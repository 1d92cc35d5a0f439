#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "freshet/core/state_slot.hpp"

namespace freshet {

/// What was found of a state that a checkpoint has in another layout.
struct ways_back {
  /// How many ways are tried: 13 types that have changed at once, each of its own.
  static constexpr std::size_t most = 10'000;
  std::optional<older_types> found{};  ///< the one with the fewest steps; none: none fits
  bool are_too_many = false;
};

/// Looks for those types that, taken as what they were before their `migrate`, give the layout `was`. Never none of
/// them: that is for the caller to look at.
ways_back find_way_back(const any_state& state, std::string_view was);

}  // namespace freshet
