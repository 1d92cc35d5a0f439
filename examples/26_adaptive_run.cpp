// A run that catches up in batches and goes on event by event when the backlog is gone.
//
// Look at the timeline: two million readings wait when it starts, and are worked on in batches. Then they come at some
// thousands a second; batches of 100 ms have hardly anything to do, so the event engine takes over, and a reading is
// worked on as soon as it comes. After two seconds another backlog is there at once (a device was offline), which the
// event engine works on as fast as it can: if that takes long, batches take over again. The two engines share a folder
// of checkpoints, and each goes on where the other was, with sums and positions: at the end every reading counts once.
// It ends by itself after some seconds; Ctrl-C stops it earlier.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <freshet/freshet.hpp>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::uint64_t backlog = 2'000'000, a_second = 5'000, burst = 4'000'000;
constexpr auto calm = 2s;
constexpr std::uint64_t before_burst = backlog + 2 * a_second, behind_burst = before_burst + burst;
constexpr std::uint64_t total = behind_burst + 2 * a_second;

/// When things happened at the source; all tasks of all runs look at it.
struct source_times {
  std::atomic<steady::duration> backlog_read{steady::duration{}}, burst_read{steady::duration{}};
};

/// Reading i of the source, which keeps them: there at once in a backlog, paced otherwise.
class readings {
 public:
  explicit readings(std::shared_ptr<source_times> times) : times_(std::move(times)) {}
  std::vector<std::string> partitions() const { return {"device"}; }
  freshet::poll_status poll(freshet::spout_emitter<std::uint64_t>& out) {
    const auto now = steady::now().time_since_epoch();
    for (auto n = out.room(); n > 0; --n) {
      if (next_ == total) return freshet::poll_status::ended();
      if (const auto at = there_at(next_, now); at > now)
        return freshet::poll_status::idle_until(steady::time_point(at));
      emit(next_++, out);
    }
    return freshet::poll_status::emitted();
  }
  void read(const freshet::position_range& range, freshet::spout_emitter<std::uint64_t>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(i, out);
  }
  void seek(const freshet::position& p) { next_ = p.offset; }
  void commit(const freshet::position&) {}

 private:
  static void emit(std::uint64_t i, freshet::spout_emitter<std::uint64_t>& out) { out.emit({0, i, i + 1}, i); }
  /// Since the clock's epoch. The pace begins when what was there at once has been read.
  steady::duration there_at(std::uint64_t i, steady::duration now) const {
    if (i < backlog) return now;
    if (i < before_burst)
      return since(times_->backlog_read, now) + (i - backlog) * std::chrono::nanoseconds(1s) / a_second;
    if (i < behind_burst) return since(times_->backlog_read, now) + calm;
    return since(times_->burst_read, now) + (i - behind_burst) * std::chrono::nanoseconds(1s) / a_second;
  }
  static steady::duration since(std::atomic<steady::duration>& when, steady::duration now) {
    auto noted = when.load();
    if (noted == steady::duration{} && when.compare_exchange_strong(noted, now)) return now;
    return noted;
  }

  std::shared_ptr<source_times> times_;
  std::uint64_t next_ = 0;
};

/// Counts the readings of a sensor, and tells each ten-thousandth.
struct count_readings {
  using state = std::uint64_t;
  using output = freshet::emitter<std::string>;
  void process(std::uint64_t i, state& count, output& out) {
    if (++count % 10'000 == 0) out.emit(std::to_string(i % 10) + " " + std::to_string(count));
  }
};

freshet::topology counting(const fs::path& folder) {
  freshet::topology_builder builder{"readings"};
  auto source = builder.spout("source", readings{std::make_shared<source_times>()});
  auto counted = builder.bolt("count", count_readings{}, {.parallelism = 2})
                     .input(source, freshet::key_grouping{[](std::uint64_t i) { return i % 10; }});
  builder.sink("files", freshet::file::epoch_sink{(folder / "counts").string()}).input(counted);
  return builder.build();
}

freshet::adaptive_executor executor(const fs::path& folder) {
  freshet::checkpointing kept;
  kept.directory = (folder / "checkpoints").string();
  freshet::event_options events;
  events.guarantee = freshet::guarantee::exactly_once;
  events.checkpoints = kept;
  freshet::batch_options batches;
  batches.checkpoints = kept;
  // A service would keep the defaults, 1 s and 5 s: this is to be over soon.
  return freshet::adaptive_executor{events, batches, {.patience = 300ms, .least_stay = 500ms}};
}

/// The timeline: what came since the line before, and the switches.
class timeline {
 public:
  timeline() { std::cout << "seconds   engine           rows/s   pending\n"; }
  void print(const freshet::run_metrics& m) {
    const auto now = steady::now();
    const auto passed = std::chrono::duration<double>(now - std::exchange(before_, now)).count();
    for (; told_ < m.engine.switches && m.engine.recent.size() > told_; ++told_) {
      const auto& s = m.engine.recent[told_];
      std::cout << "        > " << s.to << " goes on: " << s.why << '\n';
    }
    const auto source = m.node("source");
    const auto rows = source.emitted - std::min(source.emitted, std::exchange(read_, source.emitted));
    std::cout << std::fixed << std::setprecision(1) << std::setw(7)
              << std::chrono::duration<double>(now - start_).count() << "   " << m.engine.at_work << std::setw(9)
              << static_cast<std::uint64_t>(static_cast<double>(rows) / passed) << std::setw(10) << source.pending
              << std::endl;
  }

 private:
  const steady::time_point start_ = steady::now();
  steady::time_point before_ = start_;
  std::uint64_t told_ = 0, read_ = 0;
};

/// The rows that are there: each ten-thousandth reading of each of ten sensors, once.
bool is_right(const fs::path& folder) {
  std::uint64_t rows = 0;
  for (const auto& file : fs::directory_iterator(folder / "counts")) {
    if (file.path().extension() != ".txt") continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) ++rows;
  }
  const auto wanted = total / 10 / 10'000 * 10;
  std::cout << rows << " rows for " << total << " readings, " << (rows == wanted ? "each counts once" : "WRONG")
            << '\n';
  return rows == wanted;
}

int main() {
  fs::path folder;
  int status = 0;
  try {
    folder = fs::temp_directory_path() / ("freshet-adaptive-run-" + std::to_string(getpid()));
    fs::create_directories(folder / "counts");
    auto run = executor(folder).start(counting(folder));
    freshet::drain_on_signals guard{run};
    timeline lines;
    while (!run.wait_for(250ms)) lines.print(run.metrics());
    std::cout << run.status().engine.switches << " switches, the last run was on the " << run.status().engine.at_work
              << '\n';
    status = guard.signal() ? 128 + guard.signal() : is_right(folder) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    status = 1;
  }
  fs::remove_all(folder);
  return status;
}
