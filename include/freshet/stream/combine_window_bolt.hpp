#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/base/assert.hpp"
#include "freshet/core/emitter.hpp"
#include "freshet/core/state_table.hpp"
#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/time/session_set.hpp"
#include "freshet/time/window_numbers.hpp"

// Windows whose tuples are put together where they are produced, before they are divided among the tasks of the keys.
namespace freshet {

/// Tuples of a key that are in the same windows, put together. Its event time is the last of theirs, or for windows
/// other than sessions any; its stamp is the largest of theirs.
template <class T, class K, class Accumulator>
struct window_part {
  using key_type = K;
  K key{};
  event_time first{};  ///< the earliest time in a session's part
  Accumulator value{};
  std::optional<T> alone{};  ///< the tuple, where it is the only one, and may have come too late
};

template <class T>
inline constexpr bool is_window_part = false;
template <class T, class K, class A>
inline constexpr bool is_window_part<window_part<T, K, A>> = true;

/// Whatever can be late goes alone.
template <class T, class K, class A>
struct late_value<window_part<T, K, A>> {
  using type = T;
  static const T& of(const window_part<T, K, A>& part) {
    FRESHET_ASSERT(part.alone, "tuples were put together whose windows had closed");
    return *part.alone;
  }
};

/// How parts are an aggregate: the first as it is, the following merged.
template <class T, class K, class A>
struct aggregate_of_parts {
  struct accumulator {
    accumulator_t<A> value{};
    bool has_value = false;
  };
  A aggregate;

  void add(accumulator& into, const window_part<T, K, accumulator_t<A>>& part) const { put(into, part.value); }
  void merge(accumulator& into, const accumulator& from) const {
    if (from.has_value) put(into, from.value);
  }
  auto result(const accumulator& all) const { return result_of(aggregate, all.value); }

 private:
  void put(accumulator& into, const accumulator_t<A>& value) const {
    if (into.has_value) return aggregate.merge(into.value, value);
    into = {value, true};
  }
};

namespace detail {
/// Which tuples of a key may be put together: those with the same number are in the same windows.
using part_number = std::pair<std::int64_t, std::int64_t>;

/// None: the tuple is late for all its windows.
template <class W>
std::optional<part_number> part_of(const W& windows, event_time t, event_span lateness, event_time stamp) {
  std::optional<part_number> number;
  for_each_window(windows, t, [&](const window& only) {
    if (!is_late(only, lateness, stamp)) number = {only.end.time_since_epoch().count(), 0};
  });
  return number;
}
/// By slice, and by the first window for which the tuple is in time: it is in all that follow, too.
inline std::optional<part_number> part_of(const hopping& windows, event_time t, event_span lateness, event_time stamp) {
  const window_numbers numbers(windows);
  const auto first = numbers.first_after(t, shifted_back(stamp, lateness));
  if (!first) return std::nullopt;
  return part_number{numbers.slice(t), *first};
}
inline std::optional<part_number> part_of(const sessions&, event_time t, event_span lateness, event_time stamp) {
  return is_late(t, lateness, stamp) ? std::nullopt : std::optional(part_number{});
}

/// The parts of one key in a batch, by number.
template <class W, class Accumulator>
class parts_of_key {
 public:
  template <class Start, class Merge>
  Accumulator& at(const W&, part_number number, event_time t, event_time stamp, Start&& start, Merge&&) {
    const auto is_before = [&](const part& p) { return p.number < number; };
    auto found = parts_.end();
    if (parts_.empty() || parts_.back().number != number)
      found = std::partition_point(parts_.begin(), parts_.end(), is_before);
    else --found;
    if (found == parts_.end() || found->number != number) found = parts_.insert(found, {number, t, stamp, start()});
    found->stamp = std::max(found->stamp, stamp);
    return found->value;
  }
  /// Calls `f(first, last, stamp, accumulator)` for each.
  template <class F>
  void take(F&& f) {
    for (part& p : parts_) f(p.time, p.time, p.stamp, std::move(p.value));
  }

