#include "freshet/core/batch.hpp"

#include "freshet/core/outbox.hpp"

namespace freshet {

any_batch::any_batch(const stream_type& type, batch_layout layout) : type_(&type), capacity_(layout.capacity) {
  if (layout.roots) roots_ = std::make_unique<root[]>(layout.capacity);
  if (layout.times) {
    times_ = std::make_unique<event_time[]>(layout.capacity);
    stamps_ = std::make_unique<event_time[]>(layout.capacity);
  }
}

any_batch::~any_batch() = default;

batch_list::~batch_list() {
  while (!empty()) delete pop_front();
}

batch_pool::source::~source() = default;

any_batch* batch_pool::make() {
  ++made_;
  return type_->make(layout_);
}

any_outbox::~any_outbox() { delete open_; }

void any_outbox::cut_back() noexcept {
  if (mark_call_ != frame_->call) return;  // the call in progress wrote nothing here
  mark_call_ = 0;
  while (sealed_.size() > mark_sealed_ + 1) {
    // Newest first would need links both ways: take the list apart and keep its head.
    batch_list keep;
    while (keep.size() < mark_sealed_ + 1) keep.push_back(sealed_.pop_front());
    while (!sealed_.empty()) drop(sealed_.pop_front());
    sealed_ = std::move(keep);
  }
  if (sealed_.size() == mark_sealed_ + 1) reopen_last();
  if (open_) open_->truncate(mark_open_);
}

void any_outbox::drop(any_batch* b) noexcept {
  appended_ -= b->size();
  pool.give(b);
}

void any_outbox::reopen_last() noexcept {
  if (open_) pool.give(std::exchange(open_, nullptr));
  batch_list keep;
  while (sealed_.size() > 1) keep.push_back(sealed_.pop_front());
  open_ = sealed_.pop_front();
  appended_ -= open_->size();
  sealed_ = std::move(keep);
}

}  // namespace freshet
