#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace freshet {

/// The hash functions of this header are a data format: key groups, and so every checkpoint, follow from them. They
/// never change for a given version, on no platform; a change of any of them is a new number.
inline constexpr std::uint32_t hash_version = 1;

/// A bijection of 64-bit numbers in which every bit of `x` reaches every bit of the result: the finaliser of
/// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). Maps 0 to 0.
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

namespace detail {

/// XXH64's primes and steps, by the names of its specification (doc/xxhash_spec.md of Cyan4973/xxHash).
inline constexpr std::uint64_t xxh_prime_1 = 0x9e3779b185ebca87u;
inline constexpr std::uint64_t xxh_prime_2 = 0xc2b2ae3d27d4eb4fu;
inline constexpr std::uint64_t xxh_prime_3 = 0x165667b19e3779f9u;
inline constexpr std::uint64_t xxh_prime_4 = 0x85ebca77c2b2ae63u;
inline constexpr std::uint64_t xxh_prime_5 = 0x27d4eb2f165667c5u;

constexpr std::uint64_t xxh_round(std::uint64_t lane, std::uint64_t input) noexcept {
  return std::rotl(lane + input * xxh_prime_2, 31) * xxh_prime_1;
}

/// Loads a little-endian number from any address.
template <class T>
T load_little(const unsigned char* from) noexcept {
  T v;
  std::memcpy(&v, from, sizeof v);
  if constexpr (std::endian::native == std::endian::big) {
    T swapped = 0;
    for (std::size_t i = 0; i < sizeof v; ++i) swapped = static_cast<T>(swapped << 8 | (v >> (8 * i) & 0xff));
    return swapped;
  }
  return v;
}

/// The lanes of XXH64 over all whole 32-byte stripes, merged; moves `at` behind them. REQUIRES: size >= 32.
std::uint64_t xxh_stripes(const unsigned char*& at, std::size_t size) noexcept;

}  // namespace detail

/// Hashes bytes: XXH64 with seed 0. Inline up to 31 bytes, because keys are words: 3 to 5 ns for those up
/// to 16, measured in a loop over a thousand words.
inline std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept {
  using namespace detail;
  auto* at = static_cast<const unsigned char*>(data);
  const std::uint64_t start = size >= 32 ? xxh_stripes(at, size) : xxh_prime_5;
  std::uint64_t h = start + size;
  std::size_t left = size % 32;
  for (; left >= 8; left -= 8, at += 8)
    h = std::rotl(h ^ xxh_round(0, load_little<std::uint64_t>(at)), 27) * xxh_prime_1 + xxh_prime_4;
  if (left >= 4) {
    h = std::rotl(h ^ load_little<std::uint32_t>(at) * xxh_prime_1, 23) * xxh_prime_2 + xxh_prime_3;
    left -= 4;
    at += 4;
  }
  for (; left != 0; --left, ++at) h = std::rotl(h ^ *at * xxh_prime_5, 11) * xxh_prime_1;
  h = (h ^ h >> 33) * xxh_prime_2;
  h = (h ^ h >> 29) * xxh_prime_3;
  return h ^ h >> 32;
}

}  // namespace freshet
