#pragma once
#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

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

  /// The session that a tuple at `t` joins: an old one, two old ones put together by `merge(accumulator& earlier,
  /// const accumulator& later)`, or a new one that begins with `start()`. The tuple is the caller's to add to its
  /// value. Whether it is late was asked before, by its own stamp. Valid until the next call.
  template <class Start, class Merge>
  value_type& join(const sessions& w, event_time t, Start&& start, Merge&& merge) {
    const auto at = std::partition_point(
        all_.begin(), all_.end(), [&](const value_type& s) { return s.last < t && distance(s.last, t) > w.gap; });
    if (at == all_.end() || (at->first > t && distance(t, at->first) > w.gap))
      return *all_.insert(at, value_type{t, t, start()});
    at->first = std::min(at->first, t);
    at->last = std::max(at->last, t);
    const auto next = at + 1;
    if (next != all_.end() && distance(at->last, next->first) <= w.gap) {
      at->last = next->last;
      merge(at->value, std::as_const(next->value));
      all_.erase(next);
    }
    return *at;
  }

  /// Gives the sessions that are over to `f(session&&)`, the earliest first, and forgets them.
  template <class F>
  void take_closed(const sessions& w, event_span allowed_lateness, event_time watermark, F&& f) {
    const auto open = std::partition_point(all_.begin(), all_.end(), [&](const value_type& s) {
      return is_closed(window_of(w, s), allowed_lateness, watermark);
    });
    for (auto s = all_.begin(); s != open; ++s) f(std::move(*s));
    all_.erase(all_.begin(), open);
  }
  /// When the earliest window ends: where the key's timer belongs. None: there is no session.
  std::optional<event_time> next_end(const sessions& w) const {
    return all_.empty() ? std::nullopt : std::optional(window_of(w, all_.front()).end);
  }

  const std::vector<value_type>& all() const noexcept { return all_; }
  bool empty() const noexcept { return all_.empty(); }

  friend auto freshet_fields(session_set& s) { return std::tie(s.all_); }

 private:
  std::vector<value_type> all_;  // sorted, each more than the gap from the next
};

}  // namespace freshet
