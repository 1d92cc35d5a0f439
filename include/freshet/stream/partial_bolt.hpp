#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "freshet/core/bolt.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/stream/aggregate.hpp"

// The bolts behind `key_by(f).partial()`: a key is shared by two tasks, and what each of them has of it is merged ("the
// power of both choices", Nasir et al., ICDE 2015).
namespace freshet {

/// One of the two places of a key. As each is a key of its own, its state belongs to a key group like any other.
template <class K>
struct key_half {
  K key{};
  bool is_second = false;
  friend bool operator==(const key_half&, const key_half&) = default;
};
template <class T, class K>
struct placed_tuple {
  key_half<K> place;
  T value{};
};
struct place_of_tuple {
  template <class T, class K>
  const key_half<K>& operator()(const placed_tuple<T, K>& t) const {
    return t.place;
  }
};

/// Chooses, of the two tasks of a tuple's key, the one that this producer has sent less to. In batches the counts start
/// anew with each, so that what an attempt chooses is a function of the batch.
template <class T, class KeyFn, class K>
class choose_bolt {
 public:
  choose_bolt(KeyFn key, std::uint32_t groups, std::size_t tasks)
      : key_(std::move(key)), groups_(groups), sent_(tasks) {}

  void process(const T& value, emitter<placed_tuple<T, K>>& out) {
    placed_tuple<T, K> placed{{K(std::invoke(key_, value)), false}, value};
    auto& first = sent_to(placed.place);
    placed.place.is_second = true;
    auto& second = sent_to(placed.place);
    placed.place.is_second = second < first;
    ++(placed.place.is_second ? second : first);
    out.emit(std::move(placed));
  }
  void flush(emitter<placed_tuple<T, K>>&) { std::fill(sent_.begin(), sent_.end(), 0); }

 private:
  std::uint64_t& sent_to(const key_half<K>& place) {
    const auto group = key_group_of(stable_hash<key_half<K>>::of(place), groups_);
    return sent_[task_of_group(group, groups_, static_cast<std::uint32_t>(sent_.size()))];
  }
  KeyFn key_;
  std::uint32_t groups_;
  std::vector<std::uint64_t> sent_;  // by task
};

/// What one task has of a key.
template <class K, class S>
struct key_part {
  using key_type = K;
  K key{};
  S value{};
};

/// Collects the tuples of a key in one of its two places, and sends on what it has as soon as it has read the batch of
/// tuples at hand: before time goes on, so that nothing comes late for being held; and then forgets it. The more there
/// are, the more go on as one. `B` is the user's bolt.
template <class B, class T, class K>
class partial_bolt {
  using part = key_part<K, typename B::state>;

 public:
  struct state {
    typename B::state value{};
    event_time time = beginning_of_time, stamp = beginning_of_time;  ///< the largest of the tuples
    bool has_value = false;
  };
  explicit partial_bolt(B bolt) : bolt_(std::move(bolt)) {}

  void process(const placed_tuple<T, K>& tuple, state& s, processing_timers& t, emitter<part>& out) {
    bolt_.process(tuple.value, s.value);
    if (!s.has_value) t.set(0, t.now());
    s.has_value = true;
    s.time = std::max(s.time, out.time());
    s.stamp = std::max(s.stamp, out.stamp());
  }
  void on_processing_timer(const key_half<K>& place, event_time, state& s, emitter<part>& out) {
    if (!s.has_value) return;
    out.emit_stamped(s.time, s.stamp, {place.key, s.value});
    s = {};
  }
  bool forgets(const state& s) const { return !s.has_value; }

 private:
  B bolt_;
};

/// Puts the parts of each key together, and lets the user's bolt say what comes of it.
template <class B, class K, class Output>
class merge_parts_bolt {
 public:
  struct state {
    typename B::state value{};
    bool has_value = false;
  };
  explicit merge_parts_bolt(B bolt) : bolt_(std::move(bolt)) {}

  void process(const key_part<K, typename B::state>& part, state& s, Output& out) {
    if (s.has_value) bolt_.merge(s.value, part.value);
    else s = {part.value, true};
    bolt_.result(part.key, std::as_const(s.value), out);
  }

 private:
  B bolt_;
};

/// An aggregate as such a bolt.
template <class T, class K, class A>
class partial_aggregate {
 public:
  struct state {
    accumulator_t<A> value{};
    bool has_value = false;
  };
  explicit partial_aggregate(A aggregate) : aggregate_(std::move(aggregate)) {}

  void process(const T& value, state& s) {
    if (!s.has_value) s = {started(aggregate_), true};
    aggregate_.add(s.value, value);
  }
  void merge(state& into, const state& from) { aggregate_.merge(into.value, from.value); }
  void result(const K& key, const state& s, emitter<keyed<K, aggregate_result_t<A>>>& out) {
    out.emit({key, result_of(aggregate_, s.value)});
  }

 private:
  A aggregate_;
};

}  // namespace freshet
