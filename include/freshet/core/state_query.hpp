#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/base/type_name.hpp"
#include "freshet/core/broadcast_state.hpp"
#include "freshet/core/stable_hash.hpp"
#include "freshet/core/timed_state.hpp"
#include "freshet/core/value.hpp"

namespace freshet {

/// A question about the state of one key, from outside the task that owns it. Used by one thread at a time.
class any_state_query {
 public:
  any_state_query(std::string_view key, std::string_view state, std::uint64_t hash_of_key)
      : key_type(key), state_type(state), hash(hash_of_key) {}
  virtual ~any_state_query();
  /// Copies the key's state, where it has any. False: `in` is by another key, or keeps another type. REQUIRES: no call
  /// is at work on `in`.
  virtual bool look_in(any_state& in) = 0;

  const std::string_view key_type, state_type;
  const std::uint64_t hash;
};

/// The same by its types. What a literal or a string_view asks for is the state of a std::string.
template <class State, class Key>
class state_query final : public any_state_query {
  static_assert(
      key_value<Key>,
      "a query asks for the state of a key, and this type can't be one: it has no stable hash (see Key above)");
  static_assert(std::copy_constructible<State>, "a query gives a copy of the state: its type must be copyable");

 public:
  explicit state_query(Key key)
      : any_state_query(type_name<Key>(), type_name<State>(), stable_hash<Key>::of(key)), key_(std::move(key)) {}
  bool look_in(any_state& in) override {
    if (auto* beside = dynamic_cast<broadcast_holder*>(&in)) return beside->own() && look_in(*beside->own());
    auto* by_key = dynamic_cast<keyed_state<Key, State>*>(&in);
    if (auto* timed = dynamic_cast<timed_state<Key, State>*>(&in)) by_key = &timed->states;
    if (!by_key) return false;
    if (const State* found = by_key->find(key_)) answer_.emplace(*found);
    return true;
  }
  std::optional<State> take() && { return std::move(answer_); }

 private:
  const Key key_;
  std::optional<State> answer_;
};

/// The type of key that an argument `K` asks for.
template <class K>
using queried_key_t = owned_t<std::decay_t<K>>;

}  // namespace freshet
