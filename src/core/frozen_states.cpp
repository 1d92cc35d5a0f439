#include "core/frozen_states.hpp"

#include <algorithm>

#include "core/evicted_states.hpp"

namespace freshet {

void frozen_states::begin_groups(key_group_range all, bool with_store) {
  groups_ = all;
  has_stored_rows_ = store_ && with_store;
  group_ = all.first;
  by_group_.assign(all.end - all.first, rows(with_times_));
}

void frozen_states::write_first(std::uint32_t group, std::size_t slot, std::uint8_t mark) {
  if (is_written()) return;  // marks say nothing more
  if (!has_changes() && (store_ || mark == before_)) write_change(tables_[group], slot);
  if (is_to_come(group)) write_row(group, slot);
}
bool frozen_states::write(std::size_t keys) {
  write_some_gone(keys);
  write_some_changed(keys);
  write_some_groups(keys);
  return is_written();
}
void frozen_states::write_some_gone(std::size_t& keys) {
  for (; keys > 0 && next_gone_ < gone_.size(); --keys, ++next_gone_)
    add(gone_rows_, [&](writer& w) {
      type_.write_key(w, gone_[next_gone_].key_at);
      w.raw<std::uint8_t>(false);
    });
}
void frozen_states::write_some_changed(std::size_t& keys) {
  constexpr std::size_t ahead = 16;  // they are all over the tables
  for (; keys > 0 && next_ < changed_.size(); --keys, ++next_) {
    if (next_ + ahead < changed_.size()) {
      const auto coming = changed_[next_ + ahead].hash;
      table_of(coming).prefetch(coming);
    }
    const keyed_change& c = changed_[next_];
    slot_table& t = table_of(c.hash);
    const auto slot = type_.find(t, c.key_at, c.hash);
    if (slot == slot_table::none) {
      if (store_) write_stored_change(c);
    } else if (t.mark_of(slot) == before_ || (store_ && t.mark_of(slot) != now_)) {
      write_change(t, slot);
      if (!store_) t.mark(slot, 0);
    }
  }
}
slot_table& frozen_states::table_of(std::uint64_t hash) const {
  return tables_[key_group_of(hash, static_cast<std::uint32_t>(tables_.size()))];
}
void frozen_states::write_some_groups(std::size_t& keys) {
  for (; keys > 0 && group_ < groups_.end; ++group_) {
    const slot_table& t = tables_[group_];
    t.for_each([&](std::size_t slot) {
      if (t.mark_of(slot) != now_) write_row(group_, slot);
    });
    keys -= std::min(keys, t.size());
    if (!has_stored_rows_) continue;
    store_->for_each_row(group_, [&](std::string_view key, std::string_view stored) {
      add(by_group_[group_ - groups_.first], [&](writer& w) { store_->write_row(w, key, stored); });
    });
    keys -= std::min(keys, store_->rows().rows(group_));
  }
}
std::string frozen_states::take_changes() {
  auto all = changes_->take(gone_rows_);
  changes_.reset();
  return all;
}
frozen_state frozen_states::take() {
  frozen_state all{changes_ ? take_changes() : std::string(), {}, {}, {}};
  for (auto& g : by_group_) all.groups.push_back(g.take(rows(with_times_)));
  return all;
}
frozen_states::rows::rows(bool with_times) {
  bytes.raw(count);
  bytes.raw<std::uint8_t>(with_times);
}
/// `first` comes ahead.
std::string frozen_states::rows::take(const rows& first) {
  writer head;
  head.raw(first.count + count);
  auto all = bytes.take();
  all.replace(0, head.size(), head.data());
  const std::size_t begin = head.size() + 1;  // behind whether there are times
  if (first.count != 0) all.insert(begin, first.bytes.data(), begin);
  return all;
}

/// First aside, as codecs may throw.
template <class F>
void frozen_states::add(rows& to, F&& write) {
  one_.clear();
  write(one_);
  to.bytes.append(one_.data());
  ++to.count;
}
void frozen_states::write_time(writer& w, const slot_table& t, std::size_t slot) const {
  if (with_times_) w.raw(t.last_use(slot).time_since_epoch().count());
}
void frozen_states::write_change(const slot_table& t, std::size_t slot) {
  add(*changes_, [&](writer& w) {
    const void* entry = t.at(slot);
    type_.write_key(w, type_.key_of(entry));
    w.raw<std::uint8_t>(true);
    write_time(w, t, slot);
    type_.write_state(w, entry);
  });
}
/// Of a key that has left the tables before; or that was used and forgotten since, and written then.
void frozen_states::write_stored_change(const keyed_change& c) {
  const auto* stored = store_->row_of(key_group_of(c.hash, static_cast<std::uint32_t>(tables_.size())), c.key_at);
  if (!stored) return;
  add(*changes_, [&](writer& w) {
    type_.write_key(w, c.key_at);
    w.raw<std::uint8_t>(true);
    w.append(*stored);
  });
}
void frozen_states::write_row(std::uint32_t group, std::size_t slot) {
  add(by_group_[group - groups_.first], [&](writer& w) {
    const slot_table& t = tables_[group];
    const void* entry = t.at(slot);
    write_time(w, t, slot);
    type_.write_key(w, type_.key_of(entry));
    type_.write_state(w, entry);
  });
}

}  // namespace freshet
