#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "freshet/base/event_time.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet {

/// A hash table from keys to states: open addressing with linear probing in a power of two of slots, one tag byte a
/// slot behind them (0: empty). A look-up compares eight tags at once, from the key's home slot on ("SIMD within a
/// register", Hacker's Delight 6-1), and then mostly one slot; `prefetch` can fetch both ahead. References stay valid
/// until the next insertion or erasure. Not thread safe.
template <class K, class S>
class state_table {
 public:
  struct entry {
    K key;
    S value;
  };
  state_table() = default;
  state_table(state_table&& other) noexcept
      : entries_(std::exchange(other.entries_, nullptr)),
        tags_(std::exchange(other.tags_, nullptr)),
        mask_(std::exchange(other.mask_, 0)),
        size_(std::exchange(other.size_, 0)),
        marks_(std::move(other.marks_)),
        used_(std::move(other.used_)) {}
  state_table& operator=(state_table&& other) noexcept {
    std::swap(entries_, other.entries_);
    std::swap(tags_, other.tags_);
    std::swap(mask_, other.mask_);
    std::swap(marks_, other.marks_);
    std::swap(used_, other.used_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~state_table() { destroy(); }

  std::size_t size() const { return size_; }
  std::size_t bytes() const {
    return entries_ ? bytes_of(mask_ + 1) + (used_ ? capacity() * sizeof(event_time) : 0) : 0;
  }
  /// Slots: a power of two, 0 before the first insertion.
  std::size_t capacity() const { return entries_ ? mask_ + 1 : 0; }

  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const {
    if (!entries_) return;
    __builtin_prefetch(&tags_[hash & mask_]);
    __builtin_prefetch(&entries_[hash & mask_], 1);
    if (marks_) __builtin_prefetch(&marks_[hash & mask_], 1);
  }
  template <class Q>
  [[gnu::always_inline]] entry* find(const Q& key, std::uint64_t hash) {
    if (!entries_) [[unlikely]]
      return nullptr;
    const auto wanted = every_byte * tag_of(hash);
    for (std::size_t home = hash & mask_;; home = (home + tags_at_once) & mask_) {
      const auto tags = detail::load_little<std::uint64_t>(tags_ + home);
      for (auto found = zero_bytes(tags ^ wanted); found; found &= found - 1) {
        entry* e = &entries_[(home + static_cast<std::size_t>(std::countr_zero(found)) / 8) & mask_];
        if (key_equal{}(e->key, key)) [[likely]]
          return e;
      }
      if (zero_bytes(tags)) return nullptr;
    }
  }
  /// The entry of `key`, with a default constructed state if it was missing (`inserted`).
  template <class Q>
  std::pair<entry*, bool> find_or_insert(const Q& key, std::uint64_t hash) {
    if (auto* e = find(key, hash)) [[likely]]
      return {e, false};
    return {insert(key, hash), true};
  }
  /// REQUIRES: `key` is missing.
  template <class Q>
  [[gnu::noinline]] entry* insert(const Q& key, std::uint64_t hash) {
    if ((size_ + 1) * 4 > capacity() * 3) grow();
    std::size_t i = hash & mask_;
    while (tags_[i]) i = (i + 1) & mask_;
    ::new (static_cast<void*>(&entries_[i])) entry{K(key), S{}};
    set_tag(i, tag_of(hash));
    if (marks_) marks_[i] = 0;
    if (used_) used_[i] = beginning_of_time;
    ++size_;
    return &entries_[i];
  }
  template <class Q>
  bool erase(const Q& key, std::uint64_t hash) {
    entry* e = find(key, hash);
    if (!e) return false;
    close_gap(static_cast<std::size_t>(e - entries_));
    --size_;
    return true;
  }
  template <class F>
  void for_each(F&& f) {
    for (std::size_t i = 0; i < capacity(); ++i)
      if (tags_[i]) f(entries_[i]);
  }
  /// Some entry, another one for another `slot`; null where there is none.
  const entry* near(std::size_t slot) const {
    if (size_ == 0) return nullptr;
    for (slot &= mask_; !tags_[slot];) slot = (slot + 1) & mask_;
    return &entries_[slot];
  }
  /// Marks an entry with a number, 0 for none, and gives the one that it had. Marks take a byte a slot from the first
  /// one on.
  std::uint8_t mark(const entry* e, std::uint8_t number) {
    if (!marks_) [[unlikely]]
      marks_ = std::make_unique<std::uint8_t[]>(capacity());
    return std::exchange(marks_[static_cast<std::size_t>(e - entries_)], number);
  }
  /// 0 where it never was.
  std::uint8_t mark_of(const entry* e) const { return marks_ ? marks_[static_cast<std::size_t>(e - entries_)] : 0; }
  void clear_marks() { marks_.reset(); }
  /// When an entry was last used, as the caller says; the beginning of time for a new one. Takes 8 bytes a slot from
  /// the first question on.
  event_time& used(const entry* e) {
    if (!used_) [[unlikely]] {
      used_ = std::make_unique<event_time[]>(capacity());
      std::fill_n(used_.get(), capacity(), beginning_of_time);
    }
    return used_[static_cast<std::size_t>(e - entries_)];
  }
  /// Calls `f(const entry&)` for the entries in `n` slots from `from` on. Gives the slot to go on with.
  template <class F>
  std::size_t for_some(std::size_t from, std::size_t n, F&& f) const {
    for (; n > 0 && from < capacity(); --n, ++from)
      if (tags_[from]) f(std::as_const(entries_[from]));
    return from;
  }
  /// Erases, of `n` slots from `from` on, the entries for which `f(const entry&)` says so. Gives the slot to go on
  /// with.
  template <class F>
  std::size_t erase_some(std::size_t from, std::size_t n, F&& f) {
    for (; n > 0 && from < capacity(); --n) {
      if (tags_[from] && f(std::as_const(entries_[from]))) {
        close_gap(from);  // another entry may stand here now
        --size_;
      } else {
        ++from;
      }
    }
    return from;
  }

 private:
  static constexpr std::size_t tags_at_once = 8;
  static constexpr std::uint64_t every_byte = 0x0101010101010101u;
  /// 0x80 in the lowest byte that is zero, and maybe in bytes above it that are not: whoever looks there compares keys.
  static std::uint64_t zero_bytes(std::uint64_t x) { return (x - every_byte) & ~x & 0x80 * every_byte; }
  static std::uint8_t tag_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash >> 40 | 0x80); }

