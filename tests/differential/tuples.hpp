#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>

#include "freshet/base/hash.hpp"

// What travels through the random topologies.
namespace freshet::differential {

/// A tuple: the spout message it descends from, for the words of a failing test, and a digest of all that was done to
/// it on its way, so that a wrong way gives a wrong digest.
struct item {
  std::uint64_t message = 0;
  std::uint64_t digest = 0;
  friend auto operator<=>(const item&, const item&) = default;
};

/// What a node with state has of one key (or, where each task has one state, of one task): how many tuples, and the sum
/// of their digests, which doesn't depend on their order.
struct total {
  std::uint64_t node = 0, key = 0;
  std::uint64_t count = 0, sum = 0;
  friend auto operator<=>(const total&, const total&) = default;
};

/// A new digest that follows from `digest` and from what is done to it.
inline std::uint64_t digest_of(std::uint64_t digest, std::uint64_t what) { return mix64(digest ^ mix64(what + 1)); }

/// Few keys, so that every key has many tuples.
inline std::uint64_t key_of(const item& i) { return mix64(i.digest) % 7; }

}  // namespace freshet::differential
