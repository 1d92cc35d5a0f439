#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/core/change_list.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/owned_memory.hpp"
#include "freshet/core/slot_table.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/state_ttl.hpp"

namespace freshet {

class evicted_states;
class frozen_states;

/// The half of a keyed_state that needs no types: what the engine asks of it, and what is done once a key and batch or
/// less. Not thread safe.
class any_keyed_state : public any_state {
 public:
  ~any_keyed_state() override;
  any_keyed_state(const any_keyed_state&) = delete;
  any_keyed_state& operator=(const any_keyed_state&) = delete;

  /// Whether the tables are too large for a core's own caches, so that `prefetch` is worth its while.
  bool is_far() const { return slots_ * (type_.entry.bytes + 1) > 256 * 1024; }
  const state_ttl& ttl() const { return ttl_; }
  bool expires() const { return ttl_.after.count() != 0; }
  /// Goes up whenever entries may have moved, and what `look_up` gave is void.
  std::uint64_t moves() const { return moves_; }

  std::size_t rows() const override;
  /// Of the tables, and about what keys and states own elsewhere: it looks at some slots a call, round and round.
  std::size_t bytes() const override;
  void expire(event_time now, std::size_t slots) override;
  std::uint64_t expired() const override { return expired_; }
  void keep_in(std::unique_ptr<state_store> store) override { keep_in(std::move(store), {}); }
  void keep_in(std::unique_ptr<state_store> store, const snapshot_rows& rows) override;
  bool has_times() const override { return expires(); }
  bool can_be_stored() const override { return type_.can_be_read; }
  void evict() override;

  void begin() override;
  void note() override;
  void commit() override;
  void rollback() override;
  std::size_t touched() const override { return changes_.size() - forgotten_; }
  using any_state::freeze;
  void freeze(std::optional<key_group_range> all, bool as_snapshot) override;
  bool write_frozen(std::size_t keys) override;
  bool has_frozen_changes() const override;
  std::string take_frozen_changes() override;
  frozen_state take_frozen() override;

  bool is_durable() const override { return type_.is_durable; }
  void save(std::uint32_t g, writer& w) const override;
  bool load(std::uint32_t, reader& r) override { return load_states(r, false); }
  std::optional<state_snapshot> snapshot() override;
  void save_beside_snapshot(std::uint32_t g, writer& w) const override;
  bool load_beside_snapshot(std::uint32_t, reader& r) override { return load_states(r, true); }
  bool load_rows(std::uint32_t, reader& r) override { return load_states(r, false); }
  /// A count (u64), whether there are times (u8); for each change the key, whether it has a state (u8), and that, its
  /// time ahead.
  void save_changes(writer& w) const override;
  bool load_changes(key_group_range mine, reader& r) override;
  void drop(std::uint32_t g) override;
  void add_layout(state_layout& to) const override;

 protected:
  any_keyed_state(const keyed_type& type, std::uint32_t groups, state_ttl ttl);

  std::vector<slot_table>& tables() { return tables_; }
  [[gnu::always_inline]] slot_table& table(std::uint64_t hash) { return tables_[group(hash)]; }
  [[gnu::always_inline]] const slot_table& table(std::uint64_t hash) const { return tables_[group(hash)]; }
  /// 0: uses are not marked; else what keys used since `begin`, or as long as there is a store, are marked with.
  std::uint8_t epoch() const { return epoch_; }
  bool has_store() const { return store_ != nullptr; }

