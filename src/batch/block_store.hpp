#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "batch/spill_file.hpp"
#include "freshet/base/log.hpp"
#include "freshet/core/batch_list.hpp"
#include "freshet/core/fault_injector.hpp"
#include "freshet/runtime/metrics.hpp"

namespace freshet {

/// The blocks of the running batch: what tasks of one stage have for tasks of the next. A block that is lost, evicted
/// or found damaged is missing until somebody computes it again. With a spill file, what there is no room for, and
/// somebody has yet to read, is written to it instead of being evicted, and read back when it is pinned; where either
/// fails it is as without.
/// `bytes` counts what strings and containers of the values own, estimated from a few tuples of each batch.
/// Thread safety: all functions, but `batches`, `clear` and `end_spilling` as said there. The caller writes and reads
/// the spill file, without holding the lock; who wants a block that somebody is reading back waits for him.
/// Invariants: 1. A pinned block stays as it is. 2. `bytes` is the sum over the blocks in memory. 3. Above the budget
/// every block in memory is pinned, wanted, being written, put for good and not to be spilled, or the newest: those are
/// what the running tasks need at this moment. 4. A block is written at most once a batch: the file holds a batch.
class block_store {
 public:
  using id = std::uint32_t;
  enum class state : std::uint8_t {
    empty,    ///< nobody has stored anything: no rows
    present,  ///< pinned for the caller
    missing,  ///< there were rows, and they have to be computed again
    gone,     ///< there were rows, put for good, and nobody can compute them again: `loss` says why
  };

  /// `spill`: null for none; with it all blocks have a codec. The first block that can't be spilled and the first that
  /// can't be read back are told to the log, all are counted.
  block_store(std::size_t blocks, std::size_t budget, bool checksums, std::unique_ptr<spill_file> spill = nullptr,
              logger log = {})
      : blocks_(blocks), budget_(budget), checksums_(checksums), spill_(std::move(spill)), log_(std::move(log)) {}
  block_store(const block_store&) = delete;
  block_store& operator=(const block_store&) = delete;

  /// Stores what `from` holds (at least one tuple) for `readers` tasks.
  void put(id block, batch_list from, std::uint32_t readers, fault_injector::block_fault fault);
  /// The same for what can't be computed again: it leaves memory only for the spill file.
  void put_for_good(id block, batch_list from, std::uint32_t readers);
  /// Like `put`, for what was computed again: taken only where the block is missing. Returns false and leaves `from`
  /// alone otherwise.
  bool refill(id block, batch_list& from);

  /// Looks whether a block can be read, and keeps it from being evicted if so. Verifies its checksum. Reads it back
  /// where it was spilled.
  state pin(id block);
  /// REQUIRES: pinned by the caller. `read` is true when its task is done with it.
  void unpin(id block, bool read);
  /// Says that a missing block will be read as soon as it is there again: it isn't evicted before. False when it isn't
  /// missing any more.
  bool want(id block);
  bool missing(id block) const;

  /// What to read. REQUIRES: pinned by the caller, who only reads it.
  const batch_list& batches(id block) const { return blocks_[block].batches; }
  /// Tuples stored in `count` blocks that lie `stride` apart, missing ones too.
  std::size_t rows(id first, std::size_t stride = 1, std::size_t count = 1) const;
  std::size_t bytes() const;
  /// What became of blocks for lack of room, since the store was made.
  block_metrics counts() const;
  /// Why the first block that is gone is.
  error loss() const;

  /// Ends the batch: every block is empty again. `take(id, batch_list)` gets what they held. REQUIRES: nobody reads.
  template <class F>
  void clear(F&& take) {
    std::lock_guard lock(mutex_);
    for (id i : used_) {
      take(i, std::move(blocks_[i].batches));
      blocks_[i] = entry{};
    }
    used_.clear();
    bytes_ = 0;
    if (spill_) spill_->clear();
  }
  /// The run is over: removes the spill file. REQUIRES: nobody stores or pins any more.
  void end_spilling() { spill_.reset(); }

 private:
  struct entry {
    batch_list batches;  ///< empty: not in memory
    std::size_t rows = 0, bytes = 0;
    const stream_type* type = nullptr;
    std::uint64_t checksum = 0;
    std::uint64_t last_use = 0;              ///< the store's clock
    std::uint32_t readers_left = 0;          ///< tasks that have not read it yet
    std::uint32_t pins = 0;                  ///< also of who writes it to the file
    std::optional<spill_file::place> place;  ///< on disk, whether in memory or not
    bool stored = false, missing = false, wanted = false, for_good = false;
    bool write_tried = false, loading = false;
    bool in_memory() const { return !batches.empty(); }
  };
  using entries = std::vector<entry*>;
  struct contents {
    std::size_t rows = 0, bytes = 0;
    std::uint64_t checksum = 0;
  };
  contents look_at(const batch_list& all) const;
  void fill(entry& b, batch_list from, const contents& what);
  entry& store(id at, batch_list from, const contents& what, std::uint32_t readers);
  void put_out(entry& b);
  void lose(entry& b);
  void suffer(entry& b, fault_injector::block_fault fault, entries& to_write);
  void send_out(entry& b, entries& to_write);
  void make_room(const entry* keep, entries& to_write);
  bool may_leave(const entry& b) const;
  entry* least_recently_used(const entry* keep, bool read);
  void write_out(const entries& all);
  result<spill_file::place> write(const entry& b);
  bool load(entry& b, std::unique_lock<std::mutex>& lock);
  result<batch_list> read(const entry& b);
  void tell(std::atomic<bool>& told, const char* what, const error& why);

  mutable std::mutex mutex_;  ///< guards what isn't const, but for the file, which guards itself
  std::condition_variable loaded_;
  std::vector<entry> blocks_;
  std::vector<id> used_;
  const std::size_t budget_;
  const bool checksums_;
  std::unique_ptr<spill_file> spill_;
  const logger log_;
  std::size_t bytes_ = 0;
  std::size_t leaving_ = 0;  ///< of `bytes_`: being written
  std::uint64_t clock_ = 0;
  block_metrics counts_;
  error loss_;
  std::atomic<bool> told_unwritten_{false}, told_unread_{false};  ///< relaxed: nothing else depends on them
};

/// A checksum of all values in a list, in order.
std::uint64_t checksum_of(const batch_list& all);

}  // namespace freshet
