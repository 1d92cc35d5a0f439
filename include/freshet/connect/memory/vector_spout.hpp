#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/spout.hpp"

namespace freshet {

/// Emits the values of a vector, once, in order. Can read again; one partition, read by the spout's first task.
/// Copies share the values.
template <class T>
class vector_spout {
 public:
  explicit vector_spout(std::vector<T> values) : values_(std::make_shared<const std::vector<T>>(std::move(values))) {}
  void open(const task_context& context) { mine_ = !context.partitions.empty(); }
  std::vector<std::string> partitions() const { return {"values"}; }
  poll_status poll(spout_emitter<T>& out) {
    if (!mine_) return poll_status::ended();
    const auto end = std::min(values_->size(), next_ + std::max<std::size_t>(out.room(), 1));
    read({0, next_, end}, out);
    next_ = end;
    return next_ == values_->size() ? poll_status::ended() : poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<T>& out) const {
    for (auto i = range.from; i < range.to; ++i) out.emit({0, i, i + 1}, (*values_)[i]);
  }
  void seek(const position& p) { next_ = p.offset; }
  void commit(const position&) {}

 private:
  std::shared_ptr<const std::vector<T>> values_;
  std::size_t next_ = 0;
  bool mine_ = true;
};

}  // namespace freshet
