#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "freshet/core/slot_table.hpp"

namespace freshet {

/// A hash table from keys to states: a `slot_table` with its types. References stay valid until the next insertion or
/// erasure. Not thread safe.
template <class K, class S>
class state_table {
 public:
  struct entry {
    K key;
    S value;
  };

  std::size_t size() const { return slots_.size(); }
  std::size_t bytes() const { return slots_.bytes(); }
  /// Slots: a power of two, 0 before the first insertion.
  std::size_t capacity() const { return slots_.capacity(); }

  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const { slots_.template prefetch<entry>(hash); }
  template <class Q>
  [[gnu::always_inline]] entry* find(const Q& key, std::uint64_t hash) {
    return slots_.template find<entry>(key, hash);
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
  entry* insert(const Q& key, std::uint64_t hash) {
    return &slots_.template insert<entry>(key, hash);
  }
  template <class Q>
  bool erase(const Q& key, std::uint64_t hash) {
    entry* e = find(key, hash);
    if (!e) return false;
    slots_.erase(slots_.slot_of(*e));
    return true;
  }
  template <class F>
  void for_each(F&& f) {
    slots_.for_each([&](std::size_t slot) { f(slots_.template at<entry>(slot)); });
  }

 private:
  slot_table slots_{slot_table::type_of<entry>()};
};

}  // namespace freshet
