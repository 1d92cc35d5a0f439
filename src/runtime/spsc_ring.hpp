#pragma once
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace freshet {

/// Bounded queue between one producing and one consuming thread. Each side keeps a stale copy of the other's index and
/// reads the shared one only when the copy says full or empty (Lamport's ring with cached indices, as in Rigtorp's
/// SPSCQueue).
/// Thread safety: `push` from one thread, `pop` from one other.
/// Invariants: 1. head <= tail <= head + capacity (free running, 32 bits). 2. Slots in [head, tail) belong to the
/// consumer, the others to the producer. 3. tail is stored with release after the slot is written, loaded with acquire
/// before it is read; head likewise after it was read and before it is written again.
template <class T>
class spsc_ring {
 public:
  explicit spsc_ring(std::size_t capacity)
      : mask_(static_cast<std::uint32_t>(std::bit_ceil(capacity) - 1)), slots_(std::make_unique<T[]>(mask_ + 1)) {}
  std::size_t capacity() const { return mask_ + 1; }

  bool push(T value) noexcept {
    const auto tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ > mask_) return false;
    }
    slots_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool pop(T& value) noexcept {
    const auto head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return false;
    }
    value = slots_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  /// From any thread: about how many there were at some moment, never more than there is room for.
  std::size_t size() const noexcept {
    // acquire: the tail read behind it is no older than the head, or a difference below 0 would be some billions.
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    return std::min<std::size_t>(tail_.load(std::memory_order_relaxed) - head, capacity());
  }

 private:
  static constexpr std::size_t line = 64;  // fixed: part of the layout, whatever the compiler believes of the target
  const std::uint32_t mask_;
  std::unique_ptr<T[]> slots_;
  alignas(line) std::atomic<std::uint32_t> head_{0};
  std::uint32_t tail_seen_ = 0;  // consumer's
  alignas(line) std::atomic<std::uint32_t> tail_{0};
  std::uint32_t head_seen_ = 0;  // producer's
};

}  // namespace freshet
