#pragma once
#include <cstddef>
#include <vector>

#include "freshet/core/keyed_type.hpp"

namespace freshet {

/// The changes of a keyed_state in their order: of one type, that only the `keyed_type` knows. Each stays where it was
/// constructed until `clear`, which keeps the memory. Not thread safe.
class change_list {
 public:
  explicit change_list(const keyed_type& type) noexcept : type_(&type) {}
  change_list(change_list&& other) noexcept;
  ~change_list();

  std::size_t size() const { return size_; }
  keyed_change& operator[](std::size_t i) const { return *static_cast<keyed_change*>(place(i)); }
  /// Where the next is to be constructed; it is one of the list with `added`.
  void* room();
  void added() { ++size_; }
  void clear() noexcept;

 private:
  static constexpr std::size_t changes_a_block = 64;
  void* place(std::size_t i) const;

  const keyed_type* type_;
  std::vector<std::byte*> blocks_;
  std::size_t size_ = 0;
};

}  // namespace freshet
