#pragma once
#include <cstddef>
#include <span>

#include "freshet/core/keyed_type.hpp"

namespace freshet {

/// About how much memory the entries of tables own elsewhere, without ever looking at all of them at once: each call
/// looks at some slots, and gives what the last whole round has found, or more where this one has already. Not thread
/// safe.
class owned_memory {
 public:
  std::size_t look(std::span<const slot_table> tables, const keyed_type& type);

 private:
  std::size_t table_ = 0, slot_ = 0;  // where the round goes on
  std::size_t bytes_ = 0, round_before_ = 0;
};

}  // namespace freshet
