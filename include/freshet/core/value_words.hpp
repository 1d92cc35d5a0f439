#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace freshet {

/// Small plain values travel in two registers. As a struct they would be written to the stack in two halves and copied
/// from there in one piece, which the processor can't forward: a stall of a dozen cycles at every hop, 5 to 10 ns
/// (GCC 12).
template <class T>
inline constexpr bool passed_in_words = std::is_trivially_copyable_v<T> && sizeof(T) <= 16;

/// A small value as the two registers it travels in.
struct value_words {
  std::uint64_t first = 0, second = 0;
};
/// The bytes of `value`, padded with zeros. REQUIRES: passed_in_words<T>.
template <class T>
[[gnu::always_inline]] inline value_words to_words(const T& value) noexcept {
  value_words w;
  std::memcpy(&w.first, &value, sizeof(T) < 8 ? sizeof(T) : 8);
  if constexpr (sizeof(T) > 8) std::memcpy(&w.second, reinterpret_cast<const char*>(&value) + 8, sizeof(T) - 8);
  // Into registers here and now: GCC would make one vector of both words where they are stored side by side later.
  __asm__("" : "+r"(w.first), "+r"(w.second));
  return w;
}
/// Writes the value that `w` stands for to `place`, which has room for a T.
template <class T>
void write_words(void* place, value_words w) noexcept {
  std::memcpy(place, &w.first, sizeof(T) < 8 ? sizeof(T) : 8);
  if constexpr (sizeof(T) > 8) std::memcpy(static_cast<char*>(place) + 8, &w.second, sizeof(T) - 8);
}
/// The value that `to_words` had been given.
template <class T>
T from_words(value_words w) noexcept {
  struct raw {
    alignas(T) unsigned char bytes[sizeof(T)];
  } r;
  write_words<T>(r.bytes, w);
  return std::bit_cast<T>(r);
}

}  // namespace freshet
