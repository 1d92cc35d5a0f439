#pragma once
#include <map>
#include <optional>

#include "freshet/core/spout_task.hpp"

namespace freshet {

/// Tells a spout how far its messages are finished. What it can't take is told again, with what has come since: a
/// broker that is away for a moment costs nobody the run. Used by one thread at a time.
class position_committer {
 public:
  void finished(const position& p) { due_[p.partition] = p; }
  bool empty() const { return due_.empty(); }
  /// Gives the first error, where the spout throws.
  std::optional<error> commit(spout_operator& spout) {
    std::optional<error> first;
    for (auto at = due_.begin(); at != due_.end();) {
      try {
        spout.commit(at->second);
        at = due_.erase(at);
      } catch (...) {
        if (!first) first = error_from_current_exception();
        ++at;
      }
    }
    return first;
  }

 private:
  std::map<partition_id, position> due_;
};

}  // namespace freshet
