#include "freshet/core/change_list.hpp"

#include <new>
#include <utility>

namespace freshet {

change_list::change_list(change_list&& other) noexcept
    : type_(other.type_), blocks_(std::exchange(other.blocks_, {})), size_(std::exchange(other.size_, 0)) {}
change_list::~change_list() {
  clear();
  for (std::byte* block : blocks_) ::operator delete (block, std::align_val_t{type_->change_alignment});
}

void* change_list::place(std::size_t i) const {
  return blocks_[i / changes_a_block] + i % changes_a_block * type_->change_bytes;
}
void* change_list::room() {
  if (size_ == blocks_.size() * changes_a_block) {
    blocks_.push_back(nullptr);  // first, as it may throw
    try {
      blocks_.back() = static_cast<std::byte*>(
          ::operator new (changes_a_block * type_->change_bytes, std::align_val_t{type_->change_alignment}));
    } catch (...) {
      blocks_.pop_back();
      throw;
    }
  }
  return place(size_);
}
void change_list::clear() noexcept {
  for (std::size_t i = 0; i < size_; ++i) type_->destroy_change((*this)[i]);
  size_ = 0;
}

}  // namespace freshet
