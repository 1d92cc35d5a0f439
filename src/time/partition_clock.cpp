#include "freshet/time/partition_clock.hpp"

#include <algorithm>
#include <utility>

namespace freshet {

namespace {
constexpr std::chrono::milliseconds look_at_others_every{2};
}

void partition_clock::open(const std::vector<partition_id>& partitions, time_point now) {
  opened_ = now;
  for (auto id : partitions)
    if (id == some_partition) unnamed_place_ = add_place();
    else place_of(id);
}

std::size_t partition_clock::add_place() {
  const auto place = merge_.add();
  active_.push_back(false);
  ended_.push_back(false);
  timers_.emplace_back(idle_timeout_, opened_);
  add_partition();
  return place;
}

std::size_t partition_clock::find_place(partition_id id) {
  const auto [at, fresh] = places_.try_emplace(id, unnamed_place_);
  if (fresh && std::exchange(unnamed_place_, none) == none) at->second = add_place();
  last_id_ = id;
  last_place_ = at->second;
  if (fresh && run_.ended.contains(id)) ended_[last_place_] = true;
  return last_place_;
}

/// Only partitions that have sent something since can have moved.
void partition_clock::refresh() {
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (active_[i]) merge_.advance(i, watermark_at(i));
    if (ended_[i]) merge_.mark_idle(i);
  }
}

void partition_clock::end_partition(partition_id partition) {
  run_.ended.insert(partition);
  ended_[place_of(partition)] = true;
}

void partition_clock::assign_partitions(const partition_clock& from) {
  auto of_run = std::move(run_);
  *this = from;
  run_ = std::move(of_run);
  for (auto id : run_.ended)
    if (const auto known = places_.find(id); known != places_.end()) ended_[known->second] = true;
}

void partition_clock::replace(event_clock& other) {
  run_ = std::exchange(static_cast<partition_clock&>(other).run_, {});
  for (auto id : run_.ended)
    if (const auto known = places_.find(id); known != places_.end()) ended_[known->second] = true;
}

// --- alignment ---

void partition_clock::align(std::shared_ptr<watermark_alignment> others, std::size_t task) {
  if (max_drift_ == event_span{}) return;
  if (run_.others && !others) run_.others->tell(run_.task, end_of_time);
  run_.others = std::move(others);
  run_.task = task;
  look_at_others();
}

void partition_clock::look_at_others() {
  const auto before = std::exchange(run_.limit, end_of_time);
  if (run_.others) {
    const auto slowest = merge_.slowest();
    run_.others->tell(run_.task, slowest == merge_.size() ? end_of_time : merge_.watermark_of(slowest));
    run_.limit = shifted(run_.others->least(), max_drift_);
  }
  for (std::size_t i = 0; i < active_.size() && before < run_.limit; ++i)
    run_.wanted_again |= !ended_[i] && watermark_at(i) > before && !is_ahead(i);
}

bool partition_clock::holds_back() const {
  for (std::size_t i = 0; i < active_.size() && run_.limit != end_of_time; ++i)
    if (is_ahead(i)) return true;
  return false;
}

bool partition_clock::wants(partition_id partition) {
  if (run_.limit == end_of_time) return true;
  const auto known = places_.find(partition);
  return known == places_.end() || !is_ahead(known->second);
}

bool partition_clock::wants_any() {
  if (run_.limit == end_of_time || active_.empty()) return true;
  bool all_ended = true;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (ended_[i]) continue;
    all_ended = false;
    if (!is_ahead(i)) return true;
  }
  return all_ended;
}

event_time partition_clock::watermark() {
  refresh();
  return merge_.watermark();
}

event_clock::time_point partition_clock::look(time_point now, bool could_send) {
  refresh();
  auto next = time_point::max();
  for (std::size_t i = 0; i < active_.size(); ++i) {
    if (active_[i] || !could_send || is_ahead(i)) timers_[i].restart(now);
    active_[i] = false;
    if (merge_.is_idle(i)) continue;
    if (timers_[i].is_over(now)) merge_.mark_idle(i);
    else next = std::min(next, timers_[i].due());
  }
  look_at_others();
  if (holds_back()) next = std::min(next, now + look_at_others_every);
  return next;
}

}  // namespace freshet
