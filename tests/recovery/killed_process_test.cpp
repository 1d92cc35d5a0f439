// A process that runs a real topology on real files is killed, at every step of its protocols, those of recovery among
// them, and at any moment, is started again each time with another parallelism, on either engine, and in the end every
// row is there once; under at_least_once, in events, at least once.
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
#include "freshet/base/record_log_reader.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/epoch_sink.hpp"
#include "freshet/connect/journaled.hpp"
#include "freshet/connect/sqlite/sink.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/state/rocksdb_store.hpp"
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

/// Who sends orders and keeps those that were not accepted: into the journal, that is, which the process has when it
/// begins. They can't be had again.
class sent_orders {
 public:
  sent_orders(std::vector<order> all, std::string journal) : all_(std::move(all)), journal_(std::move(journal)) {}
  void open(const task_context&) {
    const auto accepted = read_record_log(system_files(), journal_ + "/0", [](std::uint64_t, std::string_view) {});
    next_ = accepted.value().next;
  }
  poll_status poll(spout_emitter<order>& out) {
    if (next_ == all_.size()) return poll_status::ended();
    out.emit(all_[next_++]);
    return poll_status::emitted();
  }

 private:
  std::vector<order> all_;
  std::string journal_;
  std::size_t next_ = 0;
};

/// Orders come from a file, or from somebody who sends them.
stream<order> orders_of(stream_builder& builder, const scene& s, const fs::path& folder, dying_files& files,
                        bool are_sent) {
  if (!are_sent)
    return builder.spout("orders", file::csv_spout<order>{(folder / "orders.csv").string(), {.header = false}});
  journal_options o;
  o.segment_bytes = 2000;
  o.files = &files;
  const auto journal = (folder / "journal").string();
  return builder.spout("orders", journaled(sent_orders{s.orders, journal}, journal, o));
}

