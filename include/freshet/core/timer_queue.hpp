#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/core/key_equal.hpp"
#include "freshet/core/stable_hash.hpp"
#include "freshet/core/timer_heap.hpp"

namespace freshet {

/// A timer of a key. A key may have several, told apart by their tags; where each time is to be a timer of its own, the
/// tag is the time.
template <class K>
struct timer {
  K key;
  std::uint64_t tag = 0;
  event_time time{};        ///< when it is due
  event_time stamp{};       ///< of the tuple that set it; what the timer causes has this or more
  std::uint64_t order = 0;  ///< its place among equal ones
};
/// One that is due by the clock; its `stamp` is the event time of the tuple that set it.
template <class K>
struct processing_timer : timer<K> {};

/// The timers of one key group: set, replaced, deleted, and taken in the order of their times; those of the same time
/// in the order of their keys (of the upper half of `stable_hash`), and those of the same key as they were set.
/// The time may be an event time or a clock's.
/// A heap whose entries are removed lazily. Setting a timer later, as sessions do with every tuple, touches no heap:
/// the entry finds its new place when it comes to the top. Deleting takes constant time, setting a new or an earlier
/// one that mostly and O(log n) at most, firing O(log n). Nothing ever scans all timers, but for the entries left by
/// deleted and earlier set ones, which are swept when they are the greater part. Against an ordered set of timers with
/// a hash index, 1 M keys on one core in one run: setting takes an eighth of the time, firing five to seven tenths,
/// sessions that move their timer with each tuple half. Memory: sizeof(K) + 56 bytes a timer, 24 for its entry in the
/// heap and 11 to 21 in the index, before the slack of growing vectors, which keep what they once had: about 100 bytes
/// with a number as key. Invariant: each timer has its own entry in the heap, which stands at its time and order or
/// before. Hashes that are passed are `stable_hash` of the key. Not thread safe.
template <class K>
class timer_queue {
 public:
  /// What a timer is set to; `order` is its place among equal ones.
  struct setting {
    event_time time{}, stamp{};
    std::uint64_t order = 0;
  };

  /// Sets a timer, or replaces the one of the same key and tag. Gives what was there before.
  template <class Q>
  std::optional<setting> set(const Q& key, std::uint64_t hash, std::uint64_t tag, event_time time, event_time stamp) {
    return put(key, hash, tag, {time, stamp, ++last_order_});
  }
  /// As `set`, with what `set`, `erase` or `take_due` gave, to take a change back: it has its old place again.
  template <class Q>
  std::optional<setting> put(const Q& key, std::uint64_t hash, std::uint64_t tag, const setting& to) {
    const auto slot = find(key, hash, tag);
    if (slot == none) return insert(key, hash, tag, to), std::nullopt;
    node& n = nodes_[slot];
    const setting before = std::exchange(n.to, to);
    if (to.time != n.entry_time ? to.time < n.entry_time : to.order < n.entry) {
      push(slot);
      sweep();
    }
    return before;
  }
  /// Deletes a timer. Gives what it was set to, if it was there.
  template <class Q>
  std::optional<setting> erase(const Q& key, std::uint64_t hash, std::uint64_t tag) {
    const auto slot = find(key, hash, tag);
    if (slot == none) return std::nullopt;
    const setting before = nodes_[slot].to;
    remove(slot);
    sweep();
    return before;
  }
  /// What a timer is set to, if it is there.
  template <class Q>
  std::optional<setting> find_setting(const Q& key, std::uint64_t hash, std::uint64_t tag) const {
    const auto slot = find(key, hash, tag);
    return slot == none ? std::nullopt : std::optional(nodes_[slot].to);
  }

  /// When the next timer is due; `end_of_time` where there is none.
  event_time next_time() { return settle() ? heap_.top().time : end_of_time; }
  /// Takes out the next timer whose time the watermark (or clock) has reached. One at a time, so that the caller may
  /// stop between two; one that is set meanwhile, also to a time that has passed, takes its turn.
  std::optional<timer<K>> take_due(event_time watermark) {
    if (!settle() || heap_.top().time > watermark) return std::nullopt;
    const auto slot = heap_.top().slot;
    heap_.pop();
    remove(slot);
    node& n = nodes_[slot];
    return timer<K>{std::move(n.key), n.tag, n.to.time, n.to.stamp, n.to.order};
  }

  /// Calls `f(key)` for every timer, in no order.
  template <class F>
  void for_each(F&& f) const {
    for (const node& n : nodes_)
      if (n.entry != no_entry) f(n.key);
  }
  std::size_t size() const noexcept { return index_.size(); }
  bool empty() const noexcept { return index_.size() == 0; }
  std::size_t bytes() const noexcept {
    return nodes_.capacity() * sizeof(node) + heap_.capacity() * sizeof(detail::timer_entry) +
           free_.capacity() * sizeof(std::uint32_t) + index_.bytes();
  }

