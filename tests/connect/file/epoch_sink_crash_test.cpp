#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "connect/file/epoch_sink_scene.hpp"
#include "freshet/core/codec.hpp"

// Every row once, whatever ends the process and whenever. The engine is one that fits on a page: it does what
// core/sink_task.hpp says, and keeps its record in a file beside.
namespace freshet::file {
namespace {

using testing::file_fault;
using testing::file_operation;
using testing::simulated_files;

constexpr std::uint64_t epochs = 4, history = 0x5eed;

/// So many rows that all tasks have some, that one has, and that none has.
std::vector<std::string> rows_of(std::uint64_t epoch) {
  static constexpr int rows[epochs] = {7, 1, 0, 6};
  std::vector<std::string> all;
  for (int i = 0; i < rows[epoch - 1]; ++i)
    all.push_back(std::to_string(epoch) + "." + std::to_string(i) + "." + std::string(20, 'x'));
  return all;
}
std::map<std::string, int> all_rows() {
  std::map<std::string, int> all;
  for (std::uint64_t e = 1; e <= epochs; ++e)
    for (const auto& row : rows_of(e)) ++all[row];
  return all;
}

/// What the engine makes durable between prepare and commit.
struct prepared_record {
  std::uint64_t epoch = 0;
  std::vector<std::string> tokens{};
};

/// The process is gone: nothing catches it.
struct killed {};

class small_engine {
 public:
  /// Opens its sinks and goes on where the run before was. `overlaps`: it has written the next epoch before it commits
  /// the last.
  small_engine(file_system& files, std::size_t tasks, bool overlaps) : files_(files), overlaps_(overlaps) {
    make_folder(files, "engine").value();
    epoch_sink_options options;
    options.create_folders = true;
    options.buffer_bytes = 50;
    options.files = &files;
    sinks_ = open_tasks(epoch_sink{"out", options}, tasks);
    if (auto kept = read(files)) {
      record_ = *std::move(kept);
      keep();  // nobody knows whether the device has it
      for (const auto& token : record_.tokens) attempts([&] { sinks_[0]->commit_prepared(token); }, [] {});
    }
  }
  void run() {
    while (record_.epoch < epochs) {
      const auto epoch = record_.epoch + 1;
      for (std::size_t t = 0; t < sinks_.size(); ++t) prepare(t, epoch);
      record_ = {epoch, {}};
      for (const auto& sink : sinks_) record_.tokens.push_back(sink->prepared().value());
      for (std::size_t t = 0; overlaps_ && epoch < epochs && t < sinks_.size(); ++t) write_ahead(t, epoch + 1);
      keep();
      for (const auto& sink : sinks_) attempts([&] { sink->commit_epoch(); }, [] {});
    }
    for (const auto& sink : sinks_) sink->close();
  }
  static std::optional<prepared_record> read(file_system& files) {
    const auto bytes = read_whole(files, record_file);
    if (!bytes && bytes.error().code == errc::not_found) return {};
    prepared_record record;
    reader r(bytes.value());
    read_value(r, record);
    if (r.failed()) throw std::logic_error("the engine has kept a damaged record");
    return record;
  }

 private:
  static constexpr const char* record_file = "engine/record";

  void keep() {
    writer w;
    write_value(w, record_);
    write_whole(files_, record_file, w.data()).value();
  }
  void write(std::size_t task, std::uint64_t epoch) {
    const auto rows = rows_of(epoch);
    sinks_[task]->begin_epoch({history, epoch});
    for (auto i = task; i < rows.size(); i += sinks_.size()) sinks_[task]->sink().write(rows[i]);
  }
  void prepare(std::size_t task, std::uint64_t epoch) {
    auto& sink = *sinks_[task];
    attempts(
        [&] {
          if (!std::exchange(sink_is_ahead_[task], false)) write(task, epoch);
          sink.prepare_epoch();
        },
        [&] { sink.abort_epoch(); });
  }
  void write_ahead(std::size_t task, std::uint64_t epoch) {
    try {
      write(task, epoch);
      sink_is_ahead_[task] = true;
    } catch (const std::exception&) {}  // begun, and to be begun anew
  }
  template <class Work, class Undo>
  static void attempts(Work work, Undo undo) {
    for (int left = 3;; --left) try {
        return work();
      } catch (const std::exception&) {
        try {
          undo();
        } catch (const std::exception&) {}  // as the engines: they say it, and go on
        if (left == 0) throw;
      }
  }

  file_system& files_;
  const bool overlaps_;
  sink_tasks sinks_;
  std::array<bool, 3> sink_is_ahead_{};
  prepared_record record_;
};

/// Rows that are missing, and rows that are there more than once or should not be there at all.
struct mistakes {
  std::uint64_t lost = 0, doubled = 0;

