#pragma once
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "freshet/base/time_arithmetic.hpp"
#include "freshet/base/type_name.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/state_table.hpp"
#include "freshet/core/stored_rows.hpp"
#include "freshet/core/value_bytes.hpp"

namespace freshet {

/// The states of a keyed_state that its tables have no room for, in a store: `stored_rows` by their types, and who has
/// to leave. A row is the key's bytes, and the time of last use (where states expire) ahead of the state's. Not thread
/// safe.
template <class K, class S>
class evicted_states {
  using table = state_table<K, S>;
  using entry = typename table::entry;

 public:
  /// Whether keys and states can be written and read back.
  static constexpr bool can_be = durable<K> && durable<S> && std::default_initializable<K>;

  /// `tables` by key group.
  evicted_states(std::unique_ptr<state_store> store, std::span<table> tables, bool with_times)
      : rows_(std::move(store), static_cast<std::uint32_t>(tables.size())), tables_(tables), with_times_(with_times) {}

  const stored_rows& rows() const { return rows_; }
  /// Reads the state of a key that is in no table but for `e`, where it is from now on. False: it has none.
  bool take(std::uint32_t group, entry& e) {
    if constexpr (can_be) {
      ++taken_or_new_;
      if (rows_.rows(group) == 0 || !rows_.take(group, bytes_of(e.key), row_)) return false;
      const auto used = read_state(row_, e.value);
      if (with_times_) tables_[group].used(&e) = used;
      return true;
    } else {
      return false;
    }
  }
  /// The state of a key that is in no table, to be looked at until the next call. Null: it has none.
  const S* find(std::uint32_t group, const K& key) {
    if constexpr (can_be)
      if (rows_.rows(group) != 0 && rows_.read(group, bytes_of(key), row_)) {
        looked_at_ = S{};
        read_state(row_, looked_at_);
        return &looked_at_;
      }
    return nullptr;
  }
  /// The bytes of its row, until the next call: the time of last use, where there are times, and the state. Null: it
  /// has none.
  const std::string* row_of(std::uint32_t group, const K& key) {
    if constexpr (can_be)
      if (rows_.rows(group) != 0 && rows_.read(group, bytes_of(key), row_)) return &row_;
    return nullptr;
  }
  /// The key has left its table for good.
  void forget(std::uint32_t group, const K& key) {
    if constexpr (can_be) rows_.forget(group, bytes_of(key));
  }
  void drop(std::uint32_t group) { rows_.drop(group); }

  /// Whether the tables take more memory than they may. Throws what the store has thrown in calls.
  bool is_short_of_memory() {
    rows_.check();
    most_ = rows_.cache_bytes() / bytes_a_row();
    return rows_in_tables() > most_;
  }
  /// Writes what waits to be erased, if that is much.
  void flush_if_large() { rows_.flush_if_large(); }
  /// Evicts an eighth more than needed, so that writing is worth its while, by the clock algorithm (Corbato 1968): what
  /// was used since the hand came by stays, and is marked for the next time.
  void evict() {
    if constexpr (can_be) {
      for (auto rows = rows_in_tables(); rows > most_ - most_ / 8;) {
        table& t = tables_[hand_.group];
        const auto before = t.size();
        hand_.slot = t.erase_some(hand_.slot, slots_a_step, [&](const entry& e) { return evict(t, e); });
        rows -= before - t.size();
        written_ += before - t.size();
        if (hand_.slot >= t.capacity()) hand_ = {(hand_.group + 1) % static_cast<std::uint32_t>(tables_.size()), 0};
      }
      rows_.flush();
    }
  }
  /// Calls `f(key, stored)` with the bytes of those of a group's rows that are in no table.
  template <class F>
  void for_each_row(std::uint32_t group, F&& f) const {
    if constexpr (can_be)
      rows_.scan(group, [&](std::string_view key, std::string_view stored) {
        if (!is_in_table(group, key)) f(key, stored);
        return true;
      });
  }
  /// The same with the values.
  template <class F>
  void for_each(std::uint32_t group, F&& f) const {
    if constexpr (can_be)
      for_each_row(group, [&](std::string_view bytes, std::string_view stored) {
        const K key = read_key(bytes);
        S state{};
        read_state(stored, state);
        f(key, state);
      });
  }
  /// How many bytes of a row are the time of last use.
  std::size_t time_bytes() const { return with_times_ ? sizeof(event_span::rep) : 0; }
  /// Erases rows for which `is_over(time of last use)` says so, and tells how many. Looks at some, now and then: at two
  /// for each that was written, so that the store never doubles with what is over, and at few else, for `slots` of the
  /// tables, as reading a row costs more.
  template <class F>
  std::size_t expire(std::size_t slots, F&& is_over) {
    if constexpr (can_be) {
      constexpr std::size_t slots_a_row = 256, rows_at_once = 1024;
      due_rows_ += slots / slots_a_row + 2 * std::exchange(written_, 0);
      if (due_rows_ < rows_at_once || rows_.rows() == 0) return 0;
      return rows_.sweep(std::exchange(due_rows_, 0),
                         [&](std::uint32_t group, std::string_view key, std::string_view stored) {
                           return is_over(time_of(stored)) && !is_in_table(group, key);
                         });
    } else {
      return 0;
    }
  }

