#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "freshet/core/evicted_states.hpp"
#include "freshet/core/frozen_states.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/owned_memory.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/state_table.hpp"
#include "freshet/core/state_ttl.hpp"
#include "freshet/core/value_bytes.hpp"

namespace freshet {

/// State by key: a table a key group, so that growing, saving and moving state touch one group at a time. With a store
/// the tables are a cache in front of it: a key that is missing is asked for there, and `evict` writes back.
template <class K, class S>
class keyed_state final : public any_state {
  using table = state_table<K, S>;
  using evicted = evicted_states<K, S>;

 public:
  using entry = typename table::entry;
  /// With a time to live, 0 for ever: then it is `use_alive` that is to be called.
  explicit keyed_state(std::uint32_t groups, state_ttl ttl = {}) : groups_(groups), ttl_(ttl), tables_(groups) {}

  /// Whether the tables are too large for a core's own caches, so that `prefetch` is worth its while.
  bool is_far() const { return slots_ * (sizeof(entry) + 1) > 256 * 1024; }
  /// Fetches the memory that `use` will need.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const { tables_[group(hash)].prefetch(hash); }
  /// The state of `key`, default constructed for a new one. Valid until the next call.
  template <class Q>
  [[gnu::always_inline]] S& use(const Q& key, std::uint64_t hash) {
    return used_entry(tables_[group(hash)], key, hash).value;
  }
  const state_ttl& ttl() const { return ttl_; }
  bool expires() const { return ttl_.after != event_span{}; }
  /// Like `use`, at the time `at`; a state whose time to live was over at `now` begins anew. A use that doesn't prolong
  /// it counts for a new key only.
  template <class Q>
  S& use_alive(const Q& key, std::uint64_t hash, event_time at, event_time now, bool prolongs = true) {
    table& t = tables_[group(hash)];
    entry& e = used_entry(t, key, hash);
    event_time& used = t.used(&e);
    if (is_over(used, now)) {
      e.value = S{};
      ++expired_;
    }
    if (prolongs || used == beginning_of_time) used = std::max(used, at);
    return e.value;
  }
  /// Looks ahead for `use_found`: null when the key has no state yet.
  template <class Q>
  [[gnu::always_inline]] entry* look_up(const Q& key, std::uint64_t hash) {
    return tables_[group(hash)].find(key, hash);
  }
  /// Goes up whenever entries may have moved, and what `look_up` gave is void.
  std::uint64_t moves() const { return moves_; }
  /// Like `use`, for an entry that was looked up. REQUIRES: `moves()` is what it was then.
  [[gnu::always_inline]] S& use_found(entry& e, std::uint64_t hash) {
    if (epoch_) {
      const auto before = tables_[group(hash)].mark(&e, epoch_);
      if (before != epoch_) [[unlikely]]
        remember(e, hash, before, false);
    }
    return e.value;
  }
  /// Forgets the state of a key that was used in this call.
  template <class Q>
  void forget(const Q& key, std::uint64_t hash) {
    ++moves_;
    has_forgotten_ = true;
    table& t = tables_[group(hash)];
    if constexpr (can_be_saved)
      if (noting_) gone_.push_back({K(key), hash});
    if constexpr (has_undoable_part<S>)
      if (entry* e = t.find(key, hash); e && undoing_) {  // it has its marks, and may be needed once more
        changes_.push_back({e->key, hash, std::nullopt, std::make_unique<S>(std::move(e->value)),
                            expires() ? t.used(e) : event_time{}});
        ++forgotten_;
      }
    t.erase(key, hash);
    if (store_) store_->forget(group(hash), K(key));
  }
  /// Null when the key has no state. Valid until the next call.
  template <class Q>
  const S* find(const Q& key) {
    const auto hash = stable_hash<K>::of(key);
    const auto* e = tables_[group(hash)].find(key, hash);
    if (e) return &e->value;
    return store_ ? store_->find(group(hash), K(key)) : nullptr;
  }
  /// Calls `f(key, state)` for all keys used since `begin`, once each, in the order of their first use.
  template <class F>
  void for_each_touched(F&& f) {
    std::unordered_set<const entry*> seen;
    for (const auto& c : changes_)
      if (auto* e = tables_[group(c.hash)].find(c.key, c.hash); e && (!has_forgotten_ || seen.insert(e).second))
        f(std::as_const(e->key), e->value);
  }
  /// What `f` changes of states that are in the store only is lost.
  template <class F>
  void for_each(F&& f) {
    for (auto& t : tables_) t.for_each([&](auto& e) { f(std::as_const(e.key), e.value); });
    for (std::uint32_t g = 0; store_ && g < groups_; ++g) store_->for_each(g, f);
  }

