#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "freshet/base/event_time.hpp"
#include "freshet/core/byte_stream.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet {

/// A hash table whose entries are known by their size alone, so that what is rarely done is compiled once for all types
/// of keys; what every tuple does, `find` and `mark`, is typed and inline. Open addressing with linear probing in a
/// power of two of slots, one tag byte a slot behind them (0: empty). A look-up compares eight tags at once, from the
/// key's home slot on ("SIMD within a register", Hacker's Delight 6-1), and then mostly one slot; `prefetch` can fetch
/// both ahead. Slots stay valid until the next insertion or erasure. `state_table` is the same with its types. Not
/// thread safe.
class slot_table {
 public:
  /// What a table that doesn't know the type of its entries needs to know.
  struct entry_type {
    std::size_t bytes, alignment;
    void (*move_all)(slot_table& from, slot_table& to);
    void (*erase)(slot_table&, std::size_t slot);
    void (*destroy_all)(slot_table&) noexcept;
  };
  /// That of a struct with a `key` and a `value`.
  template <class Entry>
  static constexpr const entry_type& type_of() {
    return typed<Entry>::type;
  }
  static constexpr std::size_t none = ~std::size_t{0};

  /// Takes no memory before the first insertion.
  explicit slot_table(const entry_type& type) noexcept : type_(&type) {}
  slot_table(slot_table&& other) noexcept;
  slot_table& operator=(slot_table&& other) noexcept;
  ~slot_table();

  std::size_t size() const { return size_; }
  /// Slots: a power of two, 0 before the first insertion.
  std::size_t capacity() const { return entries_ ? mask_ + 1 : 0; }
  std::size_t bytes() const;
  bool is_taken(std::size_t slot) const { return tags_[slot] != 0; }
  /// The entry in a slot.
  void* at(std::size_t slot) const { return entries_ + slot * type_->bytes; }
  template <class Entry>
  [[gnu::always_inline]] Entry& at(std::size_t slot) const {
    return *std::launder(reinterpret_cast<Entry*>(entries_) + slot);
  }
  template <class Entry>
  [[gnu::always_inline]] std::size_t slot_of(const Entry& e) const {
    return static_cast<std::size_t>(&e - reinterpret_cast<const Entry*>(entries_));
  }

  /// Fetches the memory that the next look-up of this key will need.
  template <class Entry>
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const {
    prefetch(hash, sizeof(Entry));
  }
  void prefetch(std::uint64_t hash) const { prefetch(hash, type_->bytes); }
  /// The entry of `key`; null where it is missing.
  template <class Entry, class Q>
  [[gnu::always_inline]] Entry* find(const Q& key, std::uint64_t hash) const {
    if (!entries_) [[unlikely]]
      return nullptr;
    const auto wanted = every_byte * tag_of(hash);
    for (std::size_t home = hash & mask_;; home = (home + tags_at_once) & mask_) {
      const auto tags = detail::load_little<std::uint64_t>(tags_ + home);
      for (auto found = zero_bytes(tags ^ wanted); found; found &= found - 1) {
        Entry& e = at<Entry>((home + static_cast<std::size_t>(std::countr_zero(found)) / 8) & mask_);
        if (key_equal{}(e.key, key)) [[likely]]
          return &e;
      }
      if (zero_bytes(tags)) return nullptr;
    }
  }
  /// Gives the key a default constructed value. REQUIRES: it is missing.
  template <class Entry, class Q>
  [[gnu::noinline]] Entry& insert(const Q& key, std::uint64_t hash) {
    const auto slot = find_place(hash);
    auto* e = ::new (at(slot)) Entry{decltype(Entry::key)(key), decltype(Entry::value){}};
    take_place(slot, hash);
    return *e;
  }
  void erase(std::size_t slot) { type_->erase(*this, slot); }

