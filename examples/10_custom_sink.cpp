// A sink of your own: a table of balances, written in bulk.
//
// Look at: `write` collects, `flush` stores (the engine calls it at the end, and each tick), `on_tick` keeps the table
// fresh in an endless stream, `close` tells what went wrong at last. A sink may get a tuple twice: when the message it
// came from is replayed. This one is idempotent: a row replaces the row of the same account unless it is older, so the
// table is right after any number of repetitions.
#include <chrono>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

struct balance {
  std::string account;
  std::uint64_t version = 0;
  std::int64_t cents = 0;
};

// Stands for a database: several connections at once, and it is away now and then.
class database {
 public:
  void upsert(const std::vector<balance>& rows) {
    std::lock_guard lock(mutex_);
    if (++calls_ == 2) throw std::runtime_error("the database is restarting");
    for (const auto& row : rows) {
      auto& known = table_[row.account];
      if (row.version > known.version) known = row;
    }
    std::cout << "stored " << rows.size() << " rows\n";
  }
  const std::map<std::string, balance>& table() const { return table_; }

 private:
  std::mutex mutex_;
  int calls_ = 0;
  std::map<std::string, balance> table_;
};

class balance_sink {
 public:
  // Ticks each second, where the topology asks for no other interval.
  static constexpr std::chrono::nanoseconds default_tick = 1s;

  explicit balance_sink(std::shared_ptr<database> to) : to_(std::move(to)) {}

  // What throws here fails the tuple. It is collected already: were it not taken out again, a replay would add it
  // twice.
  void write(const balance& row) {
    rows_.push_back(row);
    if (rows_.size() < 10) return;
    try {
      flush();
    } catch (...) {
      rows_.pop_back();
      throw;
    }
  }
  // What throws here is tried again by the engine, like a tuple.
  void flush() {
    if (rows_.empty()) return;
    to_->upsert(rows_);
    rows_.clear();
  }
  void on_tick() { flush(); }
  void close() {
    if (!rows_.empty()) throw std::runtime_error(std::to_string(rows_.size()) + " rows could not be stored");
  }

 private:
  std::shared_ptr<database> to_;
  std::vector<balance> rows_;
};

int main() {
  auto db = std::make_shared<database>();
  freshet::topology_builder builder("balances");
  auto balances = builder.spout(
      "balances", freshet::generator_spout{
                      [](std::uint64_t i) {
                        return balance{"account " + std::to_string(i % 3), i + 1, static_cast<std::int64_t>(i) * 100};
                      },
                      {.count = 35}});
  builder.sink("store", balance_sink{db}, {.parallelism = 2}).input(balances, freshet::key_grouping{&balance::account});

  auto run = freshet::event_executor{{.retry = {.first = 1ms}}}.start(builder.build());
  const freshet::drain_on_signals guard{run};  // Ctrl-C: what was read is stored
  run.wait();
  for (const auto& [account, row] : db->table()) std::cout << account << ": " << row.cents << " cents\n";
  std::cout << run.metrics().node("balances").replayed << " messages came again\n";
}