  std::size_t rows() const override {
    std::size_t n = store_ ? store_->rows().rows() : 0;
    for (auto& t : tables_) n += t.size();
    return n;
  }
  /// Of the tables, and about what keys and states own elsewhere: it looks at some slots a call, round and round.
  std::size_t bytes() const override {
    std::size_t n = 0;
    for (auto& t : tables_) n += t.bytes();
    if constexpr (owns_memory<K> || owns_memory<S>) n += owned_.look(tables_);
    return n;
  }
  void expire(event_time now, std::size_t slots) override {
    if (!expires()) return;
    ++moves_;
    const auto asked = slots;
    for (std::size_t tables = 0; slots > 0 && tables < tables_.size(); ++tables) {
      table& t = tables_[sweep_.group];
      const auto before = t.size(), from = sweep_.slot;
      sweep_.slot = t.erase_some(from, slots, [&](const entry& e) {
        if (!is_over(t.used(&e), now)) return false;
        if constexpr (can_be_saved)
          if (frozen_ && t.mark_of(&e) != epoch_) frozen_->write_first(sweep_.group, e, t.mark_of(&e));
        if (store_) store_->forget(sweep_.group, e.key);
        return true;
      });
      expired_ += before - t.size();
      slots -= std::min(slots, sweep_.slot - from + before - t.size());
      if (sweep_.slot >= t.capacity()) sweep_ = {(sweep_.group + 1) % groups_, 0};
    }
    if (store_) expired_ += store_->expire(asked, [&](event_time used) { return is_over(used, now); });
  }
  std::uint64_t expired() const override { return expired_; }

  void keep_in(std::unique_ptr<state_store> store) override {
    store_ = std::make_unique<evicted>(std::move(store), tables_, expires());
    next_epoch();  // from here on uses are marked, also outside of begin and commit
  }
  bool can_be_stored() const override { return evicted::can_be; }
  void evict() override {
    if (!store_) return;
    if (!store_->is_short_of_memory()) return store_->flush_if_large();
    ++moves_;
    store_->evict();
  }

  void begin() override {
    end();
    expired_before_ = expired_;
    undoing_ = true;
    next_epoch();
  }
  void note() override {
    end();
    gone_.clear();
    noting_ = true;
    next_epoch();
  }
  void freeze(std::optional<key_group_range> all) override {
    if constexpr (can_be_saved) {
      // What leaves the tables, and marks whose numbers come round, say nothing of what was: then all at once.
      if (store_ || last_epoch_ == most_epochs) return freeze_at_once(all);
      const auto gone = std::move(gone_);
      auto changed = std::move(changes_);
      const auto before = epoch_;
      note();
      frozen_ = std::make_unique<frozen>(tables_, expires(), before, epoch_, std::move(changed));
      for (const auto& g : gone)
        if (!tables_[group(g.hash)].find(g.key, g.hash)) frozen_->gone(g.key);
      if (all) frozen_->begin_groups(*all);
    }
  }
  bool write_frozen(std::size_t keys) override {
    if constexpr (can_be_saved) return !frozen_ || frozen_->write(keys);
    else return true;
  }
  frozen_state take_frozen() override {
    if constexpr (can_be_saved)
      if (frozen_) {
        written_ = frozen_->take();
        frozen_.reset();
      }
    return std::exchange(written_, {});
  }
  void commit() override {
    if constexpr (has_undoable_part<S>)
      for (auto& c : changes_)
        if (c.before)
          if (auto* e = tables_[group(c.hash)].find(c.key, c.hash)) c.before->keep(e->value);
    end();
  }
  void rollback() override {
    ++moves_;
    if (undoing_) expired_ = expired_before_;
    // Backwards: a key that was forgotten and came again stands there several times.
    for (auto c = changes_.rbegin(); c != changes_.rend(); ++c) {
      auto& t = tables_[group(c->hash)];
      auto* e = t.find(c->key, c->hash);
      if (!c->before && !c->forgotten) {
        t.erase(c->key, c->hash);
        continue;
      }
      if (!e) e = insert(t, c->key, c->hash);
      if (expires()) t.used(e) = c->used;
      if (c->forgotten) e->value = std::move(*c->forgotten);
      else c->before->undo(e->value);
    }
    end();
  }
  std::size_t touched() const override { return changes_.size() - forgotten_; }

