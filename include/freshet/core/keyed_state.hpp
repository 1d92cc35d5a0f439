#pragma once
#include <concepts>
#include <cstdint>
#include <new>
#include <utility>

#include "freshet/base/type_name.hpp"
#include "freshet/core/any_keyed_state.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/undo.hpp"
#include "freshet/core/value_bytes.hpp"

namespace freshet {

/// State by key: a table a key group, so that growing, saving and moving state touch one group at a time. With a store
/// the tables are a cache in front of it: a key that is missing is asked for there, and `evict` writes back. Here is
/// what calls do with it; the rest is compiled once for all types, in `any_keyed_state`. Not thread safe.
template <class K, class S>
class keyed_state final : public any_keyed_state {
 public:
  struct entry {
    K key;
    S value;
  };
  /// With a time to live, 0 for ever: then it is `use_alive` that is to be called.
  explicit keyed_state(std::uint32_t groups, state_ttl ttl = {}) : any_keyed_state(type, groups, ttl) {}

  /// Fetches the memory that `use` will need.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const { table(hash).template prefetch<entry>(hash); }
  /// The state of `key`, default constructed for a new one. Valid until the next call.
  template <class Q>
  [[gnu::always_inline]] S& use(const Q& key, std::uint64_t hash) {
    return used_entry(table(hash), key, hash).value;
  }
  /// Like `use`, at the time `at`; a state whose time to live was over at `now` begins anew. A use that doesn't prolong
  /// it counts for a new key only.
  template <class Q>
  S& use_alive(const Q& key, std::uint64_t hash, event_time at, event_time now, bool prolongs = true) {
    slot_table& t = table(hash);
    entry& e = used_entry(t, key, hash);
    const auto slot = t.slot_of(e);
    if (!used_alive(t, slot, at, now, prolongs)) {
      e.value = S{};
      begins_anew(t, slot, at, prolongs);
    }
    return e.value;
  }
  /// Looks ahead for `use_found`: null when the key has no state yet.
  template <class Q>
  [[gnu::always_inline]] entry* look_up(const Q& key, std::uint64_t hash) {
    return table(hash).template find<entry>(key, hash);
  }
  /// Like `use`, for an entry that was looked up. REQUIRES: `moves()` is what it was then.
  [[gnu::always_inline]] S& use_found(entry& e, std::uint64_t hash) {
    if (epoch()) mark_use(table(hash), e, hash, false);
    return e.value;
  }
  /// Forgets the state of a key that was used in this call.
  template <class Q>
  void forget(const Q& key, std::uint64_t hash) {
    if (entry* e = look_up(key, hash)) forget_found(*e, hash);
  }
  /// Null when the key has no state. Valid until the next call.
  template <class Q>
  const S* find(const Q& key) {
    const auto hash = stable_hash<K>::of(key);
    const entry* e = look_up(key, hash);
    if (!e && has_store()) {
      const K whole(key);
      e = static_cast<const entry*>(look_in_store(&whole, hash));
    }
    return e ? &e->value : nullptr;
  }
  /// Calls `f(key, state)` for all keys used since `begin`, once each, in the order of their first use.
  template <class F>
  void for_each_touched(F&& f) {
    const auto visit = [&f](entry& e) { f(std::as_const(e.key), e.value); };
    if (has_forgotten()) {
      for (void* e : touched_once()) visit(*static_cast<entry*>(e));
      return;
    }
    for (std::size_t i = 0; i < changes().size(); ++i) {
      const auto& c = static_cast<const change&>(changes()[i]);
      if (entry* e = look_up(c.key, c.hash)) visit(*e);
    }
  }
  /// What `f` changes of states that are in the store only is lost.
  template <class F>
  void for_each(F&& f) {
    const auto visit = [&f](entry& e) { f(std::as_const(e.key), e.value); };
    for (auto& t : tables()) t.for_each([&](std::size_t slot) { visit(t.template at<entry>(slot)); });
    if (has_store()) for_each_stored([&](void* e) { visit(*static_cast<entry*>(e)); });
  }

 private:
  struct change : keyed_change {
    /// The first use of a key. May throw, and is none then.
    change(entry& e, std::uint64_t h, event_time used, bool undoes) : keyed_change{h, used, &key}, key(e.key) {
      if (!undoes) return;
      ::new (static_cast<void*>(&before)) undo_point<S>(e.value);
      is = kind::used;
    }
    /// Takes what is being forgotten.
    change(entry& e, std::uint64_t h, event_time used) : keyed_change{h, used, &key, kind::forgotten}, key(e.key) {
      ::new (static_cast<void*>(&forgotten)) S(std::move(e.value));
    }
    change(const change&) = delete;
    change& operator=(const change&) = delete;
    ~change() {
      if (is == kind::used) before.~undo_point();
      if (is == kind::forgotten) forgotten.~S();
    }
    K key;
    union {
      undo_point<S> before;
      S forgotten;
    };
  };