 private:
  static constexpr std::size_t slots_a_step = 64, rows_looked_at = 64;

  std::size_t rows_in_tables() const {
    std::size_t n = 0;
    for (auto& t : tables_) n += t.size();
    return n;
  }
  /// False: it has been used since the hand came by.
  bool evict(table& t, const entry& e) {
    if (t.mark_of(&e) != 0) return t.mark(&e, 0), false;
    state_.clear();
    if (with_times_) state_.raw(t.used(&e).time_since_epoch().count());
    write_value(state_, e.value);
    rows_.put(hand_.group, bytes_of(e.key), state_.data());
    return true;
  }
  /// About what a row of the tables takes: they are half full, and a few stand for what all of them own elsewhere.
  std::size_t bytes_a_row() {
    constexpr std::size_t tag_and_mark = 2;
    if constexpr (owns_memory<K> || owns_memory<S>)
      for (auto n = 1 + std::min(rows_looked_at, std::exchange(taken_or_new_, 0)); n > 0; --n) look_at_some_row();
    return 2 * (sizeof(entry) + tag_and_mark + time_bytes()) + static_cast<std::size_t>(owned_a_row_);
  }
  void look_at_some_row() {
    const auto scattered = ++seen_ * 0x9e37'79b9'7f4a'7c15u >> 32;
    const entry* e = tables_[seen_ % tables_.size()].near(scattered);
    if (!e) return;
    const auto owned = static_cast<double>(detail::owned_bytes(e->key) + detail::owned_bytes(e->value));
    owned_a_row_ += (owned - owned_a_row_) / static_cast<double>(std::min<std::size_t>(seen_, rows_looked_at));
  }

  bool is_in_table(std::uint32_t group, std::string_view bytes) const {
    const K key = read_key(bytes);
    return tables_[group].find(key, stable_hash<K>::of(key)) != nullptr;
  }
  std::string_view bytes_of(const K& key) {
    key_.clear();
    write_value(key_, key);
    return key_.data();
  }
  K read_key(std::string_view bytes) const {
    K key{};
    reader r(bytes);
    read_value(r, key);
    if (r.failed()) fail<K>();
    return key;
  }
  /// Gives the time of last use.
  event_time read_state(std::string_view stored, S& state) const {
    reader r(stored.substr(time_bytes()));
    read_value(r, state);
    if (r.failed()) fail<S>();
    return with_times_ ? time_of(stored) : beginning_of_time;
  }
  static event_time time_of(std::string_view stored) {
    return event_time{event_span{reader(stored).raw<event_span::rep>()}};
  }
  template <class T>
  [[noreturn]] static void fail() {
    throw state_store_error("a " + readable_type_name<T>() +
                            " was written to the state store and cannot be read back: look at its codec");
  }

  stored_rows rows_;
  const std::span<table> tables_;
  const bool with_times_;
  writer key_, state_;  // their memory is used again
  std::string row_;
  S looked_at_{};
  std::size_t most_ = 0;  // rows in the tables
  struct {
    std::uint32_t group = 0;
    std::size_t slot = 0;
  } hand_;
  std::size_t due_rows_ = 0;      // to be looked at by `expire`
  std::size_t written_ = 0;       // rows, since it was called
  std::size_t taken_or_new_ = 0;  // rows in the tables, since some were looked at
  std::size_t seen_ = 0;
  double owned_a_row_ = 0;
};

}  // namespace freshet
