#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/core/position.hpp"

namespace freshet {

/// Which messages of a spout task are finished: per partition a prefix of what was emitted, and intervals beyond it.
/// Memory is bounded by the unfinished messages, because neighbouring intervals merge. Not thread safe.
class finished_prefix {
 public:
  /// Says that a message was emitted. Returns its extent without gaps: from where the one before it ended. One that was
  /// emitted before, of which more came or to which the spout has gone back, is finished when both are.
  position emitted(const position& p) {
    if (!last_ || last_->first != p.partition) {
      auto [at, fresh] = partitions_.try_emplace(p.partition);
      if (fresh) at->second.prefix = at->second.emitted = at->second.told = p.offset;
      last_ = &*at;
    }
    auto& part = last_->second;
    if (p.offset < p.next && p.next <= part.emitted) {
      if (!part.has_finished(p.next))
        ++again_.try_emplace({p.partition, p.next}, repeated{0, p.offset}).first->second.more;
      return p;
    }
    const position extent{p.partition, part.emitted, p.next};
    part.emitted = p.next;
    return extent;
  }
  /// Says that an extent which `emitted` gave is finished. Each once.
  void finished(position extent) {
    if (is_last_of(extent)) take_in(extent);
  }
  /// Says that these were emitted, and are finished: those that follow one another, as most do, in one piece.
  void passed(const std::vector<position>& all) {
    for (std::size_t i = 0; i < all.size();) {
      position run = all[i];
      for (++i; i < all.size() && all[i].partition == run.partition && all[i].offset == run.next; ++i)
        run.next = all[i].next;
      finished(emitted(run));
    }
  }
  /// For every partition whose prefix has grown since the last call: {partition, end of the prefix, the same}.
  std::vector<position> take_progress() {
    std::vector<position> all;
    for (auto& [id, part] : partitions_)
      if (part.prefix != part.told) {
        all.push_back({id, part.prefix, part.prefix});
        part.told = part.prefix;
      }
    return all;
  }
  bool has_progress() const {
    return std::any_of(partitions_.begin(), partitions_.end(),
                       [](auto& p) { return p.second.prefix != p.second.told; });
  }
  /// For every partition of which something was emitted: {partition, end of the prefix, end of what was emitted}.
  std::vector<position> standing() const {
    std::vector<position> all;
    for (auto& [id, part] : partitions_) all.push_back({id, part.prefix, part.emitted});
    return all;
  }
  /// Where a partition has a message that is not finished: the first of them.
  std::optional<position> first_unfinished() const {
    for (auto& [id, part] : partitions_)
      if (part.prefix != part.emitted) return position{id, part.prefix, part.prefix};
    return std::nullopt;
  }
  /// What of a partition is finished beyond its prefix, ascending; of many intervals the first `most`.
  std::vector<position_range> beyond(partition_id id, std::size_t most) const {
    std::vector<position_range> all;
    const auto at = partitions_.find(id);
    if (at == partitions_.end()) return all;
    for (const auto& [from, to] : at->second.beyond) {
      if (all.size() == most) break;
      all.push_back({id, from, to});
    }
    return all;
  }
  /// Finished intervals beyond the prefixes.
  std::size_t intervals() const {
    std::size_t n = 0;
    for (auto& [id, part] : partitions_) n += part.beyond.size();
    return n;
  }

 private:
  friend class finished_run;
  struct partition {
    std::uint64_t prefix = 0, emitted = 0, told = 0;
    std::map<std::uint64_t, std::uint64_t> beyond;
    /// It is said to be, up to here at least.
    bool has_finished(std::uint64_t next) const {
      const auto behind = beyond.lower_bound(next);
      return next <= prefix || (behind != beyond.begin() && std::prev(behind)->second >= next);
    }
  };
  /// A message that was emitted more than once, and has to finish as often.
  struct repeated {
    std::uint64_t more = 0;  ///< extents of it that aren't finished, but for one
    std::uint64_t from = 0;  ///< where the longest of those begins that are
  };
  /// No other extent of its message has to be finished. It gets the gap that one of the others had.
  bool is_last_of(position& extent) {
    const auto at = again_.empty() ? again_.end() : again_.find({extent.partition, extent.next});
    if (at == again_.end()) return true;
    extent.offset = at->second.from = std::min(at->second.from, extent.offset);
    if (at->second.more-- != 0) return false;
    again_.erase(at);
    return true;
  }
  void take_in(const position& extent) {
    auto from = extent.offset, to = extent.next;
    if (to <= from) return;
    auto& part = partitions_[extent.partition];
    if (from <= part.prefix) {
      part.prefix = std::max(part.prefix, to);
    } else {
      auto after = part.beyond.lower_bound(from);
      if (after != part.beyond.begin())
        if (auto before = std::prev(after); before->second >= from) {
          from = before->first;
          to = std::max(to, before->second);
          after = part.beyond.erase(before);
        }
      while (after != part.beyond.end() && after->first <= to) {
        to = std::max(to, after->second);
        after = part.beyond.erase(after);
      }
      part.beyond.emplace(from, to);
    }
    for (auto next = part.beyond.begin(); next != part.beyond.end() && next->first <= part.prefix;
         next = part.beyond.erase(next))
      part.prefix = std::max(part.prefix, next->second);
  }

  std::map<partition_id, partition> partitions_;
  std::pair<const partition_id, partition>* last_ = nullptr;  // that a message was emitted from; maps move nothing
  std::map<std::pair<partition_id, std::uint64_t>, repeated> again_;  // by where they end; mostly none
};

/// Passes finished extents on, those that follow one another, as most do, in one piece. `end` passes on the last.
class finished_run {
 public:
  explicit finished_run(finished_prefix& prefix) : prefix_(prefix) {}
  void add(position extent) {
    if (!prefix_.is_last_of(extent)) return;
    if (extent.partition == run_.partition && extent.offset == run_.next && run_.next != run_.offset) {
      run_.next = extent.next;
    } else {
      end();
      run_ = extent;
    }
  }
  void end() { prefix_.take_in(std::exchange(run_, {})); }

 private:
  finished_prefix& prefix_;
  position run_;  // empty at first
};

}  // namespace freshet
