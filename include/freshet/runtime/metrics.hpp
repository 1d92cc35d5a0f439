#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/base/histogram.hpp"
#include "freshet/base/time_arithmetic.hpp"
#include "freshet/core/position.hpp"

namespace freshet {

/// Counters of one task, or sums over the tasks of a node. Exact: after a drain, for a spout, emitted = acked + failed.
///
/// A chain of nodes runs as one task: what belongs to the task (latencies, shares of time, retries, dead letters,
/// state) stands under its first node; the others have `executed`, `emitted`, `transferred` and `failed`.
struct task_metrics {
  std::string node;
  std::uint32_t task = 0;
  std::uint64_t emitted = 0;        ///< spouts: messages, each once however often it is replayed; others: tuples sent
  std::uint64_t transferred = 0;    ///< tuples handed to other tasks, one a delivery
  std::uint64_t executed = 0;       ///< calls of `process`, or tuples written by a sink
  std::uint64_t acked = 0;          ///< spouts: messages finished; without a ledger: by the spout's own chain
  std::uint64_t failed = 0;         ///< spouts: messages given up; others: failed calls
  std::uint64_t timed_out = 0;      ///< holds that `message_timeout` ended
  std::uint64_t late_answers = 0;   ///< acks and failures of tokens that had ended before: they change nothing
  std::uint64_t replayed = 0;       ///< spouts: attempts after the first
  std::uint64_t retried = 0;        ///< calls repeated in place
  std::uint64_t dead_lettered = 0;  ///< tuples that became dead letters, read by somebody or not
  std::uint64_t skipped = 0;        ///< tuples given up by on_failure::skip
  std::uint64_t lost = 0;           ///< spouts: messages that were gone when they had to be read again, in `failed` too
  std::uint64_t late = 0;           ///< tuples that came too late, by their own stamps; they are in the late output
  std::uint64_t woke_behind = 0;    ///< tuples that came too late only because their partition had been idle; likewise
  /// How far event time has come: of a spout, what those who read it may know; of others, up to where timers have been
  /// called. Of several tasks the least. `beginning_of_time`: nowhere yet, or nothing has event times.
  event_time watermark = beginning_of_time;
  /// How far it is behind `now`, mostly `run_metrics::taken`: 0 where it is ahead, nothing where it stands at no event.
  std::optional<event_span> watermark_lag(event_time now) const;
  /// Spouts under at_least_once: the first unfinished message of a partition, while the watermark waits for such. Of
  /// several tasks that of the one that is behind most.
  std::optional<position> holding_back;
  std::uint64_t pending = 0;        ///< spouts: messages emitted and not finished
  std::uint64_t queued = 0;         ///< batches waiting in the task's input channels
  std::uint64_t batches = 0;        ///< batches alive in the task's outboxes and channels
  std::uint64_t state_rows = 0;     ///< keys with state
  std::uint64_t state_expired = 0;  ///< keys that began anew, or are gone, as their time to live was over
  std::uint64_t state_bytes = 0;  ///< of the tables, and about what keys and states own elsewhere; updated now and then
  double busy = 0;                ///< share of the time since start spent in user code: Storm's capacity
  double backpressured = 0;       ///< share of the time since start with work, but no room to send it
  double idle = 0;                ///< the rest
  /// Spouts: share of the time since start between a poll that said `idle` or `ended` and the next. In all other time
  /// the task had more at hand, or could not ask for want of room or of a worker: so much of it is a lag.
  double nothing_at_hand = 0;
  histogram execute_latency;   ///< ns a batch: one reading by the chain's head
  histogram complete_latency;  ///< spouts, ns: from emit to the end of the tuple tree
};

/// Tuples that went over one input of one node: counted when they have a place in the channel to the task that reads
/// them (event engine), or in the blocks of their batch.
struct edge_metrics {
  std::string from, to;
  std::uint32_t from_node = 0, to_node = 0, input = 0;
  std::uint64_t transferred = 0;
  /// ns. Event engine: of each batch, from leaving the producing task until it is taken. Batch engine: of each block,
  /// from when it is complete until a task of the reading stage begins to read it, for the first time.
  histogram transfer_latency;
};

/// One micro-batch, under Spark's names for the same things (StreamingQueryProgress, BatchInfo).
struct batch_progress {
  std::uint64_t batch_id = 0;
  std::int64_t timestamp_ms = 0;  ///< trigger start, UTC
  std::uint64_t num_input_rows = 0;
  double input_rows_per_second = 0;      ///< rows / time since the last trigger
  double processed_rows_per_second = 0;  ///< rows / processing time
  std::chrono::nanoseconds scheduling_delay{};
  std::chrono::nanoseconds processing_time{};
  std::chrono::nanoseconds total_delay{};
  struct step {
    /// In this order: latestOffset (the input is cut), queryPlanning (who has work), getBatch (0: the input is there),
    /// addBatch (stages, and sinks write and prepare), walCommit (the epoch's record is on the device; 0 without
    /// checkpoints), commitOffsets (sinks, states and spouts commit), triggerExecution (the sum).
    std::string name;
    std::chrono::nanoseconds took{};
  };
  std::vector<step> duration;
  std::uint64_t tasks = 0;
  std::uint64_t attempts_failed = 0;
  std::uint64_t recomputed_partitions = 0;
  bool more_at_hand = false;  ///< when it was cut, a spout had more, or there was no room to ask it

