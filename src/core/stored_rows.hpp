#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/core/state_store.hpp"

namespace freshet {

/// The rows of one task that are in its store and not in its tables: the half of a keyed_state behind the tables that
/// needs no types. A row that is taken leaves its copy in the store, which says nothing from then on: it is replaced
/// when the row is put again, and erased where the key is forgotten instead. A key is of one group. Not thread safe.
///
/// Invariants: 1. `rows()` counts the rows of the store whose key is in no table. 2. A key in `stale_` is erased before
/// anything else is written, and nobody asks the store for it until then.
class stored_rows {
 public:
  /// `had`: by group, of the rows that are there, where they are of a snapshot.
  stored_rows(std::unique_ptr<state_store> store, std::uint32_t groups, const std::vector<std::uint64_t>& had = {});

  std::size_t rows() const { return rows_; }
  std::size_t rows(std::uint32_t group) const { return by_group_[group]; }
  std::size_t cache_bytes() const { return store_->cache_bytes(); }

  /// Gives the row of a key that is in no table. False: there is none.
  bool read(std::uint32_t group, std::string_view key, std::string& value);
  /// The same, to be in a table from now on.
  bool take(std::uint32_t group, std::string_view key, std::string& value);
  /// The key leaves its table, and its row is written by the next `flush` at the latest.
  void put(std::uint32_t group, std::string_view key, std::string_view value);
  /// The key has left its table for good.
  void forget(std::uint32_t group, std::string_view key);
  void flush();
  /// The same, if much waits for it.
  void flush_if_large();

  /// Visits the rows of a group that have not been forgotten. Those whose keys are in a table are among them, with what
  /// they were when they were taken.
  void scan(std::uint32_t group, const state_store::visitor& visit) const;
  /// Whether a row, which is in no table, is to be erased.
  using judge = std::function<bool(std::uint32_t group, std::string_view key, std::string_view value)>;
  /// Looks at the next `n` rows, round and round, and erases those for which `is_over` says so. Tells how many.
  std::size_t sweep(std::size_t n, const judge& is_over);
  /// Forgets all rows of a group.
  void drop(std::uint32_t group);

  /// Has a snapshot of the rows made as they are now, by another thread. Until it is made, what writes to the store
  /// waits for it. REQUIRES: what was made before is taken.
  void begin_snapshot();
  bool is_making_snapshot() const;
  /// Waits for it. Throws state_store_error where it could not be made.
  std::shared_ptr<const store_snapshot> take_snapshot();
  std::vector<std::uint64_t> counts() const { return {by_group_.begin(), by_group_.end()}; }
  /// Throws what the store has thrown when it was read in a call, where it looked like that call's failure.
  void check() const;

 private:
  struct row {
    std::uint32_t group;
    std::size_t key_bytes, value_bytes;
  };
  bool is_stale(std::string_view key) const { return stale_.find(key) != stale_.end(); }
  void leave(std::uint32_t group);
  void wait_for_snapshot() const;

  const std::unique_ptr<state_store> store_;
  std::vector<std::size_t> by_group_;
  std::size_t rows_ = 0;
  bool is_written_ = false;                                  // there may be rows in the store
  std::map<std::string, std::uint32_t, std::less<>> stale_;  // with the group of the key
  std::vector<row> put_;
  std::string put_bytes_;  // keys and values of `put_`, in a row
  std::exception_ptr failure_;
  std::uint32_t sweep_group_ = 0;
  std::string sweep_from_;
  std::future<std::shared_ptr<const store_snapshot>>
      snapshot_;  // the last, so that it is waited for before all else goes
};

}  // namespace freshet