  void count(const std::map<std::string, int>& wanted, const std::vector<std::string>& seen) {
    std::map<std::string, int> surplus;
    for (const auto& row : seen) ++surplus[row];
    for (const auto& [row, n] : wanted) surplus[row] -= n;
    for (const auto& [row, n] : surplus) {
      if (n < 0) ++lost;
      if (n > 0) ++doubled;
    }
  }
  /// When the run has ended well: nothing that comes later takes anything away.
  void count_end(simulated_files& files, random_source& random) {
    count(all_rows(), visible_rows(files, "out"));
    for (const auto& name : names_in(files, "out")) EXPECT_FALSE(name.starts_with(".")) << name << " is left over";
    files.crash(random);
    count(all_rows(), visible_rows(files, "out"));
  }
  /// At any time: rows are whole, known and there once, and no row is seen before its epoch counts.
  void count_now(file_system& files) {
    if (!files.exists("out").value()) return;
    const auto seen = visible_rows(files, "out");
    const auto record = small_engine::read(files);
    const auto counts = record ? record->epoch : 0;
    std::map<std::string, int> known;
    for (const auto& row : seen) known[row] = all_rows().count(row) && row[0] - '0' <= static_cast<int>(counts);
    count(known, seen);
  }
};

/// More than usual: FRESHET_SEEDS=100000.
const std::uint64_t seeds = [] {
  const char* text = std::getenv("FRESHET_SEEDS");
  return text ? std::strtoull(text, nullptr, 10) : 1000;
}();

void power_off_after(simulated_files& files, std::uint64_t steps) {
  files.on_step([&files, steps](const testing::file_step&) mutable {
    if (steps-- == 0) files.power_off();
  });
}

/// The run after a crash, which may end in a crash, too; then one that comes to its end.
void recover(simulated_files& files, random_source& random, mistakes& wrong) {
  for (auto crashes = random.below(3); crashes > 0; --crashes) {
    power_off_after(files, random.below(60));
    try {
      small_engine(files, 1 + random.below(3), random.chance(0.5)).run();
    } catch (const std::exception&) {}
    files.on_step({});
    files.crash(random);
    wrong.count_now(files);
  }
  small_engine(files, 1 + random.below(3), random.chance(0.5)).run();
  wrong.count_end(files, random);
}

TEST(epoch_sink_crash, every_row_once_after_a_crash_at_any_step) {
  mistakes wrong;
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 0; seed <= seeds / 100; ++seed) {  // each has a hundred crashes and more
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    steps += testing::crash_at_every_step(
        random, [&](simulated_files& files) { small_engine(files, 2, seed % 2 == 1).run(); },
        [&](simulated_files& files, std::uint64_t step) {
          SCOPED_TRACE("step " + std::to_string(step));
          wrong.count_now(files);
          recover(files, random, wrong);
          EXPECT_EQ(wrong.lost + wrong.doubled, 0u);
        });
    if (HasFailure()) break;
  }
  EXPECT_GT(steps, 100u);
  std::printf("epoch_sink: steps=%llu lost=%llu doubled=%llu\n", static_cast<unsigned long long>(steps),
              static_cast<unsigned long long>(wrong.lost), static_cast<unsigned long long>(wrong.doubled));
}

// Faults of the files, processes that end while the system goes on, power that fails later.
class lives {
 public:
  explicit lives(std::uint64_t seed) : random_(seed) {}

  void live(mistakes& wrong) {
    if (random_.chance(0.7)) plan_faults();
    const bool power_fails = random_.chance(0.4);
    if (power_fails) power_off_after(files_, random_.below(150));
    else if (random_.chance(0.7)) kill_after(random_.below(150));
    try {
      small_engine(files_, 1 + random_.below(3), random_.chance(0.5)).run();
    } catch (const std::exception&) { ++ends_; } catch (const killed&) {
      ++ends_;
    }
    files_.on_step({});
    files_.forget_faults();
    if (power_fails || random_.chance(0.3)) files_.crash(random_);
    wrong.count_now(files_);
  }
  void end(mistakes& wrong) {
    small_engine(files_, 1 + random_.below(3), random_.chance(0.5)).run();
    wrong.count_end(files_, random_);
  }
  std::uint64_t lives_to_come() { return 1 + random_.below(5); }
  std::uint64_t ends() const { return ends_; }
  std::uint64_t faults() const { return files_.faults_done(); }

 private:
  void plan_faults() {
    static constexpr file_fault of_all[] = {file_fault::no_space, file_fault::device_error};
    for (auto n = random_.below(4); n > 0; --n)
      files_.fail(static_cast<file_operation>(random_.below(static_cast<std::uint64_t>(file_operation::lock) + 1)), "",
                  of_all[random_.below(2)], random_.below(15), 1 + random_.below(3));
    if (random_.chance(0.3)) files_.fail(file_operation::append, "out", file_fault::short_write, random_.below(10));
    if (random_.chance(0.3)) files_.fail(file_operation::sync, "out", file_fault::dropped_sync, random_.below(6));
  }
  void kill_after(std::uint64_t steps) {
    files_.on_step([steps](const testing::file_step&) mutable {
      if (steps == 0) throw killed{};
      --steps;
    });
  }

  simulated_files files_;
  random_source random_;
  std::uint64_t ends_ = 0;
};

TEST(epoch_sink_crash, every_row_once_whatever_fails) {
  mistakes wrong;
  std::uint64_t ends = 0, faults = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    lives all(seed);
    for (auto left = all.lives_to_come(); left > 0; --left) all.live(wrong);
    all.end(wrong);
    ends += all.ends();
    faults += all.faults();
    EXPECT_EQ(wrong.lost + wrong.doubled, 0u);
    if (HasFailure()) break;
  }
  EXPECT_TRUE((ends > seeds / 2 && faults > seeds / 2) || seeds < 100) << ends << " ends, " << faults << " faults";
  std::printf("epoch_sink: seeds=%llu ends=%llu faults=%llu lost=%llu doubled=%llu\n",
              static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(ends),
              static_cast<unsigned long long>(faults), static_cast<unsigned long long>(wrong.lost),
              static_cast<unsigned long long>(wrong.doubled));
}

}  // namespace
}  // namespace freshet::file
