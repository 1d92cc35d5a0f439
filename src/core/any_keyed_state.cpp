#include "freshet/core/any_keyed_state.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/evicted_states.hpp"
#include "core/frozen_states.hpp"

namespace freshet {

namespace {
/// Saved without a time to live, a state's last use isn't known: it begins with the next.
event_time read_last_use(reader& r, bool with_times) {
  return with_times ? event_time{event_span{r.raw<event_span::rep>()}} : beginning_of_time;
}
void note_use(event_time& used, event_time at, bool prolongs) {
  if (prolongs || used == beginning_of_time) used = std::max(used, at);
}
}  // namespace

any_keyed_state::any_keyed_state(const keyed_type& type, std::uint32_t groups, state_ttl ttl)
    : type_(type), groups_(groups), ttl_(ttl), changes_(type), aside_(type.entry), gone_(type) {
  tables_.reserve(groups);
  for (std::uint32_t g = 0; g < groups; ++g) tables_.emplace_back(type.entry);
}
any_keyed_state::~any_keyed_state() = default;

std::size_t any_keyed_state::rows() const {
  std::size_t n = store_ ? store_->rows().rows() : 0;
  for (auto& t : tables_) n += t.size();
  return n;
}
std::size_t any_keyed_state::bytes() const {
  std::size_t n = 0;
  for (auto& t : tables_) n += t.bytes();
  if (type_.owns_memory) n += owned_.look(tables_, type_);
  return n;
}

void any_keyed_state::expire(event_time now, std::size_t slots) {
  if (!expires()) return;
  ++moves_;
  const auto asked = slots;
  for (std::size_t tables = 0; slots > 0 && tables < tables_.size(); ++tables) {
    slot_table& t = tables_[sweep_.group];
    const auto before = t.size(), from = sweep_.slot;
    sweep_.slot = t.erase_some(from, slots, [&](std::size_t slot) { return forget_if_over(t, slot, now); });
    expired_ += before - t.size();
    slots -= std::min(slots, sweep_.slot - from + before - t.size());
    if (sweep_.slot >= t.capacity()) sweep_ = {(sweep_.group + 1) % groups_, 0};
  }
  if (store_ && !is_frozen()) expired_ += store_->expire(asked, [&](event_time used) { return is_over(used, now); });
}
bool any_keyed_state::is_over(event_time used, event_time now) const {
  return used != beginning_of_time && shifted(used, ttl_.after) <= now;
}
bool any_keyed_state::used_alive(slot_table& t, std::size_t slot, event_time at, event_time now, bool prolongs) const {
  event_time& used = t.used(slot);
  if (is_over(used, now)) return false;
  note_use(used, at, prolongs);
  return true;
}
void any_keyed_state::begins_anew(slot_table& t, std::size_t slot, event_time at, bool prolongs) {
  ++expired_;
  note_use(t.used(slot), at, prolongs);
}
/// True: it is to leave its table.
bool any_keyed_state::forget_if_over(slot_table& t, std::size_t slot, event_time now) {
  if (!is_over(t.last_use(slot), now)) return false;
  if (frozen_ && t.mark_of(slot) != epoch_) frozen_->write_first(sweep_.group, slot, t.mark_of(slot));
  if (store_) store_->forget(sweep_.group, type_.key_of(t.at(slot)));
  return true;
}

void any_keyed_state::keep_in(std::unique_ptr<state_store> store, const snapshot_rows& rows) {
  store_ = std::make_unique<evicted_states>(std::move(store), tables_, type_, expires(), rows.counts);
  next_epoch();  // from here on uses are marked, also outside of begin and commit
}
void any_keyed_state::evict() {
  if (!store_) return;
  if (!store_->is_short_of_memory()) return store_->flush_if_large();
  if (is_frozen() || store_->rows().is_making_snapshot()) {
    if (!store_->is_far_too_short()) return;
    while (is_frozen()) frozen_->write(tables_.size());
  }
  ++moves_;
  store_->evict();
}

void any_keyed_state::begin() {
  end();
  expired_before_ = expired_;
  undoing_ = true;
  next_epoch();
}
void any_keyed_state::note() {
  end();
  gone_.clear();
  noting_ = true;
  next_epoch();
}
void any_keyed_state::commit() {
  for (std::size_t i = 0; type_.keep_change && i < changes_.size(); ++i) {
    keyed_change& c = changes_[i];
    if (c.is != keyed_change::kind::used) continue;
    slot_table& t = table(c.hash);
    if (const auto slot = type_.find(t, c.key_at, c.hash); slot != slot_table::none) type_.keep_change(c, t.at(slot));
  }
  end();
}
void any_keyed_state::rollback() {
  ++moves_;
  if (undoing_) expired_ = expired_before_;
  // Backwards: a key that was forgotten and came again stands there several times.
  for (auto i = changes_.size(); i-- > 0;) {
    keyed_change& c = changes_[i];
    slot_table& t = table(c.hash);
    auto slot = type_.find(t, c.key_at, c.hash);
    if (c.is == keyed_change::kind::is_new) {
      if (slot != slot_table::none) t.erase(slot);
      continue;
    }
    if (slot == slot_table::none) slot = insert(c.key_at, c.hash);
    if (expires()) t.used(slot) = c.last_use;
    type_.undo_change(c, t.at(slot));
  }
  end();
}
void any_keyed_state::end() {
  changes_.clear();
  forgotten_ = 0;
  has_forgotten_ = false;
  undoing_ = noting_ = false;
  if (!store_) epoch_ = 0;
}
void any_keyed_state::next_epoch() {
  constexpr std::uint8_t most = 255;
  epoch_ = ++last_epoch_;
  // The numbers come round. What has the last one may still be frozen, until the epoch after the next begins.
  if (epoch_ == 2)
    for (auto& t : tables_) t.clear_marks(most);
  if (epoch_ != 0) return;
  for (auto& t : tables_) t.clear_marks_but(most);
  epoch_ = ++last_epoch_;
}

void any_keyed_state::freeze(std::optional<key_group_range> all, bool as_snapshot) {
  if (!type_.is_durable) return;
  auto changed = std::move(changes_), gone = std::move(gone_);
  const auto before = epoch_;
  note();
  frozen_ = std::make_unique<frozen_states>(tables_, type_, expires(), store_.get(), before, epoch_, std::move(changed),
                                            std::move(gone));
  snapshot_rows_.reset();
  if (!all) return;
  frozen_->begin_groups(*all, !as_snapshot);
  if (!store_ || !as_snapshot) return;
  snapshot_rows_ = rows_in_store();
  store_->rows().begin_snapshot();
}
bool any_keyed_state::is_frozen() const { return frozen_ && !frozen_->is_written(); }
bool any_keyed_state::write_frozen(std::size_t keys) {
  return (!frozen_ || frozen_->write(keys)) && !(snapshot_rows_ && store_->rows().is_making_snapshot());
}
bool any_keyed_state::has_frozen_changes() const { return !frozen_ || frozen_->has_changes(); }
std::string any_keyed_state::take_frozen_changes() { return frozen_ ? frozen_->take_changes() : std::string(); }
frozen_state any_keyed_state::take_frozen() {
  if (!frozen_) return {};
  auto all = frozen_->take();
  frozen_.reset();
  if (auto rows = std::exchange(snapshot_rows_, {})) all.snapshot = {store_->rows().take_snapshot(), *std::move(rows)};
  return all;
}
snapshot_rows any_keyed_state::rows_in_store() const { return {expires(), store_->rows().counts()}; }
std::optional<state_snapshot> any_keyed_state::snapshot() {
  if (!store_) return {};
  auto rows = rows_in_store();
  store_->rows().begin_snapshot();
  return state_snapshot{store_->rows().take_snapshot(), std::move(rows)};
}

void any_keyed_state::write_last_use(writer& w, const slot_table& t, std::size_t slot) const {
  if (expires()) w.raw(t.last_use(slot).time_since_epoch().count());
}
void any_keyed_state::save(std::uint32_t g, writer& w) const {
  if (!type_.is_durable) return;
  w.raw<std::uint64_t>(tables_[g].size() + (store_ ? store_->rows().rows(g) : 0));
  save_table(g, w);
  if (store_)
    store_->for_each_row(g, [&](std::string_view key, std::string_view stored) { store_->write_row(w, key, stored); });
}
void any_keyed_state::save_beside_snapshot(std::uint32_t g, writer& w) const {
  if (!type_.is_durable) return;
  w.raw<std::uint64_t>(tables_[g].size());
  save_table(g, w);
}
void any_keyed_state::save_table(std::uint32_t g, writer& w) const {
  const slot_table& t = tables_[g];
  w.raw<std::uint8_t>(expires());
  t.for_each([&](std::size_t slot) {
    const void* entry = t.at(slot);
    write_last_use(w, t, slot);
    type_.write_key(w, type_.key_of(entry));
    type_.write_state(w, entry);
  });
}
bool any_keyed_state::load_states(reader& r, bool beside_snapshot) {
  ++moves_;
  if (!type_.can_be_read) return false;
  auto n = r.raw<std::uint64_t>();
  for (const bool with_times = r.raw<std::uint8_t>() != 0; n && !r.failed(); --n) {
    const auto used = read_last_use(r, with_times);
    with_key(type_, r, [&](const void* key, std::uint64_t hash) { load_state(key, hash, used, r, beside_snapshot); });
  }
  evict();
  return !r.failed();
}
void any_keyed_state::save_changes(writer& w) const {
  if (!type_.is_durable) return;
  w.raw<std::uint64_t>(changes_.size());
  w.raw<std::uint8_t>(expires());
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const keyed_change& c = changes_[i];
    const slot_table& t = table(c.hash);
    const auto slot = type_.find(t, c.key_at, c.hash);
    const bool is_there = slot != slot_table::none;
    const auto* stored = is_there || !store_ ? nullptr : store_->row_of(group(c.hash), c.key_at);  // evicted since
    type_.write_key(w, c.key_at);
    w.raw<std::uint8_t>(is_there || stored);
    if (stored) w.append(*stored);
    if (!is_there) continue;
    write_last_use(w, t, slot);
    type_.write_state(w, t.at(slot));
  }
}
bool any_keyed_state::load_changes(key_group_range mine, reader& r) {
  ++moves_;
  if (!type_.can_be_read) return false;
  auto n = r.raw<std::uint64_t>();
  for (const bool with_times = r.raw<std::uint8_t>() != 0; n && !r.failed(); --n)
    with_key(type_, r, [&](const void* key, std::uint64_t hash) {
      const bool is_mine = !r.failed() && mine.contains(group(hash));
      if (r.raw<std::uint8_t>() == 0) {
        if (is_mine) load_forgotten(key, hash);
        return;
      }
      const auto used = read_last_use(r, with_times);
      if (is_mine) load_state(key, hash, used, r, false);
      else type_.read_state(r, nullptr);
    });
  evict();
  return !r.failed();
}
/// What stands beside a snapshot is in none of the rows that it counts, though there may be an older one of its key.
void any_keyed_state::load_state(const void* key, std::uint64_t hash, event_time used, reader& r,
                                 bool beside_snapshot) {
  slot_table& t = table(hash);
  auto slot = type_.find(t, key, hash);
  if (slot == slot_table::none) slot = beside_snapshot ? insert(key, hash) : add(key, hash);
  if (expires()) t.used(slot) = used;
  type_.read_state(r, t.at(slot));
}
void any_keyed_state::load_forgotten(const void* key, std::uint64_t hash) {
  slot_table& t = table(hash);
  auto slot = type_.find(t, key, hash);
  if (store_ && slot == slot_table::none) slot = add(key, hash);  // what is forgotten has left the store
  if (slot != slot_table::none) t.erase(slot);
  if (store_) store_->forget(group(hash), key);
}
void any_keyed_state::drop(std::uint32_t g) {
  ++moves_;
  slots_ -= tables_[g].capacity();
  tables_[g] = slot_table(type_.entry);
  sweep_ = {};
  if (store_) store_->drop(g);
}
void any_keyed_state::add_layout(state_layout& to) const {
  if (!type_.is_durable) return;
  type_.add_key_layout(to.key);
  type_.add_state_layout(to.state);
}

