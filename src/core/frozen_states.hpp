#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/change_list.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/state_slot.hpp"

namespace freshet {

/// The states of keys as they were at one moment, being written while calls change them: the half of a keyed_state that
/// `freeze` is about. What a call is about to use for the first time since is written before (copy on write, a key at a
/// time), all else in passing. The tables' marks tell which is which: an entry with the number of before has changed
/// and isn't written, one with the number of now was used since, and is written if it was there. Not thread safe.
class frozen_states {
 public:
  /// `before` and `now`: the numbers of marks. `changed`: keys with the first that were used, those that have no state
  /// any more among them, which `gone` says.
  frozen_states(std::span<slot_table> tables, const keyed_type& type, bool with_times, std::uint8_t before,
                std::uint8_t now, change_list changed)
      : tables_(tables),
        type_(type),
        with_times_(with_times),
        before_(before),
        now_(now),
        changed_(std::move(changed)),
        changes_(with_times) {}
  void gone(const void* key);
  /// All states of these groups are to be written, too.
  void begin_groups(key_group_range all);

  /// An entry is about to be used, or to go, for the first time since; `mark` is the number it had.
  void write_first(std::uint32_t group, std::size_t slot, std::uint8_t mark);
  /// Writes so many keys more, or one group; first what has changed. True: all is written.
  bool write(std::size_t keys);
  bool has_changes() const { return next_ == changed_.size(); }
  /// What has changed, once, before the rest is written. REQUIRES: has_changes()
  std::string take_changes();
  /// What has not been taken. REQUIRES: all is written.
  frozen_state take();

 private:
  /// Bytes behind a head that has their count, for which there is room from the first: to be put in front of them they
  /// would have to be copied, all at once.
  struct rows {
    explicit rows(bool with_times);
    std::string take();
    writer bytes{};
    std::uint64_t count = 0;
  };
  template <class F>
  void add(rows& to, F&& write);
  void write_time(writer& w, const slot_table& t, std::size_t slot) const;
  void write_change(const slot_table& t, std::size_t slot);
  void write_row(std::uint32_t group, std::size_t slot);

  const std::span<slot_table> tables_;
  const keyed_type& type_;
  const bool with_times_;
  const std::uint8_t before_, now_;
  const change_list changed_;
  std::size_t next_ = 0;         ///< of those
  std::optional<rows> changes_;  ///< none: they have been taken
  writer one_;                   ///< its memory is used again
  key_group_range groups_{0, 0};
  std::uint32_t group_ = 0;  ///< the next of the groups
  std::vector<rows> by_group_;
};

}  // namespace freshet
