#include "core/frozen_states.hpp"

#include <algorithm>

namespace freshet {

void frozen_states::begin_groups(key_group_range all) {
  groups_ = all;
  group_ = all.first;
  by_group_.assign(all.end - all.first, rows(with_times_));
}

void frozen_states::write_first(std::uint32_t group, std::size_t slot, std::uint8_t mark) {
  if (mark == before_) write_change(tables_[group], slot);
  if (group >= group_ && group < groups_.end) write_row(group, slot);
}
bool frozen_states::write(std::size_t keys) {
  for (; keys > 0 && next_ < changed_.size(); --keys) {
    const keyed_change& c = changed_[next_++];
    slot_table& t = tables_[key_group_of(c.hash, static_cast<std::uint32_t>(tables_.size()))];
    const auto slot = type_.find(t, c.key_at, c.hash);
    if (slot == slot_table::none || t.mark_of(slot) != before_) continue;
    write_change(t, slot);
    t.mark(slot, 0);
  }
  for (; keys > 0 && group_ < groups_.end; ++group_) {
    const slot_table& t = tables_[group_];
    t.for_each([&](std::size_t slot) {
      if (t.mark_of(slot) != now_) write_row(group_, slot);
    });
    keys -= std::min(keys, t.size());
  }
  return next_ == changed_.size() && group_ == groups_.end;
}
std::string frozen_states::take_changes() {
  auto all = changes_->take();
  changes_.reset();
  return all;
}
frozen_state frozen_states::take() {
  frozen_state all{changes_ ? take_changes() : std::string(), {}, {}};
  for (auto& g : by_group_) all.groups.push_back(g.take());
  return all;
}
frozen_states::rows::rows(bool with_times) {
  bytes.raw(count);
  bytes.raw<std::uint8_t>(with_times);
}
std::string frozen_states::rows::take() {
  writer head;
  head.raw(count);
  auto all = bytes.take();
  all.replace(0, head.size(), head.data());
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
void frozen_states::gone(const void* key) {
  add(*changes_, [&](writer& w) {
    type_.write_key(w, key);
    w.raw<std::uint8_t>(false);
  });
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
