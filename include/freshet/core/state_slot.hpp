#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/layout.hpp"
#include "freshet/core/state_store.hpp"
#include "freshet/core/undo.hpp"

namespace freshet {

/// What a state has in its store, as files.
struct state_snapshot {
  std::shared_ptr<const store_snapshot> files{};
  snapshot_rows rows{};
};

/// A state as it was at one moment, in bytes.
struct frozen_state {
  std::string changes{};                ///< as `any_state::save_changes` writes them; empty where they were taken
  std::vector<std::string> groups{};    ///< as `save` writes them; empty where they were not asked for
  std::optional<std::string> shared{};  ///< as `save_shared` writes it, with the groups
  /// Where a snapshot of the store was asked for: then the groups are as `save_beside_snapshot` writes them.
  std::optional<state_snapshot> snapshot{};
};

/// The engine's view of one task's state. Not thread safe.
class any_state {
 public:
  virtual ~any_state();
  /// Keys with state (1 or 0 for state that isn't keyed).
  virtual std::size_t rows() const = 0;
  virtual std::size_t bytes() const = 0;

  /// From here on the first change of a key keeps what it replaces, until `commit` or `rollback`: an undo log, which
  /// reads its own writes at no cost and touches memory only once a key and batch. Used by the batch engine.
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() = 0;
  /// In place of `begin`, where nothing will be taken back: from here on keys that are used are noted for
  /// `save_changes`, at no copy of their states, until `commit` or the next `note`. Used by the event engine.
  virtual void note() = 0;
  /// Keys used since `begin`, or `note`.
  virtual std::size_t touched() const = 0;

  /// Gives back the memory of keys whose time to live is over, in the next so many slots of the tables, round and
  /// round. Not between `begin` and its end.
  virtual void expire(event_time /*now*/, std::size_t /*slots*/) {}
  /// Keeps the states of keys in `store` when memory gets short; one state a task stays where it is. REQUIRES: no key
  /// has a state yet; `can_be_stored`.
  virtual void keep_in(std::unique_ptr<state_store>) {}
  /// The same with the rows of a snapshot; `load_beside_snapshot` is to follow. REQUIRES: no key has a state; the rows
  /// have times as its own would have.
  virtual void keep_in(std::unique_ptr<state_store>, const snapshot_rows&) {}
  /// Whether rows of its store have times of last use.
  virtual bool has_times() const { return false; }
  /// Its keys and states have codecs, if it is by key.
  virtual bool can_be_stored() const { return true; }
  /// Writes states to the store, those first that were not used for long, where memory has more of them than the store
  /// says. Not between `begin` and its end. May throw state_store_error, also of calls before.
  virtual void evict() {}
  /// Keys that have begun anew, or are gone, as their time to live was over.
  virtual std::uint64_t expired() const { return 0; }

