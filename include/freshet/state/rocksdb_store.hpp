#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "freshet/core/state_store.hpp"

namespace freshet::rocksdb {

/// Settings of a store in RocksDB.
struct options {
  /// Where its files are: a directory that is empty or not there yet, or that a run has left behind which was killed.
  /// Held by one process at a time. Nothing else belongs there: no journal, no checkpoints.
  std::string dir;
  /// About how much memory a task may take for the states it keeps at hand: those it has used last. The batch engine
  /// takes more for the keys of a batch, which stay until it has committed. 64 MiB hold half a million small states,
  /// and an eighth of them is written at a time.
  std::size_t cache_bytes = 64u << 20;
  /// About how much memory RocksDB may take for what it reads and what it has yet to write, for all tasks together.
  /// 128 MiB write files of a size that it works well with.
  std::size_t memory_bytes = 128u << 20;
};

/// Keeps states of keys that memory has no room for in files, by the executors' option `store`:
///     freshet::event_executor engine{{.store = freshet::rocksdb::store({.dir = "/var/tmp/visits"})}};
/// Each task has a database there. It is scratch space of runs: they begin empty, and the files are gone when the last
/// run that uses it is. So nothing is written ahead or synced. What is to survive is in checkpoints
/// (`checkpointing::directory`), which take the files of the databases by a second name: a checkpoint has to write what
/// is new, not all states, and a run that goes on from it reads a row when its key comes. That is so where both
/// directories are on one file system; else files are copied. A savepoint has the states themselves, for any store or
/// none.
///
/// A key that isn't at hand costs a read of RocksDB, some microseconds where its block is in memory. What can't be done
/// (a directory that can't be used, a full disk) ends the run with a run_error that names the directory. Thread safe;
/// several runs may use one at the same time.
std::shared_ptr<state_backend> store(options how);

}  // namespace freshet::rocksdb
