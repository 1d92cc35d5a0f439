#pragma once
#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "freshet/base/event_time.hpp"
#include "freshet/state/list_state.hpp"

namespace freshet {

/// A tuple that waits in the state of a join.
template <class T>
struct timed_row {
  T value{};
  event_time time{};
  event_time stamp{};
  bool marked = false;  ///< what its join notes about it

  friend auto freshet_fields(timed_row& r) { return std::tie(r.value, r.time, r.stamp, r.marked); }
};

/// Rows of one key in the order of their times, those of one time in the order they came. Rows leave at the front, all
/// that are older than something; adding costs O(log n) where times grow, and moves the younger rows elsewhere. Part of
/// a state, with undo. Not thread safe.
template <class T>
class time_rows {
 public:
  using row = timed_row<T>;
  using const_iterator = const row*;

  const_iterator begin() const { return rows_.begin(); }
  const_iterator end() const { return rows_.end(); }
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  /// REQUIRES: not empty.
  const row& front() const { return rows_.front(); }

  /// `after(new row, old row)`: whether the new one belongs behind an old one of the same time.
  template <class After>
  void add(row r, After&& after) {
    std::size_t at = rows_.size();
    for (; at != 0; --at) {
      const row& before = rows_[at - 1];
      if (before.time < r.time || (before.time == r.time && after(std::as_const(r), before))) break;
    }
    rows_.insert(at, std::move(r));
  }
  void add(row r) {
    const auto at = index(after(r.time));
    rows_.insert(at, std::move(r));
  }
  /// The first row that is not before `t`, and the first that is after it.
  const_iterator not_before(event_time t) const {
    return std::lower_bound(begin(), end(), t, [](const row& r, event_time at) { return r.time < at; });
  }
  const_iterator after(event_time t) const {
    return std::upper_bound(begin(), end(), t, [](event_time at, const row& r) { return at < r.time; });
  }
  /// Sets `marked`.
  void mark(const_iterator from, const_iterator to) {
    for (; from != to; ++from)
      if (!from->marked) rows_.modify(index(from)).marked = true;
  }
  /// Lets the rows before `end` go.
  void drop_before(const_iterator end) { rows_.erase(0, index(end)); }

  friend auto freshet_fields(time_rows& r) { return std::tie(r.rows_); }

 private:
  std::size_t index(const_iterator at) const { return static_cast<std::size_t>(at - begin()); }
  list_state<row> rows_;
};

}  // namespace freshet
