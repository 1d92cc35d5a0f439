#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "freshet/state/durability.hpp"

namespace freshet {

class file_system;
file_system& system_files();

/// Where a run keeps what must survive it, and how it goes on from there: an option of the executors.
///     batch_executor{{.checkpoints = {.directory = "/var/lib/sales"}}}.start(graph)
/// A run that is started again with the same directory goes on where the one before was, whatever ended that: with the
/// states of its bolts, timers among them, and with its spouts behind what was finished. Nodes are known by their
/// names, keys by their groups: parallelism may change, `max_parallelism` may not. The type of a state may change where
/// the new one is `migratable` (see codec.hpp): the first run with it begins with a checkpoint of all states as they
/// are now. What sinks, spouts and watermark policies have in a checkpoint is of the types that they had, or of codecs
/// with versions.
struct checkpointing {
  std::string directory{};  ///< a folder of its own; empty: nothing is kept
  /// Checkpoints that are kept beside what goes on from the newest. Three: a damaged one leaves one to go on from, and
  /// that one another.
  std::size_t keep = 3;
  /// A loss of power must take nothing that a sink has shown, unless somebody prefers speed.
  log_sync sync = log_sync::every_batch;
  std::chrono::nanoseconds sync_interval = std::chrono::seconds(1);  ///< of log_sync::interval
  /// Each batch adds what it has changed to a log. When that is longer than this, and than all states together, a
  /// checkpoint of all states is made and the log begins anew: so a restart reads twice the states or this, and what is
  /// written is at most twice what changes. 16 MiB are read in some hundredths of a second. Files of a state store
  /// don't count: a checkpoint takes them by a second name, where `files` are those of this machine.
  std::uint64_t log_bytes = 16u << 20;
  /// Damage is for people to look at.
  when_damaged damaged = when_damaged::refuse;
  /// A checkpoint or savepoint to go on from instead of the newest epoch: what came after it is given up, damaged or
  /// not. Meant for one start, as is `allow_dropped_state`: a process that finds it set each time goes back each time,
  /// with a warning.
  std::optional<std::uint64_t> resume_from{};
  /// Nodes whose states, positions and rows that are still to be committed are given up because the topology doesn't
  /// have them any more, or has something else of that name: without being named here they are an error.
  std::vector<std::string> allow_dropped_state{};
  file_system* files = &system_files();

  /// The same for the runs behind a first one, which take what it has left: what was to be gone back to was gone back
  /// to, and what was to be dropped was dropped.
  checkpointing going_on() const;
};

}  // namespace freshet
