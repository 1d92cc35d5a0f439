#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "freshet/base/clock.hpp"
#include "freshet/base/log.hpp"
#include "freshet/core/fault_injector.hpp"
#include "freshet/core/state_store.hpp"
#include "freshet/runtime/checkpointing.hpp"
#include "freshet/runtime/executor.hpp"
#include "freshet/runtime/idle.hpp"

namespace freshet {

/// How often and how soon a failed message or call is tried again: `first` doubled each time, up to `longest`.
struct retry_options {
  /// With the first. Five, at the pauses below, outlast a connection that comes back (150 ms) but not a poison message.
  std::uint32_t max_attempts = 5;
  std::chrono::nanoseconds first = std::chrono::milliseconds(10);  ///< long enough for a dropped connection to return
  /// For those who ask for many attempts: a service that was restarted is found again within so long.
  std::chrono::nanoseconds longest = std::chrono::seconds(10);
  /// The pause before attempt `attempt` (2 is the first repetition).
  std::chrono::nanoseconds backoff(std::uint32_t attempt) const;
};

/// Settings of an event_executor.
struct event_options {
  /// No message is lost unless somebody says that it may be.
  freshet::guarantee guarantee = freshet::guarantee::at_least_once;
  std::size_t workers = 0;  ///< threads; 0: as many as the hardware has
  freshet::idle idle = freshet::idle::adaptive;
  /// Worker i stays on the i-th of the processors that the process may run on; an error at start where there are fewer,
  /// and on other systems than Linux. Off, as the kernel knows better what else the machine has to do.
  bool pin = false;
  /// Tuples in a batch between two tasks, at most 1024. Larger ones save little: the cost of a hand-over is spread over
  /// 256 already.
  std::size_t max_batch = 256;
  /// Batches in a channel between two tasks: with `max_batch` the bound of what waits there. At most 65,536.
  std::size_t channel_batches = 16;
  retry_options retry = {};
  /// Held tuples only: nothing else can get lost inside a process. Storm's default. 0 or max(): no limit.
  std::chrono::nanoseconds message_timeout = std::chrono::seconds(30);
  /// How often a spout hears how far its messages are finished; under exactly_once, which keeps no count of single
  /// messages, only when the run has drained. A crash repeats at most what came since: a second of
  /// input, for one small write a second where the position is written to a file or a broker.
  std::chrono::nanoseconds commit_interval = std::chrono::seconds(1);
  /// How long a drain or stop waits for what is under way. As long as message_timeout, so that a held tuple ends first,
  /// by its token or by its timeout.
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);
  /// How long a run that fails or was given up waits for a call that doesn't return, before its error names the bolt.
  /// Less than the 30 s after which most service managers kill.
  std::chrono::nanoseconds stop_timeout = std::chrono::seconds(10);
  /// A task that holds a worker longer is named in the log and in `status()`: cooperative work takes microseconds, so
  /// a second is a mistake and never a busy moment.
  std::chrono::nanoseconds stall_limit = std::chrono::seconds(1);
  /// Of dead letters that no node reads: how many `status()` keeps. Enough to see what they have in common.
  std::size_t kept_dead_letters = 100;
  logger log{stderr_log(log_level::warning), log_level::warning};
  const freshet::clock* clock = &freshet::clock::real();
  /// Where the states of keys are kept that memory has no room for (see state/rocksdb_store.hpp); null: nowhere. Their
  /// timers, and states of whole tasks, stay in memory. A run that goes on from a checkpoint of one with a store needs
  /// one of that kind.
  std::shared_ptr<state_backend> store = {};
  /// What must survive the process; empty: nothing. Epochs come with it, and with them `exactly_once` across processes
  /// and sinks that commit by epochs.
  checkpointing checkpoints = {};
  /// How often an epoch is made: so much is done again after a crash, and so long sinks that commit by epochs keep
  /// their rows back. A second is what a restart can well do again; what it costs stands in bench/README.md.
  std::chrono::nanoseconds checkpoint_interval = std::chrono::seconds(1);
  std::shared_ptr<fault_injector> faults = {};  ///< tests: what goes wrong, and when
};

}  // namespace freshet
