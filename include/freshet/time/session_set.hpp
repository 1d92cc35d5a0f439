#pragma once
#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "freshet/state/list_state.hpp"
#include "freshet/time/window.hpp"

namespace freshet {

/// A time of activity: its first and last tuple, and what was made of all of them.
template <class Accumulator>
struct session {
  event_time first{}, last{};
  Accumulator value{};
};

/// The window of a session: from its first tuple to `gap` after the last; with a gap of 0 to 1 ms after it, so that it
/// isn't empty. The session is over when this window is (`is_closed`).
template <class A>
constexpr window window_of(const sessions& w, const session<A>& s) noexcept {
  return {s.first, shifted(s.last, std::max(w.gap, event_span{1}))};
}

/// The sessions of one key, by time. Whatever the order of tuples, the sessions are the same: maximal runs of tuples
/// whose neighbours are at most `gap` apart; one that comes between two sessions and is near both makes them one. The
/// sessions are stored sorted: joining costs O(log n) to find, and to open one or let one go moves those behind it. A
/// plain value with a codec, to be a bolt's state. Not thread safe.
template <class Accumulator>
class session_set {
 public:
  using value_type = session<Accumulator>;

  /// The session that tuples from `first` to `last` join, which are a session by themselves: an old one,
  /// several old ones put together by `merge(accumulator& earlier, const accumulator& later)`, or a new one that begins
  /// with `start()`. The tuples are the caller's to add to its value. Whether they are late was asked before, by their
  /// own stamps. Valid until the next call.
  template <class Start, class Merge>
  value_type& join(const sessions& w, event_time first, event_time last, Start&& start, Merge&& merge) {
    const auto is_before = [&](const value_type& s) { return s.last < first && distance(s.last, first) > w.gap; };
    const auto found = std::partition_point(all_.begin(), all_.end(), is_before);
    const auto at = static_cast<std::size_t>(found - all_.begin());
    if (found == all_.end() || (found->first > last && distance(last, found->first) > w.gap)) {
      all_.insert(at, value_type{first, last, start()});
      return all_.modify(at);
    }
    value_type& joined = all_.modify(at);
    joined.first = std::min(joined.first, first);
    joined.last = std::max(joined.last, last);
    std::size_t end = at + 1;
    for (; end < all_.size(); ++end) {
      const value_type& next = all_[end];
      if (next.first > joined.last && distance(joined.last, next.first) > w.gap) break;
      joined.last = std::max(joined.last, next.last);
      merge(joined.value, next.value);
    }
    all_.erase(at + 1, end);
    return all_.modify(at);
  }

  /// The session that one tuple joins.
  template <class Start, class Merge>
  value_type& join(const sessions& w, event_time t, Start&& start, Merge&& merge) {
    return join(w, t, t, std::forward<Start>(start), std::forward<Merge>(merge));
  }

  /// Gives the sessions that are over to `f(const session&)`, the earliest first, and forgets them.
  template <class F>
  void take_closed(const sessions& w, event_span allowed_lateness, event_time watermark, F&& f) {
    std::size_t closed = 0;
    for (const value_type& s : all_) {
      if (!is_closed(window_of(w, s), allowed_lateness, watermark)) break;
      f(s);
      ++closed;
    }
    all_.erase(0, closed);
  }
  /// When the earliest window that ends after `past` does: where the key's timer belongs. None: there is no such
  /// session.
  std::optional<event_time> next_end(const sessions& w, event_time past = beginning_of_time) const {
    const auto has_ended = [&](const value_type& s) { return window_of(w, s).end <= past; };
    const auto found = std::partition_point(all_.begin(), all_.end(), has_ended);
    return found == all_.end() ? std::nullopt : std::optional(window_of(w, *found).end);
  }

  const list_state<value_type>& all() const noexcept { return all_; }
  /// One of `all()`, for its value to be changed.
  value_type& modify(std::size_t at) { return all_.modify(at); }
  /// As if the tuples of a session, one of `all()`, had never been.
  void forget(const value_type& s) { all_.erase(static_cast<std::size_t>(&s - all_.begin())); }
  bool empty() const noexcept { return all_.empty(); }

  friend auto freshet_fields(session_set& s) { return std::tie(s.all_); }

 private:
  list_state<value_type> all_;  // sorted, each more than the gap from the next
};

}  // namespace freshet
