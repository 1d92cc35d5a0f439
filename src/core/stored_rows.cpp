#include "core/stored_rows.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <utility>

#include "freshet/base/assert.hpp"

namespace freshet {

namespace {
/// Large enough to spread the cost of a write, small beside any cache.
constexpr std::size_t bytes_a_write = 1u << 20;
constexpr std::size_t erasures_a_write = 4096;
}  // namespace

stored_rows::stored_rows(std::unique_ptr<state_store> store, std::uint32_t groups,
                         const std::vector<std::uint64_t>& had)
    : store_(std::move(store)), by_group_(groups), is_written_(!had.empty()) {
  FRESHET_ASSERT(had.empty() || had.size() == groups, "a snapshot is of other groups than its state", had.size(),
                 groups);
  std::copy(had.begin(), had.end(), by_group_.begin());
  rows_ = std::accumulate(had.begin(), had.end(), std::size_t{0});
}

void stored_rows::leave(std::uint32_t group) {
  FRESHET_ASSERT(by_group_[group] > 0, "a row has left the store that was not in it", group);
  --by_group_[group];
  --rows_;
}

bool stored_rows::read(std::uint32_t group, std::string_view key, std::string& value) {
  if (is_stale(key)) return false;
  try {
    return store_->get(group, key, value);
  } catch (...) {
    failure_ = std::current_exception();
    throw;
  }
}

bool stored_rows::take(std::uint32_t group, std::string_view key, std::string& value) {
  if (!read(group, key, value)) return false;
  leave(group);
  return true;
}

void stored_rows::put(std::uint32_t group, std::string_view key, std::string_view value) {
  ++by_group_[group];
  ++rows_;
  put_.push_back({group, key.size(), value.size()});
  put_bytes_.append(key).append(value);
  if (put_bytes_.size() >= bytes_a_write) flush();
}

void stored_rows::forget(std::uint32_t group, std::string_view key) {
  if (is_written_) stale_.emplace(key, group);
}

void stored_rows::flush() {
  if (put_.empty() && stale_.empty()) return;
  std::vector<state_store::change> changes;
  changes.reserve(stale_.size() + put_.size());
  for (const auto& [key, group] : stale_) changes.push_back({group, key, std::nullopt});
  const std::string_view bytes = put_bytes_;
  std::size_t at = 0;
  for (const row& r : put_) {
    changes.push_back({r.group, bytes.substr(at, r.key_bytes), bytes.substr(at + r.key_bytes, r.value_bytes)});
    at += r.key_bytes + r.value_bytes;
  }
  is_written_ = true;
  wait_for_snapshot();
  try {
    store_->write(changes);
  } catch (...) {
    failure_ = std::current_exception();  // what is put now has no place any more
    throw;
  }
  stale_.clear();
  put_.clear();
  put_bytes_.clear();
}

void stored_rows::flush_if_large() {
  if (stale_.size() >= (is_making_snapshot() ? 16 : 1) * erasures_a_write) flush();
}

void stored_rows::scan(std::uint32_t group, const state_store::visitor& visit) const {
  if (by_group_[group] == 0) return;
  store_->scan(group, {}, [&](auto key, auto value) { return is_stale(key) || visit(key, value); });
}

std::size_t stored_rows::sweep(std::size_t n, const judge& is_over) {
  const auto before = rows_;
  for (std::size_t groups = 0; n > 0 && groups < by_group_.size(); ++groups) {
    std::optional<std::string> next;
    if (by_group_[sweep_group_] != 0)
      store_->scan(sweep_group_, sweep_from_, [&](auto key, auto value) {
        if (n == 0) return next = key, false;
        --n;
        if (is_stale(key) || !is_over(sweep_group_, key, value)) return true;
        forget(sweep_group_, key);
        leave(sweep_group_);
        return true;
      });
    sweep_from_ = next.value_or("");
    if (!next) sweep_group_ = (sweep_group_ + 1) % static_cast<std::uint32_t>(by_group_.size());
  }
  flush_if_large();
  return before - rows_;
}

void stored_rows::drop(std::uint32_t group) {
  wait_for_snapshot();
  store_->drop(group);
  rows_ -= std::exchange(by_group_[group], 0);
}

void stored_rows::begin_snapshot() {
  flush();
  snapshot_ = std::async(std::launch::async, [this] { return store_->snapshot(); });
}
bool stored_rows::is_making_snapshot() const {
  return snapshot_.valid() && snapshot_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}
std::shared_ptr<const store_snapshot> stored_rows::take_snapshot() { return snapshot_.get(); }
void stored_rows::wait_for_snapshot() const {
  if (snapshot_.valid()) snapshot_.wait();
}

void stored_rows::check() const {
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace freshet
