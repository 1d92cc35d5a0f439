#pragma once
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "freshet/core/state_table.hpp"
#include "freshet/stream/aggregate.hpp"

// The bolts behind reduce, aggregate and count.
namespace freshet {

/// One row for each tuple: the key's value with it.
template <class T, class KeyFn, class K, class A>
class running_aggregate_bolt {
  using accumulator = accumulator_t<A>;

 public:
  using state = std::conditional_t<starts_by_init<A>, std::optional<accumulator>, accumulator>;
  using output = emitter<keyed<K, aggregate_result_t<A>>>;
  running_aggregate_bolt(KeyFn key, A aggregate) : key_(std::move(key)), aggregate_(std::move(aggregate)) {}

  void process(const T& value, state& s, output& out) {
    auto& acc = accumulator_in(s);
    aggregate_.add(acc, value);
    out.emit({K(std::invoke(key_, value)), result_of(aggregate_, acc)});
  }

 private:
  accumulator& accumulator_in(state& s) {
    if constexpr (starts_by_init<A>) {
      if (!s) s.emplace(aggregate_.init());
      return *s;
    } else {
      return s;
    }
  }
  KeyFn key_;
  A aggregate_;
};

/// Combines tuples of one key on the producer's side, before they are divided among the tasks of the keys. In batches
/// it lets one partial accumulator a key go at the end of each; elsewhere it would hold tuples back for nobody knows
/// how long, so each goes on at once, as an accumulator of its own. The table starts anew with each batch: its order,
/// in which the partials leave, is then a function of the batch alone.
template <class T, class KeyFn, class K, class A>
class combine_bolt {
  using partial = keyed<K, accumulator_t<A>>;

 public:
  combine_bolt(KeyFn key, A aggregate) : key_(std::move(key)), aggregate_(std::move(aggregate)) {}
  /// What it holds belongs to a batch, never to the bolt that is copied.
  combine_bolt(const combine_bolt& other) : key_(other.key_), aggregate_(other.aggregate_) {}
  combine_bolt(combine_bolt&&) = default;

  void open(const task_context& context) { batched_ = context.batched; }
  void process(const T& value, emitter<partial>& out) {
    // What is put together can't be taken apart: where a tuple of the batch is given up, each goes by itself.
    if (!batched_ || out.frame().rollback_state) {
      partial alone{K(std::invoke(key_, value)), started(aggregate_)};
      aggregate_.add(alone.value, value);
      return out.emit(std::move(alone));
    }
    decltype(auto) key = std::invoke(key_, value);
    const auto [e, inserted] = partials_.find_or_insert(key, stable_hash<K>::of(key));
    if constexpr (starts_by_init<A>)
      if (inserted) e->value = aggregate_.init();
    aggregate_.add(e->value, value);
  }
  void flush(emitter<partial>& out) {
    partials_.for_each([&](auto& e) { out.emit({std::move(e.key), std::move(e.value)}); });
    partials_ = {};
  }

 private:
  KeyFn key_;
  A aggregate_;
  bool batched_ = false;
  state_table<K, accumulator_t<A>> partials_;
};

/// Puts the partial accumulators of each key together: one row a key and batch, or a row for each partial where there
/// are no batches.
template <class K, class A>
class merge_bolt {
  using accumulator = accumulator_t<A>;

 public:
  using state = std::conditional_t<starts_neutral<A>, accumulator, std::optional<accumulator>>;
  using output = emitter<keyed<K, aggregate_result_t<A>>>;
  explicit merge_bolt(A aggregate) : aggregate_(std::move(aggregate)) {}

  void open(const task_context& context) { batched_ = context.batched; }
  void process(const keyed<K, accumulator>& partial, state& s, output& out) {
    if constexpr (starts_neutral<A>) aggregate_.merge(s, partial.value);
    else if (s) aggregate_.merge(*s, partial.value);
    else s.emplace(partial.value);
    if (!batched_) flush_key(partial.key, s, out);
  }
  /// At the end of a batch, for every key it touched.
  void flush_key(const K& key, state& s, output& out) {
    if constexpr (!starts_neutral<A>) {
      if (s) out.emit({key, result_of(aggregate_, *s)});
    } else if constexpr (requires { s.has_value(); }) {
      if (s.has_value()) out.emit({key, result_of(aggregate_, s)});
    } else {
      out.emit({key, result_of(aggregate_, s)});
    }
  }

 private:
  A aggregate_;
  bool batched_ = false;
};

/// The key of a partial accumulator.
struct key_of_partial {
  template <class P>
  const typename P::key_type& operator()(const P& p) const {
    return p.key;
  }
};

}  // namespace freshet