  bool is_durable() const override { return durable<K> && durable<S>; }
  void save(std::uint32_t g, writer& w) const override {
    if constexpr (durable<K> && durable<S>) {
      auto& t = const_cast<table&>(tables_[g]);  // for_each hands out mutable entries; none is changed here
      w.raw<std::uint64_t>(t.size() + (store_ ? store_->rows().rows(g) : 0));
      w.raw<std::uint8_t>(expires());
      t.for_each([&](auto& e) {
        write_used(w, t, e);
        write_value(w, e.key);
        write_value(w, e.value);
      });
      if (!store_) return;
      store_->for_each_row(g, [&](std::string_view key, std::string_view stored) {
        const auto time = store_->time_bytes();
        w.append(stored.substr(0, time));
        w.append(key);
        w.append(stored.substr(time));
      });
    }
  }
  bool load(std::uint32_t g, reader& r) override {
    ++moves_;
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>) {
      auto n = r.raw<std::uint64_t>();
      for (const bool with_times = r.raw<std::uint8_t>() != 0; n && !r.failed(); --n) {
        const auto used = read_used(r, with_times);
        K k{};
        read_value(r, k);
        read_value(r, loaded(g, k, stable_hash<K>::of(k), used));
      }
      evict();
      return !r.failed();
    } else {
      return false;
    }
  }
  /// A count (u64), whether there are times (u8); for each change the key, whether it has a state (u8), and that, its
  /// time ahead.
  void save_changes(writer& w) const override {
    if constexpr (durable<K> && durable<S>) {
      w.raw<std::uint64_t>(changes_.size());
      w.raw<std::uint8_t>(expires());
      for (const auto& c : changes_) {
        auto& t = const_cast<table&>(tables_[group(c.hash)]);  // `find` hands out mutable entries; none is changed here
        const auto* e = t.find(c.key, c.hash);
        const auto* stored = e || !store_ ? nullptr : store_->row_of(group(c.hash), c.key);  // evicted since
        write_value(w, c.key);
        w.raw<std::uint8_t>(e || stored);
        if (stored) w.append(*stored);
        if (!e) continue;
        write_used(w, t, *e);
        write_value(w, e->value);
      }
    }
  }
  bool load_changes(key_group_range mine, reader& r) override {
    ++moves_;
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>) {
      auto n = r.raw<std::uint64_t>();
      for (const bool with_times = r.raw<std::uint8_t>() != 0; n && !r.failed(); --n) {
        K k{};
        read_value(r, k);
        const auto hash = stable_hash<K>::of(k);
        const auto g = group(hash);
        const bool is_mine = !r.failed() && mine.contains(g);
        if (r.raw<std::uint8_t>() == 0) {
          if (!is_mine) continue;
          if (store_ && !tables_[g].find(k, hash)) add(tables_[g], k, hash);  // what is forgotten has left the store
          tables_[g].erase(k, hash);
          if (store_) store_->forget(g, k);
          continue;
        }
        const auto used = read_used(r, with_times);
        if (is_mine) {
          read_value(r, loaded(g, k, hash, used));
        } else {
          S not_mine{};
          read_value(r, not_mine);
        }
      }
      evict();
      return !r.failed();
    } else {
      return false;
    }
  }
  void drop(std::uint32_t g) override {
    ++moves_;
    slots_ -= tables_[g].capacity();
    tables_[g] = table{};
    sweep_ = {};
    if (store_) store_->drop(g);
  }

 private:
  /// What a key had before it was first used since `begin`; since `note`, that it was.
  struct change {
    K key;
    std::uint64_t hash;
    std::optional<undo_point<S>> before;  ///< empty: nothing
    std::unique_ptr<S> forgotten{};       ///< instead: what was forgotten since; it has its marks
    event_time used{};                    ///< where states expire
  };
  static constexpr bool can_be_saved = durable<K> && durable<S>;
  struct key_and_hash {
    K key;
    std::uint64_t hash;
  };
  void write_used(writer& w, table& t, const entry& e) const {
    if (expires()) w.raw(t.used(&e).time_since_epoch().count());
  }
  /// Saved without a time to live, a state's last use isn't known: it begins with the next.
  static event_time read_used(reader& r, bool with_times) {
    return with_times ? event_time{event_span{r.raw<event_span::rep>()}} : beginning_of_time;
  }
  /// The state of a key that is being loaded.
  S& loaded(std::uint32_t g, const K& k, std::uint64_t hash, event_time used) {
    auto* e = tables_[g].find(k, hash);
    if (!e) e = add(tables_[g], k, hash).first;
    if (expires()) tables_[g].used(e) = used;
    return e->value;
  }
  bool is_over(event_time used, event_time now) const {
    return used != beginning_of_time && shifted(used, ttl_.after) <= now;
  }
  std::uint32_t group(std::uint64_t hash) const { return key_group_of(hash, groups_); }
  template <class Q>
  [[gnu::always_inline]] entry& used_entry(table& t, const Q& key, std::uint64_t hash) {
    entry* e = t.find(key, hash);
    bool is_new = false;
    if (!e) [[unlikely]]
      std::tie(e, is_new) = add(t, key, hash);
    if (epoch_) {
      const auto before = t.mark(e, epoch_);
      if (before != epoch_) [[unlikely]]
        remember(*e, hash, before, is_new);
    }
    return *e;
  }
  /// `mark`: that it had.
  [[gnu::noinline]] void remember(entry& e, std::uint64_t hash, std::uint8_t mark, bool inserted) {
    if (!undoing_ && !noting_) return;
    table& t = tables_[group(hash)];
    try {
      if constexpr (can_be_saved)
        if (frozen_ && !inserted) frozen_->write_first(group(hash), e, mark);
      std::optional<undo_point<S>> before;
      if (!inserted && undoing_) before.emplace(e.value);
      changes_.push_back({e.key, hash, std::move(before), nullptr, expires() ? t.used(&e) : event_time{}});
    } catch (...) {
      // As if it had not been used: a copy, or a codec, has thrown.
      t.mark(&e, mark);
      if (inserted) remove(t, e, hash);
      throw;
    }
  }
  void end() {
    changes_.clear();
    forgotten_ = 0;
    has_forgotten_ = false;
    undoing_ = noting_ = false;
    if (!store_) epoch_ = 0;
  }
  void freeze_at_once(std::optional<key_group_range> all) {
    writer changes;
    save_changes(changes);
    written_.changes = changes.take();
    for (auto g = all ? all->first : 0; all && g < all->end; ++g) {
      writer of_group;
      save(g, of_group);
      written_.groups.push_back(of_group.take());
    }
    note();
  }
  static constexpr std::uint8_t most_epochs = 255;
  void next_epoch() {
    epoch_ = ++last_epoch_;
    if (epoch_ != 0) return;
    for (auto& t : tables_) t.clear_marks();  // the numbers have come round
    epoch_ = ++last_epoch_;
  }

  /// The entry of a key that is in no table, and whether it has no state yet.
  template <class Q>
  [[gnu::noinline]] std::pair<entry*, bool> add(table& t, const Q& key, std::uint64_t hash) {
    entry* e = insert(t, key, hash);
    try {
      return {e, !store_ || !store_->take(group(hash), *e)};
    } catch (...) {
      remove(t, *e, hash);
      throw;
    }
  }
  void remove(table& t, entry& e, std::uint64_t hash) {
    t.erase(K(e.key), hash);
    ++moves_;
  }
  template <class Q>
  entry* insert(table& t, const Q& key, std::uint64_t hash) {
    const auto before = t.capacity();
    auto* e = t.insert(key, hash);
    if (t.capacity() != before) ++moves_;
    slots_ += t.capacity() - before;
    return e;
  }

  const std::uint32_t groups_;
  const state_ttl ttl_;
  std::uint64_t moves_ = 0;
  std::size_t slots_ = 0;
  std::vector<table> tables_;
  std::vector<change> changes_;
  std::size_t forgotten_ = 0;              // changes that are no first use
  bool has_forgotten_ = false;             // since `begin`: a key may stand there several times
  bool undoing_ = false, noting_ = false;  // since `begin`, since `note`
  struct {
    std::uint32_t group = 0;
    std::size_t slot = 0;
  } sweep_;
  mutable owned_memory owned_;
  std::uint64_t expired_ = 0, expired_before_ = 0;
  // 0: uses are not marked; else what keys used since `begin`, or as long as there is a store, are marked with.
  std::uint8_t epoch_ = 0, last_epoch_ = 0;

  std::unique_ptr<evicted> store_;  // null: all states are in the tables
  using frozen = frozen_states<K, S, change>;
  std::unique_ptr<frozen> frozen_;  // null: nothing is being written
  frozen_state written_;
  std::vector<key_and_hash> gone_;  // forgotten since `note`; they may have come again
};

}  // namespace freshet
