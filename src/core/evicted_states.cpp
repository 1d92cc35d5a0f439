#include "core/evicted_states.hpp"

#include "freshet/base/type_name.hpp"

namespace freshet {

namespace {
constexpr std::size_t slots_a_step = 64, rows_looked_at = 64;
}

bool evicted_states::take(std::uint32_t group, std::size_t slot) {
  slot_table& t = tables_[group];
  ++taken_or_new_;
  if (rows_.rows(group) == 0 || !rows_.take(group, bytes_of(type_.key_of(t.at(slot))), row_)) return false;
  read_state(row_, t.at(slot));
  if (with_times_) t.used(slot) = time_of(row_);
  return true;
}
bool evicted_states::look_at(std::uint32_t group, void* entry) {
  const auto* row = row_of(group, type_.key_of(entry));
  if (row) read_state(*row, entry);
  return row != nullptr;
}
const std::string* evicted_states::row_of(std::uint32_t group, const void* key) {
  return rows_.rows(group) != 0 && rows_.read(group, bytes_of(key), row_) ? &row_ : nullptr;
}

bool evicted_states::is_short_of_memory() {
  rows_.check();
  most_ = rows_.cache_bytes() / bytes_a_row();
  return rows_in_tables() > most_;
}
void evicted_states::evict() {
  for (auto rows = rows_in_tables(); rows > most_ - most_ / 8;) {
    slot_table& t = tables_[hand_.group];
    const auto before = t.size();
    hand_.slot = t.erase_some(hand_.slot, slots_a_step, [&](std::size_t slot) { return evict(t, slot); });
    rows -= before - t.size();
    written_ += before - t.size();
    if (hand_.slot >= t.capacity()) hand_ = {(hand_.group + 1) % static_cast<std::uint32_t>(tables_.size()), 0};
  }
  rows_.flush();
}
/// False: it has been used since the hand came by.
bool evicted_states::evict(slot_table& t, std::size_t slot) {
  if (t.mark_of(slot) != 0) return t.mark(slot, 0), false;
  const void* entry = t.at(slot);
  state_.clear();
  if (with_times_) state_.raw(t.used(slot).time_since_epoch().count());
  type_.write_state(state_, entry);
  rows_.put(hand_.group, bytes_of(type_.key_of(entry)), state_.data());
  return true;
}
std::size_t evicted_states::rows_in_tables() const {
  std::size_t n = 0;
  for (auto& t : tables_) n += t.size();
  return n;
}
/// About what a row of the tables takes: they are half full, and a few stand for what all of them own elsewhere.
std::size_t evicted_states::bytes_a_row() {
  constexpr std::size_t tag_and_mark = 2;
  if (type_.owns_memory)
    for (auto n = 1 + std::min(rows_looked_at, std::exchange(taken_or_new_, 0)); n > 0; --n) look_at_some_row();
  return 2 * (type_.entry.bytes + tag_and_mark + time_bytes()) + static_cast<std::size_t>(owned_a_row_);
}
void evicted_states::look_at_some_row() {
  const auto scattered = ++seen_ * 0x9e37'79b9'7f4a'7c15u >> 32;
  const slot_table& t = tables_[seen_ % tables_.size()];
  const auto slot = t.near(scattered);
  if (slot == slot_table::none) return;
  const auto owned = static_cast<double>(type_.owned_bytes(t.at(slot)));
  owned_a_row_ += (owned - owned_a_row_) / static_cast<double>(std::min<std::size_t>(seen_, rows_looked_at));
}

bool evicted_states::is_in_table(std::uint32_t group, std::string_view bytes) const {
  bool is = false;
  read_key(bytes, [&](const void* key, std::uint64_t hash) {
    is = type_.find(tables_[group], key, hash) != slot_table::none;
  });
  return is;
}
std::string_view evicted_states::bytes_of(const void* key) {
  key_.clear();
  type_.write_key(key_, key);
  return key_.data();
}
void evicted_states::read_state(std::string_view stored, void* entry) const {
  reader r(stored.substr(time_bytes()));
  type_.read_state(r, entry);
  if (r.failed()) fail(type_.state_name);
}
void evicted_states::fail(std::string_view type) {
  throw state_store_error("a " + readable_type_name(type) +
                          " was written to the state store and cannot be read back: look at its codec");
}

}  // namespace freshet
