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
  explicit keyed_state(std::uint32_t groups) : groups_(groups), tables_(groups) {}

  /// Fetches the memory that `use` will need.
  void prefetch(std::uint64_t hash) const { tables_[group(hash)].prefetch(hash); }
  /// The state of `key`, default constructed for a new one. Valid until the next call.
  template <class Q>
  [[gnu::always_inline]] S& use(const Q& key, std::uint64_t hash) {
    const auto [e, inserted] = tables_[group(hash)].find_or_insert(key, hash);
    if (keeps_old_) [[unlikely]]
      remember(*e, hash, inserted);
    return e->value;
  }
  /// Null when the key has no state.
  template <class Q>
  S* find(const Q& key) {
    const auto hash = stable_hash<K>::of(key);
    auto* e = tables_[group(hash)].find(key, hash);
    return e ? &e->value : nullptr;
  }
  /// Calls `f(key, state)` for all keys used since `begin`.
  template <class F>
  void for_each_touched(F&& f) {
    old_.for_each([&](auto& e) {
      const auto hash = stable_hash<K>::of(e.key);
      if (auto* found = tables_[group(hash)].find(e.key, hash)) f(std::as_const(found->key), found->value);
    });
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
    old_ = {};
    keeps_old_ = true;
  }
  void commit() override {
    old_ = {};
    keeps_old_ = false;
  }
  void rollback() override {
    keeps_old_ = false;
    auto old = std::move(old_);
    old.for_each([&](auto& e) {
      const auto hash = stable_hash<K>::of(e.key);
      auto& t = tables_[group(hash)];
      if (!e.value.old) t.erase(e.key, hash);
      else if (auto* found = t.find(e.key, hash)) found->value = std::move(*e.value.old);
    });
  }
  std::size_t touched() const override { return old_.size(); }

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
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>) {
      for (auto n = r.raw<std::uint64_t>(); n && !r.failed(); --n) {
        K k{};
        codec<K>::read(r, k, 0);
        codec<S>::read(r, tables_[g].find_or_insert(k, stable_hash<K>::of(k)).first->value, 0);
      }
      return !r.failed();
    } else {
      return false;
    }
  }
  void drop(std::uint32_t g) override { tables_[g] = table{}; }

 private:
  struct before {
    std::optional<S> old;  ///< empty: the key had no state
  };
  std::uint32_t group(std::uint64_t hash) const { return key_group_of(hash, groups_); }
  [[gnu::noinline]] void remember(const typename table::entry& e, std::uint64_t hash, bool inserted) {
    const auto [b, first] = old_.find_or_insert(e.key, hash);
    if (first && !inserted) b->value.old = e.value;
  }

  const std::uint32_t groups_;
  std::vector<table> tables_;
  state_table<K, before> old_;  // of the keys used since `begin`
  bool keeps_old_ = false;
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
