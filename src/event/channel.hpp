#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "freshet/core/outbox.hpp"
#include "freshet/time/watermark_merge.hpp"
#include "runtime/spsc_ring.hpp"
#include "runtime/task_metrics.hpp"

namespace freshet {

/// The way of batches from one task to one other, and back when they are empty.
/// Thread safety: `offer` and `returned` from the producer's thread, `take` and `give_back` from the consumer's.
/// Invariant: a batch is in one place at a time: the producer's pool or outbox, `forth_`, the consumer, `back_`.
/// (A shared batch is in several channels; its last reader gives it back through its own.)
class channel {
 public:
  explicit channel(std::size_t batches, std::size_t producer)
      : producer_worker(producer), forth_(batches), back_(4 * batches) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() {
    any_batch* b = nullptr;
    while (forth_.pop(b))
      if (b->release()) delete b;
    while (back_.pop(b)) delete b;
  }
  /// False when full: the consumer then says `made_room` once it has taken something.
  bool offer(any_batch* b) noexcept {
    if (forth_.push(b)) return true;
    wants_room_.store(true, std::memory_order_relaxed);
    // The consumer fences between taking and reading the flag: it sees the flag, or this sees the room.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!forth_.push(b)) return false;
    wants_room_.store(false, std::memory_order_relaxed);
    return true;
  }
  /// True when the producer waits for room. REQUIRES: a seq_cst fence since the last `take`.
  bool room_wanted() noexcept {
    return wants_room_.load(std::memory_order_relaxed) && wants_room_.exchange(false, std::memory_order_relaxed);
  }
  any_batch* take() noexcept {
    any_batch* b = nullptr;
    return forth_.pop(b) ? b : nullptr;
  }
  void give_back(any_batch* b) noexcept {
    if (!b->release()) return;
    // Only after a call that emitted far beyond the bound are there more batches than the ring can hold.
    if (!back_.push(b)) delete b;
  }
  any_batch* returned() noexcept {
    any_batch* b = nullptr;
    return back_.pop(b) ? b : nullptr;
  }
  std::size_t queued() const noexcept { return forth_.size(); }

  const std::size_t producer_worker;

 private:
  alignas(64) std::atomic<bool> wants_room_{false};
  spsc_ring<any_batch*> forth_, back_;
};

/// Where a task reads a channel: for which of its inputs, and what its producer had said before there was this channel.
struct channel_end {
  freshet::channel* channel = nullptr;
  std::size_t input = 0;
  watermark_merge::said said{};
  bool ended = false;
};

/// What went over a link.
struct link_counts {
  std::uint64_t emitted = 0;      ///< tuples out of the outbox
  std::uint64_t transferred = 0;  ///< the same for each channel, from when it has them
};

/// An outbox and the channels it is offered to: one, or for a broadcast all of the reader's tasks, each at its own
/// pace.
class out_link final : public batch_pool::source {
 public:
  struct target {
    freshet::channel* channel;
    std::size_t worker;              ///< who has to be woken
    std::deque<any_batch*> waiting;  ///< broadcasts only: shared batches this channel had no room for
  };
  out_link(any_outbox& box, std::vector<target> targets) : box_(box), targets_(std::move(targets)) {
    box_.pool.attach(this);
  }
  ~out_link() override {
    for (auto& t : targets_)
      for (auto* b : t.waiting)
        if (b->release()) delete b;
  }
  void reclaim(batch_pool& into) override {
    for (auto& t : targets_)
      while (auto* b = t.channel->returned()) into.give(b);
  }
  /// Moves sealed batches into the channels while there is room, at `now`. Calls `moved(worker)` for each channel that
  /// got some.
  template <class F>
  bool offer(std::chrono::steady_clock::time_point now, F&& moved) {
    bool any = false;
    if (targets_.size() > 1) {
      share_sealed(now);
      for (auto& t : targets_) any |= offer_waiting(t, moved);
      return any;
    }
    auto& t = targets_[0];
    while (box_.has_sealed()) {
      // Taken out first: once offered, the batch is the consumer's.
      any_batch* b = box_.pop();
      const auto size = b->size();
      b->sent = now;
      if (!t.channel->offer(b)) {
        box_.push_front(b);
        break;
      }
      emitted_.add(size);
      transferred_.add(size);
      any = true;
    }
    if (any) moved(t.worker);
    return any;
  }
  bool blocked() const {
    if (box_.has_sealed()) return true;
    for (auto& t : targets_)
      if (!t.waiting.empty()) return true;
    return false;
  }
  any_outbox& box() { return box_; }
  link_counts counts() const { return {emitted_.get(), transferred_.get()}; }
  /// Counts what went over a link that this one replaces.
  void count(const link_counts& more) {
    emitted_.add(more.emitted);
    transferred_.add(more.transferred);
  }

 private:
  void share_sealed(std::chrono::steady_clock::time_point now) {
    while (box_.has_sealed()) {
      any_batch* b = box_.pop();
      b->sent = now;
      b->share(static_cast<std::uint32_t>(targets_.size()));
      emitted_.add(b->size());
      for (auto& t : targets_) t.waiting.push_back(b);
    }
  }
  template <class F>
  bool offer_waiting(target& t, F& moved) {
    bool any = false;
    while (!t.waiting.empty()) {
      // Asked first: once offered, the batch may be gone.
      const auto size = t.waiting.front()->size();
      if (!t.channel->offer(t.waiting.front())) break;
      transferred_.add(size);
      t.waiting.pop_front();
      any = true;
    }
    if (any) moved(t.worker);
    return any;
  }

  any_outbox& box_;
  std::vector<target> targets_;
  counter emitted_, transferred_;
};

}  // namespace freshet
