#pragma once
#include <algorithm>
#include <bit>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/core/stable_hash.hpp"
#include "freshet/core/undo.hpp"

namespace freshet {

/// A map within the state of a key, for many values: it keeps what undoes its changes, where a std::map is copied
/// before every call that may be repeated, and for every batch. Finding, adding and taking away cost O(1). It is gone
/// through in the order of insertion, but that taking one away puts the last in its place: the same wherever the same
/// was done to it, so also in both engines and after a restore. A plain value with a codec. Not thread safe.
///     struct state { freshet::map_state<std::string, std::uint64_t> clicks_by_page; };
template <class K, class V>
class map_state {
 public:
  static_assert(key_value<K>, "a map_state compares its keys as keys: they need a stable_hash (so no floating point)");
  using key_type = K;
  using mapped_type = V;
  struct value_type {
    K key;
    [[no_unique_address]] V value;
  };
  using const_iterator = const value_type*;

  map_state() = default;
  map_state(const map_state& other) : all_(other.all_), slots_(other.slots_) {}
  map_state(map_state&& other) noexcept
      : all_(std::move(other.all_)), slots_(std::move(other.slots_)), log_(std::move(other.log_)) {
    other.all_.clear();
    other.slots_.clear();
  }
  /// A change like any other: what was there comes back when it is undone.
  map_state& operator=(map_state other) {
    if (log_.is_on()) log_.note(replaced{std::move(all_), std::move(slots_)});
    else log_.take_over(std::move(other.log_));
    all_ = std::move(other.all_);
    slots_ = std::move(other.slots_);
    return *this;
  }
  ~map_state() = default;

  bool empty() const noexcept { return all_.empty(); }
  std::size_t size() const noexcept { return all_.size(); }
  /// As many entries have room in its memory.
  std::size_t capacity() const noexcept { return all_.capacity(); }
  const_iterator begin() const noexcept { return all_.data(); }
  const_iterator end() const noexcept { return all_.data() + all_.size(); }
  template <class Q>
  bool contains(const Q& key) const {
    return look_up(key, stable_hash<K>::of(key)) != none;
  }
  /// Null when the key is missing.
  template <class Q>
  const V* find(const Q& key) const {
    const auto place = look_up(key, stable_hash<K>::of(key));
    return place == none ? nullptr : &all_[place].value;
  }
  /// The value of the key, to be changed: default constructed where it is missing. Valid until the map is changed
  /// otherwise.
  template <class Q>
  V& operator[](const Q& key) {
    const auto hash = stable_hash<K>::of(key);
    if (const auto place = look_up(key, hash); place != none) return modify(place);
    return add(K(key), V{}, hash);
  }
  /// False: the key is there, and nothing is changed.
  bool insert(K key, V value) {
    const auto hash = stable_hash<K>::of(key);
    if (look_up(key, hash) != none) return false;
    add(std::move(key), std::move(value), hash);
    return true;
  }
  /// False: the key is missing.
  template <class Q>
  bool erase(const Q& key) {
    const auto place = look_up(key, stable_hash<K>::of(key));
    if (place == none) return false;
    value_type out = take(place);
    if (log_.is_on()) log_.note(erased{place, std::move(out)});
    return true;
  }
  void clear() { *this = map_state{}; }

  std::size_t mark() { return log_.mark(); }
  void undo(std::size_t mark) {
    log_.undo(mark, [this](change&& c) { std::visit([this](auto& what) { this->take_back(what); }, c); });
  }
  void keep(std::size_t) {
    log_.keep([this](const auto& all) { forget_marks_within(all); });
  }
  void forget_marks() {
    log_.forget_marks([this](const auto& all) { forget_marks_within(all); });
  }

 private:
  // Where a key stands: 0 for an empty slot, else the upper half of its hash and its place + 1. Open addressing with
  // linear probing, at most three quarters full.
  using slot = std::uint64_t;
  static constexpr std::size_t none = ~std::size_t{0};
  static slot made_slot(std::uint64_t hash, std::size_t place) {
    return (hash >> 32 << 32) | (static_cast<std::uint32_t>(place) + 1);
  }
  static std::size_t place_of(slot s) { return static_cast<std::uint32_t>(s) - std::size_t{1}; }
  /// The hash's upper half finds the slot too, so that slots can move without their keys.
  std::size_t home(slot s) const { return (s >> 32) * 0x9e3779b97f4a7c15u >> shift(); }
  int shift() const { return 64 - std::countr_zero(slots_.size()); }

  struct inserted {};
  struct erased {
    std::size_t place;
    value_type entry;
  };
  struct modified {
    std::size_t place;
    undo_point<V> before;
  };
  struct replaced {
    std::vector<value_type> all;
    std::vector<slot> slots;
  };
  using change = std::variant<inserted, erased, modified, replaced>;

