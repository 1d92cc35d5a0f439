#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/event_clock.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/runtime/checkpointing.hpp"
#include "freshet/state/epoch_log.hpp"
#include "runtime/option_check.hpp"

namespace freshet {

/// The key groups that a task of a node has; of a node without keys the one that stands for all.
key_group_range groups_of_node(const node& n, std::uint32_t task);

/// What is wrong with a topology whose runs are to survive, in sentences.
void check_durable(option_check& check, const checkpointing& how, bool exactly_once, const topology& graph);

/// The checkpoints of one run: where it goes on, and what it writes. Both engines stand on it. Used by one thread at a
/// time, but for `load`. What fails throws run_error.
class run_checkpoints {
 public:
  /// Opens the directory, and finds the newest epoch. Null: the run keeps nothing.
  /// `store`: where the states of tasks by key are kept, beside memory; null: nowhere else. It outlives the run.
  static std::unique_ptr<run_checkpoints> open(const topology& graph, const checkpointing& how, state_backend* store,
                                               const logger& log, const freshet::clock& clock);

  /// Of the epochs to come.
  std::uint64_t history() const { return recovered_.history; }
  std::uint64_t next() const { return next_; }
  std::uint64_t newest() const { return newest_; }
  /// The input had ended: there is nothing left to do.
  bool is_final() const { return from_ && from_->is_final; }
  /// What is known of the run that it goes on from; null: it begins at the beginning.
  const checkpoint_manifest* from() const { return from_ ? &*from_ : nullptr; }

  // --- going on ---
  /// Whether the newest epoch counts, by what the sink that decides says. Before anything else of these.
  void decide(const std::string& sink, const std::optional<epoch_id>& last_committed);
  /// Calls `commit` for what the sinks of the newest epoch have to commit, if they have not.
  void commit_again(const std::function<void(std::uint32_t node, std::string_view bytes)>& commit);
  /// What task `task` of node `node` had kept. Thread safe.
  void load(std::uint32_t node, std::uint32_t task, any_state& into) const;
  /// All states are loaded: what they were loaded from is given back.
  void have_loaded() { recovered_.forget_states(); }
  /// The spout gets what it had saved and goes on behind what was finished, and its clock where that was. What is gone
  /// meets the spout's `on_data_loss`.
  void seek(std::uint32_t node, const std::vector<spout_partition>& dealt, spout_operator& spout,
            event_clock* clock) const;

  // --- epochs ---
  /// A manifest of an epoch to come, empty but for what all of them have in common.
  checkpoint_manifest begin(std::uint64_t epoch, event_time now) const;
  /// The epoch is prepared.
  void append(epoch_record record);
  /// All sinks have committed the newest epoch.
  void have_committed() { is_committed_ = true; }
  /// Nothing comes any more. What sinks have committed is written down, so that the next run doesn't commit it again:
  /// their rows may be gone by then. A failure is a warning, as that run would only do what it does after a crash.
  void close();
  /// The states of a task to be written, as they are or as they were at an epoch.
  struct task_states {
    std::uint32_t node = 0, task = 0;
    std::size_t rows = 0;
    std::function<void(std::uint32_t group, writer& into)> save;  ///< of groups that are the task's
    std::function<void(writer& into)> save_shared{};              ///< null: all tasks have nothing alike
    std::optional<state_snapshot> snapshot{};                     ///< what is in it, `save` doesn't write
  };
  /// Whether checkpoints have snapshots of the stores. Savepoints never do: they are for any store, or none. Thread
  /// safe.
  bool has_snapshots() const { return store_ && store_->has_snapshots() && how_.files->is_of_this_machine(); }
  /// As they are, for as long as `state` lives and isn't changed.
  task_states as_now(std::uint32_t node, std::uint32_t task, any_state& state, bool as_snapshot) const;
  using visitor = std::function<void(const task_states&)>;
  /// Visits the states of all tasks, with snapshots where they are made and asked for.
  using states = std::function<void(bool as_snapshots, const visitor&)>;
  /// `groups_of_node`, by the node's index. Thread safe.
  key_group_range groups_of(std::uint32_t node, std::uint32_t task) const;
  /// Nodes have other numbers of tasks from here on. REQUIRES: nobody else uses it.
  void change_graph(topology to) { graph_ = std::move(to); }
  /// A checkpoint is needed before the run can go on: the directory is new, or the topology isn't the one it knows.
  bool must_begin() const { return must_begin_; }
  /// Makes it.
  void make_base(event_time now, const states& all);
  /// Makes a savepoint of the newest epoch; where a checkpoint has that number already, of one after it in which
  /// nothing happens, which is then the newest even if this fails. Gives its number. REQUIRES: it is committed.
  std::uint64_t savepoint(const states& all);
  /// Why no savepoint can be made any more.
  static error over();
  /// The log has grown so long that a checkpoint is wanted.
  bool wants_checkpoint() const { return epochs_->wants_checkpoint(); }
  /// Makes a checkpoint of the newest epoch, if the log wants one. REQUIRES: it is committed.
  void relieve_log(const states& all);

 private:
  run_checkpoints(const topology& graph, const checkpointing& how, state_backend* store, const logger& log,
                  std::unique_ptr<epoch_log> epochs);
  void recover();
  void match();
  void say_what_is_given_up() const;
  void check_node(const checkpoint_node& was, const std::vector<checkpoint_node>& mine,
                  std::vector<std::string>& wrong);
  std::string check_state(std::size_t index, const checkpoint_node& was, const checkpoint_node& now);
  void note(checkpoint_partition p);
  const checkpoint_partition* position_of(const std::string& spout, const std::string& partition) const;
  void seek(const node& n, const spout_partition& p, std::uint64_t offset, spout_operator& spout) const;
  bool is_dropped(const std::string& node) const;
  std::vector<checkpoint_node> nodes() const;
  void write(checkpoint_manifest manifest, const states& all);
  struct writing;
  result<void> write_states(writing& to, const task_states& of) const;
  result<void> write_snapshot(writing& to, const task_states& of) const;
  bool load_snapshot(const node& n, std::uint32_t task, any_state& into) const;
  void load_rows(const node& n, std::uint32_t task, const std::vector<recovered_epochs::stored_part>& parts,
                 bool have_times, any_state& into) const;
  snapshot_rows rows_of_snapshot(const node& n, key_group_range groups) const;

  topology graph_;
  const std::vector<std::string> layouts_;  ///< of the states, by the node's index
  std::vector<older_types> older_;          ///< what their types were in what is loaded, likewise
  const checkpointing how_;
  state_backend* const store_;
  const logger log_;
  const std::unique_ptr<epoch_log> epochs_;
  recovered_epochs recovered_;
  std::optional<checkpoint_manifest> from_;
  std::uint64_t newest_ = 0, next_ = 1;
  std::uint64_t written_ = 0;  ///< the newest that is in the directory
  bool must_begin_ = false;
  bool is_undecided_ = false;  ///< for all that is in the directory, sinks may still have to commit the newest
  bool is_committed_ = false;  ///< they have
  /// All that is known of the newest epoch, for a checkpoint; its partitions by node and name, as each batch has some.
  checkpoint_manifest now_;
  std::map<std::pair<std::string, std::string>, checkpoint_partition> partitions_;
  /// Files of stores that the newest checkpoint has, by the store: those that never change need not be linked again.
  using files_by_store = std::map<std::string, std::vector<state_file>>;
  mutable std::mutex mutex_;  ///< guards it
  mutable files_by_store known_files_;
};

}  // namespace freshet
