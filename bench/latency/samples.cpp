#include "samples.hpp"

#include <algorithm>

namespace freshet::latency {

namespace {

// Sleeping for less takes a core, which the engine would then not have.
constexpr double seconds_between_groups = 50e-6;

// Knuth's linear congruential generator: any value by its index would do, this one spreads the keys.
std::uint64_t scrambled(std::uint64_t i) { return (i * 6364136223846793005ull + 1442695040888963407ull) >> 33; }

}  // namespace

timetable::timetable(double rate, std::uint64_t keys)
    : period_ns_(1e9 / rate),
      group_(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rate * seconds_between_groups))),
      keys_(keys) {}

void timetable::set_times(clock::time_point begin, clock::duration how_long) {
  begin_ = begin;
  end_ = begin + how_long;
}

sample timetable::at(std::uint64_t index) const {
  if (index < keys_) return {index, 1, 0};
  const auto i = index - keys_;
  // From the index and not by adding up, so that it is exact after any number of values.
  const auto after =
      std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(i / group_ * group_) * period_ns_));
  return {scrambled(i) % keys_, i & 255, (begin_ + after).time_since_epoch().count()};
}

void readable_samples::open(const task_context& context) {
  reader_ = std::make_shared<push_queue<sample>::reader>();
  reader_->wake = context.wake;
  queue_->attach(*reader_);
}

void readable_samples::leave() {
  queue_->detach(*reader_);
  reader_.reset();
}

poll_status readable_samples::poll(spout_emitter<sample>& out) {
  auto n = std::max<std::size_t>(out.room(), 1);
  if (next_ < taken_) {  // behind a seek
    for (; n && next_ < taken_; --n) emit(next_++, out);
    return poll_status::emitted();
  }
  auto& r = *reader_;
  if (r.next == r.values.size()) {
    const auto taken = queue_->take(r, n);
    if (taken == push_queue<sample>::taken::nothing_now) return poll_status::idle();
    if (taken == push_queue<sample>::taken::nothing_ever) return poll_status::ended();
  }
  n = std::min(n, r.values.size() - r.next);
  for (auto left = n; left; --left, ++r.next, taken_ = ++next_) out.emit({0, next_, next_ + 1}, r.values[r.next]);
  queue_->emitted(n);
  return poll_status::emitted();
}

void readable_samples::read(const position_range& range, spout_emitter<sample>& out) const {
  for (auto i = range.from; i < range.to; ++i) emit(i, out);
}

}  // namespace freshet::latency