  template <class Q>
  std::size_t look_up(const Q& key, std::uint64_t hash) const {
    if (slots_.empty()) return none;
    for (std::size_t i = home(hash);; i = (i + 1) & (slots_.size() - 1)) {
      const slot s = slots_[i];
      if (s == 0) return none;
      if (((s ^ hash) >> 32) == 0 && key_equal{}(all_[place_of(s)].key, key)) return place_of(s);
    }
  }
  /// The slot of a place.
  std::size_t slot_of(std::size_t place) const {
    const auto wanted = made_slot(stable_hash<K>::of(all_[place].key), place);
    std::size_t i = home(wanted);
    while (slots_[i] != wanted) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  V& add(K key, V value, std::uint64_t hash) {
    static_assert(check_moves_with_marks<value_type>());
    all_.push_back({std::move(key), std::move(value)});
    put(made_slot(hash, all_.size() - 1));
    if (log_.is_on()) log_.note(inserted{});
    return all_.back().value;
  }
  V& modify(std::size_t place) {
    V& value = all_[place].value;
    if (log_.is_on() && !is_noted(place)) log_.note(modified{place, undo_point<V>(value)});
    return value;
  }
  bool is_noted(std::size_t place) {
    const change* last = log_.last();
    const auto* same = last ? std::get_if<modified>(last) : nullptr;
    return same && same->place == place;
  }
  void put(slot s) {
    if (all_.size() * 4 > slots_.size() * 3) return grow(s);
    std::size_t i = home(s);
    while (slots_[i] != 0) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = s;
  }
  void grow(slot added) {
    std::vector<slot> old(std::max<std::size_t>(8, slots_.size() * 2));
    old.swap(slots_);
    for (slot s : old)
      if (s != 0) put(s);
    put(added);
  }
  /// Empties a slot and moves those behind it that probing would not find any more (Knuth, TAOCP 3, 6.4 algorithm R).
  void remove_slot(std::size_t gap) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = (gap + 1) & mask; slots_[i] != 0; i = (i + 1) & mask) {
      const std::size_t from = home(slots_[i]);
      if (((i - from) & mask) < ((i - gap) & mask)) continue;
      slots_[gap] = slots_[i];
      gap = i;
    }
    slots_[gap] = 0;
  }
  /// Gives the entry at `from` the place `to`.
  void move_entry(std::size_t from, std::size_t to) {
    const auto i = slot_of(from);
    slots_[i] = made_slot(slots_[i], to);
    all_[to] = std::move(all_[from]);
  }
  /// Takes an entry out; the last one stands in its place then.
  value_type take(std::size_t place) {
    remove_slot(slot_of(place));
    value_type out = std::move(all_[place]);
    if (place != all_.size() - 1) move_entry(all_.size() - 1, place);
    all_.pop_back();
    return out;
  }
  void take_back(inserted&) { take(all_.size() - 1); }
  void take_back(modified& c) { c.before.undo(all_[c.place].value); }
  void take_back(replaced& c) {
    all_ = std::move(c.all);
    slots_ = std::move(c.slots);
  }
  void take_back(erased& c) {
    const auto hash = stable_hash<K>::of(c.entry.key);
    all_.emplace_back();
    if (c.place != all_.size() - 1) move_entry(c.place, all_.size() - 1);
    all_[c.place] = std::move(c.entry);
    put(made_slot(hash, c.place));
  }
  /// The marks within values that are still there, which may stand elsewhere now.
  void forget_marks_within([[maybe_unused]] const std::vector<change>& all) {
    if constexpr (has_undoable_part<V>) {
      const auto sizes = sizes_after(all);
      boost::unordered_flat_set<std::size_t> marked;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (auto* m = std::get_if<modified>(&all[i])) {
          marked.insert(m->place);
        } else if (auto* out = std::get_if<erased>(&all[i])) {
          marked.erase(out->place);
          if (marked.erase(sizes[i])) marked.insert(out->place);  // the last one stands there now
        } else if (std::holds_alternative<replaced>(all[i])) {
          marked.clear();
        }
      }
      for (const std::size_t place : marked) undo_point<V>::forget_marks(all_[place].value);
    }
  }
  /// How many entries there were after each change, back to the last that replaced all.
  std::vector<std::size_t> sizes_after(const std::vector<change>& all) const {
    std::vector<std::size_t> sizes(all.size());
    std::size_t size = all_.size();
    for (std::size_t i = all.size(); i-- > 0;) {
      sizes[i] = size;
      if (std::holds_alternative<inserted>(all[i])) --size;
      else if (std::holds_alternative<erased>(all[i])) ++size;
      else if (auto* c = std::get_if<replaced>(&all[i])) size = c->all.size();
    }
    return sizes;
  }

  std::vector<value_type> all_;
  std::vector<slot> slots_;
  undo_log<change> log_;
};

template <class K, class V>
requires(durable<K>&& durable<V>&& std::default_initializable<K>&&
             std::default_initializable<V>) struct codec<map_state<K, V>> {
  static constexpr std::uint32_t version = 1;
  using parts = std::tuple<K, V>;
  static void write(writer& w, const map_state<K, V>& map) {
    w.length(map.size());
    for (const auto& [key, value] : map) {
      write_value(w, key);
      write_value(w, value);
    }
  }
  static void read(reader& r, map_state<K, V>& map, std::uint32_t) {
    map = {};
    for (std::size_t n = r.length(); n != 0 && !r.failed(); --n) {
      K key{};
      V value{};
      read_value(r, key);
      read_value(r, value);
      if (!map.insert(std::move(key), std::move(value))) r.fail();
    }
  }
};

}  // namespace freshet
