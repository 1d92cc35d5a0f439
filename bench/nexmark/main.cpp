// freshet-nexmark: one query of the Nexmark suite on either engine. See --help.
#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/runtime/signals.hpp"
#include "nexmark/queries.hpp"

namespace freshet::nexmark {
namespace {

struct arguments {
  int query = 0;
  std::string engine = "event";
  std::uint64_t events = 1'000'000, rate = 10'000, seed = 1, rows = 10;
  std::int64_t out_of_order_ms = 0, interval_ms = 100;
  std::size_t workers = 2;
  std::string guarantee = "at_least_once";
};

/// Prints the first rows, and counts all. Copies belong together.
template <class Row>
class row_printer {
 public:
  explicit row_printer(std::uint64_t most) : shared_(std::make_shared<shared>()), most_(most) {}
  void write(const Row& row) {
    // relaxed: a number, which orders nothing; it is read when the run is over.
    if (shared_->rows.fetch_add(1, std::memory_order_relaxed) >= most_) return;
    std::lock_guard lock(shared_->mutex);
    std::cout << row << '\n';
  }
  std::uint64_t rows() const { return shared_->rows.load(std::memory_order_relaxed); }

 private:
  struct shared {
    std::atomic<std::uint64_t> rows{0};
    std::mutex mutex;
  };
  std::shared_ptr<shared> shared_;
  std::uint64_t most_;
};

const std::map<std::string, guarantee> guarantees{{"best_effort", guarantee::best_effort},
                                                  {"at_least_once", guarantee::at_least_once},
                                                  {"exactly_once", guarantee::exactly_once}};

topology_run start(const topology& graph, const arguments& a) {
  if (a.engine == "event")
    return event_executor{{.guarantee = guarantees.at(a.guarantee), .workers = a.workers}}.start(graph);
  return batch_executor{{.interval = std::chrono::milliseconds(a.interval_ms), .workers = a.workers}}.start(graph);
}

template <class Row>
int run(stream<Row> (*query)(const stream<event>&, const queries::options&), const arguments& a) {
  const event_span disorder{a.out_of_order_ms};
  const generator source{{.seed = a.seed, .events_per_second = a.rate, .out_of_order = disorder}};
  stream_builder builder{"nexmark"};
  row_printer<Row> rows{a.rows};
  query(queries::events(builder, source, a.events, a.workers),
        {.parallelism = a.workers, .bound = disorder + event_span{1}})
      .to("rows", rows, {.parallelism = a.workers});
  const auto begin = std::chrono::steady_clock::now();
  auto running = start(builder.build(), a);
  const drain_on_signals guard{running};
  running.wait();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (guard.signal()) return 128 + guard.signal();
  std::cout << "query " << Row::query << " on the " << a.engine << " engine: " << a.events << " events, " << rows.rows()
            << " rows, " << took.count() << " s, "
            << static_cast<std::uint64_t>(static_cast<double>(a.events) / took.count()) << " events/s\n";
  return 0;
}

int run(const arguments& a) {
  switch (a.query) {
    case 0:
      return run(queries::q0, a);
    case 1:
      return run(queries::q1, a);
    case 2:
      return run(queries::q2, a);
    case 3:
      return run(queries::q3, a);
    case 4:
      return run(queries::q4, a);
    case 5:
      return run(queries::q5, a);
    case 6:
      return run(queries::q6, a);
    case 7:
      return run(queries::q7, a);
    case 8:
      return run(queries::q8, a);
    case 11:
      return run(queries::q11, a);
    case 12:
      return run(queries::q12, a);
    case 17:
      return run(queries::q17, a);
    case 18:
      return run(queries::q18, a);
    default:
      return run(queries::q19, a);
  }
}

constexpr const char* what_it_is =
    "Runs a query of the Nexmark suite over generated events of an auction site, as fast as it goes, and prints its\n"
    "first rows and the rate. The rows of 4, 6 and 17 to 19 are changes of a table: they replace those before them.";

/// Reads the arguments. 0: run; else the exit status, with 1 added so that the one for --help can be told from it.
int parse(int argc, char** argv, arguments& a) {
  CLI::App app(what_it_is, "freshet-nexmark");
  app.footer("Exit status: 0 done; 1 the run failed; 2 wrong arguments; 128 + signal.");
  app.add_option("query", a.query, "0 to 8, 11, 12, 17, 18 or 19")
      ->required()
      ->check(CLI::IsMember({0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 17, 18, 19}));
  app.add_option("--engine", a.engine, "event or batch")
      ->check(CLI::IsMember({"event", "batch"}))
      ->capture_default_str();
  app.add_option("--guarantee", a.guarantee, "of the event engine: best_effort, at_least_once or exactly_once")
      ->check(CLI::IsMember(guarantees))
      ->capture_default_str();
  app.add_option("--interval", a.interval_ms, "of batches, in ms")->check(CLI::Range(1, 60'000))->capture_default_str();
  app.add_option("--events", a.events, "how many")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--rate", a.rate, "events a second of event time: how many are in a window")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--out-of-order", a.out_of_order_ms, "how far events come behind, in ms")
      ->check(CLI::Range(0, 4'000))
      ->capture_default_str();
  app.add_option("--seed", a.seed, "which events")->capture_default_str();
  app.add_option("--workers", a.workers, "threads, and tasks of each node")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--rows", a.rows, "how many rows to print")->capture_default_str();
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& e) { return 1 + app.exit(e); } catch (const CLI::ParseError& e) {
    std::cerr << "freshet-nexmark: " << e.what() << "\nTry: freshet-nexmark --help\n";
    return 1 + 2;
  }
}

}  // namespace
}  // namespace freshet::nexmark

int main(int argc, char** argv) try {
  freshet::nexmark::arguments asked;
  const int parsed = freshet::nexmark::parse(argc, argv, asked);
  const int status = parsed ? parsed - 1 : freshet::nexmark::run(asked);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw std::system_error(errno, std::generic_category(), "the standard output cannot be written");
  return status;
} catch (const std::exception& e) {
  std::cerr << "freshet-nexmark: " << e.what() << '\n';
  return 1;
}
