#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "freshet/core/batch.hpp"

namespace freshet {

/// Messages that a spout's chain reads from a batch instead of taking them from the spout's hand, because they may be
/// needed again: the spout can't read them again, or a failed call is repeated in place. Or because they came behind
/// one that the clock has to see first. A batch is filled, read in the order of filling, and used again once it is read
/// and no unfinished record refers to it. Not thread safe.
class raw_batches {
 public:
  struct raw_batch {
    std::unique_ptr<any_batch> batch;
    std::size_t read = 0;       ///< so many tuples went through the chain
    std::uint32_t records = 0;  ///< unfinished records that refer to it
    bool is_read() const { return read == batch->size(); }
  };
  raw_batches(const stream_type& type, batch_layout layout) : type_(type), layout_(layout) {}

  /// The one being filled, with room for a message at least.
  raw_batch& with_room();
  /// The same, with room for so many tuples, if an empty one has.
  raw_batch& with_room_for(std::size_t tuples);
  /// The one being filled. REQUIRES: there has been one, and it was not put aside.
  raw_batch& filling() { return *filling_; }
  /// The next message goes to another batch.
  void put_aside();

  /// What is in the batch being filled is to be read.
  void queue();
  /// The first that is queued; null: there is none.
  raw_batch* front() { return unread_.empty() ? nullptr : unread_.front(); }
  /// The first is read.
  void pop();
  bool has_queued() const { return !unread_.empty(); }
  /// Everything has been read.
  bool all_read() const { return unread_.empty() && (!filling_ || filling_->is_read()); }
  /// Tuples that are queued and not read.
  std::size_t queued_tuples() const;

  /// Makes a batch usable again, if it is read and nothing unfinished refers to it.
  void release(raw_batch& raw);

 private:
  const stream_type& type_;
  const batch_layout layout_;
  std::vector<std::unique_ptr<raw_batch>> all_;
  std::vector<raw_batch*> free_;
  std::deque<raw_batch*> unread_;  // in order; the last may be the one being filled
  raw_batch* filling_ = nullptr;
};

}  // namespace freshet
