#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "connect/kafka/join_watch.hpp"
#include "connect/kafka/offset_commits.hpp"
#include "connect/kafka/reading.hpp"

namespace freshet::kafka {

/// A task as the member of a group: partitions come and go, as others do. What comes is told where to begin; what goes
/// is read no further, and leaves when it is finished, or `revoke_timeout` is over; what is lost goes at once.
///
/// A member that does not poll for long is taken for dead, and one that does not for a while keeps others waiting who
/// come. While the run does not poll, a thread of this does (`keep`). So all that is used here, `reading` and
/// `offset_commits` too, is used under `guard`. Callbacks of the client library come where it is polled.
class group_member {
 public:
  /// `take` is given what comes where this polls: callbacks mostly, hardly a record.
  group_member(reading& of, offset_commits& commits, join_watch& joins, std::function<void(message_ptr)> take);

  std::unique_lock<std::mutex> guard() { return std::unique_lock(mutex_); }
  void join();
  /// From where the run polls.
  void serve();
  void rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list);
  /// Something waits here: `serve` is to be called soon.
  bool waits() const { return leaving_ || coming_ || commits_.waits(); }
  /// Without `guard`: ends the thread.
  void stop_keeping();
  /// For a time when it may be left: what is committed beside a join is not taken, and read again by others.
  void wait_to_leave();
  /// Also who is no member is closed by it. The library's own close waits for brokers as long as requests do: a minute.
  void leave(std::chrono::milliseconds limit);

 private:
  using time_point = std::chrono::steady_clock::time_point;

  void subscribe();
  void keep(const std::stop_token& stop);
  void poll_for_run();
  std::chrono::milliseconds setting(const char* name) const;
  void pause_all(bool now);

  partition_id new_id();
  void come(rd_kafka_topic_partition_list_t* list);
  void take_coming();
  void assign_coming();
  void go(rd_kafka_topic_partition_list_t* list);
  bool is_finished();
  void let_go_when_finished();
  void let_go(bool commits);

  reading& of_;
  offset_commits& commits_;
  join_watch& joins_;
  const std::function<void(message_ptr)> take_;
  bool closing_ = false;
  partition_id next_id_;  // those of other tasks are others
  // What the group gives, until it is known where to begin.
  partitions_ptr coming_{};
  time_point come_at_{};
  // What the group takes away, until what was read of it is finished.
  partitions_ptr leaving_{};
  time_point leave_by_{};

  std::mutex mutex_{};
  std::condition_variable_any stopping_{};
  time_point last_poll_{};  // by the run
  bool kept_ = false;       // `keep` has paused everything
  std::jthread keeper_{};
};

/// Gives partitions that were just assigned, or taken away, to the client library. Throws where it doesn't take them.
void took(rd_kafka_error_t* e);

}  // namespace freshet::kafka
