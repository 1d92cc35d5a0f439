#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "freshet/base/assert.hpp"
#include "freshet/core/root.hpp"
#include "freshet/core/task_host.hpp"

namespace freshet {

/// Counts, for every spout batch, the tuples and holds that descend from it: a slot is zero exactly when all of them
/// are done. No ids, no acker task.
///
/// Thread safety: `settle` and `fail` from any thread; everything of a lane from its spout's thread only.
/// Invariants: 1. Children are counted before a batch that holds them is offered, and a token before it is handed out,
/// so zero is final. 2. While its round is open a slot carries `open_bias`, so it cannot reach zero early. 3. A failure
/// is posted to the lane's mailbox before the failed tuple is counted off (release on the counter), so whoever reads
/// zero (acquire) finds it there. 4. A slot is reused only after it reached zero and its lane has taken it back.
/// 5. A count never becomes negative: that is a fault of Freshet and stops the process with the values.
class ledger {
 public:
  static constexpr std::int32_t open_bias = 1 << 30;

  /// A failed message, on its way to the spout that emitted it.
  struct failure {
    root message;
    std::uint32_t node = 0, task = 0;
    freshet::error error;
    failure* next = nullptr;
  };

  /// The slots of one spout task.
  class lane {
   public:
    /// A slot with a count of `open_bias`; 0 when the lane has no more.
    std::uint32_t open();
    /// Slots that can be opened before one is given back.
    std::size_t room() const { return limit_ - used_ + free_.size(); }
    /// Slots that reached zero since the last call, in no order.
    template <class F>
    void take_completed(F&& f) {
      auto at = completed_.exchange(0, std::memory_order_acquire);
      while (at) {
        auto& c = owner_->at(at);
        const auto next = c.next;
        f(at);
        at = next;
      }
    }
    bool has_completed() const { return completed_.load(std::memory_order_relaxed) != 0; }
    /// Failures posted since the last call, oldest first.
    template <class F>
    void take_failures(F&& f) {
      auto* all = reversed(failures_.exchange(nullptr, std::memory_order_acquire));
      while (all) {
        std::unique_ptr<failure> one(all);
        all = all->next;
        f(*one);
      }
    }
    /// Gives a slot back that came out of `take_completed`.
    void close(std::uint32_t slot) { free_.push_back(slot); }
    std::size_t open_slots() const { return used_ - free_.size(); }
    /// 0, 1, 2 ... for the lane's slots.
    std::size_t index_of(std::uint32_t slot) const { return slot - first_; }

   private:
    friend class ledger;
    static failure* reversed(failure* list);
    ledger* owner_ = nullptr;
    std::uint32_t first_ = 0, limit_ = 0, used_ = 0;
    std::vector<std::uint32_t> free_;  // last in, first out: the slot whose cell is in the cache
    std::function<void()> wake_;
    alignas(64) std::atomic<std::uint32_t> completed_{0};
    std::atomic<failure*> failures_{nullptr};
  };

  ledger() = default;
  ledger(const ledger&) = delete;
  ledger& operator=(const ledger&) = delete;
  ~ledger();

  /// Before the run starts. `wake` is called when the lane gets something to take, from any thread.
  lane& add_lane(std::size_t slots, std::function<void()> wake);

  void settle(std::uint32_t slot, std::int32_t delta) noexcept {
    cell& c = at(slot);
    const auto before = c.live.fetch_add(delta, std::memory_order_acq_rel);
    if (before + delta == 0) complete(slot);
    FRESHET_ASSERT(before + delta >= 0, "a ledger slot counted more tuples done than it had", slot, before, delta);
  }
  /// Posts a failure; to be followed by counting the tuple off.
  void post(root message, std::uint32_t node, std::uint32_t task, error why) noexcept;
  /// For tests and assertions.
  std::int32_t live(std::uint32_t slot) const { return at(slot).live.load(std::memory_order_acquire); }

 private:
  static constexpr std::uint32_t chunk_bits = 10, chunk_size = 1u << chunk_bits;
  static constexpr std::uint32_t chunks = (root::slot_limit + 1) >> chunk_bits;
  struct alignas(64) cell {
    std::atomic<std::int32_t> live{0};
    std::uint32_t next = 0;  // in the lane's completed list; written by the finisher, read by the lane
  };
  cell& at(std::uint32_t slot) const { return chunk_[slot >> chunk_bits][slot & (chunk_size - 1)]; }
  lane& lane_of(std::uint32_t slot) const { return *lane_of_chunk_[slot >> chunk_bits]; }
  void complete(std::uint32_t slot) noexcept;

  // Chunks are made by the lane that owns them before it emits under their slots: the channels order that for others.
  std::unique_ptr<cell[]> chunk_[chunks];
  lane* lane_of_chunk_[chunks] = {};
  std::uint32_t next_chunk_ = 0;
  std::vector<std::unique_ptr<lane>> lanes_;
};

}  // namespace freshet