std::size_t any_keyed_state::insert(const void* key, std::uint64_t hash) {
  slot_table& t = table(hash);
  const auto before = t.capacity();
  const auto slot = type_.insert(t, key, hash);
  if (t.capacity() != before) count_slots(t, before);
  return slot;
}
std::size_t any_keyed_state::add(const void* key, std::uint64_t hash) {
  slot_table& t = table(hash);
  const auto before = t.capacity();
  const auto slot = type_.insert(t, key, hash);
  added(t, slot, hash, before);
  return slot;
}
void any_keyed_state::count_slots(const slot_table& t, std::size_t capacity_before) {
  ++moves_;
  slots_ += t.capacity() - capacity_before;
}
bool any_keyed_state::take_from_store(slot_table& t, std::size_t slot, std::uint64_t hash) {
  bool had = false;
  try {
    had = store_->take(group(hash), slot);
  } catch (...) {
    t.erase(slot);
    ++moves_;
    throw;
  }
  // It will be written with its group, beside the snapshot.
  if (had && snapshot_rows_ && frozen_->is_to_come(group(hash))) --snapshot_rows_->counts[group(hash)];
  return had;
}
void any_keyed_state::before_use(std::size_t slot, std::uint64_t hash, std::uint8_t mark) {
  if (frozen_) frozen_->write_first(group(hash), slot, mark);
}
void any_keyed_state::take_back_use(std::size_t slot, std::uint64_t hash, std::uint8_t mark, bool inserted) {
  slot_table& t = table(hash);
  t.mark(slot, mark);
  if (!inserted) return;
  t.erase(slot);
  ++moves_;
}

