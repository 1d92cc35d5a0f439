#include "freshet/base/hash.hpp"

namespace freshet::detail {

std::uint64_t xxh_stripes(const unsigned char*& at, std::size_t size) noexcept {
  std::uint64_t lanes[4] = {xxh_prime_1 + xxh_prime_2, xxh_prime_2, 0, 0 - xxh_prime_1};
  for (std::size_t stripes = size / 32; stripes != 0; --stripes) {
    for (auto& lane : lanes) {
      lane = xxh_round(lane, load_little<std::uint64_t>(at));
      at += 8;
    }
  }
  std::uint64_t merged =
      std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
  for (const auto lane : lanes) merged = (merged ^ xxh_round(0, lane)) * xxh_prime_1 + xxh_prime_4;
  return merged;
}

}  // namespace freshet::detail
