#include "event/chain_epochs.hpp"

#include <algorithm>
#include <utility>

#include "freshet/base/assert.hpp"

namespace freshet {

chain_epochs::chain_epochs(chain_task& chain, const topology& graph) : chain_(chain), graph_(graph) {
  for (std::size_t m = 0; m < chain.members.size(); ++m) {
    const node& n = graph.nodes()[chain.members[m].node];
    if (n.kind == node_kind::sink && n.transactional) sinks_.push_back(m);
    decides_ |= n.decides;
  }
  // What others commit counts only when it has.
  std::stable_partition(sinks_.begin(), sinks_.end(),
                        [&](auto m) { return graph.nodes()[chain.members[m].node].decides; });
}

bool chain_epochs::is_sink_with_epochs(std::size_t member) const {
  return std::find(sinks_.begin(), sinks_.end(), member) != sinks_.end();
}

bool chain_epochs::overlaps_epochs(std::size_t member) const {
  return graph_.nodes()[chain_.members[member].node].overlaps_epochs;
}

void chain_epochs::load(const run_checkpoints& kept) {
  auto& head = chain_.head();
  if (head.state) kept.load(head.node(), chain_.task(), *head.state);
}

task_operator& chain_epochs::member_of(std::uint32_t node) {
  const auto at = std::find_if(chain_.members.begin(), chain_.members.end(), [&](auto& m) { return m.node == node; });
  FRESHET_ASSERT(at != chain_.members.end(), "a node is not in its chain", node);
  return *at->op;
}

void chain_epochs::note_changes() {
  if (auto& state = chain_.head().state) state->note();
}

template <class F>
void chain_epochs::for_each_sink(F&& f) {
  for (; done_ < sinks_.size(); ++done_) {
    auto& member = chain_.members[sinks_[done_]];
    const inside_calls inside(member.frame->place);
    f(*member.op);
  }
  done_ = 0;
}

void chain_epochs::begin_ahead(const epoch_id& id) {
  for_each_sink([&](task_operator& op) {
    if (graph_.nodes()[op.node()].overlaps_epochs) op.begin_epoch(id);
  });
}

void chain_epochs::begin(const epoch_id& id) {
  for_each_sink([&](task_operator& op) {
    if (!graph_.nodes()[op.node()].overlaps_epochs) op.begin_epoch(id);
  });
}

void chain_epochs::prepare(task_epoch& said) {
  for_each_sink([&](task_operator& op) {
    op.prepare_epoch();
    if (auto token = op.prepared())
      said.tokens.push_back({graph_.nodes()[op.node()].name, chain_.task(), *std::move(token)});
  });
}

void chain_epochs::commit() {
  for_each_sink([](task_operator& op) { op.commit_epoch(); });
}

void chain_epochs::abort() noexcept {
  for (const auto m : sinks_) abort_sink(m);
}

void chain_epochs::abort_ahead() noexcept {
  for (const auto m : sinks_)
    if (overlaps_epochs(m)) abort_sink(m);
}

void chain_epochs::abort_sink(std::size_t member) noexcept {
  try {
    chain_.members[member].op->abort_epoch();
  } catch (...) {
    // It is closed next, and what it has left the next run throws away.
  }
}

// What isn't by key is the same in all tasks.
bool chain_epochs::has_state_of_its_own() const {
  const auto& head = chain_.head();
  return head.state && (chain_.task() == 0 || !graph_.nodes()[head.node()].key_type.empty());
}

void chain_epochs::freeze_state(const run_checkpoints& kept, wanted_states wanted) {
  auto& head = chain_.head();
  if (!head.state) return;
  if (!has_state_of_its_own()) return head.state->note();
  rows_ = head.state->rows();
  groups_ = kept.groups_of(head.node(), chain_.task());
  const bool as_snapshot = wanted == wanted_states::of_checkpoint && kept.has_snapshots();
  head.state->freeze(wanted == wanted_states::none ? std::nullopt : std::optional(groups_), as_snapshot);
}

bool chain_epochs::write_state(std::size_t keys) {
  return !has_state_of_its_own() || chain_.head().state->write_frozen(keys);
}

bool chain_epochs::has_changes() const { return !has_state_of_its_own() || chain_.head().state->has_frozen_changes(); }

void chain_epochs::take_changes(task_epoch& said) {
  if (!has_state_of_its_own()) return;
  const auto& head = chain_.head();
  said.changes.push_back({graph_.nodes()[head.node()].name, head.state->take_frozen_changes()});
}

std::optional<saved_states> chain_epochs::take_states() {
  if (!has_state_of_its_own()) return std::nullopt;
  const auto& head = chain_.head();
  auto frozen = head.state->take_frozen();
  if (frozen.groups.empty()) return std::nullopt;
  return saved_states{head.node(),
                      chain_.task(),
                      rows_,
                      groups_.first,
                      std::move(frozen.groups),
                      std::move(frozen.shared),
                      std::move(frozen.snapshot)};
}

}  // namespace freshet
