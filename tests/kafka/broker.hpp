#pragma once
#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// A real Kafka broker for tests, and what lies on it as librdkafka's C interface has it: nothing of our own component.
namespace freshet::kafka {

/// A record as the broker has it. `nullopt` is Kafka's null, which is not the empty string.
struct raw_record {
  std::optional<std::string> key = {}, value = {};
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
  std::int64_t time_ms = -1;    ///< since 1970; to write: -1 and 0 are now
  std::int32_t partition = -1;  ///< to write: -1 is the one of the key, as the Java client has it
  std::int64_t offset = -1;     ///< not looked at to write

  bool operator==(const raw_record&) const = default;
  friend void PrintTo(const raw_record& r, std::ostream* out) {
    *out << "partition " << r.partition << " offset " << r.offset << " time " << r.time_ms << " key "
         << ::testing::PrintToString(r.key) << " value " << ::testing::PrintToString(r.value) << " headers "
         << ::testing::PrintToString(r.headers);
  }
};

/// Names and values, for topics and for clients.
using raw_settings = std::vector<std::pair<std::string, std::string>>;

/// Which records a reader sees.
enum class isolation { committed, uncommitted };

struct broker_settings {
  bool secure = false;                ///< clients must use TLS and SASL: `told()` has names, passwords and files
  int nodes = 1;                      ///< or 3
  std::vector<std::string> set = {};  ///< further settings of the broker, "name=value"
};

/// A program that the broker needs is not installed.
struct not_installed : std::runtime_error {
  using runtime_error::runtime_error;
};

/// A cluster that `broker/start` has started: one that all tests share, or one of the test's own. Its own is ended with
/// the object and its data are removed; half a second after this process where that ends in another way. Errors are a
/// runtime_error with the program's or librdkafka's words; where nothing answers, after half a minute. Any thread.
class kafka_broker {
 public:
  /// The one for tests that leave it as it is: that of ctest or another, whose `start` has printed to the file that
  /// the environment's FRESHET_KAFKA_BROKER names; else one that the first call starts. Null where a program is not
  /// installed: `why_not` says so.
  static kafka_broker* shared(std::string& why_not);
  /// One of the test's own, which may be killed and stalled. Takes some seconds. Throws not_installed.
  explicit kafka_broker(const broker_settings& settings = {});
  kafka_broker(const kafka_broker&) = delete;
  kafka_broker& operator=(const kafka_broker&) = delete;
  ~kafka_broker();

  /// For `bootstrap.servers`. The same for as long as the broker has its data.
  const std::string& bootstrap() const { return told("bootstrap"); }
  /// A line of what `start` has printed: "ca", "user_password", ...; broker/README.md has them all.
  const std::string& told(const std::string& name) const;

  // -------- its process, not of the shared one. Nodes are 1 to 3, and 0 is all.

  void kill(int node = 0);    ///< with SIGKILL; the data stay
  void stop(int node = 0);    ///< as an operator does; the data stay
  void resume(int node = 0);  ///< on the same ports and data; returns when it is ready
  void stall(int node = 0);   ///< with SIGSTOP: connections stay, nothing is answered
  void go_on(int node = 0);   ///< after stall
  /// Those that run.
  std::vector<pid_t> processes(int node = 0) const;

  // -------- topics

  /// Returns when each partition has a leader.
  void create_topic(const std::string& name, int partitions = 1, const raw_settings& settings = {}) const;
  /// Returns when the broker no longer knows it.
  void delete_topic(const std::string& name) const;
  /// Of a partition, those before an offset. Returns when they are gone.
  void delete_records(const std::string& topic, int partition, std::int64_t before) const;

  // -------- records

  /// Writes them in this order, idempotently. Returns them as they lie there, with partition, offset and time.
  std::vector<raw_record> produce(const std::string& topic, std::vector<raw_record> records,
                                  const raw_settings& settings = {}) const;
  /// The same in one transaction, which is then committed or aborted. It takes one more offset of each partition.
  std::vector<raw_record> transact(const std::string& topic, std::vector<raw_record> records, bool commit) const;
  /// What is there now, by partition and offset.
  std::vector<raw_record> read_all(const std::string& topic, isolation which = isolation::committed) const;
  /// What the group has committed for each partition, from 0. Waits for a transaction that is going on.
  std::vector<std::optional<std::int64_t>> committed(const std::string& group, const std::string& topic) const;

  // -------- the Java clients that come with the broker. Each call takes about 2 s.

  /// The values, as the console consumer prints those that read_all has: in order within a partition. No line breaks.
  std::vector<std::string> java_consume(const std::string& topic) const;
  /// Writes a record for each key, without tabs or line breaks, into a topic without records by the console producer.
  /// Returns which partition it has chosen.
  std::map<std::string, std::int32_t> java_produce(const std::string& topic,
                                                   const std::vector<std::string>& keys) const;

 private:
  struct report_of_another {
    std::string text;
  };
  explicit kafka_broker(const report_of_another& started);
  void read_report(const std::string& text);
  void run_script(const std::string& call, int node) const;
  void send(int signal, int node) const;
  std::string run_java(const std::string& call) const;
  const std::string& client_bootstrap() const;

  std::multimap<std::string, std::string> report_;  // by name; the nodes of one name in their order
  pid_t owner_ = -1;                                // the process that started it; -1: another's
};

/// A name for a topic, a group or a transactional id that no other test and no other process has.
std::string unique_name(const std::string& what = "t");

/// Tests on the shared broker; skipped where there is none.
class broker_test : public ::testing::Test {
 protected:
  void SetUp() override;

  kafka_broker* broker_ = nullptr;
};

}  // namespace freshet::kafka
