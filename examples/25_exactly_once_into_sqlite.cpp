// Rows that go into a SQLite database exactly once, whatever ends the program. Look at `write_bookings`: the sink notes
// in the transaction of its rows which epoch they are of, and `checkpoints.directory` lets the next run go on behind
// it.
//
//     25_exactly_once_into_sqlite           is stopped by a signal, then killed, then comes to its end
//     25_exactly_once_into_sqlite FOLDER    one life: stop it (Ctrl-C, kill, kill -9), start it again, as often as you
//     like
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <freshet/connect/sqlite/sink.hpp>
#include <freshet/freshet.hpp>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct sale {
  std::int64_t number = 0;
  std::string city;
  std::int64_t cents = 0;
};
struct booking {
  std::int64_t number = 0;
  std::string city;
  std::int64_t cents = 0, total = 0;  ///< of the city so far
};
struct add_up {
  using state = std::int64_t;
  booking process(const sale& s, state& total) { return {s.number, s.city, s.cents, total += s.cents}; }
};

constexpr int sales = 100'000, cities = 50;

void write_sales(const fs::path& folder) {
  fs::create_directories(folder);
  if (fs::exists(folder / "sales.csv")) return;
  std::ofstream out(folder / "sales.csv");
  for (int i = 0; i < sales; ++i) out << i << ",city" << i * 7 % cities << ',' << i % 100 << '\n';
}

/// No key in the table: a row that is written twice is there twice.
freshet::topology write_bookings(const fs::path& folder) {
  freshet::stream_builder builder{"bookings"};
  builder.spout("sales", freshet::file::csv_spout<sale>{(folder / "sales.csv").string(), {.header = false}})
      .key_by(&sale::city)
      .process("totals", add_up{}, {.parallelism = 2})
      .to("rows", freshet::sqlite::sink<booking>{
                      (folder / "bookings.db").string(),
                      "insert into bookings values (?, ?, ?, ?)",
                      {.schema = "create table if not exists bookings(number integer, city text, cents integer, "
                                 "total integer)"}});
  return builder.build();
}

/// Goes on where the run before ended. An engine that keeps checkpoints takes the place of the other one here.
void run(const fs::path& folder) {
  write_sales(folder);
  freshet::batch_options options;
  options.interval = 10ms;
  options.rows_per_batch = 1'000;
  options.checkpoints.directory = (folder / "checkpoints").string();
  auto run = freshet::batch_executor{options}.start(write_bookings(folder));
  freshet::drain_on_signals stop(run);  // Ctrl-C and kill: what has been read is finished
  run.wait();
}

/// What the table says: its rows, the sales they are of, and whether the totals are those of the rows.
int check(const fs::path& folder) {
  constexpr const char* question =
      "select count(*), count(distinct number), sum(cents) = (select sum(last) from (select max(total) as last from "
      "bookings group by city)) from bookings";
  sqlite3* db = nullptr;
  sqlite3_stmt* row = nullptr;
  int rows = 0, distinct = 0;
  bool totals_are_right = true;  // of no rows, when there is no table yet
  if (sqlite3_open((folder / "bookings.db").c_str(), &db) == SQLITE_OK &&
      sqlite3_prepare_v2(db, question, -1, &row, nullptr) == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW) {
    rows = sqlite3_column_int(row, 0);
    distinct = sqlite3_column_int(row, 1);
    totals_are_right = sqlite3_column_int(row, 2) == 1 || rows == 0;
  }
  sqlite3_finalize(row);
  sqlite3_close(db);
  std::cout << rows << " rows of " << distinct << " sales, " << sales - distinct << " to come, the totals are "
            << (totals_are_right ? "right" : "WRONG") << std::endl;
  return rows == distinct && totals_are_right ? 0 : 1;
}

/// A life in a process of its own, which gets `signal` after a while.
int live(const fs::path& folder, std::chrono::milliseconds patience, int signal) {
  const auto child = fork();
  if (child == 0) {
    try {
      run(folder);
      _exit(0);
    } catch (const std::exception& e) { std::cerr << e.what() << std::endl; }
    _exit(1);
  }
  std::this_thread::sleep_for(patience);
  if (signal != 0) kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return 1;
  std::cout << (WIFSIGNALED(status) ? "killed:  " : signal != 0 ? "stopped: " : "ended:   ");
  return check(folder);
}

int main(int argc, char** argv) {
  try {
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
      std::cerr << "usage: " << argv[0] << " [FOLDER]\n";
      return 2;
    }
    if (argc == 2) {
      run(argv[1]);
      return check(argv[1]);
    }
    const auto folder = fs::temp_directory_path() / ("freshet-into-sqlite-" + std::to_string(getpid()));
    write_sales(folder);
    const int wrong = live(folder, 300ms, SIGTERM) + live(folder, 300ms, SIGKILL) + live(folder, 0ms, 0);
    fs::remove_all(folder);
    return wrong == 0 ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
