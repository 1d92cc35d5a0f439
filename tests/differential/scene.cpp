#include "differential/scene.hpp"

#include <chrono>
#include <thread>

namespace freshet::differential {

scene::scene(const plan& p, mischief allowed) : plan_(p), allowed_(allowed), random_(p.seed), elsewhere_(p.seed) {
  for (const auto& f : plan_.faults)
    if (this->allowed(f)) faults_.insert({{f.node, f.at}, f});
  for (const auto& n : plan_.nodes) {
    failing_polls_.push_back(n.spout.failing_polls);
    failing_reads_.push_back(n.spout.failing_reads);
  }
}

bool scene::below_a_hold(std::size_t n) const {
  const node_plan& node = plan_.nodes[n];
  for (const input& in : node.inputs) {
    const node_plan& from = plan_.nodes[in.from];
    const bool holds = from.is == role::bolt && (from.does == operation::hold || from.does == operation::gather);
    if (in.by == way::forward && (holds || below_a_hold(in.from))) return true;
  }
  return false;
}

bool scene::allowed(const fault& f) const {
  const node_plan& n = plan_.nodes[f.node];
  const bool holds = n.is == role::bolt && (n.does == operation::hold || n.does == operation::gather);
  const bool replies = n.is == role::bolt && n.does == operation::stream_async;
  switch (f.what) {
    case trouble::delays:
      return true;
    case trouble::throws:
      return allowed_.throws && (allowed_.below_holds || !((holds && f.late) || below_a_hold(f.node)));
    default:
      return allowed_.throws && (allowed_.tokens || replies);
  }
}

std::optional<trouble> scene::meet(std::size_t node, const item& i, bool late) {
  trouble what{};
  std::chrono::microseconds pause{};
  {
    std::lock_guard lock(mutex_);
    const auto at = faults_.find({node, i});
    if (at == faults_.end() || at->second.late != late || at->second.times == 0) return std::nullopt;
    fault& f = at->second;
    if (f.times != fault::always) --f.times;
    what = f.what;
    if (what == trouble::delays) pause = std::chrono::microseconds(20 + random_.below(300));
    else record_.struck.insert(i.message);
  }
  if (what == trouble::throws) throw struck("struck at message " + std::to_string(i.message));
  if (what != trouble::delays) return what;
  std::this_thread::sleep_for(pause);
  return std::nullopt;
}

bool scene::poll_fails(std::size_t node) {
  std::lock_guard lock(mutex_);
  if (!allowed_.throws || failing_polls_[node] == 0 || !random_.chance(0.3)) return false;
  --failing_polls_[node];
  return true;
}

bool scene::read_fails(std::size_t node) {
  std::lock_guard lock(mutex_);
  if (failing_reads_[node] == 0) return false;
  --failing_reads_[node];
  return true;
}

void scene::wrote(std::size_t sink, const item& i) {
  std::lock_guard lock(mutex_);
  record_.rows.push_back({sink, i});
}
void scene::wrote(const total& t) {
  std::lock_guard lock(mutex_);
  record_.totals.push_back(t);
}
void scene::wrote(const dead_letter& l) {
  std::lock_guard lock(mutex_);
  record_.letters.push_back(l);
}
void scene::committed(std::size_t node, const position& upto) {
  std::lock_guard lock(mutex_);
  record_.commits.push_back({node, upto, record_.rows.size()});
}
void scene::emitted(std::size_t node, std::size_t task, std::uint64_t message) {
  std::lock_guard lock(mutex_);
  record_.emissions.push_back({node, task, message, record_.rows.size()});
}
void scene::asked_again(std::uint64_t message) {
  std::lock_guard lock(mutex_);
  record_.read.insert(message);
}
record scene::take_record() {
  std::lock_guard lock(mutex_);
  return std::exchange(record_, {});
}

}  // namespace freshet::differential
