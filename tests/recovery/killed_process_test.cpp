// A process that runs a real topology on real files is killed, at every step of its protocols and at any moment, is
// started again each time with another parallelism, on either engine, and in the end every row is there once.
//
// More kills: FRESHET_SEEDS=1000. What a seed does is told where it fails.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/epoch_sink.hpp"
#include "freshet/connect/sqlite/sink.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/numeric_aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/stream/windowed_stream.hpp"
#include "recovery/dying_files.hpp"
#include "recovery/sqlite_rows.hpp"

namespace freshet::recovery {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct order {
  std::int64_t id = 0;
  std::string user;
  std::int64_t cents = 0;
  std::int64_t at = 0;  ///< ms
};
struct payment {
  std::int64_t id = 0;
  std::int64_t at = 0;  ///< ms
};
struct running {
  std::int64_t id = 0;
  std::string user;
  std::int64_t sum = 0;
};
struct paid {
  std::int64_t id = 0, cents = 0, after = 0;
  std::string line() const { return std::to_string(id) + " " + std::to_string(cents) + " " + std::to_string(after); }
};

struct add_up {
  using state = std::int64_t;
  running process(const order& o, state& sum) const { return {o.id, o.user, sum += o.cents}; }
};

event_time ms(std::int64_t t) { return event_time{event_span{t}}; }
constexpr event_span window_size{1000}, disorder{50};

/// What goes in, and what has to come out, by plain loops.
struct scene {
  std::vector<order> orders;
  std::vector<payment> payments;

  explicit scene(int n) {
    random_source random(99);
    for (int i = 0; i < n; ++i) {
      const auto at = 10'000 + 20 * i - static_cast<std::int64_t>(random.below(40));
      orders.push_back(
          {i, "user " + std::to_string(random.below(7)), static_cast<std::int64_t>(random.below(1000)), at});
      if (random.chance(0.6)) payments.push_back({i, at + static_cast<std::int64_t>(random.below(100))});
    }
    std::stable_sort(payments.begin(), payments.end(), [](auto& a, auto& b) { return a.at < b.at; });
  }
  void write(const fs::path& folder) const {
    std::ofstream o(folder / "orders.csv"), p(folder / "payments.csv");
    for (const auto& r : orders) o << r.id << ',' << r.user << ',' << r.cents << ',' << r.at << '\n';
    for (const auto& r : payments) p << r.id << ',' << r.at << '\n';
  }
  std::vector<std::string> sums() const {
    std::map<std::string, std::int64_t> by_user;
    std::vector<std::string> rows;
    for (const auto& r : orders)
      rows.push_back(std::to_string(r.id) + " " + r.user + " " + std::to_string(by_user[r.user] += r.cents));
    return rows;
  }
  std::vector<std::string> windows() const {
    std::map<std::pair<std::string, std::int64_t>, std::int64_t> sum;
    for (const auto& r : orders) sum[{r.user, r.at / window_size.count() * window_size.count()}] += r.cents;
    std::vector<std::string> rows;
    for (const auto& [of, cents] : sum)
      rows.push_back(of.first + " " + std::to_string(of.second) + " " + std::to_string(cents));
    return rows;
  }
  std::vector<std::string> pairs() const {
    std::vector<std::string> rows;
    for (const auto& p : payments) {
      const auto& o = orders[static_cast<std::size_t>(p.id)];
      rows.push_back(paid{o.id, o.cents, p.at - o.at}.line());
    }
    return rows;
  }
};

topology graph_of(const fs::path& folder, file_system& files, std::size_t parallelism) {
  stream_builder builder{"orders"};
  const bolt_options several{.parallelism = parallelism};
  const auto orders =
      builder.spout("orders", file::csv_spout<order>{(folder / "orders.csv").string(), {.header = false}})
          .event_time([](const order& o) { return ms(o.at); }, {.bound = disorder});
  const auto payments =
      builder.spout("payments", file::csv_spout<payment>{(folder / "payments.csv").string(), {.header = false}})
          .event_time([](const payment& p) { return ms(p.at); }, {.bound = disorder});
  const auto by_user = orders.key_by(&order::user);

  by_user.process("sums", add_up{}, several)
      .to("rows", sqlite::sink<running>{(folder / "out.db").string(),
                                        "insert into sums values (?, ?, ?)",
                                        {.schema = "create table if not exists sums(id, user, sum)"}});

  const auto as_row = [](const auto& r) {
    return r.key + " " + std::to_string(r.window.start.time_since_epoch().count()) + " " + std::to_string(r.value);
  };
  const auto lines = [&](const std::string& prefix) {
    file::epoch_sink_options o;
    o.prefix = prefix;
    o.files = &files;
    return file::epoch_sink{(folder / "out").string(), o};
  };
  by_user.window(tumbling{window_size})
      .aggregate("windows", aggregates::sum(&order::cents), several)
      .map("window rows", as_row, several)
      .to("window files", lines("windows"), several);

  const auto match = [](const order& o, const payment& p) { return paid{o.id, o.cents, p.at - o.at}.line(); };
  orders.key_by(&order::id)
      .interval_join("paid", payments.key_by(&payment::id), between{0s, 1s}, match, {.parallelism = parallelism})
      .to("paid files", lines("paid"));
  return builder.build();
}

enum class engine { batches, events };
engine any_engine(random_source& random) { return random.chance(0.5) ? engine::batches : engine::events; }

topology_run start(engine on, const topology& graph, const fs::path& folder, file_system& files,
                   random_source& random) {
  checkpointing kept;
  kept.directory = (folder / "kept").string();
  kept.files = &files;
  kept.log_bytes = 4000;
  const auto workers = 1 + random.below(2);
  if (on == engine::batches) {
    batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = 30 + random.below(40), .workers = workers};
    o.log = {};
    o.checkpoints = kept;
    return batch_executor{o}.start(graph);
  }
  event_options o{.guarantee = guarantee::exactly_once, .workers = workers, .max_batch = 1 + random.below(8)};
  o.channel_batches = 2;
  o.log = {};
  o.checkpoints = kept;
  o.checkpoint_interval = 1us;
  return event_executor{o}.start(graph);
}

