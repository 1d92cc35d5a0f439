#include "options.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>

#include "freshet/batch/batch_options.hpp"
#include "freshet/event/event_options.hpp"

namespace freshet::latency {

const char* to_string(engine e) { return e == engine::event ? "event" : "batch"; }

setting plain(engine which, double interval_ms, double rate) {
  const auto kept = which == engine::event ? event_options{}.guarantee : batch_options{}.guarantee;
  return {which, interval_ms, rate, kept};
}

std::vector<setting> settings_of(const options& asked) {
  std::vector<setting> all;
  const auto add = [&](setting s) {
    if (asked.checkpoints_ms.empty() || s.guarantee == guarantee::best_effort) return all.push_back(s);
    for (const double each : asked.checkpoints_ms) {
      s.checkpoint_ms = s.engine == engine::batch ? s.interval_ms : each;
      all.push_back(s);
      if (s.engine == engine::batch) return;
    }
  };
  const auto add_by_guarantee = [&](setting s) {
    if (asked.guarantees.empty()) add(s);
    for (const auto g : asked.guarantees) s.guarantee = g, add(s);
  };
  for (const double rate : asked.rates) {
    if (asked.event) add_by_guarantee(plain(engine::event, 0, rate));
    if (asked.batch)
      for (const double interval : asked.intervals_ms) add_by_guarantee(plain(engine::batch, interval, rate));
  }
  return all;
}

namespace {

constexpr const char* what_it_is =
    "Measures the latency of a running pipeline (push spout -> map -> sum by key -> sink) at given rates, on the\n"
    "event engine and in batches of given intervals. Open loop: each value carries the instant for which it is\n"
    "meant, and its latency counts from there, so nothing that waits is left out. All keys are there before a row\n"
    "begins, and its first tenth warms up.";

constexpr const char* how_to_read =
    "sustained: at least 99 % of the asked values were sent in time and latencies did not rise.\n"
    "epochs: how often one is made that survives the process. The source of all rows can be read again then. Latency\n"
    "counts until the sink has a value; one that commits by epochs shows it when its epoch ends.\n"
    "cores: processor time of the whole process by wall time; on top: without the source that paces alone.\n"
    "Exit status: 0 measured; 1 a run failed; 2 wrong arguments or a file that cannot be written; 128 + signal.";

// What is there stays as it is until there are results.
std::string writable(const std::string& path) {
  return std::ofstream(path, std::ios::app) ? std::string() : path + " cannot be written; give another file";
}

std::string folder(const std::string& path) {
  return std::filesystem::is_directory(path) ? std::string() : path + " is no folder; give one that is there";
}

guarantee guarantee_of(const std::string& name) {
  if (name == "best_effort") return guarantee::best_effort;
  return name == "exactly_once" ? guarantee::exactly_once : guarantee::at_least_once;
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
  std::vector<std::string> guarantees;
  const std::map<std::string, double> time_units{{"us", 0.001}, {"ms", 1}, {"s", 1000}};
  CLI::App app(what_it_is, "freshet-latency");
  app.footer(how_to_read);
  app.add_option("--engine", engines, "event, batch or both")
      ->check(CLI::IsMember({"event", "batch", "both"}))
      ->capture_default_str();
  app.add_option("--interval", o.intervals_ms, "batch intervals in ms (or with a unit: 500us, 1s), with commas between")
      ->delimiter(',')
      ->transform(CLI::AsNumberWithUnit(time_units))
      ->check(within(0.1, 60'000))
      ->capture_default_str();
  app.add_option("--rate", o.rates, "values a second, with commas between")
      ->delimiter(',')
      ->check(within(1, 1e8))
      ->capture_default_str();
  app.add_option("--duration", o.duration_s, "seconds for each row")->check(within(0.1, 86'400))->capture_default_str();
  app.add_option("--guarantee", guarantees,
                 "best_effort, at_least_once or exactly_once, with commas between; a row for each. Left out: what each "
                 "engine has by default")
      ->delimiter(',')
      ->check(CLI::IsMember({"best_effort", "at_least_once", "exactly_once"}));
  app.add_option(
         "--checkpoint", o.checkpoints_ms,
         "epochs that survive the process, each so many ms (or 100ms, 1s), with commas between; in batches each "
         "batch is one. Rows of best_effort have none")
      ->delimiter(',')
      ->transform(CLI::AsNumberWithUnit(time_units))
      ->check(within(1, 3'600'000));
  app.add_flag("--savepoint", o.savepoint,
               "in the middle of each row with epochs write all states, while it is measured");
  app.add_option("--directory", o.directory, "where checkpoints go (default: the system's for temporary files)")
      ->check(folder);
  app.add_option("--keys", o.keys, "of the sums")->check(within(1, 1e8))->capture_default_str();
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
  for (const auto& name : guarantees) o.guarantees.push_back(guarantee_of(name));
  o.event = engines != "batch";
  o.batch = engines != "event";
  return p;
}

}  // namespace freshet::latency
