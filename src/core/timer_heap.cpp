#include "freshet/core/timer_heap.hpp"

#include <algorithm>

namespace freshet::detail {

void timer_heap::pop() noexcept {
  const timer_entry last = entries_.back();
  entries_.pop_back();
  if (!entries_.empty()) sink(0, last);
}

void timer_heap::push(const timer_entry& e) {
  entries_.push_back(e);
  std::size_t at = entries_.size() - 1;
  for (; at != 0 && e < entries_[(at - 1) / 4]; at = (at - 1) / 4) entries_[at] = entries_[(at - 1) / 4];
  entries_[at] = e;
}

void timer_heap::sink(std::size_t at, const timer_entry& e) noexcept {
  for (;;) {
    const std::size_t child = at * 4 + 1, end = std::min(child + 4, entries_.size());
    if (child >= end) break;
    const auto least = static_cast<std::size_t>(std::min_element(entries_.begin() + static_cast<std::ptrdiff_t>(child),
                                                                 entries_.begin() + static_cast<std::ptrdiff_t>(end)) -
                                                entries_.begin());
    if (!(entries_[least] < e)) break;
    entries_[at] = entries_[least];
    at = least;
  }
  entries_[at] = e;
}

void slot_index::insert(std::uint32_t hash, std::uint32_t slot) {
  if ((size_ + 1) * 4 > cells_.size() * 3) grow();
  place({hash, slot});
  ++size_;
}

void slot_index::erase(std::uint32_t hash, std::uint32_t slot) {
  std::size_t gap = hash & mask();
  while (cells_[gap].slot != slot) gap = (gap + 1) & mask();
  for (std::size_t at = (gap + 1) & mask(); cells_[at].slot != none; at = (at + 1) & mask()) {
    const std::size_t home = cells_[at].hash & mask();
    if (((at - home) & mask()) < ((at - gap) & mask())) continue;
    cells_[gap] = cells_[at];
    gap = at;
  }
  cells_[gap] = {};
  --size_;
}

void slot_index::place(cell c) {
  std::size_t at = c.hash & mask();
  while (cells_[at].slot != none) at = (at + 1) & mask();
  cells_[at] = c;
}

void slot_index::grow() {
  std::vector<cell> old(std::max<std::size_t>(8, cells_.size() * 2));
  old.swap(cells_);
  for (const auto& c : old)
    if (c.slot != none) place(c);
}

}  // namespace freshet::detail
