// One use of each component: a value is pushed from Boost.Asio, a planned fault lets its first call fail, a count of it
// is kept in RocksDB, a row goes into a SQLite database, a PostgreSQL server and a Kafka broker that aren't there are
// missed, and what the program has to say goes through spdlog. Exit status 0 when all of that has happened.
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <freshet/connect/asio.hpp>
#include <freshet/freshet.hpp>
#include <functional>
#include <memory>
#include <vector>
#ifdef WITH_TESTING
#include <freshet/testing/fault_plan.hpp>
#endif
#ifdef WITH_OBSERVE
#include <filesystem>
#include <freshet/observe/spdlog_sink.hpp>
#endif
#ifdef WITH_ROCKSDB
#include <freshet/state/rocksdb_store.hpp>
#endif
#ifdef WITH_SQLITE
#include <cstdint>
#include <freshet/connect/sqlite/sink.hpp>

struct run_row {
  std::int64_t number;
};
/// As an engine with checkpoints does it.
bool write_row() {
  freshet::sqlite::sink<run_row> runs{
      "components.db", "insert into runs values (?)", {.schema = "create table if not exists runs(number integer)"}};
  const freshet::epoch_id epoch{7, 1};
  runs.open({});
  runs.begin(epoch);
  runs.write({1});
  runs.prepare();
  runs.commit();
  return runs.last_committed() == epoch;
}
#endif

#ifdef WITH_POSTGRESQL
#include <exception>
#include <freshet/connect/postgresql/sink.hpp>
#include <string_view>

struct remote_row {
  int number;
};
/// The sink looks for the server, with libpq, and says where.
bool misses_server() {
  freshet::postgresql::sink<remote_row> runs{"host=/nonexistent dbname=runs", "insert into runs values ($1)"};
  try {
    runs.open({});
  } catch (const std::exception& e) {
    return std::string_view(e.what()).find("database \"runs\" at \"/nonexistent") != std::string_view::npos;
  }
  return false;
}
#endif

#ifdef WITH_KAFKA
#include <exception>
#include <freshet/connect/kafka/spout.hpp>
#include <string_view>

/// The spout looks for the brokers, with librdkafka, and says where.
bool misses_broker() {
  const freshet::kafka::spout<int> numbers{{.servers = "127.0.0.1:1", .topics = {"numbers"}}};
  try {
    (void)numbers.partitions();
  } catch (const std::exception& e) {
    return std::string_view(e.what()).find("the brokers at 127.0.0.1:1") != std::string_view::npos;
  }
  return false;
}
#endif

struct count_numbers {
  using state = int;
  void process(int, int& count) { ++count; }
};

int main() {
  freshet::push_spout<int> numbers;
  freshet::collect_sink<int> seen;
  freshet::topology_builder builder("components");
  auto read = builder.spout("numbers", numbers);
  builder.sink("seen", seen).input(read, freshet::shuffle_grouping{});
  builder.bolt("count", count_numbers{}).input(read, freshet::key_grouping{std::identity{}});

  freshet::event_options options;
#ifdef WITH_TESTING
  auto faults = std::make_shared<freshet::testing::fault_plan>();
  faults->throw_at("seen", 0, 0);
  options.faults = faults;
#endif
#ifdef WITH_OBSERVE
  options.log = freshet::logger{freshet::spdlog_sink({.file = "components.log", .flush_at = freshet::log_level::info}),
                                freshet::log_level::info};
  options.log.log(freshet::log_level::info, "components", "starting");
#endif
#ifdef WITH_ROCKSDB
  options.store = freshet::rocksdb::store({.dir = "components.states", .cache_bytes = 0});
#endif
  auto run = freshet::event_executor{options}.start(builder.build());

  boost::asio::io_context io;
  bool pushed = false;
  freshet::async_push(numbers, 7, boost::asio::bind_executor(io, [&](boost::system::error_code failed) {
                        pushed = !failed;
                        numbers.close();
                      }));
  io.run();
  run.wait();

  bool right = pushed && seen.take() == std::vector<int>{7};
#ifdef WITH_TESTING
  right = right && faults->done().thrown == 1 && run.metrics().node("numbers").replayed == 1;
#endif
#ifdef WITH_OBSERVE
  right = right && std::filesystem::file_size("components.log") > 0;
#endif
#ifdef WITH_SQLITE
  right = right && write_row();
#endif
#ifdef WITH_POSTGRESQL
  right = right && misses_server();
#endif
#ifdef WITH_KAFKA
  right = right && misses_broker();
#endif
  right = right && run.query<int>("count", 7) >= 1;  // again, when it was replayed
  std::puts(right ? "the components work" : "THE COMPONENTS DO NOT WORK");
  return right ? 0 : 1;
}
