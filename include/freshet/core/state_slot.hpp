#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/state_table.hpp"

namespace freshet {

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
  /// Keys used since `begin`.
  virtual std::size_t touched() const = 0;

  /// Writes the states of one key group; `durable()` only.
  virtual void save(std::uint32_t group, writer&) const = 0;
  /// Reads what `save` wrote into the same group. False for damaged bytes.
  virtual bool load(std::uint32_t group, reader&) = 0;
  /// Forgets the states of a group.
  virtual void drop(std::uint32_t group) = 0;
  virtual bool is_durable() const = 0;
};

namespace detail {
template <class S>
inline constexpr bool is_transient = false;
template <class S>
inline constexpr bool is_transient<transient<S>> = true;
}  // namespace detail

/// State by key: a table a key group, so that growing, saving and moving state touch one group at a time.
template <class K, class S>
class keyed_state final : public any_state {
  using table = state_table<K, S>;

 public:
  using entry = typename table::entry;
  explicit keyed_state(std::uint32_t groups) : groups_(groups), tables_(groups) {}

  /// Whether the tables are too large for a core's own caches, so that `prefetch` is worth its while.
  bool is_far() const { return slots_ * (sizeof(entry) + 1) > 256 * 1024; }
  /// Fetches the memory that `use` will need.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const { tables_[group(hash)].prefetch(hash); }
  /// The state of `key`, default constructed for a new one. Valid until the next call.
  template <class Q>
  [[gnu::always_inline]] S& use(const Q& key, std::uint64_t hash) {
    table& t = tables_[group(hash)];
    entry* e = t.find(key, hash);
    const bool missing = !e;
    if (missing) [[unlikely]]
      e = insert(t, key, hash);
    if (epoch_ && t.mark(e, epoch_)) [[unlikely]]
      remember(*e, hash, missing);
    return e->value;
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
    if (epoch_ && tables_[group(hash)].mark(&e, epoch_)) [[unlikely]]
      remember(e, hash, false);
    return e.value;
  }
  /// Forgets the state of a key that was used in this call.
  template <class Q>
  void forget(const Q& key, std::uint64_t hash) {
    ++moves_;
    tables_[group(hash)].erase(key, hash);
  }
  /// Null when the key has no state.
  template <class Q>
  S* find(const Q& key) {
    const auto hash = stable_hash<K>::of(key);
    auto* e = tables_[group(hash)].find(key, hash);
    return e ? &e->value : nullptr;
  }
  /// Calls `f(key, state)` for all keys used since `begin`, in the order of their first use.
  template <class F>
  void for_each_touched(F&& f) {
    for (const auto& c : changes_)
      if (auto* e = tables_[group(c.hash)].find(c.key, c.hash)) f(std::as_const(e->key), e->value);
  }
  template <class F>
  void for_each(F&& f) {
    for (auto& t : tables_) t.for_each([&](auto& e) { f(std::as_const(e.key), e.value); });
  }

  std::size_t rows() const override {
    std::size_t n = 0;
    for (auto& t : tables_) n += t.size();
    return n;
  }
  std::size_t bytes() const override {
    std::size_t n = 0;
    for (auto& t : tables_) n += t.bytes();
    return n;
  }
  void begin() override {
    changes_.clear();
    epoch_ = ++last_epoch_;
    if (epoch_ != 0) return;
    for (auto& t : tables_) t.clear_marks();  // the numbers have come round
    epoch_ = ++last_epoch_;
  }
  void commit() override {
    changes_.clear();
    epoch_ = 0;
  }
  void rollback() override {
    epoch_ = 0;
    ++moves_;
    // Backwards: a key that was forgotten and came again stands there twice.
    for (auto c = changes_.rbegin(); c != changes_.rend(); ++c) {
      auto& t = tables_[group(c->hash)];
      if (!c->old) {
        t.erase(c->key, c->hash);
      } else {
        auto* e = t.find(c->key, c->hash);
        (e ? e : insert(t, c->key, c->hash))->value = std::move(*c->old);
      }
    }
    changes_.clear();
  }
  std::size_t touched() const override { return changes_.size(); }

  bool is_durable() const override { return durable<K> && durable<S>; }
  void save(std::uint32_t g, writer& w) const override {
    if constexpr (durable<K> && durable<S>) {
      auto& t = const_cast<table&>(tables_[g]);  // for_each hands out mutable entries; none is changed here
      w.raw<std::uint64_t>(t.size());
      t.for_each([&](auto& e) {
        codec<K>::write(w, e.key);
        codec<S>::write(w, e.value);
      });
    }
  }
  bool load(std::uint32_t g, reader& r) override {
    ++moves_;
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>) {
      for (auto n = r.raw<std::uint64_t>(); n && !r.failed(); --n) {
        K k{};
        codec<K>::read(r, k, 0);
        const auto hash = stable_hash<K>::of(k);
        auto* e = tables_[g].find(k, hash);
        codec<S>::read(r, (e ? e : insert(tables_[g], k, hash))->value, 0);
      }
      return !r.failed();
    } else {
      return false;
    }
  }
  void drop(std::uint32_t g) override {
    ++moves_;
    slots_ -= tables_[g].capacity();
    tables_[g] = table{};
  }

 private:
  /// What a key had before it was first used since `begin`.
  struct change {
    K key;
    std::uint64_t hash;
    std::optional<S> old;  ///< empty: nothing
  };
  std::uint32_t group(std::uint64_t hash) const { return key_group_of(hash, groups_); }
  [[gnu::noinline]] void remember(const entry& e, std::uint64_t hash, bool inserted) {
    changes_.push_back({e.key, hash, inserted ? std::nullopt : std::optional<S>(e.value)});
  }

  template <class Q>
  [[gnu::noinline]] entry* insert(table& t, const Q& key, std::uint64_t hash) {
    const auto before = t.capacity();
    auto* e = t.insert(key, hash);
    if (t.capacity() != before) ++moves_;
    slots_ += t.capacity() - before;
    return e;
  }

  const std::uint32_t groups_;
  std::uint64_t moves_ = 0;
  std::size_t slots_ = 0;
  std::vector<table> tables_;
  std::vector<change> changes_;
  std::uint8_t epoch_ = 0,
               last_epoch_ = 0;  // 0: changes are not kept; else what keys used since `begin` are marked with
};

/// State of a bolt behind a global or `all` grouping: one value.
template <class S>
class single_state final : public any_state {
 public:
  S& use() {
    touched_ = true;
    return value_;
  }
  std::size_t rows() const override { return 1; }
  std::size_t bytes() const override { return sizeof(S); }
  void begin() override {
    old_ = value_;
    touched_ = false;
  }
  void commit() override { old_.reset(); }
  void rollback() override {
    if (old_) value_ = std::move(*old_);
    old_.reset();
  }
  std::size_t touched() const override { return touched_ ? 1 : 0; }
  bool is_durable() const override { return durable<S>; }
  void save(std::uint32_t group, writer& w) const override {
    if constexpr (durable<S>)
      if (group == 0) codec<S>::write(w, value_);
  }
  bool load(std::uint32_t group, reader& r) override {
    if constexpr (durable<S>) {
      if (group == 0) codec<S>::read(r, value_, 0);
      return !r.failed();
    } else {
      return false;
    }
  }
  void drop(std::uint32_t) override { value_ = S{}; }

 private:
  S value_{};
  std::optional<S> old_;
  bool touched_ = false;
};

}  // namespace freshet