/// One life of the process, in a child: until it is killed, or has come to its end. Gives how it ended.
int live(engine on, const fs::path& folder, std::uint64_t dies_at, std::chrono::microseconds killed_after,
         random_source& random, std::uint64_t* steps = nullptr) {
  int report[2];
  if (pipe(report) != 0) std::abort();
  const auto parallelism = 1 + random.below(3);
  const auto child = fork();
  if (child == 0) {
    try {
      dying_files files(dies_at);
      start(on, graph_of(folder, files, parallelism), folder, files, random).wait();
      const auto n = files.steps();
      if (write(report[1], &n, sizeof n) != sizeof n) _exit(2);
      _exit(0);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      _exit(1);
    }
  }
  (void)random();
  if (killed_after != 0us) {
    std::this_thread::sleep_for(killed_after);
    kill(child, SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(report[1]);
  if (steps && read(report[0], steps, sizeof *steps) != sizeof *steps) *steps = 0;
  close(report[0]);
  return status;
}

/// A life that ended by itself came to its end without an error.
bool was_killed(int status) {
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << "status " << status;
  return killed;
}

std::vector<std::string> lines_in(const fs::path& folder, const std::string& prefix) {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().rfind(prefix + "-", 0) != 0) continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) all.push_back(line);
  }
  return all;
}

struct verdict {
  std::uint64_t kills = 0, lost = 0, doubled = 0, wrong = 0;

