#include "event/ledger.hpp"

#include <algorithm>

namespace freshet {

ledger::~ledger() {
  for (auto& l : lanes_) l->take_failures([](failure&) {});
}

ledger::lane& ledger::add_lane(std::size_t slots, std::function<void()> wake) {
  auto made = std::make_unique<lane>();
  const auto wanted = static_cast<std::uint32_t>((slots + chunk_size - 1) / chunk_size);
  const auto left = chunks - 1 - next_chunk_;  // the last chunk holds the mark for several roots
  FRESHET_ASSERT(left > 0, "too many spout tasks for one run's ledger", lanes_.size(), slots);
  const auto got = std::min(std::max(wanted, 1u), left);
  made->owner_ = this;
  made->first_ = next_chunk_ << chunk_bits;
  made->limit_ = got << chunk_bits;
  made->wake_ = std::move(wake);
  for (std::uint32_t c = 0; c < got; ++c) lane_of_chunk_[next_chunk_ + c] = made.get();
  next_chunk_ += got;
  lanes_.push_back(std::move(made));
  return *lanes_.back();
}

std::uint32_t ledger::lane::open() {
  std::uint32_t slot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    if (used_ == limit_) return 0;
    slot = first_ + used_++;
    auto& chunk = owner_->chunk_[slot >> chunk_bits];
    if (!chunk) chunk = std::make_unique<cell[]>(chunk_size);
    if (slot == 0) {  // zero means "no slot"
      --limit_;
      ++first_;
      --used_;
      return open();
    }
  }
  owner_->at(slot).live.store(open_bias, std::memory_order_relaxed);
  return slot;
}

ledger::failure* ledger::lane::reversed(failure* list) {
  failure* out = nullptr;
  while (list) {
    auto* next = list->next;
    list->next = out;
    out = list;
    list = next;
  }
  return out;
}

void ledger::complete(std::uint32_t slot) noexcept {
  lane& l = lane_of(slot);
  cell& c = at(slot);
  auto head = l.completed_.load(std::memory_order_relaxed);
  // release: the lane reads `next` and the failures posted before. No ABA: the lane takes the whole list.
  do c.next = head;
  while (!l.completed_.compare_exchange_weak(head, slot, std::memory_order_acq_rel, std::memory_order_relaxed));
  if (head == 0 && l.wake_) l.wake_();
}

void ledger::post(root message, std::uint32_t node, std::uint32_t task, error why) noexcept {
  lane& l = lane_of(message.slot());
  auto* f = new failure{message, node, task, std::move(why), nullptr};
  f->next = l.failures_.load(std::memory_order_relaxed);
  while (!l.failures_.compare_exchange_weak(f->next, f, std::memory_order_release, std::memory_order_relaxed)) {}
  if (l.wake_) l.wake_();
}

}  // namespace freshet
