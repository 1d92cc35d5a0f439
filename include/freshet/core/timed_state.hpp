#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "freshet/core/keyed_state.hpp"
#include "freshet/core/keyed_timers.hpp"

namespace freshet {

/// State by key with the timers of the keys, of both kinds of time: one thing to undo, save and move. Timers stay in
/// memory, also of keys whose states are in a store. Not thread safe.
template <class K, class S>
class timed_state final : public any_state {
 public:
  explicit timed_state(std::uint32_t groups, state_ttl ttl = {})
      : states(groups, ttl), timers(groups), processing_timers(groups) {}

  std::size_t rows() const override { return states.rows(); }
  std::size_t bytes() const override { return states.bytes() + timers.bytes() + processing_timers.bytes(); }
  void begin() override {
    states.begin();
    timers.begin();
    processing_timers.begin();
  }
  void commit() override {
    states.commit();
    timers.commit();
    processing_timers.commit();
  }
  void rollback() override {
    states.rollback();
    timers.rollback();
    processing_timers.rollback();
  }
  void note() override {
    states.note();
    timers.begin();
    processing_timers.begin();
  }
  std::size_t touched() const override { return states.touched(); }
  void expire(event_time now, std::size_t slots) override { states.expire(now, slots); }
  void keep_in(std::unique_ptr<state_store> store) override { states.keep_in(std::move(store)); }
  void keep_in(std::unique_ptr<state_store> store, const snapshot_rows& rows) override {
    states.keep_in(std::move(store), rows);
  }
  bool has_times() const override { return states.has_times(); }
  bool can_be_stored() const override { return states.can_be_stored(); }
  void evict() override { states.evict(); }
  std::uint64_t expired() const override { return states.expired(); }
  bool is_durable() const override { return states.is_durable(); }
  void save(std::uint32_t group, writer& w) const override {
    states.save(group, w);
    save_timers(group, w);
  }
  bool load(std::uint32_t group, reader& r) override { return states.load(group, r) && load_timers(group, r); }
  std::optional<state_snapshot> snapshot() override { return states.snapshot(); }
  void save_beside_snapshot(std::uint32_t group, writer& w) const override {
    states.save_beside_snapshot(group, w);
    save_timers(group, w);
  }
  bool load_beside_snapshot(std::uint32_t group, reader& r) override {
    return states.load_beside_snapshot(group, r) && load_timers(group, r);
  }
  bool load_rows(std::uint32_t group, reader& r) override { return states.load_rows(group, r); }
  void save_changes(writer& w) const override {
    if constexpr (durable<K> && durable<S>) {
      states.save_changes(w);
      timers.save_changes(w);
      processing_timers.save_changes(w);
    }
  }
  using any_state::freeze;
  void freeze(std::optional<key_group_range> all, bool as_snapshot) override {
    if constexpr (durable<K> && durable<S>) {
      states.freeze(all, as_snapshot);
      timers.freeze(all);
      processing_timers.freeze(all);
    }
  }
  bool write_frozen(std::size_t keys) override {
    if constexpr (durable<K> && durable<S>)
      return states.write_frozen(keys) && timers.write_frozen() && processing_timers.write_frozen();
    else return true;
  }
  bool has_frozen_changes() const override { return states.has_frozen_changes(); }
  std::string take_frozen_changes() override {
    auto all = states.take_frozen_changes();
    if constexpr (durable<K> && durable<S>)
      all += timers.take_frozen_changes() + processing_timers.take_frozen_changes();
    return all;
  }
  frozen_state take_frozen() override {
    auto all = states.take_frozen();
    if constexpr (durable<K> && durable<S>)
      for (auto* of_keys : {&timers, &processing_timers}) {
        const auto more = of_keys->take_frozen();
        all.changes += more.changes;
        for (std::size_t g = 0; g < all.groups.size(); ++g) all.groups[g] += more.groups[g];
      }
    return all;
  }
  bool load_changes(key_group_range mine, reader& r) override {
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>)
      return states.load_changes(mine, r) && timers.load_changes(mine, r) && processing_timers.load_changes(mine, r);
    else return false;
  }
  void drop(std::uint32_t group) override {
    states.drop(group);
    timers.drop(group);
    processing_timers.drop(group);
  }
  void add_layout(state_layout& to) const override {
    states.add_layout(to);
    to.has_timers = true;
  }

  keyed_state<K, S> states;
  keyed_timers<K> timers;
  keyed_timers<K> processing_timers;  ///< in place of a tuple's stamp they keep its time

 private:
  void save_timers(std::uint32_t group, writer& w) const {
    if constexpr (durable<K> && durable<S>) {
      timers.save(group, w);
      processing_timers.save(group, w);
    }
  }
  bool load_timers(std::uint32_t group, reader& r) {
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>)
      return timers.load(group, r) && processing_timers.load(group, r);
    else return false;
  }
};

}  // namespace freshet
