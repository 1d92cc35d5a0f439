// freshet-latency: what latency an engine, a batch interval and a rate give on this machine. See --help.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <system_error>

#include "fixed_costs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "report.hpp"

namespace freshet::latency {

namespace {

std::vector<row> all_rows(const options& asked, const std::atomic<bool>& interrupted) {
  std::vector<row> rows;
  std::map<double, double> source_cores;
  print_head(asked);
  for (const auto& of : settings_of(asked)) {
    if (!source_cores.count(of.rate))
      source_cores[of.rate] = source_alone(of.rate, std::chrono::duration<double>(0.5), interrupted);
    row r = measure(of, asked, interrupted);
    if (interrupted) break;  // half a row is none
    r.source_cores = source_cores[of.rate];
    print_row(r, asked);
    rows.push_back(std::move(r));
  }
  return rows;
}

int run(const options& asked) {
  std::atomic<bool> interrupted{false};
  const drain_on_signals guard{[&] { interrupted = true; }};
  print_machine(bare_wake(std::chrono::milliseconds(500)), sleep_lateness(std::chrono::milliseconds(200)));
  if (asked.event) print_fixed_costs(engine::event, measure_first_result(engine::event, asked), std::nullopt);
  if (asked.batch) print_fixed_costs(engine::batch, measure_first_result(engine::batch, asked), small_batch(asked));
  const auto rows = all_rows(asked, interrupted);
  if (!asked.json.empty()) write_json(asked.json, rows);
  if (!asked.csv.empty()) write_csv(asked.csv, rows);
  if (!interrupted) return 0;
  std::cout << "Interrupted: these are the rows that were complete.\n";
  return 128 + guard.signal();
}

}  // namespace

}  // namespace freshet::latency

int main(int argc, char** argv) try {
  namespace tool = freshet::latency;
  const auto [asked, exit_status] = tool::parse(argc, argv);
  if (exit_status > 0) return exit_status;
  if (!asked.first_result_of.empty()) return tool::be_first_result(asked);
  const int status = exit_status == 0 ? 0 : tool::run(asked);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw std::system_error(errno, std::generic_category(), "the standard output cannot be written");
  return status;
} catch (const std::exception& e) {
  std::cerr << "freshet-latency: " << e.what() << '\n';
  return 1;
}