  void grow() {
    state_table bigger;
    bigger.allocate(capacity() ? capacity() * 2 : 8);
    if (marks_) bigger.marks_ = std::make_unique<std::uint8_t[]>(bigger.capacity());
    if (used_) bigger.used_ = std::make_unique<event_time[]>(bigger.capacity());
    for_each([&](entry& e) {
      const auto hash = stable_hash<K>::of(e.key);
      std::size_t i = hash & bigger.mask_;
      while (bigger.tags_[i]) i = (i + 1) & bigger.mask_;
      ::new (static_cast<void*>(&bigger.entries_[i])) entry(std::move(e));
      bigger.set_tag(i, tag_of(hash));
      const auto old = static_cast<std::size_t>(&e - entries_);
      if (marks_) bigger.marks_[i] = marks_[old];
      if (used_) bigger.used_[i] = used_[old];
    });
    bigger.size_ = size_;
    *this = std::move(bigger);
  }
  /// Moves later entries of the probe sequence back over slot `gap` (Knuth, TAOCP 3, 6.4 algorithm R).
  void close_gap(std::size_t gap) {
    for (std::size_t i = (gap + 1) & mask_; tags_[i]; i = (i + 1) & mask_) {
      const std::size_t home = stable_hash<K>::of(entries_[i].key) & mask_;
      if (((i - home) & mask_) < ((i - gap) & mask_)) continue;
      entries_[gap].~entry();
      ::new (static_cast<void*>(&entries_[gap])) entry(std::move(entries_[i]));
      set_tag(gap, tags_[i]);
      if (marks_) marks_[gap] = marks_[i];
      if (used_) used_[gap] = used_[i];
      gap = i;
    }
    entries_[gap].~entry();
    set_tag(gap, 0);
  }
  /// The first tags stand behind the last once more, so that eight can be read from any slot on.
  void set_tag(std::size_t i, std::uint8_t tag) {
    tags_[i] = tag;
    if (i < tags_at_once - 1) tags_[mask_ + 1 + i] = tag;
  }
  static std::size_t bytes_of(std::size_t slots) { return slots * (sizeof(entry) + 1) + tags_at_once - 1; }
  void allocate(std::size_t slots) {
    entries_ = static_cast<entry*>(::operator new (bytes_of(slots), std::align_val_t{alignof(entry)}));
    tags_ = reinterpret_cast<std::uint8_t*>(entries_ + slots);
    std::memset(tags_, 0, slots + tags_at_once - 1);
    mask_ = slots - 1;
  }
  void destroy() {
    if (!entries_) return;
    for_each([](entry& e) { e.~entry(); });
    ::operator delete (entries_, std::align_val_t{alignof(entry)});
    entries_ = nullptr;
  }

  entry* entries_ = nullptr;
  std::uint8_t* tags_ = nullptr;  // in the same memory
  std::size_t mask_ = 0, size_ = 0;
  std::unique_ptr<std::uint8_t[]> marks_;  // null until there is one
  std::unique_ptr<event_time[]> used_;     // likewise
};

}  // namespace freshet
