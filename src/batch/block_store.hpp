#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "freshet/core/batch_list.hpp"
#include "freshet/core/fault_injector.hpp"

namespace freshet {

/// The blocks of the running batch: what tasks of one stage have for tasks of the next. A block that is lost, evicted
/// or found damaged is missing until somebody computes it again.
/// `bytes` counts what strings and containers of the values own, estimated from a few tuples of each batch.
/// Thread safety: all functions, but `batches` and `clear` as said there.
/// Invariants: 1. A pinned block stays as it is. 2. `bytes` is the sum over the present blocks. 3. Above the budget
/// every present block is pinned, wanted, put for good or the newest: those are what the running tasks need at this
/// moment.
class block_store {
 public:
  using id = std::uint32_t;
  enum class state : std::uint8_t {
    empty,    ///< nobody has stored anything: no rows
    present,  ///< pinned for the caller
    missing,  ///< there were rows, and they have to be computed again
  };

  block_store(std::size_t blocks, std::size_t budget, bool checksums)
      : blocks_(blocks), budget_(budget), checksums_(checksums) {}
  block_store(const block_store&) = delete;
  block_store& operator=(const block_store&) = delete;

  /// Stores what `from` holds (at least one tuple) for `readers` tasks.
  void put(id block, batch_list from, std::uint32_t readers, fault_injector::block_fault fault);
  /// The same for what can't be computed again: it isn't evicted.
  void put_for_good(id block, batch_list from, std::uint32_t readers);
  /// Like `put`, for what was computed again: taken only where the block is missing. Returns false and leaves `from`
  /// alone otherwise.
  bool refill(id block, batch_list& from);

  /// Looks whether a block can be read, and keeps it from being evicted if so. Verifies its checksum.
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
  /// Blocks evicted to stay within the budget, since the store was made.
  std::uint64_t evicted() const;

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
  }

 private:
  struct entry {
    batch_list batches;
    std::size_t rows = 0, bytes = 0;
    std::uint64_t checksum = 0;
    std::uint64_t last_use = 0;      ///< the store's clock
    std::uint32_t readers_left = 0;  ///< tasks that have not read it yet
    std::uint32_t pins = 0;
    bool stored = false, missing = false, wanted = false, for_good = false;
  };
  struct contents {
    std::size_t rows = 0, bytes = 0;
    std::uint64_t checksum = 0;
  };
  contents look_at(const batch_list& all) const;
  void fill(entry& b, batch_list from, const contents& what);
  entry& store(id at, batch_list from, const contents& what, std::uint32_t readers);
  void drop(entry& b);
  void suffer(entry& b, fault_injector::block_fault fault);
  void evict(const entry* keep);
  entry* least_recently_used(const entry* keep, bool read);

  mutable std::mutex mutex_;
  std::vector<entry> blocks_;
  std::vector<id> used_;
  const std::size_t budget_;
  const bool checksums_;
  std::size_t bytes_ = 0;
  std::uint64_t clock_ = 0, evicted_ = 0;
};

/// A checksum of all values in a list, in order.
std::uint64_t checksum_of(const batch_list& all);

}  // namespace freshet
