#include "freshet/core/batch.hpp"

#include <memory>

#include "freshet/core/batch_list.hpp"

namespace freshet {

namespace {

template <class T>
std::unique_ptr<T[]> column(bool wanted, std::uint32_t capacity) {
  return wanted ? std::make_unique<T[]>(capacity) : nullptr;
}

}  // namespace

any_batch::any_batch(const stream_type& type, batch_layout layout) : type_(&type), capacity_(layout.capacity) {
  auto roots = column<root>(layout.roots, capacity_);
  auto times = column<event_time>(layout.times, capacity_), stamps = column<event_time>(layout.times, capacity_);
  auto origins = column<tuple_origin>(layout.origins, capacity_);
  sources_ = column<message_source>(layout.sources, capacity_).release();
  origins_ = origins.release();  // nothing throws from here on
  stamps_ = stamps.release();
  times_ = times.release();
  roots_ = roots.release();
}

any_batch::~any_batch() {
  delete[] roots_;
  delete[] times_;
  delete[] stamps_;
  delete[] origins_;
  delete[] sources_;
}

const root_list& any_batch::roots_of(std::size_t i) const { return several_[roots_[i].index()]; }
std::size_t any_batch::several_size() const { return several_.size(); }

void any_batch::set_roots(std::size_t i, const root_list& all) {
  roots_[i] = root::several(static_cast<std::uint32_t>(several_.size()));
  several_.push_back(all);
}

void any_batch::copy_columns(const any_batch& from, std::size_t i) {
  const std::size_t last = size_ - 1;
  set_columns(last, from.root_of(i), from.time_of(i), from.stamp_of(i));
  if (from.root_of(i).is_several()) set_roots(last, from.roots_of(i));
  if (from.origins_ && origins_) origins_[last] = from.origins_[i];
}

void any_batch::truncate(std::size_t size) {
  destroy_values(size);
  size_ = static_cast<std::uint32_t>(size);
  if (several_.empty()) return;
  std::size_t used = 0;
  for (std::size_t n = 0; n < size_; ++n)
    if (roots_[n].is_several()) used = std::size_t{roots_[n].index()} + 1;
  several_.resize(used);
}

batch_list::~batch_list() {
  while (!empty()) delete pop_front();
}

}  // namespace freshet