  /// A key has got its slot in a table that had so many. False: it had a state in the store, and has it here now. If
  /// it throws, the key isn't there.
  bool added(slot_table& t, std::size_t slot, std::uint64_t hash, std::size_t capacity_before) {
    if (t.capacity() != capacity_before) [[unlikely]]
      count_slots(t, capacity_before);
    return !store_ || !take_from_store(t, slot, hash);
  }
  /// Notes a use. False: the state's time to live was over, and `begins_anew` is to be called.
  bool used_alive(slot_table& t, std::size_t slot, event_time at, event_time now, bool prolongs) const;
  void begins_anew(slot_table& t, std::size_t slot, event_time at, bool prolongs);
  /// Whether first uses are among `changes`, and whether those keep what there was.
  bool is_noting() const { return undoing_ || noting_; }
  bool is_undoing() const { return undoing_; }
  change_list& changes() { return changes_; }
  event_time last_use(const slot_table& t, std::size_t slot) const {
    return expires() ? t.last_use(slot) : event_time{};
  }
  /// An entry that was there, and had this mark, is about to be used for the first time.
  void before_use(std::size_t slot, std::uint64_t hash, std::uint8_t mark);
  /// As if it had not been used: a copy, or a codec, has thrown.
  void take_back_use(std::size_t slot, std::uint64_t hash, std::uint8_t mark, bool inserted);

  /// Where keys that are forgotten are to be noted; null: nobody asks for them.
  change_list* gone() { return noting_ && type_.is_durable ? &gone_ : nullptr; }
  /// The last of `changes` keeps what is forgotten.
  void added_forgotten();
  void forget_entry(std::size_t slot, std::uint64_t hash);
  /// Whether a key may stand among the changes several times.
  bool has_forgotten() const { return has_forgotten_; }
  /// The entries of the keys that stand there, once each, in the order of their first use.
  std::vector<void*> touched_once() const;

  /// A copy of the entry of a key that is in no table, until the next call. Null: the store doesn't have it either.
  void* look_in_store(const void* key, std::uint64_t hash);
  /// Calls `f` with copies of the entries that are in the store only.
  void for_each_stored(const std::function<void(void* entry)>& f);

 private:
  bool is_over(event_time used, event_time now) const;
  std::uint32_t group(std::uint64_t hash) const { return key_group_of(hash, groups_); }
  std::size_t insert(const void* key, std::uint64_t hash);
  std::size_t add(const void* key, std::uint64_t hash);
  void count_slots(const slot_table& t, std::size_t capacity_before);
  bool take_from_store(slot_table& t, std::size_t slot, std::uint64_t hash);
  void* put_aside(const void* key, std::uint64_t hash);
  void write_last_use(writer& w, const slot_table& t, std::size_t slot) const;
  void save_table(std::uint32_t g, writer& w) const;
  bool load_states(reader& r, bool beside_snapshot);
  void load_state(const void* key, std::uint64_t hash, event_time used, reader& r, bool beside_snapshot);
  snapshot_rows rows_in_store() const;
  /// Nothing may leave the tables, or the store, that is still to be written as it was.
  bool is_frozen() const;
  void load_forgotten(const void* key, std::uint64_t hash);
  bool forget_if_over(slot_table& t, std::size_t slot, event_time now);
  void end();
  void next_epoch();

  const keyed_type& type_;
  const std::uint32_t groups_;
  const state_ttl ttl_;
  std::uint64_t moves_ = 0;
  std::size_t slots_ = 0;  // of all tables
  std::vector<slot_table> tables_;
  change_list changes_;
  std::size_t forgotten_ = 0;              // changes that are no first use
  bool has_forgotten_ = false;             // since `begin`: a key may stand there several times
  bool undoing_ = false, noting_ = false;  // since `begin`, since `note`
  struct {
    std::uint32_t group = 0;
    std::size_t slot = 0;
  } sweep_;
  mutable owned_memory owned_;
  std::uint64_t expired_ = 0, expired_before_ = 0;
  std::uint8_t epoch_ = 0, last_epoch_ = 0;

  std::unique_ptr<evicted_states> store_;       // null: all states are in the tables
  slot_table aside_;                            // one entry of those in the store, to be looked at
  std::unique_ptr<frozen_states> frozen_;       // null: nothing is being written
  std::optional<snapshot_rows> snapshot_rows_;  // of the snapshot that is being made with it
  change_list gone_;                            // forgotten since `note`; they may have come again
};

}  // namespace freshet
