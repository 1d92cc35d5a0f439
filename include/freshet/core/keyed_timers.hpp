#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/core/grouping.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/timer_queue.hpp"
#include "freshet/core/winner_tree.hpp"

namespace freshet {

/// The timers of one task's keys, of one kind of time: a `timer_queue` a key group, so that saving and moving touch one
/// group at a time. They fire in the order of `timer_queue` over all groups, as groups are ranges of the keys' hashes.
/// Between `begin` and `commit` every change is kept, so that `rollback` can take all of them back, order included.
/// A timer costs what it costs in the queue, and a change 7 comparisons more for 128 groups. Not thread safe.
template <class K>
class keyed_timers {
  using queue = timer_queue<K>;

 public:
  using setting = typename queue::setting;

  /// Takes no memory before the first timer is set.
  explicit keyed_timers(std::uint32_t groups) : groups_(groups) {}

  /// Sets a timer, or replaces the one of the same key and tag: due at `time`, set by a tuple with this stamp. A hash
  /// that is passed is `stable_hash` of the key.
  template <class Q>
  void set(const Q& key, std::uint64_t tag, event_time time, event_time stamp) {
    set(key, stable_hash<K>::of(key), tag, time, stamp);
  }
  template <class Q>
  void set(const Q& key, std::uint64_t hash, std::uint64_t tag, event_time time, event_time stamp) {
    if (queues_.empty()) [[unlikely]]
      make_queues();
    const auto g = group(hash);
    about_to_change(g);
    const auto before = queues_[g].set(key, hash, tag, time, stamp);
    if (undoing_) changes_.push_back({K(key), tag, before});
    moved(g);
  }
  /// Deletes a timer; true if it was there.
  template <class Q>
  bool erase(const Q& key, std::uint64_t tag) {
    return erase(key, stable_hash<K>::of(key), tag);
  }
  template <class Q>
  bool erase(const Q& key, std::uint64_t hash, std::uint64_t tag) {
    if (queues_.empty()) return false;
    const auto g = group(hash);
    about_to_change(g);
    const auto before = queues_[g].erase(key, hash, tag);
    if (!before) return false;
    if (undoing_) changes_.push_back({K(key), tag, before});
    moved(g);
    return true;
  }
  /// When the next timer is due; `end_of_time` where there is none.
  event_time next_time() const { return queues_.empty() ? end_of_time : next_[next_.winner()]; }
  /// Takes out the next timer whose time the watermark (or clock) has reached, one at a time: what it does may set and
  /// delete others, and the caller may stop in between.
  std::optional<timer<K>> take_due(event_time watermark) {
    if (queues_.empty()) return std::nullopt;
    auto g = next_.winner();
    about_to_change(g);
    auto due = queues_[g].take_due(watermark);
    // At the end of time groups without timers look as if they had one.
    if (!due && watermark == end_of_time)
      for (g = 0; g < queues_.size(); ++g) {
        about_to_change(g);
        if ((due = queues_[g].take_due(watermark))) break;
      }
    if (!due) return due;
    if (undoing_) changes_.push_back({due->key, due->tag, setting{due->time, due->stamp, due->order}});
    moved(g);
    return due;
  }

  /// Puts back what `take_due` gave, in its old place.
  void put_back(timer<K> t) {
    const auto hash = stable_hash<K>::of(t.key);
    const auto g = group(hash);
    about_to_change(g);
    queues_[g].put(t.key, hash, t.tag, {t.time, t.stamp, t.order});
    if (undoing_) changes_.push_back({std::move(t.key), t.tag, std::nullopt});
    moved(g);
  }

  void begin() {
    changes_.clear();
    undoing_ = true;
  }
  void commit() {
    changes_.clear();
    undoing_ = false;
  }
  /// Back to what was at `begin`.
  void rollback() {
    undoing_ = false;
    for (auto c = changes_.rbegin(); c != changes_.rend(); ++c) {
      const auto hash = stable_hash<K>::of(c->key);
      const auto g = group(hash);
      if (c->before) queues_[g].put(c->key, hash, c->tag, *c->before);
      else queues_[g].erase(c->key, hash, c->tag);
      moved(g);
    }
    changes_.clear();
  }

