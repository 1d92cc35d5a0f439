#include "runtime/engine_watch.hpp"

#include <algorithm>

namespace freshet {

namespace {
/// 1.4
std::string tenths(double v) {
  const auto n = static_cast<std::int64_t>(v * 10 + 0.5);
  return std::to_string(n / 10) + "." + std::to_string(n % 10);
}
std::string in_seconds(std::chrono::nanoseconds t) { return tenths(std::chrono::duration<double>(t).count()) + " s"; }
std::string percent(double share) { return std::to_string(static_cast<int>(std::min(share, 1.0) * 100 + 0.5)) + " %"; }
}  // namespace

engine_chooser::~engine_chooser() = default;

void engine_watch::begin(engine_kind at, time_point now) {
  const bool comes_from_events = has_begun_ && at_ == engine_kind::events && at == engine_kind::batches;
  if (comes_from_events) {
    const bool soon = now - began_ < 4 * batches_stay_;
    batches_stay_ =
        soon ? std::min(2 * batches_stay_, std::max(options_.longest_stay, options_.least_stay)) : options_.least_stay;
  }
  at_ = at;
  began_ = now;
  has_begun_ = true;
  stay_ = at == engine_kind::batches ? batches_stay_ : options_.least_stay;
  verdict_ = 0;
  batches_done_ = 0;
  forget();
}

void engine_watch::forget() {
  samples_.clear();
  covered_ = {};
  has_looked_ = false;
}

std::string engine_watch::look(const run_metrics& m, time_point now) {
  auto s = at_ == engine_kind::batches ? look_at_batches(m) : look_at_events(m);
  s.lasted = now - std::exchange(looked_, now);
  if (!std::exchange(has_looked_, true)) return "";  // there is nothing to compare it with
  add(s);
  if (covered_ < options_.patience || covered_ == covered_.zero() || now - began_ < stay_) return "";
  double sum = 0;
  for (const auto& one : samples_) sum += one.share * static_cast<double>(one.lasted.count());
  const auto mean = sum / static_cast<double>(covered_.count());
  return mean < options_.busy ? "" : in_words(covered_, mean);
}

/// Keeps as few of the newest as cover `patience`.
void engine_watch::add(sample s) {
  samples_.push_back(s);
  covered_ += s.lasted;
  while (samples_.size() > 1 && covered_ - samples_.front().lasted >= options_.patience) {
    covered_ -= samples_.front().lasted;
    samples_.pop_front();
  }
}

// --- batches ---

std::uint64_t engine_watch::calm_rows() const {
  return static_cast<std::uint64_t>(options_.calm * static_cast<double>(full_batch_));
}

/// By the batches that were done since the look before. While one is at work nothing is known that was not known
/// before; where there is none, and nothing waits for one, the backlog is gone.
engine_watch::sample engine_watch::look_at_batches(const run_metrics& m) {
  sample s;
  const auto fresh = std::min<std::uint64_t>(m.batches_done - batches_done_, m.batches.size());
  if (fresh != 0) {
    std::uint64_t calm = 0;
    for (auto b = m.batches.end() - static_cast<std::ptrdiff_t>(fresh); b != m.batches.end(); ++b) {
      calm += !b->more_at_hand && b->num_input_rows <= calm_rows();
      s.rows = std::max(s.rows, b->num_input_rows);
    }
    verdict_ = static_cast<double>(calm) / static_cast<double>(fresh);
  } else if (m.batches_done == batches_done_ && m.total().pending == 0) {
    verdict_ = 1;
  }
  batches_done_ = m.batches_done;
  s.share = verdict_;
  return s;
}

// --- events ---

/// By how much of the time since the look before a spout's task had more at hand. Of several the one that is behind
/// most: its lag grows, whatever the others do.
engine_watch::sample engine_watch::look_at_events(const run_metrics& m) {
  sample s;
  const auto up = static_cast<double>(m.uptime.count());
  const auto passed = up - static_cast<double>(std::exchange(uptime_, m.uptime).count());
  for (const auto& t : m.tasks) {
    const auto at = graph_.find(t.node);
    if (at == graph_.nodes().size() || graph_.nodes()[at].kind != node_kind::spout) continue;
    const auto empty = t.nothing_at_hand * up;
    const auto fresh = empty - std::exchange(empty_handed_[{t.node, t.task}], empty);
    if (passed <= 0 || 1 - fresh / passed <= s.share) continue;
    s.share = 1 - fresh / passed;
    behind_ = "spout \"" + t.node + "\" task " + std::to_string(t.task) + ", which has " + std::to_string(t.pending) +
              " messages pending, had more at hand";
  }
  return s;
}

std::string engine_watch::in_words(std::chrono::nanoseconds covered, double mean) const {
  if (at_ == engine_kind::events) return behind_ + " for " + percent(mean) + " of " + in_seconds(covered);
  std::uint64_t most = 0;
  for (const auto& s : samples_) most = std::max(most, s.rows);
  return "batches have caught up: for " + percent(mean) + " of " + in_seconds(covered) +
         " no spout had more at hand and " + std::to_string(calm_rows()) +
         " rows were not reached; the largest batch had " + std::to_string(most) + " of " + std::to_string(full_batch_);
}

}  // namespace freshet
