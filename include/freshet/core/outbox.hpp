#pragma once
#include <utility>

#include "freshet/core/batch.hpp"
#include "freshet/core/call_frame.hpp"
#include "freshet/core/consumer.hpp"

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
    free_.push_front(b);  // last in, first out: its memory is the warmest
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
/// While a batch is being filled its size stands here, not in the batch: `close_open` writes it back.
class any_outbox {
 public:
  any_outbox(const stream_type& type, batch_layout layout, call_frame& frame) : pool(type, layout), frame_(&frame) {}
  any_outbox(const any_outbox&) = delete;
  any_outbox& operator=(const any_outbox&) = delete;
  virtual ~any_outbox();

  bool empty() const { return sealed_.empty() && (!open_ || (size_ == 0 && !open_->marks.any())); }
  /// Closes the batch being filled, so that `pop` can take it. Between calls only.
  void seal() {
    if (open_ && (size_ || open_->marks.any())) close_open();
  }
  /// The marks of the batch being filled: they travel behind its tuples. Seal before adding tuples behind a mark.
  batch_marks& marks() {
    if (!open_) open_next();
    return open_->marks;
  }
  bool has_sealed() const { return !sealed_.empty(); }
  any_batch* pop() { return sealed_.pop_front(); }
  /// Puts back what `pop` gave.
  void push_front(any_batch* b) { sealed_.push_front(b); }
  /// Removes what the call in progress had appended.
  void cut_back() noexcept;
  /// Tuples appended since the task was made, without those cut back.
  std::uint64_t appended() const { return closed_ + size_; }
  /// Memory that the last `count` tuples own outside their batches, estimated from the newest batch.
  std::size_t owned_by_last(std::uint64_t count) const;

  batch_pool pool;

 protected:
  /// Closes the batch being filled, if there is one, and opens another.
  void open_next();
  void close_open() {
    closed_ += size_;
    open_->set_size(std::exchange(size_, 0));
    sealed_.push_back(std::exchange(open_, nullptr));
    capacity_ = 0;
  }
  void reopen_last() noexcept;
  /// The typed half's pointers into `open_`.
  virtual void point_into_open() noexcept = 0;
  /// Notes where the call in progress begins to write here.
  void begin_call() {
    if (mark_call_ == frame_->call) return;
    mark_call_ = frame_->call;
    mark_ = appended();
  }

  call_frame* frame_;
  any_batch* open_ = nullptr;
  std::uint32_t size_ = 0, capacity_ = 0;  // of the open batch; 0 without one
  bool has_columns_ = false;
  std::uint64_t closed_ = 0;     // tuples in batches that were closed
  std::uint64_t mark_call_ = 0;  // the last call that wrote here,
  std::uint64_t mark_ = 0;       // and `appended` before it did
  batch_list sealed_;
};

/// The outbox of a stream of `T`. A value is constructed in its place in the open batch.
template <class T>
class outbox final : public any_outbox {
 public:
  outbox(batch_layout layout, call_frame& frame) : any_outbox(stream_type_of<T>(), layout, frame) {}
  template <class V>
  [[gnu::always_inline]] void append(V&& value) {
    begin_call();
    if (size_ == capacity_ || frame_->anchors) [[unlikely]]
      return append_slowly(std::forward<V>(value));
    ::new (static_cast<void*>(values_ + size_)) T(std::forward<V>(value));
    end_append();
  }
  [[gnu::always_inline]] void append_words(value_words words) {
    begin_call();
    if (size_ == capacity_ || frame_->anchors) [[unlikely]]
      return append_slowly(from_words<T>(words));
    write_words<T>(values_ + size_, words);
    end_append();
  }

 private:
  void end_append() {
    if (has_columns_) open_->set_columns(size_, frame_->anchor, frame_->time, frame_->stamp);
    ++size_;
  }
  /// Out of line, so that the usual way needs no stack.
  template <class V>
  [[gnu::noinline, gnu::cold]] void append_slowly(V&& value) noexcept(std::is_nothrow_constructible_v<T, V>) {
    if (size_ == capacity_) open_next();
    ::new (static_cast<void*>(values_ + size_)) T(std::forward<V>(value));
    if (frame_->anchors) {
      open_->set_columns(size_, {}, frame_->time, frame_->stamp);
      open_->set_roots(size_, *frame_->anchors);
      ++size_;
    } else {
      end_append();
    }
  }
  void point_into_open() noexcept override { values_ = static_cast<batch<T>*>(open_)->data(); }
  T* values_ = nullptr;
};

}  // namespace freshet
