#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/base/ids.hpp"

namespace freshet {

class reader;
class watermark_alignment;
class writer;

/// In place of a stamp that isn't known yet: no stamp is the end of time.
inline constexpr event_time not_stamped = end_of_time;

/// Where a message of a spout comes from, as far as its stamp depends on it.
struct message_source {
  partition_id partition = 0;
  bool continues = false;  ///< the message before it has the same position: both have one stamp
  bool is_past = false;    ///< a run before has finished it: the clock sees it, and nobody else
};

/// How far event time has come in one spout task: the watermark of each of its partitions, and of all. It belongs to
/// the bolt that gives tuples their times; this is what an engine asks of it. Used by one thread at a time, between the
/// task's calls.
class event_clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  virtual ~event_clock();
  /// Partitions that hold the watermark back from the start, before their first tuple.
  virtual void open(const std::vector<partition_id>& partitions, time_point now) = 0;
  /// The least watermark of the partitions that are not idle. Never goes back, and is never the end of time.
  virtual event_time watermark() = 0;
  /// Marks partitions as idle that have sent nothing for too long, where `could_send` was true all the time. Gives when
  /// to call again; time_point::max(): not for time's sake.
  virtual time_point look(time_point now, bool could_send) = 0;
  /// From here on it keeps in step with the clocks of the spout's other tasks, where it was told to; null: no longer,
  /// and those don't wait for it either. This, what follows, and which partitions have ended is about the run: copies
  /// don't bring it back.
  virtual void align(std::shared_ptr<watermark_alignment>, std::size_t /*task*/) {}
  /// False: the partition is ahead of the slowest by so much that no more of it should be read for now.
  virtual bool wants(partition_id) { return true; }
  /// The same of all partitions.
  virtual bool wants_any() { return true; }
  /// Some are not wanted.
  virtual bool holds_back() const { return false; }
  /// Since it was last asked something has become wanted that was not when asked about.
  virtual bool take_wanted_again() { return false; }
  /// Nothing more comes of a partition: it holds nobody back, as if it were idle.
  virtual void end_partition(partition_id) {}
  /// All partitions are idle: their watermark says nothing about when the next tuple comes.
  virtual bool is_idle() const = 0;
  /// The stamp of a message that was not shown to it: it failed, or was filtered out before.
  virtual event_time stamp_of(const message_source& from) = 0;
  /// A call will be made once more: what it has shown the clock, if anything, is forgotten. Only the last one can be.
  virtual void undo_call(std::uint64_t call) = 0;
  /// Event time is the executor's clock: `follow` is told of it before the task's calls, and where it has come to.
  virtual bool follows_clock() const { return false; }
  virtual void follow(event_time /*now*/) {}
  /// The watermark does not pass messages that may be emitted again.
  virtual bool waits_for_messages() const { return true; }
  /// Writes what it knows of a partition, and goes on there, in a later run; false for damaged bytes.
  virtual void save(partition_id, writer&) = 0;
  /// The same for a run that will see messages again which this one has seen, the first of them with the stamp
  /// `reached`: the watermark goes on from there, so each gets the stamp it had, and what a policy remembers beside it
  /// begins anew. Of a message that this one hasn't seen the stamp is where the watermark is.
  virtual void save_reached(partition_id, event_time reached, writer&) = 0;
  virtual bool load(partition_id, reader&) = 0;
  /// A copy of what it has seen, and back to it. REQUIRES: `other` is a copy of this one, or of one of its node.
  virtual std::unique_ptr<event_clock> copy() const = 0;
  virtual void assign(const event_clock& other) = 0;
  /// Takes the place of `other`, a clock of its node, in what is about the run. That one has no part in it any more.
  virtual void replace(event_clock& /*other*/) {}
};

}  // namespace freshet
