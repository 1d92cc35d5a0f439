#pragma once
#include <string>
#include <vector>

#include "connect/kafka/connection.hpp"
#include "connect/kafka/sources.hpp"
#include "freshet/connect/kafka/consumer.hpp"

namespace freshet::kafka {

inline bool reads_by_group(const consumer_options& o) {
  return o.partitions_from == partitions_from::group ||
         (o.partitions_from == partitions_from::automatic && !o.group.empty());
}

inline partitions_ptr list_of(std::size_t n) {
  return partitions_ptr(rd_kafka_topic_partition_list_new(static_cast<int>(n)));
}
inline void add(const partitions_ptr& list, const source& s, std::int64_t offset) {
  rd_kafka_topic_partition_list_add(list.get(), s.topic.c_str(), s.partition)->offset = offset;
}
/// Throws std::runtime_error for an error.
inline void check(rd_kafka_resp_err_t code, const char* what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse(std::string(what) + ": " + in_words(code));
}

/// What those share that read for one task: how, by which connection, and which partitions. With partitions from a
/// group it is used by two threads (see `group_member`), one at a time.
struct reading {
  const consumer_options& options;
  const task_context& context;
  connection& main;
  source_list sources{};
  std::vector<partition_id> ended{};  ///< since the run was told last
  std::string failure{};              ///< from a callback: thrown where the run can see it

  bool by_group() const { return reads_by_group(options); }
  void pause(source& s, bool now) {
    if (std::exchange(s.paused, now) == now) return;
    const auto list = list_of(1);
    add(list, s, RD_KAFKA_OFFSET_INVALID);
    if (now) rd_kafka_pause_partitions(main.get(), list.get());
    else rd_kafka_resume_partitions(main.get(), list.get());
  }
};

}  // namespace freshet::kafka
