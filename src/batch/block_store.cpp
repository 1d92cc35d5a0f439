#include "batch/block_store.hpp"

#include <utility>

#include "batch/block_bytes.hpp"
#include "freshet/base/assert.hpp"
#include "freshet/base/hash.hpp"
#include "freshet/core/call_frame.hpp"

namespace freshet {

std::uint64_t checksum_of(const batch_list& all) {
  std::uint64_t sum = 0;
  for (const any_batch* b = all.front(); b; b = b->next)
    sum = mix64(sum + (b->type().checksum ? b->type().checksum(*b) : 0));
  return sum;
}

namespace {
std::size_t bytes_in(const batch_list& all) {
  std::size_t sum = 0;
  for (const any_batch* each = all.front(); each; each = each->next) sum += each->held_bytes();
  return sum;
}
}  // namespace

/// Outside the lock: it looks at values.
block_store::contents block_store::look_at(const batch_list& all) const {
  contents found;
  found.bytes = bytes_in(all);
  for (const any_batch* each = all.front(); each; each = each->next) found.rows += each->size();
  if (checksums_) found.checksum = checksum_of(all);
  return found;
}

void block_store::fill(entry& b, batch_list from, const contents& what) {
  b.type = &from.front()->type();
  b.batches = std::move(from);
  b.rows = what.rows;
  b.bytes = what.bytes;
  b.checksum = what.checksum;
  b.missing = false;
  b.last_use = ++clock_;
  bytes_ += b.bytes;
}

/// Takes a block out of memory. What isn't on disk either is missing; that it had rows is remembered.
void block_store::put_out(entry& b) {
  FRESHET_ASSERT(b.pins == 0, "a block that is being read was dropped", b.pins);
  bytes_ -= b.bytes;
  b.bytes = 0;
  batch_list gone = std::move(b.batches);
  b.batches = batch_list{};
  if (b.place) return;
  b.missing = true;
  ++counts_.evicted;
}

/// Forgets what a block holds, wherever it is.
void block_store::lose(entry& b) {
  FRESHET_ASSERT(b.pins == 0, "a block that is being read was lost", b.pins);
  b.place.reset();
  b.missing = true;
  bytes_ -= b.bytes;
  b.bytes = 0;
  batch_list gone = std::move(b.batches);
  b.batches = batch_list{};
}

void block_store::suffer(entry& b, fault_injector::block_fault fault, entries& to_write) {
  switch (fault) {
    case fault_injector::block_fault::none:
      break;
    case fault_injector::block_fault::evict:
      send_out(b, to_write);
      break;
    case fault_injector::block_fault::lose:
      lose(b);
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
  entries to_write;
  {
    std::lock_guard lock(mutex_);
    entry& b = store(at, std::move(from), what, readers);
    suffer(b, fault, to_write);
    make_room(&b, to_write);
  }
  write_out(to_write);
}

void block_store::put_for_good(id at, batch_list from, std::uint32_t readers) {
  const auto what = look_at(from);
  entries to_write;
  {
    std::lock_guard lock(mutex_);
    entry& b = store(at, std::move(from), what, readers);
    b.for_good = true;
    make_room(&b, to_write);
  }
  write_out(to_write);
}

bool block_store::refill(id at, batch_list& from) {
  const auto what = look_at(from);
  entries to_write;
  {
    std::lock_guard lock(mutex_);
    entry& b = blocks_[at];
    if (!b.stored || !b.missing) return false;
    fill(b, std::move(from), what);
    make_room(&b, to_write);
  }
  write_out(to_write);
  return true;
}

block_store::state block_store::pin(id at) {
  std::unique_lock lock(mutex_);
  entry& b = blocks_[at];
  loaded_.wait(lock, [&] { return !b.loading; });
  if (!b.stored) return state::empty;
  const auto absent = b.for_good ? state::gone : state::missing;
  if (b.missing) return absent;
  const bool spilled = !b.in_memory();
  if (spilled && !load(b, lock)) return absent;
  ++b.pins;
  b.wanted = false;
  b.last_use = ++clock_;
  entries to_write;
  if (spilled) make_room(&b, to_write);
  lock.unlock();  // pinned: it stays as it is
  write_out(to_write);
  if (!checksums_ || checksum_of(b.batches) == b.checksum) return state::present;
  lock.lock();
  if (b.for_good) loss_ = {errc::data_loss, "a block has changed in memory"};
  if (--b.pins == 0) lose(b);
  return absent;
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

block_metrics block_store::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

error block_store::loss() const {
  std::lock_guard lock(mutex_);
  return loss_;
}

// --- room ---

/// Blocks that all their readers have read go first: they are needed again only where something else gets lost.
void block_store::make_room(const entry* keep, entries& to_write) {
  for (bool read : {true, false})
    while (bytes_ - leaving_ > budget_) {
      entry* b = least_recently_used(keep, read);
      if (!b) break;
      send_out(*b, to_write);
    }
}

/// At once where it is on disk already, is to be computed again, or has been read by all, who need it again only where
/// something else gets lost; else it leaves when `write_out` has written it, and is pinned until then.
void block_store::send_out(entry& b, entries& to_write) {
  const bool done_with = b.readers_left == 0 && !b.for_good;
  if (!spill_ || b.place || b.write_tried || done_with) return put_out(b);
  b.write_tried = true;
  ++b.pins;
  leaving_ += b.bytes;
  to_write.push_back(&b);
}

/// What is for good leaves for the file alone.
bool block_store::may_leave(const entry& b) const {
  if (!b.in_memory() || b.pins || b.wanted) return false;
  return !b.for_good || b.place || (spill_ && !b.write_tried);
}

block_store::entry* block_store::least_recently_used(const entry* keep, bool read) {
  entry* oldest = nullptr;
  for (id i : used_) {
    entry& b = blocks_[i];
    if (!may_leave(b) || &b == keep || (b.readers_left == 0) != read) continue;
    if (!oldest || b.last_use < oldest->last_use) oldest = &b;
  }
  return oldest;
}

// --- the spill file: without the lock ---

void block_store::write_out(const entries& all) {
  for (entry* b : all) {
    const auto place = write(*b);  // pinned: it stays as it is
    if (!place) tell(told_unwritten_, "a block can't be spilled, and is evicted or stays in memory: ", place.error());
    std::lock_guard lock(mutex_);
    --b->pins;
    leaving_ -= b->bytes;
    if (place) {
      b->place = *place;
      ++counts_.spilled;
      counts_.spilled_bytes += place->size;
    } else {
      ++counts_.not_spilled;
    }
    // Somebody may have begun to read it meanwhile: then it stays until there is no room again.
    if (b->pins == 0 && (place || !b->for_good)) put_out(*b);
  }
}

result<spill_file::place> block_store::write(const entry& b) {
  try {
    return spill_->write(write_block(b.batches));
  } catch (...) { return error_from_current_exception(); }
}

/// Brings a block back into memory. Lets the lock go meanwhile. False: it is lost.
bool block_store::load(entry& b, std::unique_lock<std::mutex>& lock) {
  b.loading = true;
  lock.unlock();
  auto again = read(b);
  const auto bytes = again ? bytes_in(*again) : 0;
  if (!again) tell(told_unread_, "a block can't be read back, and counts as lost: ", again.error());
  lock.lock();
  b.loading = false;
  loaded_.notify_all();
  if (!again) {
    ++counts_.spilled_lost;
    if (b.for_good) loss_ = again.error();
    lose(b);
    return false;
  }
  ++counts_.read_back;
  b.batches = std::move(*again);
  b.bytes = bytes;
  bytes_ += bytes;
  return true;
}

/// While it is being loaded nobody changes the entry.
result<batch_list> block_store::read(const entry& b) {
  try {
    const auto bytes = spill_->read(*b.place);
    if (!bytes) return bytes.error();
    return read_block(*bytes, *b.type);
  } catch (...) { return error_from_current_exception(); }
}

void block_store::tell(std::atomic<bool>& told, const char* what, const error& why) {
  if (told.exchange(true, std::memory_order_relaxed)) return;
  log_.log(log_level::warning, "block_store",
           what + why.message + ". Further ones are only counted, in run_metrics::blocks");
}

}  // namespace freshet
