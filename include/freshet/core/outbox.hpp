#pragma once
#include <utility>

#include "freshet/core/batch.hpp"
#include "freshet/core/call_frame.hpp"

namespace freshet {

/// Empty batches of one stream type for one producing task. Batches come back through `reclaim` (the event engine's
/// return rings) or `give`; there is no other bound than what the task's channels can hold. Not thread safe.
class batch_pool {
 public:
  batch_pool(const stream_type& type, batch_layout layout) : type_(&type), layout_(layout) {}
  /// Moves batches that came back into the pool.
  class source {
   public:
    virtual ~source();
    virtual void reclaim(batch_pool& into) = 0;
  };
  any_batch* take() {
    if (free_.empty() && source_) source_->reclaim(*this);
    if (free_.empty()) return make();
    return free_.pop_front();
  }
  void give(any_batch* b) {
    b->clear();
    free_.push_back(b);
  }
  void attach(source* s) { source_ = s; }
  const stream_type& type() const { return *type_; }
  /// Batches ever made by this pool.
  std::uint64_t made() const { return made_; }

 private:
  any_batch* make();
  const stream_type* type_;
  batch_layout layout_;
  source* source_ = nullptr;
  batch_list free_;
  std::uint64_t made_ = 0;
};

/// What a task wants to send to one other task (or to all of them): full batches in order, and the one being filled.
/// Filled during head calls, offered by the engine between them. Its bound is soft by one call: `emit` never refuses.
class any_outbox {
 public:
  any_outbox(const stream_type& type, batch_layout layout, call_frame& frame) : pool(type, layout), frame_(&frame) {}
  virtual ~any_outbox();

  bool empty() const { return sealed_.empty() && (!open_ || (open_->size() == 0 && !open_->marks.any())); }
  /// Closes the batch being filled, so that `pop` can take it. Between calls only.
  void seal() {
    if (open_ && (open_->size() || open_->marks.any())) close_open();
  }
  /// The marks of the batch being filled: they travel behind its tuples. Seal before adding tuples behind a mark.
  batch_marks& marks() {
    if (!open_) open_ = pool.take();
    return open_->marks;
  }
  bool has_sealed() const { return !sealed_.empty(); }
  any_batch* pop() { return sealed_.pop_front(); }
  /// Puts back what `pop` gave.
  void push_front(any_batch* b) { sealed_.push_front(b); }
  /// Removes what the call in progress had appended.
  void cut_back() noexcept;
  /// Tuples appended since the task was made, without those cut back.
  std::uint64_t appended() const { return appended_ + (open_ ? open_->size() : 0); }

  batch_pool pool;

 protected:
  /// Opens a batch where there is none. Returns it.
  any_batch* open_batch() {
    if (!open_) open_ = pool.take();
    return open_;
  }
  void remember_mark() {
    mark_call_ = frame_->call;
    mark_sealed_ = sealed_.size();
    mark_open_ = open_ ? open_->size() : 0;
  }
  void seal_full() {
    close_open();
    frame_->outbox_full = true;
  }
  void close_open() {
    appended_ += open_->size();
    sealed_.push_back(std::exchange(open_, nullptr));
  }

  void drop(any_batch* b) noexcept;
  void reopen_last() noexcept;

  call_frame* frame_;
  any_batch* open_ = nullptr;
  batch_list sealed_;
  std::uint64_t appended_ = 0;
  // Where the call `mark_call_` began to write: so many sealed batches, so many tuples in the batch then open.
  std::uint64_t mark_call_ = 0;
  std::size_t mark_sealed_ = 0, mark_open_ = 0;
};

template <class T>
class outbox final : public any_outbox {
 public:
  outbox(batch_layout layout, call_frame& frame) : any_outbox(stream_type_of<T>(), layout, frame) {}
  template <class V>
  void append(V&& value) {
    auto* b = static_cast<batch<T>*>(open_batch());
    if (mark_call_ != frame_->call) remember_mark();
    b->append(frame_->anchor, frame_->time, frame_->stamp, std::forward<V>(value));
    if (frame_->anchors) [[unlikely]]
      b->set_roots(b->size() - 1, *frame_->anchors);
    if (b->full()) seal_full();
  }
};

}  // namespace freshet