  /// Writes all timers, in the order they were set: a count (u64), then key, tag (u64), time and stamp (i64 ms) of
  /// each.
  void save(writer& w) const requires durable<K> {
    std::vector<const node*> live;
    for (const node& n : nodes_)
      if (n.entry != no_entry) live.push_back(&n);
    std::sort(live.begin(), live.end(), [](auto* a, auto* b) { return a->to.order < b->to.order; });
    w.raw<std::uint64_t>(live.size());
    for (const node* n : live) {
      write_value(w, n->key);
      w.raw(n->tag);
      write_value(w, n->to.time);
      write_value(w, n->to.stamp);
    }
  }
  /// Replaces all timers by what `save` wrote. False for damaged bytes.
  bool load(reader& r) requires durable<K> && std::default_initializable<K> {
    *this = {};
    for (auto n = r.raw<std::uint64_t>(); n != 0 && !r.failed(); --n) {
      timer<K> t{K{}};
      read_value(r, t.key);
      t.tag = r.raw<std::uint64_t>();
      read_value(r, t.time);
      read_value(r, t.stamp);
      if (!r.failed()) set(t.key, stable_hash<K>::of(t.key), t.tag, t.time, t.stamp);
    }
    return !r.failed();
  }

 private:
  static constexpr std::uint32_t none = detail::slot_index::none;
  static constexpr std::uint64_t no_entry = 0;  // no order is 0: the node is free
  struct node {
    K key;
    std::uint64_t hash, tag;
    setting to;
    std::uint64_t entry;  // the order and the time of its entry in the heap
    event_time entry_time;
  };

  static std::uint32_t index_hash(std::uint64_t key_hash, std::uint64_t tag) {
    return static_cast<std::uint32_t>(tag == 0 ? key_hash : detail::hash_add(key_hash, tag));
  }
  template <class Q>
  std::uint32_t find(const Q& key, std::uint64_t hash, std::uint64_t tag) const {
    return index_.find(index_hash(hash, tag), [&](std::uint32_t slot) {
      const node& n = nodes_[slot];
      return n.hash == hash && n.tag == tag && key_equal{}(n.key, key);
    });
  }
  template <class Q>
  void insert(const Q& key, std::uint64_t hash, std::uint64_t tag, const setting& to) {
    node fresh{K(key), hash, tag, to, no_entry, {}};
    auto slot = static_cast<std::uint32_t>(nodes_.size());
    if (free_.empty()) {
      nodes_.push_back(std::move(fresh));
    } else {
      slot = free_.back();
      free_.pop_back();
      nodes_[slot] = std::move(fresh);
    }
    index_.insert(index_hash(hash, tag), slot);
    push(slot);
  }
  void remove(std::uint32_t slot) {
    node& n = nodes_[slot];
    index_.erase(index_hash(n.hash, n.tag), slot);
    n.entry = no_entry;
    free_.push_back(slot);
  }
  /// Gives a timer an entry; the one it had before is nobody's.
  void push(std::uint32_t slot) {
    node& n = nodes_[slot];
    n.entry = n.to.order;
    n.entry_time = n.to.time;
    heap_.push({n.to.time, n.to.order, static_cast<std::uint32_t>(n.hash >> 32), slot});
  }
  /// Makes the top of the heap the next timer's, at its time. False: there is none.
  bool settle() {
    while (!heap_.empty()) {
      const detail::timer_entry& e = heap_.top();
      const node& n = nodes_[e.slot];
      if (n.entry == e.order && n.to.order == e.order) return true;
      const auto moved = n.entry == e.order ? e.slot : none;
      heap_.pop();
      if (moved != none) push(moved);
    }
    return false;
  }
  /// Drops the entries of nobody when they are the greater part: each was made by a call that paid for it. What was put
  /// back may have several entries that look like its own; one of them stays.
  void sweep() {
    if (heap_.size() <= 2 * size() + 64) return;
    heap_.retain([this](const detail::timer_entry& e) {
      const bool own = nodes_[e.slot].entry == e.order;
      if (own) nodes_[e.slot].entry = ~e.order;
      return own;
    });
    for (const auto& e : heap_.entries()) nodes_[e.slot].entry = e.order;
  }

  std::vector<node> nodes_;
  std::vector<std::uint32_t> free_;
  detail::slot_index index_;
  detail::timer_heap heap_;
  std::uint64_t last_order_ = 0;
};

}  // namespace freshet
