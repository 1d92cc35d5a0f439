#include "options.hpp"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>

namespace freshet::latency {

const char* to_string(engine e) { return e == engine::event ? "event" : "batch"; }

namespace {

constexpr const char* what_it_is =
    "Measures the latency of a running pipeline (push spout -> map -> sum by key -> sink) at given rates, on the\n"
    "event engine and in batches of given intervals. Open loop: each value carries the instant for which it is\n"
    "meant, and its latency counts from there, so nothing that waits is left out. The first tenth of each row\n"
    "warms up.";

constexpr const char* how_to_read =
    "sustained: at least 99 % of the asked values were sent in time and latencies did not rise.\n"
    "cores: processor time of the whole process by wall time; on top: without the source that paces alone.\n"
    "Exit status: 0 measured; 1 a run failed; 2 wrong arguments or a file that cannot be written; 128 + signal.";

// What is there stays as it is until there are results.
std::string writable(const std::string& path) {
  return std::ofstream(path, std::ios::app) ? std::string() : path + " cannot be written; give another file";
}

/// CLI11's own Range writes 1 as 1.000000.
CLI::Validator within(double least, double most) {
  const auto check = [least, most](const std::string& text) {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && value >= least && value <= most) return std::string();
    std::ostringstream why;
    why << text << " cannot be used; give a number from " << least << " to " << std::fixed << std::setprecision(0)
        << most;
    return why.str();
  };
  return CLI::Validator(check, "");
}

}  // namespace

parsed parse(int argc, char** argv) {
  parsed p;
  auto& o = p.asked;
  std::string engines = "both", ladder = "adaptive";
  CLI::App app(what_it_is, "freshet-latency");
  app.footer(how_to_read);
  app.add_option("--engine", engines, "event, batch or both")
      ->check(CLI::IsMember({"event", "batch", "both"}))
      ->capture_default_str();
  app.add_option("--interval", o.intervals_ms, "batch intervals in ms (or with a unit: 500us, 1s), with commas between")
      ->delimiter(',')
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"us", 0.001}, {"ms", 1}, {"s", 1000}}))
      ->check(within(0.1, 60'000))
      ->capture_default_str();
  app.add_option("--rate", o.rates, "values a second, with commas between")
      ->delimiter(',')
      ->check(within(1, 1e8))
      ->capture_default_str();
  app.add_option("--duration", o.duration_s, "seconds for each row")->check(within(0.1, 86'400))->capture_default_str();
  app.add_option("--json", o.json, "also write the rows to this file, as JSON")->check(writable);
  app.add_option("--csv", o.csv, "also write the rows to this file, as CSV")->check(writable);
  app.add_option("--workers", o.workers, "threads of an engine; 0: as many as the hardware has")
      ->check(within(0, 1024))
      ->capture_default_str();
  app.add_option("--idle", ladder, "what a worker without work does: spin, adaptive or park")
      ->check(CLI::IsMember({"spin", "adaptive", "park"}))
      ->capture_default_str();
  app.add_option("--first-result-of", o.first_result_of)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) { p.exit_status = app.exit(e); } catch (const CLI::ParseError& e) {
    std::cerr << "freshet-latency: " << e.what() << "\nTry: freshet-latency --help\n";
    p.exit_status = 2;
  }
  o.idle = ladder == "spin" ? idle::spin : ladder == "park" ? idle::park : idle::adaptive;
  o.event = engines != "batch";
  o.batch = engines != "event";
  return p;
}

}  // namespace freshet::latency
