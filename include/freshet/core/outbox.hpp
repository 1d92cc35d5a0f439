#pragma once
#include <algorithm>
#include <utility>

#include "freshet/core/batch_list.hpp"
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

/// Where a scatter buffer keeps its tuples: by row, the call that wrote it and its columns.
struct scattered_columns {
  std::uint64_t* calls;
  root* roots;
  event_time *times, *stamps;
};
template <class T>
struct scattered : scattered_columns {
  T* values;
};

/// Tuples that a router has taken and not yet written to its outboxes; see `scatter_buffer`. Not thread safe.
class any_scatter_buffer {
 public:
  virtual ~any_scatter_buffer();
  bool empty() const { return size_ == 0; }
  /// Writes everything to the outboxes, in order. Without memory for it the process ends: the calls that wrote it are
  /// over and can't fail any more.
  virtual void scatter() noexcept = 0;
  /// Drops what `call` had written.
  virtual void cut_back(std::uint64_t call) noexcept = 0;

 protected:
  std::uint32_t size_ = 0;
};

/// What a task wants to send to one other task (or to all of them): full batches in order, and the one being filled.
/// Filled during head calls, offered by the engine between them. Its bound is soft by one call, and by the 64 tuples of
/// a scatter buffer in front of it: `emit` never refuses.
/// While a batch is being filled its size stands here, not in the batch: `close_open` writes it back.
class any_outbox {
 public:
  any_outbox(const stream_type& type, batch_layout layout, call_frame& frame);
  any_outbox(const any_outbox&) = delete;
  any_outbox& operator=(const any_outbox&) = delete;
  virtual ~any_outbox();

  /// Where tuples for this outbox may still be; every function below sees them.
  void attach(any_scatter_buffer& buffer) { buffer_ = &buffer; }
  bool empty() const {
    settle();
    return sealed_.empty() && (!open_ || (size_ == 0 && !open_->marks.any()));
  }
  /// Closes the batch being filled, so that `pop` can take it. Between calls only.
  void seal() {
    settle();
    if (open_ && (size_ || open_->marks.any())) close_open();
  }
  /// The marks of the batch being filled: they travel behind its tuples. Seal before adding tuples behind a mark.
  batch_marks& marks() {
    settle();
    if (!open_) open_next();
    return open_->marks;
  }
  bool has_sealed() const {
    settle();
    return !sealed_.empty();
  }
  any_batch* pop() { return sealed_.pop_front(); }
  /// Puts back what `pop` gave.
  void push_front(any_batch* b) { sealed_.push_front(b); }
  /// Removes what the call in progress had appended.
  void cut_back() noexcept;
  /// Tuples appended since the task was made, without those cut back.
  std::uint64_t appended() const {
    settle();
    return closed_ + size_;
  }
  /// Memory that the last `count` tuples own outside their batches, estimated from the newest batch.
  std::size_t owned_by_last(std::uint64_t count) const;

  batch_pool pool;

 protected:
  /// From here on everything is in the outbox.
  void settle() const {
    if (buffer_ && !buffer_->empty()) buffer_->scatter();
  }
  /// Closes the batch being filled, if there is one, and opens another.
  void open_next();
  void close_open() {
    note_spilled();
    closed_ += size_;
    open_->set_size(std::exchange(size_, 0));
    sealed_.push_back(std::exchange(open_, nullptr));
    capacity_ = 0;
  }
  void reopen_last() noexcept;
  /// The typed half's pointer into `open_`.
  virtual void point_into_open() noexcept = 0;
  void use_open() noexcept;
  void write_columns() {
    const call_frame& frame = *frame_;
    if (roots_) {
      roots_[size_] = frame.anchor;
      if (frame.anchor.is_several()) [[unlikely]]
        write_root_list();
    }
    if (times_) {
      times_[size_] = frame.time;
      stamps_[size_] = frame.stamp;
    }
    if (origins_) [[unlikely]]
      origins_[size_] = frame.origin;
  }
  [[gnu::noinline, gnu::cold]] void write_root_list();
  /// The columns of tuples that have at most one root.
  void copy_columns(const scattered_columns& from, const std::uint32_t* rows, std::size_t count);
  /// Notes how much of the batch being closed the call in progress has written.
  void note_spilled() noexcept;
  std::uint32_t written_in_call() const noexcept;

  // Read or written for every tuple.
  call_frame* frame_;
  std::uint32_t size_ = 0, capacity_ = 0;  // of the open batch; 0 without one
  std::uint64_t* const calls_;             // of each tuple in the open batch, the call that wrote it; owned
  bool has_columns_ = false;
  root* roots_ = nullptr;  // the columns of the open batch; null: it has none
  event_time *times_ = nullptr, *stamps_ = nullptr;
  tuple_origin* origins_ = nullptr;

  any_batch* open_ = nullptr;
  std::uint64_t closed_ = 0;        // tuples in batches that were closed
  std::uint64_t spilled_call_ = 0;  // the last call that wrote into a batch that was then closed,
  std::uint64_t spilled_ = 0;       // and how many of its tuples are in such
  batch_list sealed_;
  any_scatter_buffer* buffer_ = nullptr;
};

/// The outbox of a stream of `T`. A value is constructed in its place in the open batch.
template <class T>
class outbox final : public any_outbox {
 public:
  outbox(batch_layout layout, call_frame& frame) : any_outbox(stream_type_of<T>(), layout, frame) {}
  template <class V>
  [[gnu::always_inline]] void append(V&& value) {
    if (size_ == capacity_) [[unlikely]]
      return append_to_next(std::forward<V>(value));
    ::new (static_cast<void*>(values_ + size_)) T(std::forward<V>(value));
    end_append();
  }
  /// Copies tuples out of a scatter buffer: those at `rows` of `from`.
  void append_rows(const scattered<T>& from, const std::uint32_t* rows, std::size_t count) {
    while (count) {
      if (size_ == capacity_) open_next();
      const auto n = std::min<std::size_t>(count, capacity_ - size_);
      T* const to = values_ + size_;
      for (std::size_t k = 0; k < n; ++k) {
        ::new (static_cast<void*>(to + k)) T(from.values[rows[k]]);
        calls_[size_ + k] = from.calls[rows[k]];
      }
      if (has_columns_) copy_columns(from, rows, n);
      size_ += static_cast<std::uint32_t>(n);
      rows += n;
      count -= n;
    }
  }
  /// Appends where that takes no new batch, and so can't fail. False: it would take one.
  [[gnu::always_inline]] bool try_append(value_words words) noexcept requires passed_in_words<T> {
    if (size_ == capacity_) [[unlikely]]
      return false;
    write_words<T>(values_ + size_, words);
    end_append();
    return true;
  }
  void append(value_words words) requires passed_in_words<T> {
    if (size_ == capacity_) open_next();
    try_append(words);
  }

 private:
  [[gnu::always_inline]] void end_append() {
    calls_[size_] = frame_->call;
    if (has_columns_) write_columns();
    ++size_;
  }
  /// Out of line, so that the usual way needs no stack.
  template <class V>
  [[gnu::noinline, gnu::cold]] void append_to_next(V&& value) {
    open_next();
    append(std::forward<V>(value));
  }
  void point_into_open() noexcept override { values_ = static_cast<batch<T>*>(open_)->data(); }
  T* values_ = nullptr;
};

}  // namespace freshet
