#pragma once
#include <chrono>

#include "connect/kafka/commit_plan.hpp"
#include "connect/kafka/join_watch.hpp"
#include "connect/kafka/reading.hpp"

namespace freshet::kafka {

/// Tells the group of a spout what is finished. One that fails is made up for by the next, which has all of it, and a
/// number never goes back. Does nothing without a group.
class offset_commits {
 public:
  /// `joins`, where the task is a member: nothing is told beside a join. Null: it is none.
  offset_commits(reading& of, const join_watch* joins) : of_(of), joins_(joins), plan_(of.context.clock->now()) {}

  void finish(const position& p);
  /// Sends what is due and may be sent. From where the client is polled.
  void serve();
  /// All once more, and waits for the answer. False: nobody has answered.
  bool flush(std::chrono::milliseconds limit);
  /// There is something that the group has not been sent yet.
  bool waits() const { return plan_.waits(); }
  bool has_any() const { return has_any_; }

  /// An answer of the client library.
  void answered(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t* list);

 private:
  partitions_ptr everything();
  void send(const partitions_ptr& list);

  reading& of_;
  const join_watch* joins_;
  commit_plan plan_;
  bool has_any_ = false;
};

}  // namespace freshet::kafka
