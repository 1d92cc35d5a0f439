#include "freshet/core/owned_memory.hpp"

#include <algorithm>
#include <utility>

namespace freshet {

namespace {
constexpr std::size_t slots_a_look = 512;
}

std::size_t owned_memory::look(std::span<const slot_table> tables, const keyed_type& type) {
  for (std::size_t left = slots_a_look; left > 0;) {
    const auto& t = tables[table_];
    const auto from = slot_, end = std::max(from, std::min(t.capacity(), from + left));
    for (; slot_ < end; ++slot_)
      if (t.is_taken(slot_)) bytes_ += type.owned_bytes(t.at(slot_));
    left -= std::min(left, slot_ - from + 1);
    if (slot_ < t.capacity()) break;
    slot_ = 0;
    if (++table_ < tables.size()) continue;
    table_ = 0;
    round_before_ = std::exchange(bytes_, 0);
    return round_before_;
  }
  return std::max(round_before_, bytes_);
}

}  // namespace freshet