topology graph_of(const scene& s, const fs::path& folder, dying_files& files, std::size_t parallelism, bool are_sent) {
  stream_builder builder{"orders"};
  const bolt_options several{.parallelism = parallelism};
  const auto orders = orders_of(builder, s, folder, files, are_sent)
                          .event_time([](const order& o) { return ms(o.at); }, {.bound = disorder});
  const auto payments =
      builder.spout("payments", file::csv_spout<payment>{(folder / "payments.csv").string(), {.header = false}})
          .event_time([](const payment& p) { return ms(p.at); }, {.bound = disorder});
  const auto by_user = orders.key_by(&order::user);

  sqlite::sink<running> rows{(folder / "out.db").string(),
                             "insert into sums values (?, ?, ?)",
                             {.schema = "create table if not exists sums(id, user, sum)"}};
  by_user.process("sums", add_up{}, several).to("rows", dying_sink<sqlite::sink<running>>{std::move(rows), &files});

  const auto as_row = [](const auto& r) {
    return r.key + " " + std::to_string(r.window.start.time_since_epoch().count()) + " " + std::to_string(r.value);
  };
  const auto lines = [&](const std::string& prefix) {
    file::epoch_sink_options o;
    o.prefix = prefix;
    o.files = &files;
    return dying_sink<file::epoch_sink<>>{file::epoch_sink<>{(folder / "out").string(), o}, &files};
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

/// What a life of the process is like. Whether orders are sent, and states are in a store, is the same for all that
/// share a folder.
struct way {
  engine on = engine::batches;
  bool are_sent = false;
  bool are_stored = false;
  guarantee promise = guarantee::exactly_once;
};

topology_run start(const way& how, const topology& graph, const fs::path& folder, file_system& files,
                   random_source& random) {
  checkpointing kept;
  kept.directory = (folder / "kept").string();
  kept.files = &files;
  kept.log_bytes = how.are_stored ? 12'000 : 4000;  // each checkpoint of stores syncs many small files
  const auto workers = 1 + random.below(2);
  std::shared_ptr<state_backend> store;
  if (how.are_stored)
    store = rocksdb::store({.dir = (folder / "store").string(), .cache_bytes = 2000, .memory_bytes = 1u << 20});
  if (how.on == engine::batches) {
    batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = 30 + random.below(40), .workers = workers};
    o.store = store;
    o.guarantee = how.promise;
    o.log = {};
    o.checkpoints = kept;
    return batch_executor{o}.start(graph);
  }
  event_options o{.guarantee = how.promise, .workers = workers, .max_batch = 1 + random.below(8)};
  o.channel_batches = 2;
  o.store = store;
  o.log = {};
  o.checkpoints = kept;
  o.checkpoint_interval = 1us;
  return event_executor{o}.start(graph);
}

/// One life of the process, in a child: until it is killed, or has come to its end. Gives how it ended.
int live(const way& how, const scene& s, const fs::path& folder, std::uint64_t dies_at,
         std::chrono::microseconds killed_after, random_source& random, std::uint64_t* steps = nullptr) {
  int report[2];
  if (pipe(report) != 0) std::abort();
  const auto parallelism = 1 + random.below(3);
  const auto child = fork();
  if (child == 0) {
    try {
      dying_files files(dies_at);
      start(how, graph_of(s, folder, files, parallelism, how.are_sent), folder, files, random).wait();
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
  std::uint64_t again = 0;  ///< rows that may come twice, and do

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
  /// Every row is there, with its sum or more, however often.
  void look_for(std::vector<std::string> got, const std::vector<std::string>& wanted, const std::string& what) {
    std::map<std::string, std::int64_t> most;  // all but the last number, which is a sum
    const auto split = [](const std::string& row) {
      const auto at = row.rfind(' ');
      return std::pair{row.substr(0, at), std::stoll(row.substr(at))};
    };
    for (const auto& row : got) {
      const auto [key, sum] = split(row);
      auto& known = most.try_emplace(key, sum).first->second;
      known = std::max<std::int64_t>(known, sum);
    }
    std::vector<std::string> missing;
    for (const auto& row : wanted) {
      const auto [key, sum] = split(row);
      const auto found = most.find(key);
      if (found == most.end() || found->second < sum) missing.push_back(row);
    }
    again += got.size() - std::min(got.size(), wanted.size());
    lost += missing.size();
    if (missing.empty()) return;
    ++wrong;
    ADD_FAILURE() << what << ": " << missing.size() << " rows are missing; first: " << missing.front();
  }
  void look_for(const scene& s, const fs::path& folder, const std::string& what) {
    look_for(rows_of((folder / "out.db").string(), "select id, user, sum from sums"), s.sums(), what + ", sums");
    look_for(lines_in(folder / "out", "windows"), s.windows(), what + ", windows");
    look_for(lines_in(folder / "out", "paid"), s.pairs(), what + ", paid");
  }
  void print(const char* name) const {
    std::printf("%s: kills=%llu lost=%llu doubled=%llu\n", name, static_cast<unsigned long long>(kills),
                static_cast<unsigned long long>(lost), static_cast<unsigned long long>(doubled));
    if (again) std::printf("%s: again=%llu, as at_least_once may\n", name, static_cast<unsigned long long>(again));
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
  /// Lets it live until it has come to its end.
  void finish(way how, const scene& s, const fs::path& folder, random_source& random) const {
    how.on = any_engine(random);
    const int status = live(how, s, folder, dying_files::never, 0us, random);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  }
  /// How many steps a life without a kill has; what comes out must be right.
  std::uint64_t steps_of(const way& how, const scene& s, verdict& all) const {
    random_source random(1);
    const auto folder = folder_with(s, "whole");
    std::uint64_t steps = 0;
    EXPECT_EQ(live(how, s, folder, dying_files::never, 0us, random, &steps), 0);
    EXPECT_GT(steps, 50u);
    all.compare(s, folder, "without a kill");
    fs::remove_all(folder);
    return steps;
  }
  void die_at_steps(engine on, const char* name);
  fs::path root_;
};

std::uint64_t seeds_or(std::uint64_t usual) {
  const char* text = std::getenv("FRESHET_SEEDS");
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

/// A step for the life behind a kill: every other time one of the first, which go on from where the one before was.
std::uint64_t step_of_recovery(random_source& random, std::uint64_t steps) {
  return random.below(random.chance(0.5) ? std::min<std::uint64_t>(60, steps) : steps);
}

/// Every step in turn, but no more than so many: another part of them with each seed. The life behind it, on any
/// engine, is killed at one of its own.
void killed_process::die_at_steps(engine on, const char* name) {
  const scene s(160);
  verdict all;
  const way ways[] = {{on, false}, {on, true}, {on, false, true}};
  std::uint64_t steps_by[3], steps = 0;
  for (std::size_t w = 0; w < 3; ++w) steps = std::max(steps, steps_by[w] = steps_of(ways[w], s, all));
  const auto most = seeds_or(80), stride = std::max<std::uint64_t>(1, steps / std::max<std::uint64_t>(1, most));
  std::uint64_t lives = 0, first_kills = 0;
  for (std::uint64_t at = seeds_or(80) % stride; at < steps && all.wrong < 3; at += stride) {
    random_source random(at);
    way how = ways[lives % 3];
    const auto folder = folder_with(s, "step");
    const auto first = at % steps_by[lives % 3], then = step_of_recovery(random, steps);
    first_kills += was_killed(live(how, s, folder, first, 0us, random));
    how.on = any_engine(random);
    all.kills += was_killed(live(how, s, folder, then, 0us, random));
    ++lives;
    finish(how, s, folder, random);
    all.compare(s, folder, "killed at step " + std::to_string(first) + ", and then at " + std::to_string(then));
    fs::remove_all(folder);
  }
  all.kills += first_kills;
  all.print(name);
  // A life with other parallelism may have fewer steps. All tests together: more than 200 kills.
  EXPECT_GE(first_kills, lives * 3 / 4);
  EXPECT_GT(all.kills, first_kills);
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
  for (std::uint64_t seed = 1; all.kills < seeds_or(120) && all.wrong < 3; ++seed) {
    random_source random(seed);
    const auto folder = folder_with(s, "moment");
    way how{engine::batches, random.chance(0.5), random.chance(0.3)};
    for (int lives = 0; lives < 40; ++lives) {
      const auto after = std::chrono::microseconds(1 + random.below(60'000));
      how.on = any_engine(random);
      if (!was_killed(live(how, s, folder, dying_files::never, after, random))) break;
      ++all.kills;
    }
    finish(how, s, folder, random);
    all.compare(s, folder, "seed " + std::to_string(seed));
    fs::remove_all(folder);
  }
  all.print("killed_process_at_moments");
  EXPECT_GE(all.kills, seeds_or(120));
}

/// In batches every row comes once. In events what was not finished is emitted again: rows may come twice, and states
/// count a message twice, but none is missing.
TEST_F(killed_process, under_at_least_once_loses_nothing) {
  const scene s(160);
  verdict all;
  const auto most = seeds_or(60);
  const auto steps = steps_of({engine::batches, false}, s, all);
  for (std::uint64_t seed = 1; all.kills < most && all.wrong < 3; ++seed) {
    random_source random(seed);
    const auto folder = folder_with(s, "again");
    const bool in_batches = seed % 3 == 0;
    way how{engine::batches, random.chance(0.5), random.chance(0.3), guarantee::at_least_once};
    for (int lives = 0; lives < 3; ++lives) {
      how.on = in_batches ? engine::batches : any_engine(random);
      all.kills += was_killed(live(how, s, folder, step_of_recovery(random, steps), 0us, random));
    }
    how.on = in_batches ? engine::batches : engine::events;
    ASSERT_EQ(live(how, s, folder, dying_files::never, 0us, random), 0);
    if (in_batches) all.compare(s, folder, "seed " + std::to_string(seed));
    else all.look_for(s, folder, "seed " + std::to_string(seed));
    fs::remove_all(folder);
  }
  all.print("killed_process_at_least_once");
  EXPECT_GE(all.kills, most);
}

}  // namespace
}  // namespace freshet::recovery