  /// Writes the states of one key group; `durable()` only.
  virtual void save(std::uint32_t group, writer&) const = 0;
  /// Reads what `save` wrote into the same group. False for damaged bytes.
  virtual bool load(std::uint32_t group, reader&) = 0;
  /// What its store has, as files; it may take long, and the store must not have been written to before it returns.
  /// Nothing where it has no store. REQUIRES: the store makes snapshots.
  virtual std::optional<state_snapshot> snapshot() { return {}; }
  /// `save` without what is in the snapshot of now.
  virtual void save_beside_snapshot(std::uint32_t group, writer& w) const { save(group, w); }
  /// Reads that into a state that is kept in a store of the snapshot.
  virtual bool load_beside_snapshot(std::uint32_t group, reader& r) { return load(group, r); }
  /// Reads rows of a store that is not its own, as `save` writes states: a count (u64), whether there are times (u8),
  /// and for each the time, the key and the state.
  virtual bool load_rows(std::uint32_t /*group*/, reader&) { return false; }
  /// Writes what has changed since `begin` or `note`, of all groups. REQUIRES: `durable()`; neither committed nor
  /// rolled back.
  virtual void save_changes(writer&) const = 0;
  /// What has changed since `note`, and with `all` the states of these groups, are to be written as they are now, while
  /// calls go on changing them: piece by piece by `write_frozen`, and what a call is about to change before it does.
  /// With `as_snapshot` what is in a store becomes a snapshot. From here on changes are noted anew. REQUIRES:
  /// `durable()`; `note` was called, and what was frozen before is taken; with `as_snapshot` a store makes snapshots.
  virtual void freeze(std::optional<key_group_range> all, bool as_snapshot) = 0;
  void freeze(std::optional<key_group_range> all) { freeze(all, false); }
  /// Writes so many keys more, or one group; first what has changed. True: everything is written, and the snapshot is
  /// made.
  virtual bool write_frozen(std::size_t keys) = 0;
  /// What has changed is written.
  virtual bool has_frozen_changes() const = 0;
  /// They may be taken by themselves, before the rest is written. REQUIRES: has_frozen_changes()
  virtual std::string take_frozen_changes() = 0;
  /// REQUIRES: everything is written.
  virtual frozen_state take_frozen() = 0;
  /// Makes the changes that `save_changes` wrote, as far as they are of these groups; what isn't by key, in any case.
  /// False for damaged bytes.
  virtual bool load_changes(key_group_range mine, reader&) = 0;
  /// The part that is the same in all tasks of a node, where there is one beside the states of keys.
  virtual bool has_shared() const { return false; }
  virtual void save_shared(writer&) const {}
  virtual bool load_shared(reader&) { return false; }
  /// Forgets the states of a group.
  virtual void drop(std::uint32_t group) = 0;
  virtual bool is_durable() const = 0;
  /// Adds what the bytes are that `save` and `save_changes` write; `durable()` only.
  virtual void add_layout(state_layout& to) const = 0;
};

namespace detail {
template <class S>
inline constexpr bool is_transient = false;
template <class S>
inline constexpr bool is_transient<transient<S>> = true;
}  // namespace detail

/// State of a bolt behind a global or `all` grouping: one value.
template <class S>
class single_state final : public any_state {
 public:
  S& use() {
    touched_ = true;
    return value_;
  }
  const S& value() const { return value_; }
  std::size_t rows() const override { return 1; }
  std::size_t bytes() const override { return sizeof(S); }
  void begin() override {
    before_.emplace(value_);
    touched_ = false;
  }
  void commit() override {
    if (before_) before_->keep(value_);
    before_.reset();
  }
  void rollback() override {
    if (before_) before_->undo(value_);
    before_.reset();
  }
  void note() override {
    before_.reset();
    touched_ = false;
  }
  std::size_t touched() const override { return touched_ ? 1 : 0; }
  bool is_durable() const override { return durable<S>; }
  void save(std::uint32_t group, writer& w) const override {
    if constexpr (durable<S>)
      if (group == 0) write_value(w, value_);
  }
  bool load(std::uint32_t group, reader& r) override {
    if constexpr (durable<S>) {
      if (group == 0) read_value(r, value_);
      return !r.failed();
    } else {
      return false;
    }
  }
  void save_changes(writer& w) const override {
    if constexpr (durable<S>) {
      w.raw<std::uint8_t>(touched_);
      if (touched_) write_value(w, value_);
    }
  }
  using any_state::freeze;
  void freeze(std::optional<key_group_range> all, bool) override {
    const auto written = [](auto&& write) {
      writer w;
      write(w);
      return w.take();
    };
    frozen_.changes = written([this](writer& w) { save_changes(w); });
    if (all) frozen_.groups.push_back(written([this](writer& w) { save(0, w); }));
    note();
  }
  bool write_frozen(std::size_t) override { return true; }
  bool has_frozen_changes() const override { return true; }
  std::string take_frozen_changes() override { return std::exchange(frozen_.changes, {}); }
  frozen_state take_frozen() override { return std::exchange(frozen_, {}); }
  bool load_changes(key_group_range, reader& r) override {
    if constexpr (durable<S>) {
      if (r.raw<std::uint8_t>()) read_value(r, value_);
      return !r.failed();
    } else {
      return false;
    }
  }
  void drop(std::uint32_t) override { value_ = S{}; }
  void add_layout(state_layout& to) const override {
    if constexpr (durable<S>) freshet::add_layout<S>(to.state);
  }

 private:
  S value_{};
  std::optional<undo_point<S>> before_;
  bool touched_ = false;
  frozen_state frozen_;
};

}  // namespace freshet
