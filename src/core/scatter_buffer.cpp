#include "freshet/core/scatter_buffer.hpp"

namespace freshet {

scatter_buffer_base::scatter_buffer_base(const std::vector<any_outbox*>& boxes, batch_layout layout, call_frame& frame)
    : boxes_(boxes), frame_(frame), has_columns_(layout.roots || layout.times) {
  for (auto* box : boxes) box->attach(*this);
}

void scatter_buffer_base::scatter() noexcept {
  const auto n = std::exchange(size_, 0);
  const auto targets = static_cast<std::uint32_t>(boxes_.size());
  std::array<std::uint32_t, capacity> rows;
  // One pass a target, without a branch a tuple. Where there are many targets, hardly any pass would find a tuple.
  if (n > 1 && targets <= 16) {
    for (std::uint32_t target = 0; target < targets; ++target) {
      std::uint32_t count = 0;
      for (std::uint32_t i = 0; i < n; ++i) {
        rows[count] = i;
        count += targets_[i] == target;
      }
      if (count) write(target, rows.data(), count);
    }
  } else {
    for (rows[0] = 0; rows[0] < n; ++rows[0]) write(targets_[rows[0]], rows.data(), 1);
  }
}

void scatter_buffer_base::cut_back(std::uint64_t call) noexcept {
  while (size_ && calls_[size_ - 1] == call) --size_;
}

}  // namespace freshet
