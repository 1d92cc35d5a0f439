#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/state_table.hpp"

namespace freshet {

/// The states of keys as they were at one moment, being written while calls change them: the half of a keyed_state that
/// `freeze` is about. What a call is about to use for the first time since is written before (copy on write, a key at a
/// time), all else in passing. The tables' marks tell which is which: an entry with the number of before has changed
/// and isn't written, one with the number of now was used since, and is written if it was there. `Change` has a `key`
/// and its `hash`. Not thread safe.
template <class K, class S, class Change>
class frozen_states {
  using table = state_table<K, S>;
  using entry = typename table::entry;

 public:
  /// `before` and `now`: the numbers of marks. `changed`: keys with the first that were used, those that have no state
  /// any more among them, which `gone` says.
  frozen_states(std::span<table> tables, bool with_times, std::uint8_t before, std::uint8_t now,
                std::vector<Change> changed)
      : tables_(tables), with_times_(with_times), before_(before), now_(now), changed_(std::move(changed)) {}
  void gone(const K& key) { write_change(key, 0, nullptr); }
  /// All states of these groups are to be written, too.
  void begin_groups(key_group_range all) {
    groups_ = all;
    group_ = all.first;
    by_group_.resize(all.end - all.first);
  }

  /// An entry is about to be used, or to go, for the first time since; `mark` is the number it had.
  void write_first(std::uint32_t group, const entry& e, std::uint8_t mark) {
    if (mark == before_) write_change(e.key, group, &e);
    if (group >= group_ && group < groups_.end) write_row(group, e);
  }
  /// Writes so many keys more, or one group. True: all is written.
  bool write(std::size_t keys) {
    for (; keys > 0 && next_ < changed_.size(); --keys) {
      const Change& c = changed_[next_++];
      const auto g = key_group_of(c.hash, static_cast<std::uint32_t>(tables_.size()));
      const auto* e = tables_[g].find(c.key, c.hash);
      if (!e || tables_[g].mark_of(e) != before_) continue;
      write_change(e->key, g, e);
      tables_[g].mark(e, 0);
    }
    for (; keys > 0 && group_ < groups_.end; ++group_) {
      table& t = tables_[group_];
      t.for_each([&](const entry& e) {
        if (t.mark_of(&e) != now_) write_row(group_, e);
      });
      keys -= std::min(keys, t.size());
    }
    return next_ == changed_.size() && group_ == groups_.end;
  }
  /// REQUIRES: all is written.
  frozen_state take() {
    frozen_state all{changes_.take(with_times_), {}, {}};
    for (auto& g : by_group_) all.groups.push_back(g.take(with_times_));
    return all;
  }

 private:
  struct rows {
    writer bytes{};
    std::uint64_t count = 0;
    std::string take(bool with_times) {
      writer all;
      all.raw<std::uint64_t>(count);
      all.raw<std::uint8_t>(with_times);
      all.append(bytes.data());
      return all.take();
    }
  };
  /// First aside, as codecs may throw.
  template <class F>
  void add(rows& to, F&& write) {
    one_.clear();
    write(one_);
    to.bytes.append(one_.data());
    ++to.count;
  }
  void write_time(writer& w, std::uint32_t group, const entry& e) {
    if (with_times_) w.raw(tables_[group].used(&e).time_since_epoch().count());
  }
  void write_change(const K& key, std::uint32_t group, const entry* e) {
    add(changes_, [&](writer& w) {
      write_value(w, key);
      w.raw<std::uint8_t>(e != nullptr);
      if (!e) return;
      write_time(w, group, *e);
      write_value(w, e->value);
    });
  }
  void write_row(std::uint32_t group, const entry& e) {
    add(by_group_[group - groups_.first], [&](writer& w) {
      write_time(w, group, e);
      write_value(w, e.key);
      write_value(w, e.value);
    });
  }

  const std::span<table> tables_;
  const bool with_times_;
  const std::uint8_t before_, now_;
  const std::vector<Change> changed_;
  std::size_t next_ = 0;  ///< of those
  rows changes_;
  writer one_;  ///< its memory is used again
  key_group_range groups_{0, 0};
  std::uint32_t group_ = 0;  ///< the next of the groups
  std::vector<rows> by_group_;
};

}  // namespace freshet
