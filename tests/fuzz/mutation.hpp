#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "freshet/base/random.hpp"

namespace freshet::fuzz {

/// No input gets longer.
inline constexpr std::size_t most_input_bytes = std::size_t{1} << 16;

/// One of the seeds, changed a few times: bits flipped, numbers replaced by those at which mistakes are made, bytes
/// taken out, put in, cut off, repeated, and the end of another seed put behind the beginning of this. REQUIRES: a
/// seed.
std::string mutated(const std::vector<std::string>& seeds, random_source& random);

}  // namespace freshet::fuzz
