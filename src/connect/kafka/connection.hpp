#pragma once
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/log.hpp"
#include "freshet/connect/kafka/settings.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::kafka {

template <auto Destroy>
struct destroyed_by {
  template <class X>
  void operator()(X* x) const {
    Destroy(x);
  }
};
/// Without leaving a group, which would wait for brokers, and call back whom there may be no longer.
inline void destroy_client(rd_kafka_t* client) { rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); }
using client_ptr = std::unique_ptr<rd_kafka_t, destroyed_by<destroy_client>>;
using queue_ptr = std::unique_ptr<rd_kafka_queue_t, destroyed_by<rd_kafka_queue_destroy>>;
using message_ptr = std::unique_ptr<rd_kafka_message_t, destroyed_by<rd_kafka_message_destroy>>;
using partitions_ptr =
    std::unique_ptr<rd_kafka_topic_partition_list_t, destroyed_by<rd_kafka_topic_partition_list_destroy>>;
using topic_ptr = std::unique_ptr<rd_kafka_topic_t, destroyed_by<rd_kafka_topic_destroy>>;
using metadata_ptr = std::unique_ptr<const struct rd_kafka_metadata, destroyed_by<rd_kafka_metadata_destroy>>;

/// The settings of one client: what we set unless the user does, what the user sets, and what only we set, with what a
/// user is told who sets it.
struct client_settings {
  struct reserved {
    std::string_view name;
    std::string instead;
  };
  std::string servers;
  std::vector<std::pair<std::string, std::string>> defaults;
  const settings* users = nullptr;
  std::vector<reserved> refused;
  std::vector<std::pair<std::string, std::string>> fixed;
};

/// What all clients have: of a spout's task or a sink's, which `owner` says.
client_settings common_settings(std::string_view owner, const std::string& servers, const settings& users,
                                const task_context& context);
/// Empty: there is none.
std::string value_of(const rd_kafka_conf_t* conf, const char* name);

/// A connection to the brokers of a cluster. What goes wrong with it the client library tells by callbacks, which run
/// where it is polled; the first reason that will not pass by itself is kept. Used by one thread at a time.
class connection {
 public:
  using callbacks = void (*)(rd_kafka_conf_t*);
  /// Throws std::runtime_error where a setting is wrong. `opaque` is handed to `more`'s callbacks.
  connection(rd_kafka_type_t kind, const client_settings& all, const logger& log, callbacks more = nullptr,
             void* opaque = nullptr);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  rd_kafka_t* get() const { return client_.get(); }
  static void* opaque_of(void* connection) { return static_cast<kafka::connection*>(connection)->opaque_; }
  const logger& log() const { return log_; }

  /// Calls `wake` when there is something to poll. Until `sleep`.
  void wake_by(waker wake);
  /// The main queue, for a consumer the one that its records come by.
  rd_kafka_queue_t* queue() const { return queue_.get(); }
  /// Serves callbacks, and drops what else comes: for times when nothing else can.
  void serve(std::chrono::milliseconds wait);

  /// How long a start that can say what is wrong goes on trying: users hear of it within 3 s.
  static constexpr std::chrono::milliseconds most_wait_with_reason{2000};
  /// What is known of topics: these, or all. Waits for brokers to answer, until `timeout`; where there is a reason why
  /// they don't, or topics are not there, not longer than `most_wait_with_reason`. Throws std::runtime_error with the
  /// reason, and what to do.
  struct topic {
    std::string name;
    std::int32_t partitions = 0;
  };
  std::vector<topic> topics(const std::vector<std::string>& names, std::chrono::milliseconds timeout);
  std::vector<topic> all_topics(std::chrono::milliseconds timeout);

  /// What is said of a partition that is no longer there: the library tells that as an error of its own.
  const std::optional<std::string>& missing() const { return missing_; }
  /// What was missing while topics were looked for is there by now.
  void forget_missing() { missing_.reset(); }
  /// A fatal error of the client, after which it is of no use.
  std::optional<std::string> fatal() const;
  /// "cannot reach the brokers at ...: <why>; <what to do>".
  std::string unreachable(const std::string& why) const;

 private:
  struct reason {
    rd_kafka_resp_err_t code;
    std::string text;
  };
  static void on_error(rd_kafka_t* client, int code, const char* text, void* connection);
  static void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text);
  static void on_event(rd_kafka_t* client, void* connection);
  /// How long to wait: for what gives no reason, and for what does.
  struct patience {
    explicit patience(std::chrono::milliseconds timeout);
    bool is_over(std::chrono::milliseconds span) const { return std::chrono::steady_clock::now() - began > span; }
    const std::chrono::steady_clock::time_point began;
    const std::chrono::milliseconds silent, with_reason;
  };
  metadata_ptr metadata(rd_kafka_topic_t* only, const patience& limit);
  std::string way_out(const reason& why) const;
  [[noreturn]] void give_up(std::chrono::milliseconds tried = {}) const;

  std::string servers_, protocol_, mechanism_;
  logger log_;
  void* opaque_;
  waker wake_;
  // Callbacks run where the client is polled, but the log's on threads of the client library.
  std::optional<reason> decisive_, last_;
  std::optional<std::string> missing_;
  client_ptr client_;
  queue_ptr queue_;
};

/// Throws std::runtime_error.
[[noreturn]] void refuse(std::string what);
/// "Broker: Unknown topic or partition".
std::string in_words(rd_kafka_resp_err_t code);

}  // namespace freshet::kafka
