#include "freshet/time/partition_clock.hpp"

#include <algorithm>
#include <utility>

namespace freshet {

void partition_clock::open(const std::vector<partition_id>& partitions, time_point now) {
  opened_ = now;
  for (auto id : partitions)
    if (id == some_partition) unnamed_place_ = add_place();
    else place_of(id);
}

std::size_t partition_clock::add_place() {
  const auto place = merge_.add();
  active_.push_back(false);
  timers_.emplace_back(idle_timeout_, opened_);
  add_partition();
  return place;
}

std::size_t partition_clock::find_place(partition_id id) {
  const auto [at, fresh] = places_.try_emplace(id, unnamed_place_);
  if (fresh && std::exchange(unnamed_place_, none) == none) at->second = add_place();
  last_id_ = id;
  last_place_ = at->second;
  return last_place_;
}

/// Only partitions that have sent something since can have moved.
void partition_clock::refresh() {
  for (std::size_t i = 0; i < active_.size(); ++i)
    if (active_[i]) merge_.advance(i, watermark_at(i));
}

event_time partition_clock::watermark() {
  refresh();
  return merge_.watermark();
}

event_clock::time_point partition_clock::look(time_point now, bool could_send) {
  refresh();
  auto next = time_point::max();
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (active_[i] || !could_send) timers_[i].restart(now);
    active_[i] = false;
    if (merge_.is_idle(i)) continue;
    if (timers_[i].is_over(now)) merge_.mark_idle(i);
    else next = std::min(next, timers_[i].due());
  }
  return next;
}

}  // namespace freshet
