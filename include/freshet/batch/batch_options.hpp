#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "freshet/base/clock.hpp"
#include "freshet/base/file_system.hpp"
#include "freshet/base/log.hpp"
#include "freshet/core/fault_injector.hpp"
#include "freshet/core/state_store.hpp"
#include "freshet/runtime/checkpointing.hpp"
#include "freshet/runtime/executor.hpp"
#include "freshet/runtime/idle.hpp"

namespace freshet {

/// When a batch is cut from what the spouts have delivered. A batch without input doesn't run.
enum class batch_trigger : std::uint8_t {
  interval,       ///< every `interval`, on a grid without drift; earlier when `rows_per_batch` are there
  back_to_back,   ///< as soon as the batch before it has committed
  available_now,  ///< back to back over what is there: a spout that says idle has ended
  rows,           ///< when `rows_per_batch` are there (or the store is half full), and at the end of the input
};

/// Limits what spouts deliver to what batches can process: the PID estimator of Spark Streaming, with its defaults.
struct backpressure_options {
  bool enabled = false;     ///< off as in Spark: `rows_per_batch` bounds memory already
  double initial_rate = 0;  ///< rows a second before the first estimate; 0: no limit until then
  double proportional = 1.0;
  double integral = 0.2;
  double derivative = 0.0;
  double min_rate = 100;  ///< rows a second: never less, or a rate of nothing would stay nothing
};

/// Where blocks go that there is no room for in memory and that some task has yet to read: they are read back when it
/// does, instead of being computed again. That is worth it where a batch is larger than
/// `batch_options::block_store_bytes` and costs more to compute than to write and read. What all have read is evicted,
/// and so is what can't be written, or would be too much; what can't be read back, or isn't what was written, is
/// computed again as any lost block is. So a failing disk costs time and no answer (dead letters of sinks apart, which
/// nobody can compute again: they stay in memory when they can't be written, and the run fails when they can't be read
/// back). The first failure of each kind is logged, all are in `run_metrics::blocks`.
struct spill_options {
  /// A folder on a local disk, which is made where it isn't there; empty: nothing is spilled. Each run has one file
  /// there, "spill-<n>.blocks", with a lock beside it: runs may share the folder, also those of other processes. The
  /// file is emptied with each batch, never synced, and removed at the end of the run; what a process left that died
  /// is removed when the next run starts there.
  /// `start` refuses streams between stages of types without a codec or a default constructor.
  std::string directory{};
  /// Bytes of one batch on disk. 16 times what memory holds by default: a batch beyond that has run away.
  std::uint64_t most_bytes = std::uint64_t{4} << 30;
  file_system* files = &system_files();
};

/// Settings of a batch_executor.
struct batch_options {
  batch_trigger trigger = batch_trigger::interval;
  /// 100 ms: a tenth of a second of latency, at which the fixed cost of a batch (some 20 us) is nothing. 0 means
  /// back to back.
  std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
  /// Messages in a batch, over all spouts, and so what is polled ahead while another batch runs; a full batch doesn't
  /// wait for its interval. 256 Ki of small tuples are some milliseconds of work and fit into a last-level cache, where
  /// they are processed twice as fast as from memory.
  std::size_t rows_per_batch = 256u << 10;
  /// Batches are exact whatever it says, but under best_effort a tuple that fails meets its node's policy at once.
  freshet::guarantee guarantee = freshet::guarantee::exactly_once;
  std::size_t workers = 0;  ///< threads; 0: as many as the hardware has
  freshet::idle idle = freshet::idle::adaptive;
  /// Worker i stays on the i-th of the processors that the process may run on; an error at start where there are fewer,
  /// and on other systems than Linux. Off, as the kernel knows better what else the machine has to do.
  bool pin = false;
  /// How often one tuple, or one task for another reason, may fail in a batch before it is given up; the commit of a
  /// transactional sink counts by itself. Spark's default. What has to do with the world outside (a poll, a
  /// transaction, a plain sink's write, the opening of a fresh copy) is tried again after a pause: 10 ms, doubled each
  /// time.
  std::uint32_t max_task_attempts = 4;
  /// Blocks of the running batch beyond this are evicted, those that have been read first, and computed again where
  /// somebody needs them; or they are spilled, see `spill`. Polling ahead stops at half of it. 256 MiB hold a full
  /// batch of kilobyte tuples, so that only larger ones are ever evicted. What strings and containers own is counted
  /// too, estimated from a few tuples of each piece (see core/value_bytes.hpp).
  ///
  /// What comes on top of it: what is polled ahead (half of it); of spouts that can't read again (a push_spout) also
  /// the messages of the batch at work, from which lost blocks are computed, and which are never spilled (they were
  /// part of what had been polled ahead, so another half at most); and the input of the tasks at work, each of which
  /// has all of its own in memory; and what is being spilled or read back, once more as bytes. Dead letters of sinks,
  /// which nobody can compute again, are never evicted: only with `spill` is memory for them bounded.
  std::size_t block_store_bytes = 256u << 20;
  spill_options spill = {};
  /// Notices blocks that changed in memory. Off, because a checksum of 16-byte tuples, made and verified, costs a tenth
  /// of a plain pipeline's time, and memory is watched by the machine itself (what is on disk has checksums of its own,
  /// always); with `faults` it is always on. When it is true, `start` refuses streams of types in which a change can't
  /// be noticed.
  bool verify_blocks = false;
  backpressure_options backpressure = {};
  /// Tuples in one piece of a block. 1024 spread the cost of handing a piece on, and take 16 KiB for small tuples.
  std::size_t max_batch = 1024;
  /// Held tuples only: nothing else can get lost inside a process. Storm's default. 0 or max(): no limit.
  std::chrono::nanoseconds message_timeout = std::chrono::seconds(30);
  /// How long a drain or stop waits for the batches under way. As long as message_timeout, so that a held tuple ends
  /// first, by its token or by its timeout.
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);
  /// How long a run that fails or was given up waits for a call that doesn't return, before its error names the bolt.
  /// Less than the 30 s after which most service managers kill.
  std::chrono::nanoseconds stop_timeout = std::chrono::seconds(10);
  /// A task that holds a worker longer is named in the log and in `status()`: a piece of a block takes microseconds, so
  /// a second is a mistake and never a busy moment.
  std::chrono::nanoseconds stall_limit = std::chrono::seconds(1);
  /// How many progress records `metrics()` keeps: ten seconds of them at the default interval. Spark's default.
  std::size_t recent_batches = 100;
  /// Of dead letters that no node reads: how many `status()` keeps. Enough to see what they have in common.
  std::size_t kept_dead_letters = 100;
  logger log{stderr_log(log_level::warning), log_level::warning};
  const freshet::clock* clock = &freshet::clock::real();
  /// Where the states of keys are kept that memory has no room for (see state/rocksdb_store.hpp); null: nowhere. Their
  /// timers, and states of whole tasks, stay in memory. A run that goes on from a checkpoint of one with a store needs
  /// one of that kind.
  std::shared_ptr<state_backend> store = {};
  /// What must survive the process; empty: nothing. Every batch is an epoch. Its record, with what states have changed,
  /// is on the device before its sinks commit, so a batch costs a write and a sync more.
  checkpointing checkpoints = {};
  std::shared_ptr<fault_injector> faults = {};  ///< tests: what goes wrong, and when
};

}  // namespace freshet
