#pragma once
#include <cstdint>

namespace freshet {

/// As much as a stable figure takes. Without optimisation, where no figure means anything, a hundredth of it: enough
/// for the tests of the benchmarks' answers.
constexpr std::uint64_t enough(std::uint64_t in_release) {
#ifdef NDEBUG
  return in_release;
#else
  return in_release / 100;
#endif
}

}  // namespace freshet
