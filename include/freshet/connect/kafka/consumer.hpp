#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/connect/kafka/record.hpp"
#include "freshet/connect/kafka/settings.hpp"
#include "freshet/core/position.hpp"
#include "freshet/core/spout.hpp"
#include "freshet/core/task_context.hpp"
#include "freshet/core/topology.hpp"

namespace freshet::kafka {

/// Where reading begins in a partition of which no checkpoint says more.
class start_at {
 public:
  /// The oldest record that is still there.
  static start_at earliest() { return start_at(place::earliest); }
  /// Only what is written after the run has started.
  static start_at latest() { return start_at(place::latest); }
  /// Where the group has committed that everything before is finished. A partition of which it has committed nothing
  /// is read as `otherwise` says.
  static start_at committed(const start_at& otherwise = earliest()) {
    start_at s(place::committed);
    s.otherwise_ = otherwise.place_;
    s.time_ = otherwise.time_;
    s.offsets_ = otherwise.offsets_;
    return s;
  }
  /// The first record that was made at this time or later; the end where there is none.
  static start_at time(event_time t) {
    start_at s(place::time);
    s.time_ = t;
    return s;
  }
  /// By topic and partition; partitions that are not named are read from the earliest.
  static start_at offsets(std::map<std::pair<std::string, std::int32_t>, std::int64_t> all) {
    start_at s(place::offsets);
    s.offsets_ = std::move(all);
    return s;
  }

  // --- the spout's side ---
  enum class place : std::uint8_t { earliest, latest, committed, time, offsets };
  place where() const { return place_; }
  place otherwise() const { return otherwise_; }
  event_time when() const { return time_; }
  const std::map<std::pair<std::string, std::int32_t>, std::int64_t>& given() const { return offsets_; }

 private:
  explicit start_at(place p) : place_(p) {}
  place place_;
  place otherwise_ = place::earliest;
  event_time time_{};
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> offsets_;
};

/// Who says which partitions a task of a spout reads.
enum class partitions_from : std::uint8_t {
  /// The group, where there is one, else the run.
  automatic,
  /// The run: it deals all partitions that the topics have when it starts to the tasks of its spout, and needs nobody.
  /// Only so can a run keep checkpoints, be exactly once, and end at the topics' ends. Two processes that run the same
  /// topology read everything twice.
  run,
  /// The group's members, of which each task is one, whatever process it is in: Kafka gives partitions to them, and
  /// takes them away when members come and go.
  group,
};

/// Settings of a Kafka spout.
struct consumer_options {
  /// Brokers to begin with: "host:port", separated by commas.
  std::string servers;
  std::vector<std::string> topics = {};
  /// In place of `topics`: a regular expression (extended POSIX) that has to match the whole of a topic's name. With
  /// partitions from a group, topics that are made later are read, too.
  std::string topic_pattern = {};
  /// The consumer group. Finished positions are committed in its name, where the guarantee keeps them; see
  /// `partitions_from` for what else it means. Empty: nothing is committed in Kafka.
  std::string group = {};
  kafka::partitions_from partitions_from = kafka::partitions_from::automatic;
  /// With partitions from a group what it has committed comes first, and this is for partitions of which it has
  /// nothing.
  start_at start = start_at::committed();
  /// The run ends when the partitions are read up to the ends they had when it started. Needs partitions from the run.
  /// `batch_trigger::available_now` is no substitute: it takes a spout that has nothing at hand for one that has ended,
  /// and this one has nothing until its first records have come over the network.
  bool bounded = false;
  /// How long to wait at the start for brokers that are silent. Those that give a reason, and topics that are not
  /// there, are an error after 2 s at most.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  /// How long `read`, for a replay or a recomputation, waits for the next record before it gives up and is repeated.
  std::chrono::milliseconds read_timeout = std::chrono::seconds(10);
  /// Partitions that the group takes away are read no further; what was read of them may take so long to finish, and
  /// the group waits. What is finished by then is committed, the rest is read again by whoever gets them.
  std::chrono::milliseconds revoke_timeout = std::chrono::seconds(10);
  /// Records that a topic has deleted before they were read: an error, or a warning that says how many offsets are
  /// passed over. Where a run goes on from a checkpoint, the option of that name of the node (`spout_options`) counts.
  freshet::on_data_loss on_data_loss = freshet::on_data_loss::stop;
  /// Of the client library.
  kafka::settings settings = {};
};

/// The part of a Kafka spout that needs no type: reads records of the partitions it has, one after the other, and
/// commits. Errors are std::runtime_error and name brokers, topic, partition and what to do; never a secret.
///
/// Not thread safe, and not bound to a thread.
class consumer {
 public:
  /// Throws std::invalid_argument for options that can't be meant.
  static void check(const consumer_options& options);
  /// "orders/0", by topic and number; none where the group deals them. Asks the brokers.
  static std::vector<std::string> partitions(const consumer_options& options);

  /// Connects. Throws where nobody answers or lets us in, and for topics that are not there.
  consumer(const consumer_options& options, const task_context& context);
  ~consumer();
  consumer(const consumer&) = delete;
  consumer& operator=(const consumer&) = delete;

  /// The next record, of a partition that is wanted. Null: there is none now, and `status` says what next. Valid until
  /// the next call.
  const record* next(const std::function<bool(partition_id)>& wanted);
  const position& at() const { return at_; }
  /// What `next` gave last is not emitted: nobody will say that it is finished.
  void pass_over();
  /// Behind a `next` that gave null.
  poll_status status();
  /// Partitions that came to their end, or went to another member of the group, since it was last asked.
  std::vector<partition_id> take_ended();

  /// The records of a range, by a second connection, until it gives null.
  void again(const position_range& range);
  const record* next_again();

  void seek(const position& p);
  void commit(const position& p);
  /// Waits until what was committed has arrived, and leaves the group.
  void close();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
  position at_;
};

}  // namespace freshet::kafka
