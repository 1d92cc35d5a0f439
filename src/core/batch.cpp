#include "freshet/core/batch.hpp"

#include <algorithm>

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

any_outbox::~any_outbox() {
  if (open_) open_->set_size(size_);
  delete open_;
}

void any_outbox::open_next() {
  if (open_) {
    close_open();
    frame_->outbox_full = true;
  }
  open_ = pool.take();
  size_ = static_cast<std::uint32_t>(open_->size());
  capacity_ = static_cast<std::uint32_t>(open_->capacity());
  has_columns_ = open_->has_roots() || open_->has_times();
  point_into_open();
}

void any_outbox::cut_back() noexcept {
  if (mark_call_ != frame_->call) return;  // the call in progress wrote nothing here
  mark_call_ = 0;
  while (appended() > mark_) {
    if (size_ == 0) {
      reopen_last();
      continue;
    }
    const auto surplus = static_cast<std::uint32_t>(std::min<std::uint64_t>(appended() - mark_, size_));
    open_->set_size(size_);
    open_->truncate(size_ - surplus);
    size_ -= surplus;
  }
}

std::size_t any_outbox::owned_by_last(std::uint64_t count) const {
  const auto estimate = pool.type().owned_bytes;
  const any_batch* newest = size_ ? open_ : sealed_.back();
  if (!estimate || !newest || count == 0) return 0;
  const std::size_t size = size_ ? size_ : newest->size();
  const auto here = std::min<std::uint64_t>(count, size);
  return here ? estimate(*newest, size - here, size) / here * count : 0;
}

/// The newest sealed batch becomes the open one again.
void any_outbox::reopen_last() noexcept {
  if (open_) pool.give(std::exchange(open_, nullptr));
  batch_list keep;
  while (sealed_.size() > 1) keep.push_back(sealed_.pop_front());
  open_ = sealed_.pop_front();
  sealed_ = std::move(keep);
  size_ = static_cast<std::uint32_t>(open_->size());
  capacity_ = static_cast<std::uint32_t>(open_->capacity());
  closed_ -= size_;
  has_columns_ = open_->has_roots() || open_->has_times();
  point_into_open();
}

}  // namespace freshet
