#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "freshet/connect/kafka/record.hpp"
#include "freshet/connect/kafka/settings.hpp"
#include "freshet/core/held_tuple.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::kafka {

/// Settings of a Kafka sink.
struct producer_options {
  /// Brokers to begin with: "host:port", separated by commas.
  std::string servers;
  /// Where records go that don't say it themselves. It has to be there when a run starts.
  std::string topic;
  /// How long to wait at the start for brokers that are silent; as for a spout.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  /// How long the client library tries to deliver a record, before its tuple fails. As long as Kafka's own clients do.
  std::chrono::milliseconds delivery_timeout = std::chrono::minutes(2);
  /// Records of a task that no broker has confirmed yet. A node whose task has so many is given nothing more until some
  /// are. Enough for a round trip at full speed.
  std::size_t max_in_flight = 50'000;
  /// The same in bytes: memory, beside what the records of one call take. At least 1 MiB.
  std::size_t max_in_flight_bytes = std::size_t{64} << 20;
  /// How long `close` waits for what is in flight, where a run ends without waiting for it (best_effort, cancel).
  std::chrono::milliseconds close_timeout = std::chrono::seconds(5);
  /// Of the client library.
  kafka::settings settings = {};
};

/// The part of a Kafka sink that needs no type: sends records, and answers for each when a broker has. Errors are
/// std::runtime_error and name brokers, topic and what to do; never a secret.
///
/// Not thread safe, and not bound to a thread.
class producer {
 public:
  /// Throws std::invalid_argument for options that can't be meant.
  static void check(const producer_options& options);
  /// Connects, and looks for the topic. Throws where nobody answers or lets us in.
  producer(const producer_options& options, const task_context& context);
  ~producer();
  producer(const producer&) = delete;
  producer& operator=(const producer&) = delete;

  /// Sends a record. Throws where it can't be: it is too large, or its topic or partition is not there. What ends the
  /// run, here, in answers and in `serve`, is fatal: the sink's own topic is gone or may not be written to, or the
  /// client library has given the producer up.
  void send(const outgoing& record);
  /// Whose answer is that of the record sent last: acked when the brokers have it, failed when they don't take it.
  /// REQUIRES: `send` has returned, and nothing else was called since.
  void answer_to(held_tuple waiting);
  /// Gives the answers that have come. Throws fatal_error.
  void serve();
  /// False: there are too many in flight. The waker of the task is called when answers come.
  bool has_room();
  /// What waits for others to be sent with goes out now.
  void flush();
  void close();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace freshet::kafka
