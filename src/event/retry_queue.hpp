#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "freshet/base/error.hpp"
#include "freshet/core/batch.hpp"
#include "freshet/core/position.hpp"

namespace freshet {

/// A message that waits to be emitted again.
struct retry_message {
  static constexpr std::uint32_t seen_all = ~std::uint32_t{0};

  std::chrono::steady_clock::time_point due{};
  std::uint64_t order = 0;    ///< among those due at the same time
  std::uint32_t attempt = 1;  ///< the last one
  position extent;
  event_time stamp = not_stamped;
  std::uint32_t seen = seen_all;  ///< so many of its tuples the clock has seen
  std::uint64_t round = 0;        ///< in which it went out first
  std::chrono::steady_clock::time_point emitted{};
  std::unique_ptr<any_batch> values;  ///< its tuples, where the spout can't read them again
  std::uint32_t node = 0, task = 0;   ///< where the last attempt failed
  freshet::error why;
};
using retry_ptr = std::unique_ptr<retry_message>;

/// Messages by when they are due; those due at the same time in the order in which they came. Not thread safe.
class retry_queue {
 public:
  bool empty() const { return heap_.empty(); }
  /// When the next is due. REQUIRES: !empty()
  std::chrono::steady_clock::time_point next_due() const { return heap_.front()->due; }
  /// All of them, in no order.
  auto begin() const { return heap_.begin(); }
  auto end() const { return heap_.end(); }
  /// Of them, those that the clock has not seen all of. No other message may overtake these.
  std::size_t unseen() const { return unseen_; }
  void push(retry_ptr m) {
    m->order = ++order_;
    if (m->seen != retry_message::seen_all) ++unseen_;
    heap_.push_back(std::move(m));
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// The next, when it is due by `now`; else null.
  retry_ptr pop_due(std::chrono::steady_clock::time_point now) {
    if (empty() || next_due() > now) return nullptr;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto m = std::move(heap_.back());
    heap_.pop_back();
    if (m->seen != retry_message::seen_all) --unseen_;
    return m;
  }

 private:
  static bool later(const retry_ptr& a, const retry_ptr& b) {
    return a->due != b->due ? a->due > b->due : a->order > b->order;
  }
  std::vector<retry_ptr> heap_;  // the next due first
  std::size_t unseen_ = 0;
  std::uint64_t order_ = 0;
};

}  // namespace freshet
