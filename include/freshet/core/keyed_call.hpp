#pragma once
#include <array>
#include <concepts>
#include <exception>
#include <functional>
#include <utility>

#include "freshet/core/batch.hpp"
#include "freshet/core/bolt_task.hpp"
#include "freshet/core/timed_state.hpp"

namespace freshet {

/// How one input calls a bolt with state by key. Hashes are computed ahead, the memory they lead to is fetched, and
/// then the states are looked up, all before the first of these tuples is processed: were each state looked up and
/// changed in turn, every read would wait for the place of the write before it.
template <class B, class T, class Fn, class Args, class K, class KeyFn>
class keyed_call {
 public:
  static constexpr std::size_t strip = 32;
  static constexpr bool can_refuse = detail::refuses<B>;
  using state = typename B::state;
  /// `timed` is null for bolts without timers.
  keyed_call(bolt_task<B>* task, keyed_state<K, state>* table, timed_state<K, state>* timed, KeyFn key)
      : task_(task), table_(table), timed_(timed), key_(std::move(key)) {}

  void look_ahead(const batch<T>& in, std::size_t from, std::size_t to) {
    moves_ = table_->moves();
    for (std::size_t i = from; i < to; ++i) ahead_[i - from].hash = hash_of(in.value(i));
    if (table_->is_far())
      for (std::size_t i = from; i < to; ++i) table_->prefetch(ahead_[i - from].hash);
    std::size_t i = from;
    if constexpr (key_is_at_hand) try {
        for (; i < to; ++i) {
          auto& h = ahead_[i - from];
          h.found = table_->look_up(key_of(in.value(i)), h.hash);
        }
      } catch (...) {}
    for (; i < to; ++i) ahead_[i - from].found = nullptr;  // the calls look for themselves
  }
  template <class V>
  void call(V&& value, std::size_t place) {
    const auto [hash, found] = ahead_[place];
    state& s = table_->expires()                    ? use_alive(value, hash)
               : found && moves_ == table_->moves() ? table_->use_found(*found, hash)
                                                    : table_->use(key_of(value), hash);
    if constexpr (has_timers<B> || has_processing_timers<B>) {
      changed_timers then(*this, value, hash);
      if constexpr (std::is_same_v<T, timer<K>>) task_->key_timers().begin(value.tag, value.time);
      if constexpr (std::is_same_v<T, processing_timer<K>>) task_->key_processing_timers().begin(value.tag, value.time);
      if constexpr (has_processing_timers<B>) task_->key_processing_timers().set_now(task_->frame().now);
      invoke(s, value);
      then.returned = true;
      if constexpr (forgets)
        if (std::as_const(*task_).bolt().forgets(std::as_const(s)) && !task_->frame().flags.failed)
          table_->forget(key_of(value), hash);
    } else {
      invoke(s, std::forward<V>(value));
    }
  }

 private:
  /// A bolt with `bool forgets(const state&) const` says when a call has left nothing to be kept of its key.
  static constexpr bool forgets = requires(const B& b, const state& s) {
    { b.forgets(s) } -> std::convertible_to<bool>;
  };
  /// What a call has asked of its key's timers is done when it is over, unless its state is put back.
  struct changed_timers {
    changed_timers(keyed_call& c, const T& v, std::uint64_t h) : call(c), value(v), hash(h) {}
    ~changed_timers() {
      const call_frame& frame = call.task_->frame();
      if constexpr (has_timers<B>) apply(call.task_->key_timers(), call.timed_->timers, frame.stamp);
      if constexpr (has_processing_timers<B>)
        apply(call.task_->key_processing_timers(), call.timed_->processing_timers, frame.time);
    }
    void apply(timers& of_key, keyed_timers<K>& all, event_time kept) {
      auto& changes = of_key.changes();
      if (changes.empty()) return;
      if (!call.rolls_back() || (returned && !call.task_->frame().flags.failed))
        change_timers(changes, all, call.key_of(value), hash, kept);
      changes.clear();
    }
    keyed_call& call;
    const T& value;
    const std::uint64_t hash;
    bool returned = false;  ///< false: it has thrown
  };
  [[gnu::noinline]] state& use_alive(const T& value, std::uint64_t hash) {
    const call_frame& frame = task_->frame();
    const bool by_clock = table_->ttl().measured_in == time_domain::processing;
    // Timers come between tuples as the engine has it, so what they do must not decide how long a state lives.
    constexpr bool prolongs = !is_timer;
    return table_->use_alive(key_of(value), hash, by_clock ? frame.now : frame.time, by_clock ? frame.now : frame.stamp,
                             prolongs);
  }
  bool rolls_back() const {
    const call_frame& frame = task_->frame();
    return is_timer ? frame.rollback_timers : frame.rollback_state;
  }
  template <class Q>
  static void change_timers(const std::vector<timers::change>& changes, keyed_timers<K>& all, const Q& key,
                            std::uint64_t hash, event_time kept) {
    for (const auto& c : changes) {
      if (c.erases) all.erase(key, hash, c.tag);
      else all.set(key, hash, c.tag, c.when, kept);
    }
  }
  template <class V>
  [[gnu::always_inline]] void invoke(state& s, V&& value) {
    detail::call_with_rollback(task_->frame(), rolls_back(), s, [&](state& of_key) {
      detail::invoke_bolt(*task_, Fn{}, &of_key, std::forward<V>(value), Args{});
    });
  }
  static constexpr bool is_timer = std::is_same_v<T, timer<K>> || std::is_same_v<T, processing_timer<K>>;
  /// The key costs nothing to ask for twice.
  static constexpr bool key_is_at_hand =
      std::is_reference_v<std::invoke_result_t<const KeyFn&, const T&>> || std::is_trivially_copyable_v<K>;
  decltype(auto) key_of(const T& value) const { return std::invoke(key_, value); }
  std::uint64_t hash_of(const T& value) const {
    try {
      return stable_hash<K>::of(key_of(value));
    } catch (...) {
      return 0;  // the call for this tuple throws again, and fails there
    }
  }

  bolt_task<B>* task_;
  keyed_state<K, state>* table_;
  timed_state<K, state>* timed_;
  KeyFn key_;
  struct looked_up {
    std::uint64_t hash;
    typename keyed_state<K, state>::entry* found;
  };
  std::array<looked_up, strip> ahead_;
  std::uint64_t moves_ = 0;
};

}  // namespace freshet
