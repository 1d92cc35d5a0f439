#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace freshet {

/// The pause before the `nth` repetition (from 1): `first`, doubled for each one behind it, and never more than
/// `longest`.
constexpr std::chrono::nanoseconds doubled_pause(std::chrono::nanoseconds first, std::chrono::nanoseconds longest,
                                                 std::uint32_t nth) {
  const auto doublings = std::min(nth - 1, 62u);
  // Asked of `longest`: so many times `first` may be more than there is.
  if (first.count() > longest.count() >> doublings) return longest;
  return std::chrono::nanoseconds{first.count() << doublings};
}

}  // namespace freshet
