#include "state/epoch_chain.hpp"

#include <algorithm>

#include "state/damage.hpp"

namespace freshet {

void add_epoch(checkpoint_manifest& to, const checkpoint_manifest& newer) {
  for (const auto& p : newer.partitions) {
    const auto known = std::find_if(to.partitions.begin(), to.partitions.end(),
                                    [&](const auto& q) { return q.node == p.node && q.name == p.name; });
    if (known == to.partitions.end()) to.partitions.push_back(p);
    else update(*known, p);
  }
  to.history = newer.history;
  to.epoch = newer.epoch;
  to.kind = newer.kind;
  to.is_final = newer.is_final;
  to.made_at = newer.made_at;
  to.watermarks = newer.watermarks;
  to.tokens = newer.tokens;
}

result<epoch_chain::step> epoch_chain::add(const epoch_record& record, const std::string& where) {
  const auto& m = record.manifest;
  if (m.history != history_ || m.epoch <= epochs_.front()) return step::is_past;
  if (record.is_discarded) {
    if (epochs_.back() != m.epoch) return step::is_past;
    epochs_.pop_back();
    return step::takes_back;
  }
  if (record.after == m.epoch && m.epoch == epochs_.back()) return step::commits;
  if (record.after != epochs_.back())
    return damaged(where, "epoch " + std::to_string(m.epoch) + " after epoch " + std::to_string(epochs_.back()),
                   "after epoch " + std::to_string(record.after));
  epochs_.push_back(m.epoch);
  return step::goes_on;
}

}  // namespace freshet
