#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "freshet/base/event_time.hpp"
#include "freshet/core/byte_stream.hpp"
#include "freshet/core/slot_table.hpp"

namespace freshet {

class layout_text;

/// What a key had before it was first used since `begin`; since `note`, that it was. The part that needs no types.
struct keyed_change {
  enum class kind : std::uint8_t {
    is_new,     ///< the key had no state; or nobody will ask what it had
    used,       ///< it had one, which can be restored
    forgotten,  ///< this is no first use: it keeps what was forgotten, with the marks that it had
  };
  std::uint64_t hash = 0;
  event_time last_use{};  ///< where states expire
  const void* key_at = nullptr;
  kind is = kind::is_new;
};

/// Hears of a key that was read.
class key_visitor {
 public:
  virtual void visit(const void* key, std::uint64_t hash) = 0;

 protected:
  ~key_visitor() = default;
};

/// What a keyed_state does with its types, as functions: for all that is compiled once. An `entry` is one of its
/// slot_table, a `key` stands anywhere. Functions that write need `is_durable`, those that read `can_be_read`.
struct keyed_type {
  const slot_table::entry_type& entry;
  std::string_view key_name, state_name;  ///< as the compiler has them
  bool is_durable, can_be_read, owns_memory;
  std::size_t change_bytes, change_alignment;

  const void* (*key_of)(const void* entry);
  /// Gives the slot, or `slot_table::none`.
  std::size_t (*find)(const slot_table&, const void* key, std::uint64_t hash);
  std::size_t (*insert)(slot_table&, const void* key, std::uint64_t hash);
  std::size_t (*owned_bytes)(const void* entry);

  void (*write_key)(writer&, const void* key);
  void (*write_state)(writer&, const void* entry);
  void (*read_key)(reader&, key_visitor&);
  /// Null: into none.
  void (*read_state)(reader&, void* entry);
  void (*add_key_layout)(layout_text&);
  void (*add_state_layout)(layout_text&);

  void (*destroy_change)(keyed_change&) noexcept;
  /// Puts back what the entry was.
  void (*undo_change)(keyed_change&, void* entry);
  /// Null where no state has marks to be told.
  void (*keep_change)(keyed_change&, void* entry);
};

}  // namespace freshet
