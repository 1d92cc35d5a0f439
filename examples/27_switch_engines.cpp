// One topology that goes from engine to engine: each run is stopped, and the next, on the other engine, goes on from
// its checkpoint, with its states and behind what it had read. In the end every row is there once. (To let Freshet
// decide when to change, see 26_adaptive_run.)
//
//     27_switch_engines
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
  std::string process(const sale& s, state& sum) { return s.city + " " + std::to_string(sum += s.cents); }
};

constexpr int sales = 200'000, cities = 50;
sale nth(int i) { return {"city" + std::to_string(i * 7 % cities), i % 100}; }

freshet::topology totals_in(const fs::path& folder, std::size_t parallelism) {
  freshet::stream_builder builder{"totals"};
  builder.spout("sales", freshet::file::csv_spout<sale>{(folder / "sales.csv").string(), {.header = false}})
      .key_by(&sale::city)
      .process("totals", add_up{}, {.parallelism = parallelism})
      .to("files", freshet::file::epoch_sink{(folder / "totals").string()});
  return builder.build();
}

/// Both name the same directory: that is all it takes.
freshet::topology_run start(bool batches, const freshet::topology& graph, const fs::path& folder) {
  freshet::checkpointing kept{.directory = (folder / "checkpoints").string()};
  if (batches)
    return freshet::batch_executor{{.interval = 2ms, .rows_per_batch = 5'000, .checkpoints = kept}}.start(graph);
  freshet::event_options options{.guarantee = freshet::guarantee::exactly_once};
  options.checkpoints = kept;
  options.checkpoint_interval = 5ms;
  return freshet::event_executor{options}.start(graph);
}

/// Rows that are seen: those of epochs that count.
int rows_in(const fs::path& folder, std::map<std::string, std::int64_t>* totals = nullptr) {
  int rows = 0;
  for (const auto& file : fs::directory_iterator(folder / "totals")) {
    if (file.path().extension() != ".txt") continue;
    std::ifstream in(file.path());
    std::string city;
    for (std::int64_t total = 0; in >> city >> total; ++rows)
      if (totals) (*totals)[city] = std::max((*totals)[city], total);
  }
  return rows;
}

int main(int argc, char** argv) {
  if (argc != 1) {
    std::cerr << "usage: " << argv[0] << "\n";
    return 2;
  }
  fs::path folder;
  int status = 1, signal = 0;
  try {
    folder = fs::temp_directory_path() / ("freshet-switch-engines-" + std::to_string(getpid()));
    fs::create_directories(folder / "totals");
    {
      std::ofstream out(folder / "sales.csv");
      for (int i = 0; i < sales; ++i) out << nth(i).city << ',' << nth(i).cents << '\n';
    }
    for (int life = 0; life < 5 && signal == 0; ++life) {
      const bool batches = life % 2 == 0, last = life == 4;
      const std::size_t parallelism = 1 + static_cast<std::size_t>(life % 3);
      auto run = start(batches, totals_in(folder, parallelism), folder);
      const freshet::drain_on_signals guard{run};  // Ctrl-C: this run is stopped in order, and no other follows
      if (!last) (void)run.wait_for(30ms);
      if (last) run.wait();
      else run.stop();  // what is under way is finished, and kept with the states
      std::cout << (batches ? "batch engine, " : "event engine, ") << parallelism
                << (parallelism == 1 ? " task:  " : " tasks: ") << rows_in(folder) << " rows so far" << std::endl;
      signal = guard.signal();
    }
    std::map<std::string, std::int64_t> wanted, got;
    for (int i = 0; i < sales; ++i) wanted[nth(i).city] += nth(i).cents;
    const int rows = rows_in(folder, &got);
    if (signal != 0) {
      std::cout << "stopped after " << rows << " rows: the next run would go on there\n";
      status = 128 + signal;
    } else {
      std::cout << rows << " rows for " << sales << " sales, the totals are " << (got == wanted ? "right" : "WRONG")
                << '\n';
      status = rows == sales && got == wanted ? 0 : 1;
    }
  } catch (const std::exception& e) { std::cerr << e.what() << '\n'; }
  fs::remove_all(folder);
  return status;
}
