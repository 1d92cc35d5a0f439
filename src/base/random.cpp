#include "freshet/base/random.hpp"

#include <cmath>
#include <random>

#include "freshet/base/hash.hpp"

namespace freshet {

random_source::random_source(std::uint64_t seed) noexcept {
  for (auto& word : state_) word = mix64(seed += 0x9e3779b97f4a7c15u);  // splitmix64: never four zeros
}

std::uint64_t random_source::below(std::uint64_t n) noexcept {
  __extension__ using uint128 = unsigned __int128;
  uint128 product = static_cast<uint128>((*this)()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t uneven = (0 - n) % n;  // 2^64 mod n: as many low halves would make some results likelier
    while (static_cast<std::uint64_t>(product) < uneven) product = static_cast<uint128>((*this)()) * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double random_source::exponential(double mean) noexcept { return -mean * std::log1p(-uniform01()); }

std::uint64_t system_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace freshet