  /// Marks an entry with a number, 0 for none, and gives the one that it had. Marks take a byte a slot from the first
  /// one on.
  std::uint8_t mark(std::size_t slot, std::uint8_t number) {
    if (!marks_) [[unlikely]]
      make_marks();
    return std::exchange(marks_[slot], number);
  }
  /// 0 where it never was.
  std::uint8_t mark_of(std::size_t slot) const { return marks_ ? marks_[slot] : 0; }
  /// Takes the marks of all entries away that have this number, or have any but this.
  void clear_marks(std::uint8_t number);
  void clear_marks_but(std::uint8_t number);
  /// When an entry was last used, as the caller says; the beginning of time for a new one. Takes 8 bytes a slot from
  /// the first question on.
  event_time& used(std::size_t slot) {
    if (!used_) [[unlikely]]
      make_used();
    return used_[slot];
  }
  /// The same, where nothing is to be changed.
  event_time last_use(std::size_t slot) const { return used_ ? used_[slot] : beginning_of_time; }
  /// The slot of some entry, another one for another `slot`; `none` where there is none.
  std::size_t near(std::size_t slot) const;
  /// Calls `f(slot)` for every entry.
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < capacity(); ++i)
      if (tags_[i]) f(i);
  }
  /// Erases, of `n` slots from `from` on, the entries for which `f(slot)` says so. Gives the slot to go on with.
  template <class F>
  std::size_t erase_some(std::size_t from, std::size_t n, F&& f) {
    for (; n > 0 && from < capacity(); --n) {
      if (tags_[from] && f(from)) erase(from);  // another entry may stand here now
      else ++from;
    }
    return from;
  }

 private:
  template <class Entry>
  struct typed {
    static void move_all(slot_table& from, slot_table& to) {
      from.for_each(
          [&](std::size_t slot) { move<Entry>(from, slot, to, to.empty_slot(hash_of(from.at<Entry>(slot)))); });
    }
    /// Moves later entries of the probe sequence back over the slot (Knuth, TAOCP 3, 6.4 algorithm R).
    static void erase(slot_table& t, std::size_t slot) {
      for (std::size_t i = (slot + 1) & t.mask_; t.tags_[i]; i = (i + 1) & t.mask_) {
        const std::size_t home = hash_of(t.at<Entry>(i)) & t.mask_;
        if (((i - home) & t.mask_) < ((i - slot) & t.mask_)) continue;
        t.at<Entry>(slot).~Entry();
        move<Entry>(t, i, t, slot);
        slot = i;
      }
      t.at<Entry>(slot).~Entry();
      t.leave(slot);
    }
    static void destroy_all(slot_table& t) noexcept {
      if constexpr (!std::is_trivially_destructible_v<Entry>)
        t.for_each([&t](std::size_t slot) { t.at<Entry>(slot).~Entry(); });
    }
    static constexpr entry_type type{sizeof(Entry), alignof(Entry), move_all, erase, destroy_all};
  };
  template <class Entry>
  static std::uint64_t hash_of(const Entry& e) {
    return stable_hash<decltype(Entry::key)>::of(e.key);
  }
  /// Constructs an entry in a slot, and takes along what stands beside it. The old one is still to be destroyed.
  template <class Entry>
  static void move(slot_table& from, std::size_t old, slot_table& to, std::size_t slot) {
    ::new (to.at(slot)) Entry(std::move(from.at<Entry>(old)));
    to.take_along(from, old, slot);
  }
  [[gnu::always_inline]] void prefetch(std::uint64_t hash, std::size_t entry_bytes) const {
    if (!entries_) return;
    __builtin_prefetch(&tags_[hash & mask_]);
    __builtin_prefetch(entries_ + (hash & mask_) * entry_bytes, 1);
    if (marks_) __builtin_prefetch(&marks_[hash & mask_], 1);
  }

  static constexpr std::size_t tags_at_once = 8;
  static constexpr std::uint64_t every_byte = 0x0101010101010101u;
  /// 0x80 in the lowest byte that is zero, and maybe in bytes above it that are not: whoever looks there compares keys.
  static std::uint64_t zero_bytes(std::uint64_t x) { return (x - every_byte) & ~x & 0x80 * every_byte; }
  static std::uint8_t tag_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash >> 40 | 0x80); }

  /// An empty slot for a key; the table grows where it has to. Nothing stands there before `take_place`.
  std::size_t find_place(std::uint64_t hash) {
    if ((size_ + 1) * 4 > capacity() * 3) grow();
    return empty_slot(hash);
  }
  void take_place(std::size_t slot, std::uint64_t hash) {
    set_tag(slot, tag_of(hash));
    if (marks_) marks_[slot] = 0;
    if (used_) used_[slot] = beginning_of_time;
    ++size_;
  }
  std::size_t empty_slot(std::uint64_t hash) const {
    std::size_t slot = hash & mask_;
    while (tags_[slot]) slot = (slot + 1) & mask_;
    return slot;
  }
  void take_along(const slot_table& from, std::size_t old, std::size_t slot) {
    set_tag(slot, from.tags_[old]);
    if (marks_) marks_[slot] = from.marks_[old];
    if (used_) used_[slot] = from.used_[old];
  }
  void leave(std::size_t slot) {
    set_tag(slot, 0);
    --size_;
  }
  /// The first tags stand behind the last once more, so that eight can be read from any slot on.
  void set_tag(std::size_t slot, std::uint8_t tag) {
    tags_[slot] = tag;
    if (slot < tags_at_once - 1) tags_[mask_ + 1 + slot] = tag;
  }
  void grow();
  void allocate(std::size_t slots);
  void make_marks();
  void make_used();
  void swap(slot_table& other) noexcept;

  std::byte* entries_ = nullptr;
  std::uint8_t* tags_ = nullptr;  // in the same memory
  std::size_t mask_ = 0, size_ = 0;
  std::uint8_t* marks_ = nullptr;  // null until there is one
  event_time* used_ = nullptr;     // likewise
  const entry_type* type_;
};

}  // namespace freshet
