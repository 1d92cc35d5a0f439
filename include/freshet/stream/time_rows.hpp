#pragma once
#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/core/codec.hpp"

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
/// that are older than something; adding costs O(log n) where times grow, and moves the younger rows elsewhere. At most
/// as many rows that have left are kept as there are rows, without their values. Not thread safe.
template <class T>
class time_rows {
 public:
  using row = timed_row<T>;
  using iterator = row*;
  using const_iterator = const row*;

  iterator begin() { return rows_.data() + first_; }
  iterator end() { return rows_.data() + rows_.size(); }
  const_iterator begin() const { return rows_.data() + first_; }
  const_iterator end() const { return rows_.data() + rows_.size(); }
  bool empty() const { return first_ == rows_.size(); }
  std::size_t size() const { return rows_.size() - first_; }
  /// REQUIRES: not empty.
  const row& front() const { return rows_[first_]; }

  /// `after(new row, old row)`: whether the new one belongs behind an old one of the same time.
  template <class After>
  void add(row r, After&& after) {
    auto at = rows_.end();
    while (at != rows_.begin() + offset(first_)) {
      const row& before = *(at - 1);
      if (before.time < r.time || (before.time == r.time && after(std::as_const(r), before))) break;
      --at;
    }
    rows_.insert(at, std::move(r));
  }
  void add(row r) {
    const auto at = std::upper_bound(begin(), end(), r.time, [](event_time t, const row& o) { return t < o.time; });
    rows_.insert(rows_.begin() + (at - rows_.data()), std::move(r));
  }
  /// The first row that is not before `t`, and the first that is after it.
  iterator not_before(event_time t) {
    return std::lower_bound(begin(), end(), t, [](const row& r, event_time at) { return r.time < at; });
  }
  iterator after(event_time t) {
    return std::upper_bound(begin(), end(), t, [](event_time at, const row& r) { return at < r.time; });
  }
  /// Lets the rows before `end` go.
  void drop_before(const_iterator end) {
    const auto from = begin();
    for (auto r = from; r != end; ++r) *r = row{};
    first_ += static_cast<std::size_t>(end - from);
    if (first_ * 2 < rows_.size()) return;
    rows_.erase(rows_.begin(), rows_.begin() + offset(first_));
    first_ = 0;
  }

 private:
  static std::ptrdiff_t offset(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }
  std::vector<row> rows_;
  std::size_t first_ = 0;  ///< those before it have left
};

/// A sequence of rows.
template <class T>
requires(durable<timed_row<T>>&& std::default_initializable<T>) struct codec<time_rows<T>> {
  static constexpr std::uint32_t version = 1;
  static void write(writer& w, const time_rows<T>& rows) {
    w.length(rows.size());
    for (const auto& r : rows) write_value(w, r);
  }
  static void read(reader& r, time_rows<T>& rows, std::uint32_t) {
    rows = {};
    for (std::size_t n = r.length(); n != 0 && !r.failed(); --n) {
      timed_row<T> row{};
      read_value(r, row);
      rows.add(std::move(row));
    }
  }
};

}  // namespace freshet
