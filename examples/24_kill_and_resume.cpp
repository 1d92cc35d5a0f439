// A service that is killed with SIGKILL, again and again, and goes on each time where it was: every row is written
// once.
//
//     24_kill_and_resume               kills itself four times, in a folder of its own, and looks what is there
//     24_kill_and_resume run FOLDER    one life: kill it (Ctrl-\, kill -9) and start it again as often as you like;
//                                      Ctrl-C stops it in order
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <freshet/freshet.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct sale {
  std::string city;
  std::int64_t cents = 0;
};
struct add_up {
  using state = std::int64_t;
  std::string process(const sale& s, state& sum) {
    sum += s.cents;
    return s.city + " " + std::to_string(sum);
  }
};

constexpr int sales = 200'000, cities = 50;
sale nth(int i) { return {"city" + std::to_string(i * 7 % cities), i % 100}; }

void write_input(const fs::path& folder) {
  fs::create_directories(folder / "totals");
  if (fs::exists(folder / "sales.csv")) return;
  std::ofstream out(folder / "sales.csv");
  for (int i = 0; i < sales; ++i) out << nth(i).city << ',' << nth(i).cents << '\n';
}

/// Goes on where the run before was killed; at the end of the input there is nothing left to do. Gives the signal that
/// has stopped it, 0 for none.
int run(const fs::path& folder) {
  freshet::stream_builder builder{"totals"};
  builder.spout("sales", freshet::file::csv_spout<sale>{(folder / "sales.csv").string(), {.header = false}})
      .key_by(&sale::city)
      .process("totals", add_up{}, {.parallelism = 2})
      .to("files", freshet::file::epoch_sink{(folder / "totals").string()});
  freshet::batch_options options;
  options.interval = 2ms;
  options.rows_per_batch = 5'000;
  options.checkpoints.directory = (folder / "checkpoints").string();  // this is all it takes
  auto run = freshet::batch_executor{options}.start(builder.build());
  const freshet::drain_on_signals guard{run};  // Ctrl-C: what was read is finished, the next run goes on behind it
  run.wait();
  return guard.signal();
}

/// What the files have: the rows, and the last total of each city.
int check(const fs::path& folder) {
  std::map<std::string, std::int64_t> wanted, got;
  for (int i = 0; i < sales; ++i) wanted[nth(i).city] += nth(i).cents;
  int rows = 0;
  for (const auto& file : fs::directory_iterator(folder / "totals")) {
    if (file.path().extension() != ".txt") continue;
    std::ifstream in(file.path());
    std::string city;
    for (std::int64_t total = 0; in >> city >> total; ++rows) got[city] = std::max(got[city], total);
  }
  std::cout << rows << " rows for " << sales << " sales, the totals are " << (got == wanted ? "right" : "WRONG")
            << '\n';
  return rows == sales && got == wanted ? 0 : 1;
}

int kill_and_resume(const fs::path& folder) {
  int kills = 0;
  for (auto patience = 10ms;; patience += 25ms) {
    const auto child = fork();
    if (child == 0) {
      run(folder);
      _exit(0);
    }
    if (kills < 4) {
      std::this_thread::sleep_for(patience);
      kill(child, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) break;
    ++kills;
  }
  std::cout << "killed " << kills << " times\n";
  return check(folder);
}

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::string(argv[1]) == "run") {
      write_input(argv[2]);
      const int signal = run(argv[2]);
      if (signal == 0) return check(argv[2]);
      std::cout << "stopped: start it again, and it goes on\n";
      return 128 + signal;
    }
    if (argc != 1) {
      std::cerr << "usage: " << argv[0] << " [run FOLDER]\n";
      return 2;
    }
    const auto folder = fs::temp_directory_path() / ("freshet-kill-and-resume-" + std::to_string(getpid()));
    write_input(folder);
    const int status = kill_and_resume(folder);
    fs::remove_all(folder);
    return status;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