 private:
  struct part {
    part_number number;
    event_time time, stamp;
    Accumulator value;
  };
  std::vector<part> parts_;
};
/// Of sessions: what is a session by itself.
template <class Accumulator>
class parts_of_key<sessions, Accumulator> {
 public:
  template <class Start, class Merge>
  Accumulator& at(const sessions& w, part_number, event_time t, event_time stamp, Start&& start, Merge&& merge) {
    const auto start_part = [&] { return part{start(), stamp}; };
    const auto merge_parts = [&](part& into, const part& from) {
      merge(into.value, from.value);
      into.stamp = std::max(into.stamp, from.stamp);
    };
    part& joined = parts_.join(w, t, start_part, merge_parts).value;
    joined.stamp = std::max(joined.stamp, stamp);
    return joined.value;
  }
  template <class F>
  void take(F&& f) {
    for (std::size_t i = 0; i < parts_.all().size(); ++i) {
      auto& s = parts_.modify(i);
      f(s.first, s.last, s.value.stamp, std::move(s.value.value));
    }
  }

 private:
  struct part {
    Accumulator value{};
    event_time stamp{};
  };
  session_set<part> parts_;
};
}  // namespace detail

/// Puts the tuples of each key and window together in the producer's task, and sends what is late by its own stamp to
/// the late output. In batches the parts go on at the end of each, a part for each key and window, before the watermark
/// that its tuples have brought about; elsewhere they would wait for nobody knows how long, so each tuple goes on at
/// once, alone. So does one whose windows may have closed without it (`late_reason::woke`), because its partition had
/// been idle: only the windows know, and what is put together could not be taken apart for their late output.
template <class T, class KeyFn, class K, class W, class A>
class combine_window_bolt {
  using accumulator = accumulator_t<A>;
  using part = window_part<T, K, accumulator>;

 public:
  using output = emitter<part, late_output<T>>;
  combine_window_bolt(KeyFn key, W windows, A aggregate, event_span allowed_lateness)
      : key_(std::move(key)), windows_(windows), aggregate_(std::move(aggregate)), lateness_(allowed_lateness) {}
  /// What it holds belongs to a batch, never to the bolt that is copied.
  combine_window_bolt(const combine_window_bolt& other)
      : key_(other.key_), windows_(other.windows_), aggregate_(other.aggregate_), lateness_(other.lateness_) {}
  combine_window_bolt(combine_window_bolt&&) = default;

  void process(const T& value, output& out) {
    const auto number = detail::part_of(windows_, out.time(), lateness_, out.stamp());
    if (!number) return emit_late<late_output<T>>(value, why_late, out);
    if (goes_alone(out)) {
      part alone{K(std::invoke(key_, value)), out.time(), started(aggregate_), value};
      aggregate_.add(alone.value, value);
      return out.emit(std::move(alone));
    }
    decltype(auto) key = std::invoke(key_, value);
    auto& parts = parts_.find_or_insert(key, stable_hash<K>::of(key)).first->value;
    const auto start = [this] { return started(aggregate_); };
    const auto merge = [this](accumulator& into, const accumulator& from) { aggregate_.merge(into, from); };
    aggregate_.add(parts.at(windows_, *number, out.time(), out.stamp(), start, merge), value);
  }
  void flush(output& out) {
    parts_.for_each([&](auto& of_key) {
      of_key.value.take([&](event_time first, event_time last, event_time stamp, accumulator&& value) {
        out.emit_stamped(last, stamp, {of_key.key, first, std::move(value), {}});
      });
    });
    parts_ = {};
  }

 private:
  /// Also where a tuple of the batch is given up: the others could not be told from it any more.
  bool goes_alone(output& out) const {
    const auto& frame = out.frame();
    return frame.rollback_state || !frame.is_waited_for ||
           !detail::part_of(windows_, out.time(), lateness_, frame.watermark);
  }

  static constexpr auto why_late = std::is_same_v<W, sessions> ? late_reason::time : late_reason::window;
  KeyFn key_;
  W windows_;
  A aggregate_;
  event_span lateness_;
  state_table<K, detail::parts_of_key<W, accumulator>> parts_;
};

}  // namespace freshet
