#pragma once
#include <array>
#include <functional>
#include <utility>

#include "freshet/core/batch.hpp"
#include "freshet/core/bolt_task.hpp"

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
  keyed_call(bolt_task<B>* task, keyed_state<K, state>* table, KeyFn key)
      : task_(task), table_(table), key_(std::move(key)) {}

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
    state& s = found && moves_ == table_->moves() ? table_->use_found(*found, hash) : table_->use(key_of(value), hash);
    detail::call_with_rollback(task_->frame(), s, [&](state& of_key) {
      detail::invoke_bolt(*task_, Fn{}, &of_key, std::forward<V>(value), Args{});
    });
  }

 private:
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
  KeyFn key_;
  struct looked_up {
    std::uint64_t hash;
    typename keyed_state<K, state>::entry* found;
  };
  std::array<looked_up, strip> ahead_;
  std::uint64_t moves_ = 0;
};

}  // namespace freshet