  template <class Q>
  [[gnu::always_inline]] entry& used_entry(slot_table& t, const Q& key, std::uint64_t hash) {
    entry* e = t.find<entry>(key, hash);
    bool is_new = false;
    if (!e) [[unlikely]]
      e = &add(t, key, hash, is_new);
    if (epoch()) mark_use(t, *e, hash, is_new);
    return *e;
  }
  [[gnu::always_inline]] void mark_use(slot_table& t, entry& e, std::uint64_t hash, bool is_new) {
    const auto before = t.mark(t.slot_of(e), epoch());
    if (before != epoch()) [[unlikely]]
      remember(t, e, hash, before, is_new);
  }
  /// The entry of a key that is in no table, and whether it has no state yet.
  template <class Q>
  [[gnu::noinline]] entry& add(slot_table& t, const Q& key, std::uint64_t hash, bool& is_new) {
    const auto before = t.capacity();
    entry& e = t.insert<entry>(key, hash);
    is_new = added(t, t.slot_of(e), hash, before);
    return e;
  }
  /// `mark`: that it had.
  [[gnu::noinline]] void remember(slot_table& t, entry& e, std::uint64_t hash, std::uint8_t mark, bool is_new) {
    if (!is_noting()) return;
    const auto slot = t.slot_of(e);
    try {
      if (!is_new) before_use(slot, hash, mark);
      ::new (changes().room()) change(e, hash, last_use(t, slot), is_undoing() && !is_new);
      changes().added();
    } catch (...) {
      take_back_use(slot, hash, mark, is_new);
      throw;
    }
  }
  [[gnu::noinline]] void forget_found(entry& e, std::uint64_t hash) {
    const auto slot = table(hash).slot_of(e);
    if (auto* all = gone()) {
      ::new (all->room()) change(e, hash, {}, false);
      all->added();
    }
    if constexpr (has_undoable_part<S>)
      if (is_undoing()) {  // it has its marks, and may be needed once more
        ::new (changes().room()) change(e, hash, last_use(table(hash), slot));
        added_forgotten();
      }
    forget_entry(slot, hash);
  }

  // The functions of `type`.
  static entry& entry_at(void* e) { return *static_cast<entry*>(e); }
  static const entry& entry_at(const void* e) { return *static_cast<const entry*>(e); }
  static const K& key_at(const void* key) { return *static_cast<const K*>(key); }
  static constexpr bool is_written = durable<K> && durable<S>;
  static constexpr bool is_read = is_written && std::default_initializable<K>;
  static constexpr bool owns = owns_memory<K> || owns_memory<S>;

  static const void* key_of(const void* e) { return &entry_at(e).key; }
  static std::size_t find_slot(const slot_table& t, const void* key, std::uint64_t hash) {
    const entry* e = t.find<entry>(key_at(key), hash);
    return e ? t.slot_of(*e) : slot_table::none;
  }
  static std::size_t insert_slot(slot_table& t, const void* key, std::uint64_t hash) {
    return t.slot_of(t.insert<entry>(key_at(key), hash));
  }
  static std::size_t owned_bytes(const void* e) {
    return detail::owned_bytes(entry_at(e).key) + detail::owned_bytes(entry_at(e).value);
  }
  static void write_key(writer& w, const void* key) {
    if constexpr (is_written) write_value(w, key_at(key));
  }
  static void write_state(writer& w, const void* e) {
    if constexpr (is_written) write_value(w, entry_at(e).value);
  }
  static void read_key(reader& r, key_visitor& visitor) {
    if constexpr (is_read) {
      K key{};
      read_value(r, key);
      visitor.visit(&key, stable_hash<K>::of(key));
    }
  }
  static void read_state(reader& r, void* e) {
    if constexpr (is_read) {
      if (e) return read_value(r, entry_at(e).value);
      S passed_over{};
      read_value(r, passed_over);
    }
  }
  static void add_key_layout(layout_text& to) {
    if constexpr (is_written) freshet::add_layout<K>(to);
  }
  static void add_state_layout(layout_text& to) {
    if constexpr (is_written) freshet::add_layout<S>(to);
  }
  static void destroy_change(keyed_change& c) noexcept { static_cast<change&>(c).~change(); }
  static void undo_change(keyed_change& c, void* e) {
    auto& all = static_cast<change&>(c);
    if (c.is == keyed_change::kind::used) return all.before.undo(entry_at(e).value);
    if constexpr (has_undoable_part<S>) entry_at(e).value = std::move(all.forgotten);
  }
  static void keep_change(keyed_change& c, void* e) { static_cast<change&>(c).before.keep(entry_at(e).value); }

  static constexpr keyed_type type{
      .entry = slot_table::type_of<entry>(),
      .key_name = type_name<K>(),
      .state_name = type_name<S>(),
      .is_durable = is_written,
      .can_be_read = is_read,
      .owns_memory = owns,
      .change_bytes = sizeof(change),
      .change_alignment = alignof(change),
      .key_of = key_of,
      .find = find_slot,
      .insert = insert_slot,
      .owned_bytes = owns ? owned_bytes : nullptr,
      .write_key = is_written ? write_key : nullptr,
      .write_state = is_written ? write_state : nullptr,
      .read_key = is_read ? read_key : nullptr,
      .read_state = is_read ? read_state : nullptr,
      .add_key_layout = is_written ? add_key_layout : nullptr,
      .add_state_layout = is_written ? add_state_layout : nullptr,
      .destroy_change = destroy_change,
      .undo_change = undo_change,
      .keep_change = has_undoable_part<S> ? keep_change : nullptr,
  };
};

}  // namespace freshet
