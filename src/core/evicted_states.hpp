#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/stored_rows.hpp"
#include "freshet/base/time_arithmetic.hpp"
#include "freshet/core/keyed_type.hpp"

namespace freshet {

/// Calls `f(key, hash)` with the key that is read.
template <class F>
void with_key(const keyed_type& type, reader& r, F&& f) {
  struct : key_visitor {
    void visit(const void* key, std::uint64_t hash) override { (*call)(key, hash); }
    F* call = nullptr;
  } visitor;
  visitor.call = &f;
  type.read_key(r, visitor);
}

/// The states of a keyed_state that its tables have no room for, in a store: `stored_rows` by their types, and who has
/// to leave. A row is the key's bytes, and the time of last use (where states expire) ahead of the state's. Not thread
/// safe.
class evicted_states {
 public:
  /// `tables` by key group. REQUIRES: type.can_be_read.
  /// `had` as in stored_rows.
  evicted_states(std::unique_ptr<state_store> store, std::span<slot_table> tables, const keyed_type& type,
                 bool with_times, const std::vector<std::uint64_t>& had)
      : rows_(std::move(store), static_cast<std::uint32_t>(tables.size()), had),
        tables_(tables),
        type_(type),
        with_times_(with_times) {}

  const stored_rows& rows() const { return rows_; }
  stored_rows& rows() { return rows_; }
  /// Reads the state of a key that is in no table but for this entry, where it is from now on. False: it has none.
  bool take(std::uint32_t group, std::size_t slot);
  /// Reads the state of a key that is in no table into an entry of none, to be looked at. False: it has none.
  bool look_at(std::uint32_t group, void* entry);
  /// The bytes of its row, until the next call: the time of last use, where there are times, and the state. Null: it
  /// has none.
  const std::string* row_of(std::uint32_t group, const void* key);
  /// The key has left its table for good.
  void forget(std::uint32_t group, const void* key) { rows_.forget(group, bytes_of(key)); }
  void drop(std::uint32_t group) { rows_.drop(group); }

  /// Whether the tables take more memory than they may. Throws what the store has thrown in calls.
  bool is_short_of_memory();
  /// By so much that it can't be put off.
  bool is_far_too_short() const { return rows_in_tables() > most_ + most_ / 8; }
  /// Writes what waits to be erased, if that is much.
  void flush_if_large() { rows_.flush_if_large(); }
  /// Evicts an eighth more than needed, so that writing is worth its while, by the clock algorithm (Corbato 1968): what
  /// was used since the hand came by stays, and is marked for the next time.
  void evict();
  /// Calls `f(key, stored)` with the bytes of those of a group's rows that are in no table.
  template <class F>
  void for_each_row(std::uint32_t group, F&& f) const {
    rows_.scan(group, [&](std::string_view key, std::string_view stored) {
      if (!is_in_table(group, key)) f(key, stored);
      return true;
    });
  }
  /// Writes a row as `any_state::save` writes a state.
  void write_row(writer& w, std::string_view key, std::string_view stored) const {
    w.append(stored.substr(0, time_bytes()));
    w.append(key);
    w.append(stored.substr(time_bytes()));
  }
  /// Reads the state of a row into an entry.
  void read_state(std::string_view stored, void* entry) const;
  /// How many bytes of a row are the time of last use.
  std::size_t time_bytes() const { return with_times_ ? sizeof(event_span::rep) : 0; }
  /// Erases rows for which `is_over(time of last use)` says so, and tells how many. Looks at some, now and then: at two
  /// for each that was written, so that the store never doubles with what is over, and at few else, for `slots` of the
  /// tables, as reading a row costs more.
  template <class F>
  std::size_t expire(std::size_t slots, F&& is_over) {
    constexpr std::size_t slots_a_row = 256, rows_at_once = 1024;
    due_rows_ += slots / slots_a_row + 2 * std::exchange(written_, 0);
    if (due_rows_ < rows_at_once || rows_.rows() == 0) return 0;
    return rows_.sweep(std::exchange(due_rows_, 0),
                       [&](std::uint32_t group, std::string_view key, std::string_view stored) {
                         return is_over(time_of(stored)) && !is_in_table(group, key);
                       });
  }
  /// Calls `f(key, hash)` with the key of a row.
  template <class F>
  void read_key(std::string_view bytes, F&& f) const {
    reader r(bytes);
    with_key(type_, r, [&](const void* key, std::uint64_t hash) {
      if (r.failed()) fail(type_.key_name);
      f(key, hash);
    });
  }

 private:
  std::size_t rows_in_tables() const;
  bool evict(slot_table& t, std::size_t slot);
  std::size_t bytes_a_row();
  void look_at_some_row();
  bool is_in_table(std::uint32_t group, std::string_view bytes) const;
  std::string_view bytes_of(const void* key);
  static event_time time_of(std::string_view stored) {
    return event_time{event_span{reader(stored).raw<event_span::rep>()}};
  }
  [[noreturn]] static void fail(std::string_view type);

  stored_rows rows_;
  const std::span<slot_table> tables_;
  const keyed_type& type_;
  const bool with_times_;
  writer key_, state_;  // their memory is used again
  std::string row_;
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
