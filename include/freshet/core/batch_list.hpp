#pragma once
#include <cstddef>
#include <utility>

#include "freshet/core/batch.hpp"

namespace freshet {

/// First in, first out; links through `any_batch::next`. Owns what is in it. Not thread safe.
class batch_list {
 public:
  batch_list() = default;
  batch_list(batch_list&& other) noexcept { swap(other); }
  batch_list& operator=(batch_list&& other) noexcept {
    swap(other);
    return *this;
  }
  ~batch_list();
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  any_batch* front() const { return first_; }
  any_batch* back() const { return last_; }
  void push_back(any_batch* b) {
    b->next = nullptr;
    (last_ ? last_->next : first_) = b;
    last_ = b;
    ++size_;
  }
  void push_front(any_batch* b) {
    b->next = first_;
    first_ = b;
    if (!last_) last_ = b;
    ++size_;
  }
  any_batch* pop_front() {
    any_batch* b = first_;
    first_ = b->next;
    if (!first_) last_ = nullptr;
    --size_;
    return b;
  }
  void swap(batch_list& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    std::swap(size_, other.size_);
  }

 private:
  any_batch *first_ = nullptr, *last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace freshet
