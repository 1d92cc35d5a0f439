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

class evicted_states;

/// The states of keys as they were at one moment, being written while calls change them: the half of a keyed_state that
/// `freeze` is about. What a call is about to use for the first time since is written before (copy on write, a key at a
/// time), all else in passing. The tables' marks tell which is which: an entry with the number of before has changed
/// and isn't written, one with the number of now was used since, and is written if it was there. Where there is a
/// store, what has changed may be there by now, or have lost its mark: then everything is written that is used for the
/// first time since, changed or not. REQUIRES: nothing goes from the tables to the store, or from the store to nowhere,
/// before all is written. Not thread safe.
class frozen_states {
 public:
  /// `before` and `now`: the numbers of marks. `changed`: keys that were used under the first, `gone`: those that were
  /// forgotten, which may have come again. `store`: null where there is none.
  frozen_states(std::span<slot_table> tables, const keyed_type& type, bool with_times, evicted_states* store,
                std::uint8_t before, std::uint8_t now, change_list changed, change_list gone)
      : tables_(tables),
        type_(type),
        with_times_(with_times),
        store_(store),
        before_(before),
        now_(now),
        changed_(std::move(changed)),
        gone_(std::move(gone)),
        gone_rows_(with_times),
        changes_(with_times) {}
  /// All states of these groups are to be written, too, those in the store among them or not.
  void begin_groups(key_group_range all, bool with_store);

  /// An entry is about to be used, or to go, for the first time since; `mark` is the number it had.
  void write_first(std::uint32_t group, std::size_t slot, std::uint8_t mark);
  /// Writes so many keys more, or one group; first what has changed. True: all is written.
  bool write(std::size_t keys);
  /// A group is still to be written.
  bool is_to_come(std::uint32_t group) const { return group >= group_ && group < groups_.end; }
  bool is_written() const { return has_changes() && group_ == groups_.end; }
  bool has_changes() const { return next_gone_ == gone_.size() && next_ == changed_.size(); }
  /// What has changed, once, before the rest is written. REQUIRES: has_changes()
  std::string take_changes();
  /// What has not been taken. REQUIRES: all is written.
  frozen_state take();

 private:
  /// Bytes behind a head that has their count, for which there is room from the first: to be put in front of them they
  /// would have to be copied, all at once.
  struct rows {
    explicit rows(bool with_times);
    std::string take(const rows& first);
    writer bytes{};
    std::uint64_t count = 0;
  };
  template <class F>
  void add(rows& to, F&& write);
  void write_some_gone(std::size_t& keys);
  void write_some_changed(std::size_t& keys);
  slot_table& table_of(std::uint64_t hash) const;
  void write_some_groups(std::size_t& keys);
  void write_time(writer& w, const slot_table& t, std::size_t slot) const;
  void write_change(const slot_table& t, std::size_t slot);
  void write_stored_change(const keyed_change& c);
  void write_row(std::uint32_t group, std::size_t slot);

  const std::span<slot_table> tables_;
  const keyed_type& type_;
  const bool with_times_;
  evicted_states* const store_;
  const std::uint8_t before_, now_;
  const change_list changed_, gone_;
  std::size_t next_ = 0, next_gone_ = 0;  ///< of those
  rows gone_rows_;                        ///< ahead of the changes: what came again is among them
  std::optional<rows> changes_;           ///< none: they have been taken
  writer one_;                            ///< its memory is used again
  key_group_range groups_{0, 0};
  bool has_stored_rows_ = false;
  std::uint32_t group_ = 0;  ///< the next of the groups
  std::vector<rows> by_group_;
};

}  // namespace freshet