void any_keyed_state::added_forgotten() {
  changes_.added();
  ++forgotten_;
}
void any_keyed_state::forget_entry(std::size_t slot, std::uint64_t hash) {
  ++moves_;
  has_forgotten_ = true;
  slot_table& t = table(hash);
  if (store_) store_->forget(group(hash), type_.key_of(t.at(slot)));
  t.erase(slot);
}
std::vector<void*> any_keyed_state::touched_once() const {
  std::vector<std::pair<void*, std::size_t>> all;  // with their place among the changes
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const keyed_change& c = changes_[i];
    const auto slot = type_.find(table(c.hash), c.key_at, c.hash);
    if (slot != slot_table::none) all.emplace_back(table(c.hash).at(slot), i);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end(), [](auto& a, auto& b) { return a.first == b.first; }), all.end());
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.second < b.second; });
  std::vector<void*> entries;
  for (const auto& [entry, place] : all) entries.push_back(entry);
  return entries;
}

void* any_keyed_state::put_aside(const void* key, std::uint64_t hash) {
  if (const auto slot = aside_.near(0); slot != slot_table::none) aside_.erase(slot);
  return aside_.at(type_.insert(aside_, key, hash));
}
void* any_keyed_state::look_in_store(const void* key, std::uint64_t hash) {
  void* entry = put_aside(key, hash);
  return store_->look_at(group(hash), entry) ? entry : nullptr;
}
void any_keyed_state::for_each_stored(const std::function<void(void* entry)>& f) {
  for (std::uint32_t g = 0; store_ && g < groups_; ++g)
    store_->for_each_row(g, [&](std::string_view key_bytes, std::string_view stored) {
      store_->read_key(key_bytes, [&](const void* key, std::uint64_t hash) {
        void* entry = put_aside(key, hash);
        store_->read_state(stored, entry);
        f(entry);
      });
    });
}

}  // namespace freshet
