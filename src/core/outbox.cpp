#include "freshet/core/outbox.hpp"

#include <algorithm>

namespace freshet {

batch_pool::source::~source() = default;

any_batch* batch_pool::make() {
  ++made_;
  return type_->make(layout_);
}

any_outbox::any_outbox(const stream_type& type, batch_layout layout, call_frame& frame)
    : pool(type, layout), frame_(&frame), calls_(new std::uint64_t[layout.capacity]) {}

any_outbox::~any_outbox() {
  if (open_) open_->set_size(size_);
  delete open_;
  delete[] calls_;
}

void any_outbox::open_next() {
  if (open_) {
    close_open();
    frame_->flags.outbox_full = true;
  }
  open_ = pool.take();
  use_open();
}

void any_outbox::use_open() noexcept {
  size_ = static_cast<std::uint32_t>(open_->size());
  capacity_ = static_cast<std::uint32_t>(open_->capacity());
  roots_ = open_->roots();
  times_ = open_->times();
  stamps_ = open_->stamps();
  origins_ = open_->origins();
  has_columns_ = roots_ || times_ || origins_;
  std::fill_n(calls_, size_, 0);  // calls are numbered from 1: of earlier ones
  point_into_open();
}

any_scatter_buffer::~any_scatter_buffer() = default;

void any_outbox::copy_columns(const scattered_columns& from, const std::uint32_t* rows, std::size_t count) {
  if (roots_)
    for (std::size_t k = 0; k < count; ++k) roots_[size_ + k] = from.roots[rows[k]];
  if (!times_) return;
  for (std::size_t k = 0; k < count; ++k) times_[size_ + k] = from.times[rows[k]];
  for (std::size_t k = 0; k < count; ++k) stamps_[size_ + k] = from.stamps[rows[k]];
}

void any_outbox::write_root_list() { open_->set_roots(size_, *frame_->anchors); }

/// Tuples at the end of the open batch that the call in progress has written.
std::uint32_t any_outbox::written_in_call() const noexcept {
  std::uint32_t n = 0;
  while (n < size_ && calls_[size_ - n - 1] == frame_->call) ++n;
  return n;
}

void any_outbox::note_spilled() noexcept {
  const auto written = written_in_call();
  if (written == 0) return;
  if (std::exchange(spilled_call_, frame_->call) != frame_->call) spilled_ = 0;
  spilled_ += written;
}

void any_outbox::cut_back() noexcept {
  if (buffer_) buffer_->cut_back(frame_->call);
  for (std::uint64_t surplus = written_in_call();;) {
    if (surplus) {
      const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(surplus, size_));
      open_->set_size(size_);
      open_->truncate(size_ - here);
      size_ -= here;
    }
    if (spilled_call_ != frame_->call || spilled_ == 0) return;
    reopen_last();
    surplus = std::min<std::uint64_t>(spilled_, size_);
    spilled_ -= surplus;
  }
}

std::size_t any_outbox::owned_by_last(std::uint64_t count) const {
  settle();
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
  use_open();
  closed_ -= size_;
}

}  // namespace freshet
