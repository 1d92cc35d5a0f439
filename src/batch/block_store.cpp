#include "batch/block_store.hpp"

#include <utility>

#include "freshet/base/assert.hpp"
#include "freshet/base/hash.hpp"

namespace freshet {

std::uint64_t checksum_of(const batch_list& all) {
  std::uint64_t sum = 0;
  for (const any_batch* b = all.front(); b; b = b->next)
    sum = mix64(sum + (b->type().checksum ? b->type().checksum(*b) : 0));
  return sum;
}

/// Outside the lock: it looks at values.
block_store::contents block_store::look_at(const batch_list& all) const {
  contents found;
  for (const any_batch* each = all.front(); each; each = each->next) {
    found.rows += each->size();
    found.bytes += each->held_bytes();
  }
  if (checksums_) found.checksum = checksum_of(all);
  return found;
}

void block_store::fill(entry& b, batch_list from, const contents& what) {
  b.batches = std::move(from);
  b.rows = what.rows;
  b.bytes = what.bytes;
  b.checksum = what.checksum;
  b.missing = false;
  b.last_use = ++clock_;
  bytes_ += b.bytes;
}

/// Forgets what a block holds; that it had rows is remembered.
void block_store::drop(entry& b) {
  FRESHET_ASSERT(b.pins == 0, "a block that is being read was dropped", b.pins);
  bytes_ -= b.bytes;
  b.bytes = 0;
  b.missing = true;
  batch_list gone = std::move(b.batches);
  b.batches = batch_list{};
}

void block_store::suffer(entry& b, fault_injector::block_fault fault) {
  switch (fault) {
    case fault_injector::block_fault::none:
      break;
    case fault_injector::block_fault::evict:
      ++evicted_;
      [[fallthrough]];
    case fault_injector::block_fault::lose:
      drop(b);
      break;
    case fault_injector::block_fault::flip:
      // Which bit it is makes no difference, one of the checksum as well as one of the values, whose memory cannot be
      // changed safely where it holds pointers.
      b.checksum ^= 1;
      break;
  }
}

block_store::entry& block_store::store(id at, batch_list from, const contents& what, std::uint32_t readers) {
  entry& b = blocks_[at];
  FRESHET_ASSERT(!b.stored, "a block was stored twice in one batch", at);
  b.stored = true;
  b.readers_left = readers;
  used_.push_back(at);
  fill(b, std::move(from), what);
  return b;
}

void block_store::put(id at, batch_list from, std::uint32_t readers, fault_injector::block_fault fault) {
  const auto what = look_at(from);
  std::lock_guard lock(mutex_);
  entry& b = store(at, std::move(from), what, readers);
  suffer(b, fault);
  if (bytes_ > budget_) evict(&b);
}

void block_store::put_for_good(id at, batch_list from, std::uint32_t readers) {
  const auto what = look_at(from);
  std::lock_guard lock(mutex_);
  entry& b = store(at, std::move(from), what, readers);
  b.for_good = true;
  if (bytes_ > budget_) evict(&b);
}

bool block_store::refill(id at, batch_list& from) {
  const auto what = look_at(from);
  std::lock_guard lock(mutex_);
  entry& b = blocks_[at];
  if (!b.stored || !b.missing) return false;
  fill(b, std::move(from), what);
  if (bytes_ > budget_) evict(&b);
  return true;
}

block_store::state block_store::pin(id at) {
  std::unique_lock lock(mutex_);
  entry& b = blocks_[at];
  if (!b.stored) return state::empty;
  if (b.missing) return state::missing;
  ++b.pins;
  b.wanted = false;
  b.last_use = ++clock_;
  if (!checksums_) return state::present;
  lock.unlock();  // pinned: it stays as it is
  const bool sound = checksum_of(b.batches) == b.checksum;
  if (sound) return state::present;
  lock.lock();
  if (--b.pins == 0) drop(b);
  return state::missing;
}

void block_store::unpin(id at, bool read) {
  std::lock_guard lock(mutex_);
  entry& b = blocks_[at];
  --b.pins;
  if (read && b.readers_left) --b.readers_left;
  b.last_use = ++clock_;
}

bool block_store::want(id at) {
  std::lock_guard lock(mutex_);
  return blocks_[at].wanted = blocks_[at].stored && blocks_[at].missing;
}

bool block_store::missing(id at) const {
  std::lock_guard lock(mutex_);
  return blocks_[at].missing;
}

std::size_t block_store::rows(id first, std::size_t stride, std::size_t count) const {
  std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += blocks_[first + i * stride].rows;
  return sum;
}

std::size_t block_store::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

std::uint64_t block_store::evicted() const {
  std::lock_guard lock(mutex_);
  return evicted_;
}

/// Blocks that all their readers have read go first: they are needed again only where something else gets lost.
void block_store::evict(const entry* keep) {
  for (bool read : {true, false})
    while (bytes_ > budget_) {
      entry* b = least_recently_used(keep, read);
      if (!b) break;
      drop(*b);
      ++evicted_;
    }
}

block_store::entry* block_store::least_recently_used(const entry* keep, bool read) {
  entry* oldest = nullptr;
  for (id i : used_) {
    entry& b = blocks_[i];
    if (b.missing || b.pins || b.wanted || b.for_good || &b == keep || (b.readers_left == 0) != read) continue;
    if (!oldest || b.last_use < oldest->last_use) oldest = &b;
  }
  return oldest;
}

}  // namespace freshet