  std::size_t size() const {
    std::size_t n = 0;
    for (auto& q : queues_) n += q.size();
    return n;
  }
  std::size_t bytes() const {
    std::size_t n = 0;
    for (auto& q : queues_) n += q.bytes();
    return n;
  }
  /// Writes the timers of one key group.
  void save(std::uint32_t g, writer& w) const requires durable<K> {
    if (queues_.empty()) queue{}.save(w);
    else queues_[g].save(w);
  }
  /// Replaces the timers of a group by what `save` wrote. False for damaged bytes, or timers of another group's keys.
  bool load(std::uint32_t g, reader& r) requires durable<K> && std::default_initializable<K> {
    if (queues_.empty()) make_queues();
    bool ok = queues_[g].load(r);
    queues_[g].for_each([&](const K& key) { ok = ok && group(stable_hash<K>::of(key)) == g; });
    moved(g);
    return ok;
  }
  /// Writes the changes since `begin`, as they stand now: a count (u64); then of each key and tag (u64) and whether it
  /// is set (u8), if so time and stamp (i64 ms). Those that are set in the order in which they were.
  void save_changes(writer& w) const requires durable<K> {
    struct now {
      const change* of;
      std::optional<setting> set;
    };
    std::vector<now> all;
    for (const auto& c : changes_) {
      const auto hash = stable_hash<K>::of(c.key);
      all.push_back({&c, queues_[group(hash)].find_setting(c.key, hash, c.tag)});
    }
    const auto place = [&](const now& n) {
      return n.set ? std::pair(std::uint64_t{group(stable_hash<K>::of(n.of->key))} + 1, n.set->order)
                   : std::pair(std::uint64_t{0}, std::uint64_t{0});
    };
    std::sort(all.begin(), all.end(), [&](auto& a, auto& b) { return place(a) < place(b); });
    // One that was moved often stands there as often; within a group none is set twice with one order.
    all.erase(std::unique(all.begin(), all.end(), [&](auto& a, auto& b) { return a.set && place(a) == place(b); }),
              all.end());
    w.raw<std::uint64_t>(all.size());
    for (const auto& n : all) {
      write_value(w, n.of->key);
      w.raw(n.of->tag);
      w.raw<std::uint8_t>(n.set.has_value());
      if (!n.set) continue;
      write_value(w, n.set->time);
      write_value(w, n.set->stamp);
    }
  }
  /// As `any_state::freeze`, but that all changes are written at once; a group of the rest is written whole, before it
  /// is changed. What a codec throws then comes out of `write_frozen`: whoever changes a timer is inside a destructor.
  void freeze(std::optional<key_group_range> all) requires durable<K> {
    writer w;
    save_changes(w);
    frozen_.changes = w.take();
    unwritable_ = nullptr;
    begin();
    if (!all) return;
    unwritten_ = *all;
    is_written_.assign(all->end - all->first, false);
    frozen_.groups.resize(is_written_.size());
    write_group_ = [](const keyed_timers& of, std::uint32_t g, writer& into) { of.save(g, into); };
  }
  bool write_frozen() {
    auto g = unwritten_.first;
    while (g < unwritten_.end && is_written_[g - unwritten_.first]) ++g;
    if (g < unwritten_.end) write(g++);
    if (unwritable_) std::rethrow_exception(std::exchange(unwritable_, nullptr));
    return g == unwritten_.end;
  }
  std::string take_frozen_changes() { return std::exchange(frozen_.changes, {}); }
  frozen_state take_frozen() {
    unwritten_ = {0, 0};
    return std::exchange(frozen_, {});
  }
  /// Makes the changes that `save_changes` wrote, as far as they are of these groups. False for damaged bytes.
  bool load_changes(key_group_range mine, reader& r) requires durable<K> && std::default_initializable<K> {
    for (auto n = r.raw<std::uint64_t>(); n != 0 && !r.failed(); --n) {
      timer<K> t{K{}};
      read_value(r, t.key);
      t.tag = r.raw<std::uint64_t>();
      const bool is_set = r.raw<std::uint8_t>() != 0;
      if (is_set) {
        read_value(r, t.time);
        read_value(r, t.stamp);
      }
      const auto hash = stable_hash<K>::of(t.key);
      if (r.failed() || !mine.contains(group(hash))) continue;
      if (is_set) set(t.key, hash, t.tag, t.time, t.stamp);
      else erase(t.key, hash, t.tag);
    }
    return !r.failed();
  }
  /// Forgets the timers of a group.
  void drop(std::uint32_t g) {
    if (queues_.empty()) return;
    queues_[g] = {};
    moved(g);
  }

 private:
  struct change {
    K key;
    std::uint64_t tag;
    std::optional<setting> before;
  };
  [[gnu::noinline]] void make_queues() {
    queues_.resize(groups_);
    next_ = winner_tree(groups_);
  }
  [[gnu::always_inline]] void about_to_change(std::size_t g) {
    if (unwritten_.contains(static_cast<std::uint32_t>(g))) [[unlikely]]
      if (!is_written_[g - unwritten_.first]) write(static_cast<std::uint32_t>(g));
  }
  [[gnu::noinline]] void write(std::uint32_t g) noexcept {
    is_written_[g - unwritten_.first] = true;
    try {
      writer w;
      write_group_(*this, g, w);
      frozen_.groups[g - unwritten_.first] = w.take();
    } catch (...) { unwritable_ = std::current_exception(); }
  }
  std::uint32_t group(std::uint64_t hash) const { return key_group_of(hash, groups_); }
  void moved(std::size_t g) {
    const event_time t = queues_[g].next_time();
    if (t != next_[g]) next_.set(g, t);
  }
  std::uint32_t groups_;
  std::vector<queue> queues_;  ///< one a group, or none yet
  winner_tree next_;
  std::vector<change> changes_;
  bool undoing_ = false;
  frozen_state frozen_;
  key_group_range unwritten_{0, 0};  ///< groups that are being written as they were
  std::vector<bool> is_written_;
  std::exception_ptr unwritable_;  ///< what writing one of them has thrown
  void (*write_group_)(const keyed_timers&, std::uint32_t, writer&) = nullptr;
};

}  // namespace freshet
