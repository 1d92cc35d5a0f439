#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/result.hpp"

// What the fuzz targets share. A target is a file x_fuzz.cpp with LLVMFuzzerTestOneInput and seeds(): it reads bytes
// that may be anything, and ends the process where something does not hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace freshet::fuzz {

/// An input that was written from real values: what mutations begin with.
struct seed {
  std::string name;  ///< of its file
  std::string bytes;
};
/// Those of the target, which has to define it.
std::vector<seed> seeds();

/// Says what does not hold and aborts: whoever runs the target then keeps the input.
[[noreturn]] void fail(std::string_view what);
inline void check(bool holds, std::string_view what) {
  if (!holds) fail(what);
}
/// Damage is told as such, and where: the message has `name` in it.
void check_says(const error& why, std::string_view name);

inline std::string_view view_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// While it lives, the heap may not grow by more than so many bytes: a length in the input that is believed would make
/// it. One at a time, of the thread that makes it; where the C library doesn't say how large a block is, it sees
/// nothing.
class memory_bound {
 public:
  explicit memory_bound(std::size_t bytes) noexcept;
  memory_bound(const memory_bound&) = delete;
  memory_bound& operator=(const memory_bound&) = delete;
  ~memory_bound();
};

}  // namespace freshet::fuzz
