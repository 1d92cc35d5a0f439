#include "freshet/core/slot_table.hpp"

#include <algorithm>
#include <cstring>

namespace freshet {

slot_table::slot_table(slot_table&& other) noexcept : type_(other.type_) { swap(other); }
slot_table& slot_table::operator=(slot_table&& other) noexcept {
  swap(other);
  return *this;
}
slot_table::~slot_table() {
  if (!entries_) return;
  type_->destroy_all(*this);
  ::operator delete (entries_, std::align_val_t{type_->alignment});
  delete[] marks_;
  delete[] used_;
}
void slot_table::swap(slot_table& other) noexcept {
  std::swap(entries_, other.entries_);
  std::swap(tags_, other.tags_);
  std::swap(mask_, other.mask_);
  std::swap(size_, other.size_);
  std::swap(marks_, other.marks_);
  std::swap(used_, other.used_);
  std::swap(type_, other.type_);
}

std::size_t slot_table::bytes() const {
  if (!entries_) return 0;
  return capacity() * (type_->bytes + 1 + (used_ ? sizeof(event_time) : 0)) + tags_at_once - 1;
}
void slot_table::allocate(std::size_t slots) {
  const auto bytes = slots * (type_->bytes + 1) + tags_at_once - 1;
  entries_ = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{type_->alignment}));
  tags_ = reinterpret_cast<std::uint8_t*>(entries_ + slots * type_->bytes);
  std::memset(tags_, 0, slots + tags_at_once - 1);
  mask_ = slots - 1;
}

void slot_table::grow() {
  slot_table bigger(*type_);
  bigger.allocate(capacity() ? capacity() * 2 : 8);
  if (marks_) bigger.make_marks();
  if (used_) bigger.make_used();
  type_->move_all(*this, bigger);
  bigger.size_ = size_;
  swap(bigger);
}

void slot_table::make_marks() { marks_ = new std::uint8_t[capacity()]{}; }
void slot_table::clear_marks(std::uint8_t number) {
  if (marks_) std::replace(marks_, marks_ + capacity(), number, std::uint8_t{0});
}
void slot_table::clear_marks_but(std::uint8_t number) {
  if (marks_)
    std::replace_if(
        marks_, marks_ + capacity(), [&](auto m) { return m != number; }, std::uint8_t{0});
}
void slot_table::make_used() {
  used_ = new event_time[capacity()];
  std::fill_n(used_, capacity(), beginning_of_time);
}

std::size_t slot_table::near(std::size_t slot) const {
  if (size_ == 0) return none;
  for (slot &= mask_; !tags_[slot];) slot = (slot + 1) & mask_;
  return slot;
}

}  // namespace freshet