  /// Compares as multisets.
  void compare(std::vector<std::string> got, std::vector<std::string> wanted, const std::string& what) {
    std::sort(got.begin(), got.end());
    std::sort(wanted.begin(), wanted.end());
    std::vector<std::string> missing, surplus;
    std::set_difference(wanted.begin(), wanted.end(), got.begin(), got.end(), std::back_inserter(missing));
    std::set_difference(got.begin(), got.end(), wanted.begin(), wanted.end(), std::back_inserter(surplus));
    lost += missing.size();
    doubled += surplus.size();
    if (missing.empty() && surplus.empty()) return;
    ++wrong;
    ADD_FAILURE() << what << ": " << missing.size() << " rows are missing, " << surplus.size()
                  << " too many; first: " << (missing.empty() ? surplus.front() : missing.front());
  }
  void compare(const scene& s, const fs::path& folder, const std::string& what) {
    compare(rows_of((folder / "out.db").string(), "select id, user, sum from sums"), s.sums(), what + ", sums");
    compare(lines_in(folder / "out", "windows"), s.windows(), what + ", windows");
    compare(lines_in(folder / "out", "paid"), s.pairs(), what + ", paid");
  }
  void print(const char* name) const {
    std::printf("%s: kills=%llu lost=%llu doubled=%llu\n", name, static_cast<unsigned long long>(kills),
                static_cast<unsigned long long>(lost), static_cast<unsigned long long>(doubled));
  }
};

class killed_process : public ::testing::Test {
 protected:
  killed_process() {
    std::string name = (fs::temp_directory_path() / "freshet-recovery-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    root_ = name;
  }
  ~killed_process() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  /// A folder with input and nothing else.
  fs::path folder_with(const scene& s, const std::string& name) const {
    const auto folder = root_ / name;
    fs::create_directories(folder / "out");
    s.write(folder);
    return folder;
  }
  /// Lets it live until it has come to its end; counts lives that were cut short.
  void finish(const fs::path& folder, random_source& random) const {
    const int status = live(any_engine(random), folder, dying_files::never, 0us, random);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  }
  void die_at_steps(engine on, const char* name);
  fs::path root_;
};

std::uint64_t seeds_or(std::uint64_t usual) {
  const char* text = std::getenv("FRESHET_SEEDS");
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

/// Every step of the files in turn, but no more than so many: another part of them with each seed.
void killed_process::die_at_steps(engine on, const char* name) {
  const scene s(160);
  verdict all;
  std::uint64_t steps = 0;
  {
    random_source random(1);
    const auto folder = folder_with(s, "whole");
    ASSERT_EQ(live(on, folder, dying_files::never, 0us, random, &steps), 0);
    all.compare(s, folder, "without a kill");
  }
  ASSERT_GT(steps, 50u);
  const auto most = seeds_or(100), stride = std::max<std::uint64_t>(1, steps / std::max<std::uint64_t>(1, most));
  std::uint64_t lives = 0;
  for (std::uint64_t at = seeds_or(100) % stride; at < steps && all.wrong < 3; at += stride) {
    random_source random(at);
    const auto folder = folder_with(s, "step");
    const int status = live(on, folder, at, 0us, random);
    all.kills += was_killed(status);
    ++lives;
    finish(folder, random);
    all.compare(s, folder, "killed at step " + std::to_string(at));
    fs::remove_all(folder);
  }
  all.print(name);
  // A life with other parallelism may have fewer steps. All tests together: more than 200 kills.
  EXPECT_GE(all.kills, lives * 3 / 4);
  EXPECT_GE(lives, std::min(most, steps));
}

TEST_F(killed_process, in_batches_at_every_step_loses_and_doubles_nothing) {
  die_at_steps(engine::batches, "killed_batches_at_steps");
}
TEST_F(killed_process, in_events_at_every_step_loses_and_doubles_nothing) {
  die_at_steps(engine::events, "killed_events_at_steps");
}

TEST_F(killed_process, at_any_moment_loses_and_doubles_nothing) {
  const scene s(1000);
  verdict all;
  for (std::uint64_t seed = 1; all.kills < seeds_or(150) && all.wrong < 3; ++seed) {
    random_source random(seed);
    const auto folder = folder_with(s, "moment");
    for (int lives = 0; lives < 40; ++lives) {
      const auto after = std::chrono::microseconds(1 + random.below(60'000));
      const int status = live(any_engine(random), folder, dying_files::never, after, random);
      if (!was_killed(status)) break;
      ++all.kills;
    }
    finish(folder, random);
    all.compare(s, folder, "seed " + std::to_string(seed));
    fs::remove_all(folder);
  }
  all.print("killed_process_at_moments");
  EXPECT_GE(all.kills, seeds_or(150));
}

}  // namespace
}  // namespace freshet::recovery
