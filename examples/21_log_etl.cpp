// A log file into numbers: what Debian's package manager has done, by day, from /var/log/dpkg.log (made up where there
// is none), with three damaged lines behind it.
//
// Look at: the function that reads a line throws when it can't. That costs the line and nothing else: it is tried
// again, as any failure is, and then is a dead letter with the reason and its bytes. Every line is one or the other at
// the end. The busiest days are windows over the results of windows, of the whole stream.
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "either_engine.hpp"

using namespace std::chrono_literals;

struct entry {
  freshet::event_time at{};
  std::string action;
};
entry read_entry(const std::string& line) {
  std::istringstream words(line);
  std::string day, time, action;
  words >> day >> time >> action;
  std::int64_t seconds = 0;
  std::int32_t rest = 0;
  if (!freshet::file::read_time(day + ' ' + time, {}, seconds, rest))
    throw std::invalid_argument("expected a day and a time, not '" + line.substr(0, 40) + "'");
  if (action.empty()) throw std::invalid_argument("there is no action behind the time");
  return {freshet::event_time{std::chrono::seconds(seconds)}, action};
}

std::vector<std::string> logs(const std::filesystem::path& folder) {
  const auto made = folder / "made.log";
  std::vector<std::string> paths{"/var/log/dpkg.log", made.string()};
  std::ofstream out(made);
  if (!std::ifstream(paths[0])) {
    paths.erase(paths.begin());
    for (int day = 1; day <= 9; ++day)
      for (int n = 0; n < day * 3; ++n)
        out << "2025-06-0" << day << " 12:0" << n % 6 << ":00 " << (n % 3 == 0 ? "install" : "configure") << " tea\n";
  }
  out << "2025-06-24 14:36\n2025-06-24 29:36:25 install tea\n--- disk full ---\n";
  return paths;
}

int main(int argc, char** argv) try {
  const auto folder = std::filesystem::temp_directory_path() / "freshet_log_etl";
  std::filesystem::create_directories(folder);

  std::mutex mutex;
  std::uint64_t entries = 0, dead_letters = 0;
  std::map<std::string, std::uint64_t> by_action;
  std::vector<std::string> busiest, damaged;

  freshet::stream_builder builder{"log"};
  const auto read = builder.spout("log", freshet::file::line_spout{logs(folder)})
                        .map("read", read_entry)
                        .event_time(&entry::at, {.bound = 24h});
  read.to("entries", [&](const entry& e) {
    std::lock_guard lock(mutex);
    ++entries;
    ++by_action[e.action];
  });
  using day = freshet::windowed<freshet::whole_stream, std::uint64_t>;
  read.window(freshet::tumbling{24h})
      .count("by day")
      .window(freshet::global_windows{})
      .top_n("busiest days", 3, &day::value)
      .to("days", [&](const auto& top) {
        for (const day& d : top.value) {
          const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(d.window.start));
          std::ostringstream line;
          line << static_cast<int>(date.year()) << '-' << static_cast<unsigned>(date.month()) << '-'
               << static_cast<unsigned>(date.day()) << ": " << d.value << " entries";
          busiest.push_back(line.str());
        }
      });
  builder.dead_letters().to("damaged", [&](const freshet::dead_letter& d) {
    std::lock_guard lock(mutex);
    ++dead_letters;
    damaged.push_back(d.node + ": " + d.error);
  });

  const int status = run_on_either_engine(argc, argv, "What a package manager did, by day.", builder.build());
  std::filesystem::remove_all(folder);
  for (const auto& [action, n] : by_action) std::cout << action << ": " << n << '\n';
  for (const auto& line : busiest) std::cout << line << '\n';
  for (const auto& line : damaged) std::cout << "dead letter of " << line << '\n';
  std::cout << entries << " entries and " << dead_letters << " dead letters\n";
  return status;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
