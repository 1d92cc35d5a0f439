#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "freshet/base/event_time.hpp"

namespace freshet::detail {

/// What a heap of timers holds of one: enough to compare, and the slot where the rest is.
struct timer_entry {
  event_time time;
  std::uint64_t order;  ///< of setting: unique
  std::uint32_t hash;   ///< the high half of the key's hash
  std::uint32_t slot;

  /// By time, then key, then order of setting.
  friend bool operator<(const timer_entry& a, const timer_entry& b) noexcept {
    if (a.time != b.time) return a.time < b.time;
    return a.hash != b.hash ? a.hash < b.hash : a.order < b.order;
  }
};

/// The least entry on top, four children a node: half the levels of a binary heap, and the children lie side by side
/// (LaMarca and Ladner, "The influence of caches on the performance of heaps", ACM JEA 1996). Not thread safe.
class timer_heap {
 public:
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t capacity() const noexcept { return entries_.capacity(); }
  /// REQUIRES: !empty(), for both.
  const timer_entry& top() const noexcept { return entries_.front(); }
  void pop() noexcept;
  void push(const timer_entry& e);
  /// Keeps the entries for which `keep(entry)`, in linear time.
  template <class F>
  void retain(F&& keep) {
    std::erase_if(entries_, [&](const timer_entry& e) { return !keep(e); });
    for (std::size_t at = entries_.size() / 4 + 1; at-- != 0;)
      if (at < entries_.size()) sink(at, timer_entry(entries_[at]));
  }
  const std::vector<timer_entry>& entries() const noexcept { return entries_; }

 private:
  /// Puts `e` at `at` or below, where it is less than all under it.
  void sink(std::size_t at, const timer_entry& e) noexcept;
  std::vector<timer_entry> entries_;
};

/// Finds slots by hash: open addressing with linear probing. The hash stands beside the slot, so that what isn't meant
/// is passed over, moved and spread anew without a look at what the slot holds. Not thread safe.
class slot_index {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// The slot with this hash for which `is(slot)`; `none`.
  template <class F>
  std::uint32_t find(std::uint32_t hash, F&& is) const {
    if (cells_.empty()) return none;
    for (std::size_t at = hash & mask(); cells_[at].slot != none; at = (at + 1) & mask())
      if (cells_[at].hash == hash && is(cells_[at].slot)) return cells_[at].slot;
    return none;
  }
  /// REQUIRES: `slot` isn't there.
  void insert(std::uint32_t hash, std::uint32_t slot);
  /// REQUIRES: `slot` is there, under `hash`. Moves what was behind it forward (Knuth, TAOCP 3, 6.4 algorithm R).
  void erase(std::uint32_t hash, std::uint32_t slot);
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return cells_.capacity() * sizeof(cell); }

 private:
  struct cell {
    std::uint32_t hash = 0, slot = none;
  };
  std::size_t mask() const noexcept { return cells_.size() - 1; }
  void place(cell c);
  void grow();
  std::vector<cell> cells_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace freshet::detail
