#include "event/raw_batches.hpp"

#include <utility>

namespace freshet {

raw_batches::raw_batch& raw_batches::with_room() {
  if (filling_ && !filling_->batch->full()) return *filling_;
  put_aside();
  if (free_.empty()) {
    all_.push_back(std::make_unique<raw_batch>());
    all_.back()->batch.reset(type_.make(layout_));
    free_.push_back(all_.back().get());
  }
  filling_ = free_.back();
  free_.pop_back();
  return *filling_;
}

raw_batches::raw_batch& raw_batches::with_room_for(std::size_t tuples) {
  if (filling_ && filling_->batch->capacity() - filling_->batch->size() < tuples) put_aside();
  return with_room();
}

void raw_batches::put_aside() {
  queue();
  raw_batch* full = std::exchange(filling_, nullptr);
  if (full && full->is_read()) release(*full);
}

void raw_batches::queue() {
  if (filling_ && !filling_->is_read() && (unread_.empty() || unread_.back() != filling_)) unread_.push_back(filling_);
}

void raw_batches::pop() {
  raw_batch* read = unread_.front();
  unread_.pop_front();
  release(*read);
}

std::size_t raw_batches::queued_tuples() const {
  std::size_t n = 0;
  for (const auto* raw : unread_) n += raw->batch->size() - raw->read;
  return n;
}

void raw_batches::release(raw_batch& raw) {
  if (raw.records != 0 || !raw.is_read()) return;
  raw.batch->clear();
  raw.read = 0;
  if (&raw != filling_) free_.push_back(&raw);
}

}  // namespace freshet
