#include "differential/plan.hpp"

#include <algorithm>
#include <array>

namespace freshet::differential {

bool plan::has(operation o) const {
  return std::any_of(nodes.begin(), nodes.end(), [&](auto& n) { return n.is == role::bolt && n.does == o; });
}
bool plan::has(trouble t) const {
  return std::any_of(faults.begin(), faults.end(), [&](auto& f) { return f.what == t; });
}
bool plan::has_state() const {
  return std::any_of(nodes.begin(), nodes.end(), [&](auto& n) { return n.is == role::bolt && gives_totals(n.does); });
}
bool plan::has_poison() const {
  return std::any_of(faults.begin(), faults.end(), [&](auto& f) { return f.times == fault::always; });
}
std::uint32_t plan::passing_faults() const {
  std::uint32_t sum = 0;
  for (const auto& f : faults)
    if (f.times != fault::always && f.what != trouble::delays) sum += f.times;
  for (const auto& n : nodes) sum += n.spout.failing_reads + n.spout.failing_polls;
  return sum;
}

// --- words ---

std::string_view to_string(operation o) noexcept {
  constexpr std::array<std::string_view, operations> names{"map",
                                                           "filter",
                                                           "flat_map",
                                                           "task_mark",
                                                           "split",
                                                           "join",
                                                           "key_sum",
                                                           "task_sum",
                                                           "hold",
                                                           "gather",
                                                           "hand_over",
                                                           "stream_map",
                                                           "stream_filter",
                                                           "stream_flat_map",
                                                           "stream_split",
                                                           "stream_async",
                                                           "stream_aggregate",
                                                           "stream_combine"};
  return names[static_cast<std::size_t>(o)];
}
std::string_view to_string(way w) noexcept {
  constexpr std::array<std::string_view, ways> names{"forward", "shuffle", "local_or_shuffle", "key",   "partial_key",
                                                     "all",     "global",  "custom",           "direct"};
  return names[static_cast<std::size_t>(w)];
}
std::string_view to_string(trouble t) noexcept {
  constexpr std::array<std::string_view, 5> names{"throws", "delays", "drops", "fails", "forgets"};
  return names[static_cast<std::size_t>(t)];
}

namespace {
std::string described(const plan& p, const node_plan& n) {
  std::string text = n.name + " x" + std::to_string(n.parallelism);
  if (n.is == role::spout) {
    const source& s = n.spout;
    text += (s.replayable ? " replayable, " : " queue, ") + std::to_string(s.partitions) + " x " +
            std::to_string(s.messages_each) + " messages from " + std::to_string(s.first_message) + ", max_pending " +
            std::to_string(s.max_pending) + ", max_batch " + std::to_string(s.max_batch);
    if (s.failing_polls) text += ", failing polls " + std::to_string(s.failing_polls);
    if (s.failing_reads) text += ", failing reads " + std::to_string(s.failing_reads);
  }
  for (const input& in : n.inputs)
    text += " <- " + p.nodes[in.from].name + (in.port ? " (side) " : " ") + std::string(to_string(in.by));
  if (n.is == role::bolt) text += " keeps " + std::to_string(n.keeps) + (n.ordered ? " ordered" : "");
  if (n.merged) text += " merged";
  if (n.blocking) text += " blocking";
  if (n.skips) text += " skips";
  return text;
}
}  // namespace

std::string describe(const plan& p) {
  std::string text = "plan of seed " + std::to_string(p.seed) + "\n";
  for (const auto& n : p.nodes) text += "  " + described(p, n) + "\n";
  for (const auto& f : p.faults)
    text += "  fault: " + p.nodes[f.node].name + " " + std::string(to_string(f.what)) + (f.late ? " late " : " ") +
            (f.times == fault::always ? "always" : std::to_string(f.times) + " times") + " at message " +
            std::to_string(f.at.message) + ", digest " + std::to_string(f.at.digest) + "\n";
  return text;
}

}  // namespace freshet::differential