  /// One spout, all its tasks together.
  struct source {
    /// What was read of one partition.
    struct extent {
      std::string partition;           ///< its name; its number where the spout names none
      std::uint64_t start_offset = 0;  ///< where the first message of the batch stands
      std::uint64_t end_offset = 0;    ///< where reading goes on
    };
    std::string description;  ///< the node's name
    std::uint64_t num_input_rows = 0;
    double input_rows_per_second = 0;      ///< as of the whole batch
    double processed_rows_per_second = 0;  ///< likewise
    /// Of partitions that the batch has messages of, task by task. Empty where the spout has no positions.
    std::vector<extent> extents{};
  };
  /// One sink, all its tasks together.
  struct sink {
    std::string description;            ///< the node's name
    std::uint64_t num_output_rows = 0;  ///< written; those that were given up are not
  };
  std::vector<source> sources{};  ///< every spout, also those that had nothing
  std::vector<sink> sinks{};      ///< every sink, likewise

  /// A line of JSON under the names of Spark's StreamingQueryProgress, for programs that read such:
  ///     {"timestamp":"2024-03-01T09:00:00.000Z","batchId":3,"batchDuration":4.250,"numInputRows":100,
  ///      "inputRowsPerSecond":1000.0,"processedRowsPerSecond":23529.4,"durationMs":{"addBatch":3.500,...},
  ///      "sources":[{"description":"lines","startOffset":{"a.log":0},"endOffset":{"a.log":120},"numInputRows":100,
  ///      "inputRowsPerSecond":1000.0,"processedRowsPerSecond":23529.4}],
  ///      "sinks":[{"description":"out","numOutputRows":100}],"schedulingDelay":0.020,"tasks":2,"attemptsFailed":0,
  ///      "recomputedPartitions":0,"moreAtHand":false}
  /// Durations are milliseconds, with a fraction, which Spark's have not. A topology may have several sinks, hence
  /// `sinks`; what follows them has no name in Spark's record.
  std::string json() const;
};

/// Blocks for which the batch engine had no room in memory, since the run began.
struct block_metrics {
  std::uint64_t evicted = 0;        ///< dropped: computed again where somebody still needs them
  std::uint64_t spilled = 0;        ///< written to the spill file
  std::uint64_t spilled_bytes = 0;  ///< written there
  std::uint64_t read_back = 0;      ///< as often as somebody needed one
  std::uint64_t not_spilled = 0;    ///< could not be written, or had no room on disk: evicted, or kept in memory
  std::uint64_t spilled_lost = 0;   ///< could not be read back, or were damaged: computed again
};

/// One change of the engine in an adaptive run.
struct engine_switch {
  event_time at{};                  ///< UTC, when the next engine was at work
  std::string to;                   ///< "event_executor", "batch_executor"
  std::string why{};                ///< with the numbers
  std::chrono::nanoseconds took{};  ///< from the stop of the one to the start of the other: nothing was polled
};

/// Which engine a run is on, and which it was on before.
struct engine_use {
  std::string at_work;                  ///< "event_executor", "batch_executor"; during a switch the one that is left
  bool switching = false;               ///< an adaptive run is between two runs, for a switch or other tasks
  std::uint64_t switches = 0;           ///< from engine to engine, since the adaptive run was started
  std::vector<engine_switch> recent{};  ///< the newest of them, oldest first, at most 16
};

/// A snapshot of a run.
///
/// Of runs that follow one another (adaptive_executor, restarting_executor) counters, latencies and `uptime` are of all
/// of them together: what a run had counted when it was over stays counted, and tasks that are there no more are
/// counted for by the first of their node. What is true of a moment (watermarks, `pending`, `queued`, `state_rows` and
/// the like), shares of time and `batches` are of the run at work, the shares since that was started. A run that has
/// failed had messages that it had not finished: they are counted as failed, and where they come again as emitted
/// again, so that emitted = acked + failed holds; what the next run does again that was done since the last epoch
/// counts again, too.
struct run_metrics {
  std::string topology;
  event_time taken{};                 ///< by the run's clock
  std::chrono::nanoseconds uptime{};  ///< without the time between runs
  std::vector<task_metrics> tasks;
  std::vector<edge_metrics> edges;
  std::vector<batch_progress> batches;  ///< batch engine: the newest ones, oldest first
  std::uint64_t batches_done = 0;
  std::uint64_t recomputed_partitions = 0;
  block_metrics blocks;  ///< batch engine
  engine_use engine;

  /// Sums over the tasks of a node; a default value when there is no such node.
  task_metrics node(std::string_view name) const;
  /// Sums over all spouts' tasks, then over all others: enough for totals.
  task_metrics total() const;
};

}  // namespace freshet
