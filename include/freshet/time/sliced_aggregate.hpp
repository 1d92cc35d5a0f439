#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "freshet/time/slice_tree.hpp"
#include "freshet/time/window_numbers.hpp"

namespace freshet {

/// What became of a tuple that was to be added to windows.
enum class added_to {
  windows,  ///< it is in all of its windows for which it isn't late: at least one
  none,     ///< late for all of them, by its own stamp
  closed,   ///< not late, but all of them were closed: it comes from a partition that woke behind the watermark
};

/// The hopping windows of one key, by slices (Li, Maier, Tufte, Papadimos, Tucker, "No pane, no gain", SIGMOD Record
/// 2005): a tuple is added once, to its slice, however many windows it is in, and a window is the merge of its slices,
/// found in a `slice_tree` with O(log slices) merges. So windows of 1 h that slide by 1 s cost a key with a tuple in
/// each second some dozen merges a window, and not 3,600.
/// A tuple may be late for the first of its windows only. Then its slice, which they share, is not for it: it waits
/// aside until the first window that takes it is due, and joins the slice then. Windows close in their order; empty
/// ones are neither given nor looped over. A plain value with a codec, to be a bolt's state: pass the same windows
/// always. Not thread safe.
template <class Accumulator>
class sliced_aggregate {
 public:
  /// Adds a tuple at `t`: `put(accumulator&)` adds its value, to one made by `start()` where there was none.
  template <class Start, class Put>
  added_to add(const hopping& w, event_time t, event_span allowed_lateness, event_time stamp, Start&& start,
               Put&& put) {
    const window_numbers numbers(w);
    const std::int64_t natural = numbers.first(t);
    const auto first = numbers.first_after(t, shifted_back(stamp, allowed_lateness));
    if (!first) return added_to::none;
    const std::int64_t next = closed_ == nothing_closed ? natural : closed_ + 1;
    if (next > numbers.last(t)) return added_to::closed;
    if (*first <= std::max(natural, next)) put(slices_.at(numbers.slice(t), start));
    else put(waiting_at(*first, numbers.slice(t), start));
    return added_to::windows;
  }

  /// The next window to close: the first that has tuples. When the watermark has passed it (`is_closed`), `close` it.
  std::optional<window> next(const hopping& w) const {
    const window_numbers numbers(w);
    const auto n = next_number(numbers);
    return n ? std::optional(numbers.at(*n)) : std::nullopt;
  }
  /// Closes the next window: gives its tuples, merged by `merge(accumulator& earlier, const accumulator& later)`.
  /// REQUIRES: next(w).
  template <class Merge>
  Accumulator close(const hopping& w, Merge&& merge) {
    const window_numbers numbers(w);
    const std::int64_t n = *next_number(numbers);
    take_in_waiting(n, merge);
    Accumulator all = *slices_.merged(numbers.first_slice(n), numbers.end_slice(n), merge);
    closed_ = n;
    slices_.drop_below(numbers.first_slice(n + 1));
    return all;
  }
  /// Of the windows of `t`, the first that has not closed.
  std::int64_t first_open(const window_numbers& numbers, event_time t) const {
    return std::max(numbers.first(t), open_from());
  }
  /// The first window from number `n` on that has tuples and has not closed.
  std::optional<std::int64_t> next_from(const window_numbers& numbers, std::int64_t n) const {
    n = std::max(n, open_from());
    std::optional<std::int64_t> next;
    if (const auto slice = slices_.first_from(numbers.first_slice(n))) next = std::max(n, numbers.first_with(*slice));
    for (const late_part& part : waiting_)
      if (const auto first = std::max(n, part.first); first <= numbers.last_with(part.slice))
        next = next ? std::min(*next, first) : first;
    return next;
  }
  /// The tuples of a window as of now. REQUIRES: it has some and has not closed.
  template <class Merge>
  Accumulator so_far(const window_numbers& numbers, std::int64_t n, Merge&& merge) {
    const auto from = numbers.first_slice(n), to = numbers.end_slice(n);
    auto all = slices_.merged(from, to, merge);
    for (const late_part& part : waiting_) {
      if (part.first > n || part.slice < from || part.slice >= to) continue;
      if (all) merge(*all, part.value);
      else all = part.value;
    }
    return *std::move(all);
  }
  bool empty() const noexcept { return slices_.empty() && waiting_.empty(); }
  /// What a tuple that was added may have changed of `next`: while it is the same, so is the next window.
  std::pair<std::int64_t, std::int64_t> front() const noexcept {
    constexpr auto none = std::numeric_limits<std::int64_t>::max();
    return {slices_.empty() ? none : slices_.first(), waiting_.empty() ? none : waiting_.front().first};
  }

  friend auto freshet_fields(sliced_aggregate& s) { return std::tie(s.closed_, s.slices_, s.waiting_); }

 private:
  static constexpr std::int64_t nothing_closed = std::numeric_limits<std::int64_t>::min();
  std::int64_t open_from() const { return closed_ == nothing_closed ? closed_ : closed_ + 1; }
  /// What was added late for the windows before `first`.
  struct late_part {
    std::int64_t first = 0, slice = 0;
    Accumulator value{};
  };

  template <class Start>
  Accumulator& waiting_at(std::int64_t first, std::int64_t slice, Start&& start) {
    const auto before = [](const late_part& a, const auto& b) { return std::tie(a.first, a.slice) < b; };
    const std::tuple key(first, slice);
    const auto found = std::lower_bound(waiting_.begin(), waiting_.end(), key, before);
    const auto at = static_cast<std::size_t>(found - waiting_.begin());
    if (found == waiting_.end() || std::tie(found->first, found->slice) != key)
      waiting_.insert(at, late_part{first, slice, start()});
    return waiting_.modify(at).value;
  }
  /// What waited for window n is in all windows from now on.
  template <class Merge>
  void take_in_waiting(std::int64_t n, Merge&& merge) {
    std::size_t taken = 0;
    for (const late_part& part : waiting_) {
      if (part.first > n) break;
      bool is_new = false;
      auto& into = slices_.at(part.slice, [&] { return is_new = true, part.value; });
      if (!is_new) merge(into, part.value);
      ++taken;
    }
    waiting_.erase(0, taken);
  }
  std::optional<std::int64_t> next_number(const window_numbers& numbers) const {
    std::optional<std::int64_t> n;
    if (!slices_.empty()) n = numbers.first_with(slices_.first());
    if (n && closed_ != nothing_closed) n = std::max(*n, closed_ + 1);
    if (!waiting_.empty()) n = n ? std::min(*n, waiting_.front().first) : waiting_.front().first;
    return n;
  }

  std::int64_t closed_ = nothing_closed;  // the last window closed
  slice_tree<Accumulator> slices_;
  list_state<late_part> waiting_;  // sorted by first and slice
};

}  // namespace freshet
