#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "freshet/core/position.hpp"

namespace freshet {

/// A tuple that failed for good, with all that is known of it. Codec and equality come by its fields.
struct dead_letter {
  std::string node;  ///< whose code failed
  std::uint32_t task = 0;
  std::string error;
  std::uint32_t attempts = 0;
  std::vector<position> positions;  ///< of the messages it descends from, where the spout names them
  std::string type;                 ///< readable name of the tuple's type; empty where the spout could make no tuple
  std::string bytes;  ///< the tuple, written by its codec; empty where it has none; without a type, what the spout read
};

}  // namespace freshet
