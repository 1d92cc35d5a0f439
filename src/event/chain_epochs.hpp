#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event/epoch_coordinator.hpp"
#include "freshet/core/topology.hpp"
#include "runtime/chain_task.hpp"
#include "runtime/run_checkpoints.hpp"

namespace freshet {

/// The part that a chain's task has in epochs: what its sinks prepare and commit, and what its state has changed. Calls
/// of sinks that throw can be made again: those before have been made. Used by the task's thread.
class chain_epochs {
 public:
  chain_epochs(chain_task& chain, const topology& graph);

  bool has_sinks() const { return !sinks_.empty(); }
  /// One of them says itself which epochs count.
  bool decides() const { return decides_; }
  bool is_sink_with_epochs(std::size_t member) const;
  /// Such a sink that can begin an epoch before the last is committed.
  bool overlaps_epochs(std::size_t member) const;
  /// The member whose call has thrown.
  std::size_t member_at() const { return sinks_[done_]; }

  // --- before the run ---
  /// What the head kept in the run before.
  void load(const run_checkpoints& kept);
  /// The member that is this node's task.
  task_operator& member_of(std::uint32_t node);
  /// From here on changes of the state are noted.
  void note_changes();

  // --- in the run ---
  /// Of the sinks whose epochs overlap, which need not wait for a commit; and of the others.
  void begin_ahead(const epoch_id& id);
  void begin(const epoch_id& id);
  /// Prepares the sinks, and adds their tokens.
  void prepare(task_epoch& said);
  void commit();
  /// What was begun comes to nothing, or what was begun ahead.
  void abort() noexcept;
  void abort_ahead() noexcept;
  /// What the state has changed since the last time, and all of it if asked for, is to be written as it is now;
  void freeze_state(const run_checkpoints& kept, wanted_states wanted);
  /// so many keys more of it: true when all are;
  bool write_state(std::size_t keys);
  /// and what has changed is added, as soon as it is written;
  bool has_changes() const;
  void take_changes(task_epoch& said);
  /// all of it, where it was asked for, is given. REQUIRES: everything is written; the changes were taken.
  std::optional<saved_states> take_states();

 private:
  template <class F>
  void for_each_sink(F&& f);
  void abort_sink(std::size_t member) noexcept;
  bool has_state_of_its_own() const;

  chain_task& chain_;
  const topology& graph_;
  std::vector<std::size_t> sinks_;  ///< members that take part
  bool decides_ = false;
  std::size_t rows_ = 0;      ///< in the state that is being written, as are
  key_group_range groups_{};  ///< its groups
  std::size_t done_ = 0;      ///< of the sinks, by the call that is being made
};

}  // namespace freshet
