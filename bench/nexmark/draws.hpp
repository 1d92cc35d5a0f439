#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "freshet/base/hash.hpp"
#include "nexmark/short_text.hpp"

// What is left to chance in an event, as functions of the event's number.
namespace freshet::nexmark {

/// The random numbers of event `n`: 16 consecutive ones of splitmix64 (see `mix64`), so that events share none.
class draws {
 public:
  constexpr draws(std::uint64_t key, std::uint64_t n) noexcept : state_(key + n * (most * step)) {}
  /// At most 16 times.
  constexpr std::uint64_t operator()() noexcept { return mix64(state_ += step); }

 private:
  static constexpr std::uint64_t step = 0x9e3779b97f4a7c15u, most = 16;
  std::uint64_t state_;
};

constexpr std::uint32_t low_half(std::uint64_t random) noexcept { return static_cast<std::uint32_t>(random); }
constexpr std::uint32_t high_half(std::uint64_t random) noexcept { return static_cast<std::uint32_t>(random >> 32); }

/// A number in [0, n), without a division; some are likelier than others by n / 2^32. REQUIRES: 0 < n < 2^32.
constexpr std::uint64_t below(std::uint32_t random, std::uint64_t n) noexcept { return random * n >> 32; }

/// `first` if `condition` holds, else `second`; without a jump, which chance would make a costly one.
constexpr std::uint64_t either(bool condition, std::uint64_t first, std::uint64_t second) noexcept {
  return second ^ ((first ^ second) & (0 - std::uint64_t{condition}));
}

namespace detail {
constexpr auto make_prices() {
  constexpr std::size_t steps = 512;
  constexpr double ratio = 1.0273507681793026;  // 10 ^ (6 / 512)
  std::array<std::uint32_t, steps + 1> prices{};
  double at = 100;
  for (auto& price : prices) {
    price = static_cast<std::uint32_t>(at + 0.5);
    at *= ratio;
  }
  return prices;
}
inline constexpr auto prices = make_prices();
}  // namespace detail

/// A price in cents, from 1 to 1,000,000 dollars, each factor of ten as likely as the other five: 100 * 10^(6u), read
/// off a table with straight lines between its entries, because a power takes longer than the rest of a bid.
constexpr std::uint64_t price_of(std::uint32_t random) noexcept {
  const std::size_t at = random >> 23;
  const std::uint64_t from = detail::prices[at], to = detail::prices[at + 1];
  return from + ((to - from) * (random & 0x7fffff) >> 23);
}

/// Eight letters, "a" to "p", or the first `size` of them.
constexpr short_text<8> letters(std::uint64_t random, std::size_t size = 8) noexcept {
  const std::uint64_t all = (random & 0x0f0f0f0f0f0f0f0fu) + 0x6161616161616161u;
  const std::uint64_t every = ~std::uint64_t{0};
  if (size == 0) return {};
  const auto unused = 64 - 8 * std::min<std::size_t>(size, 8);
  const auto kept = std::endian::native == std::endian::little ? every >> unused : every << unused;
  return {std::bit_cast<std::array<char, 8>>(all & kept)};
}

/// From `least` to `most` letters. REQUIRES: least <= most <= Capacity, a multiple of 8.
template <std::size_t Capacity>
constexpr short_text<Capacity> some_letters(draws& next, std::size_t least, std::size_t most) noexcept {
  static_assert(Capacity % 8 == 0);
  std::size_t left = least + below(high_half(next()), most - least + 1);
  std::array<short_text<8>, Capacity / 8> pieces;
  for (auto& piece : pieces) {
    piece = letters(next(), left);
    left -= std::min<std::size_t>(left, 8);
  }
  return std::bit_cast<short_text<Capacity>>(pieces);
}

}  // namespace freshet::nexmark
