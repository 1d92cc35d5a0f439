#pragma once
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/kafka/consumer.hpp"
#include "kafka/runs.hpp"

// Processes that read a topic, and may be killed: this test program once more, as another of its "tests".
namespace freshet::kafka {

/// What such a process does: reads the topic with at_least_once, commits for the group, and appends "partition offset"
/// to the file for each record, which is there when the call that finishes the record returns.
struct member_options {
  kafka::engine engine = kafka::engine::event;
  partitions_from from = partitions_from::group;
  std::string servers, topic, group, file;
  bool bounded = false;  ///< ends where the topic ended when it began
};

/// One of them. It ends when this object goes, or its own process, however that ends.
class member_process {
 public:
  explicit member_process(const member_options& options);
  member_process(const member_process&) = delete;
  member_process& operator=(const member_process&) = delete;
  ~member_process();

  /// With SIGKILL. Returns when it is gone.
  void kill();
  /// With SIGSTOP, and on.
  void stall() const;
  void go_on() const;
  /// Asks it to drain. Returns when it has ended: 0 is its status when all went well.
  int leave();
  /// A bounded one's end.
  int wait();

 private:
  pid_t child_ = -1;
  int tell_ = -1;  // it drains when this is closed
};

/// Partition and offset, as the files have them.
using place = std::pair<int, std::int64_t>;
std::vector<place> places_in(const std::string& file);

/// The place of a record, as a decoder and as text.
struct place_of {
  std::string operator()(const record& r) const { return std::to_string(r.partition) + " " + std::to_string(r.offset); }
};

}  // namespace freshet::kafka
