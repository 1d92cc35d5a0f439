// Checkpoints that take the files of RocksDB by a second name, and runs that go on from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "connect/temporary_folder.hpp"
#include "freshet/runtime/executor.hpp"
#include "freshet/state/checkpoint_reader.hpp"
#include "freshet/state/rocksdb_store.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "runtime/checkpoint_scene.hpp"

namespace freshet::rocksdb {
namespace {

namespace fs = std::filesystem;
using namespace checkpoint_tests;
using ::testing::HasSubstr;

constexpr int numbers_each = 3000;

/// Many more keys than a task has room for; a key is of one partition.
struct many_keys {
  int operator()(int v) const { return v / numbers_each * 1000 + v * 7 % 600; }
};
struct sum_of_many {
  using state = long;
  row process(int value, state& sum) { return {many_keys{}(value), sum += value}; }
};
/// The same with a timer of each key, which stays in memory.
struct sum_with_timers {
  using state = long;
  using output = emitter<row>;
  void process(int value, state& sum, timers& at, output& out) {
    at.set(1, event_time{event_span{1'000'000}});
    out.emit({many_keys{}(value), sum += value});
  }
  void on_timer(int key, event_time, state& sum, output& out) { out.emit({-1 - key, sum}); }
};
std::vector<row> wanted_of_many(bool with_timers = false) {
  std::vector<row> all;
  std::map<int, long> sums;
  for (int v = 0; v < 3 * numbers_each; ++v) {
    const auto key = many_keys{}(v);
    all.push_back({key, sums[key] += v});
  }
  for (const auto& [key, sum] : sums)
    if (with_timers) all.push_back({-1 - key, sum});
  std::sort(all.begin(), all.end());
  return all;
}

/// The next snapshot of its stores can't be made.
class without_snapshots final : public state_backend {
 public:
  explicit without_snapshots(std::shared_ptr<state_backend> in) : in_(std::move(in)) {}
  std::unique_ptr<state_store> open(const std::string& task) override { return wrap(in_->open(task)); }
  bool has_snapshots() const override { return true; }
  void fail_once() { *asked_ = 0; }
  /// So many were asked for since that one.
  int asked_behind() const { return *asked_ - 1; }

 private:
  using count = std::shared_ptr<std::atomic<int>>;
  struct store final : state_store {
    store(std::unique_ptr<state_store> s, count c) : in(std::move(s)), asked(std::move(c)) {}
    bool get(std::uint32_t group, std::string_view key, std::string& value) override {
      return in->get(group, key, value);
    }
    void write(std::span<const change> changes) override { in->write(changes); }
    void scan(std::uint32_t group, std::string_view from, const visitor& visit) override {
      in->scan(group, from, visit);
    }
    void drop(std::uint32_t group) override { in->drop(group); }
    std::size_t cache_bytes() const override { return in->cache_bytes(); }
    std::shared_ptr<const store_snapshot> snapshot() override {
      if (++*asked == 1) throw state_store_error("there is no room for a snapshot");
      return in->snapshot();
    }
    std::string id() const override { return in->id(); }
    const std::unique_ptr<state_store> in;
    const count asked;
  };
  std::unique_ptr<state_store> wrap(std::unique_ptr<state_store> one) const {
    return std::make_unique<store>(std::move(one), asked_);
  }

  const std::shared_ptr<state_backend> in_;
  const count asked_ = std::make_shared<std::atomic<int>>(1000);
};

/// What a test changes from run to run.
struct with {
  bool is_event = true;
  std::size_t parallelism = 2;
  std::shared_ptr<state_backend> store{};
  state_ttl ttl{};
  std::optional<std::uint64_t> resume_from{};
};

class rocksdb_checkpoints : public ::testing::Test {
 protected:
  std::shared_ptr<state_backend> small_store(std::string name = "store") const {
    return store({.dir = folder / name, .cache_bytes = 20'000, .memory_bytes = 1u << 20});
  }
  template <class Bolt>
  topology graph_of(const with& w, Bolt bolt) const {
    stream_builder b{"sums"};
    b.spout("numbers", paced_numbers{world, 3, numbers_each})
        .event_time([](int v) { return event_time{event_span{v % numbers_each}}; })
        .key_by(many_keys{})
        .process("sum", bolt, {.parallelism = w.parallelism, .state_ttl = w.ttl})
        .global()
        .to("out", epoch_sink{world});
    return b.build();
  }
  checkpointing kept(const with& w) const {
    checkpointing how{.directory = folder / "kept"};
    how.log_bytes = 20'000;
    how.resume_from = w.resume_from;
    return how;
  }
  template <class Bolt = sum_of_many>
  topology_run start(const with& w, Bolt bolt = {}) {
    const auto graph = graph_of(w, bolt);
    if (!w.is_event) {
      auto o = batches_of(200);
      o.workers = 1;
      o.store = w.store;
      o.guarantee = guarantee::exactly_once;
      o.checkpoints = kept(w);
      return batch_executor{o}.start(graph);
    }
    event_options o;
    o.workers = 1;
    o.log = logger{};
    o.store = w.store;
    o.guarantee = guarantee::exactly_once;
    o.checkpoints = kept(w);
    o.checkpoint_interval = 200us;
    return event_executor{o}.start(graph);
  }
  /// So many polls of the spout, of a few numbers each, and what they gave is committed.
  template <class Bolt = sum_of_many>
  void run_some(const with& w, std::int64_t polls, Bolt bolt = {}) {
    world->polls = polls;
    auto run = start(w, bolt);
    while (world->polls > 0 && run.status().state < run_state::finished) std::this_thread::yield();
    run.stop();
    run.wait();
  }
  template <class Bolt = sum_of_many>
  void run_to_the_end(const with& w, Bolt bolt = {}) {
    world->polls = std::int64_t{1} << 40;
    start(w, bolt).wait();
  }
  std::vector<row> visible() const {
    std::lock_guard lock(world->mutex);
    auto all = world->visible;
    std::sort(all.begin(), all.end());
    return all;
  }
  std::vector<checkpoint_manifest> manifests() const {
    std::vector<checkpoint_manifest> all;
    const auto epochs = checkpoint_reader(system_files(), folder / "kept").epochs().value();
    for (const auto& e : epochs) all.push_back(e.manifest.value());
    return all;
  }
  static std::set<std::string> store_files(const checkpoint_manifest& m) {
    std::set<std::string> names;
    for (const auto& n : m.nodes)
      for (const auto& f : n.files)
        if (f.kind == state_file_kind::store) names.insert(f.name);
    return names;
  }
  std::string why_refused(const with& w) {
    world->polls = std::int64_t{1} << 40;
    try {
      start(w).wait();
    } catch (const run_error& e) { return e.what(); }
    return "nothing";
  }

  temporary_folder folder;
  std::shared_ptr<outside> world = std::make_shared<outside>();
};

TEST_F(rocksdb_checkpoints, go_on_on_either_engine_with_any_parallelism) {
  const std::vector<with> runs = {{.is_event = true, .parallelism = 2},  {.is_event = true, .parallelism = 2},
                                  {.is_event = false, .parallelism = 2}, {.is_event = false, .parallelism = 3},
                                  {.is_event = true, .parallelism = 1},  {.is_event = true, .parallelism = 4}};
  for (auto w : runs) {
    w.store = small_store();
    run_some(w, 150);
    ASSERT_FALSE(store_files(manifests().back()).empty());
  }
  run_to_the_end({.is_event = false, .parallelism = 2, .store = small_store()});
  EXPECT_EQ(visible(), wanted_of_many());
  EXPECT_FALSE(fs::exists(folder / "store")) << "nothing is left of it";
}

TEST_F(rocksdb_checkpoints, have_timers_beside_the_snapshot) {
  for (const bool is_event : {true, true, false, false, true})
    run_some({.is_event = is_event, .parallelism = is_event ? 2u : 3u, .store = small_store()}, 200, sum_with_timers{});
  run_to_the_end({.store = small_store()}, sum_with_timers{});
  EXPECT_EQ(visible(), wanted_of_many(true));
}

TEST_F(rocksdb_checkpoints, write_only_what_is_new) {
  std::size_t same = 0, fresh = 0;
  for (const bool is_event : {true, false, true}) {
    run_some({.is_event = is_event, .store = small_store()}, 400);
    std::set<std::string> before;
    for (const auto& m : manifests()) {
      for (const auto& name : store_files(m)) ++(before.count(name) ? same : fresh);
      before = store_files(m);
    }
  }
  EXPECT_GT(same, 5u) << "files of a store that are listed again";
  EXPECT_GT(fresh, 5u);
  for (const auto& m : manifests()) EXPECT_TRUE(checkpoint_reader(system_files(), folder / "kept").verify(m).empty());
}

/// Also where the number of tasks is the same: rows without the time of last use can't be taken as they are.
TEST_F(rocksdb_checkpoints, go_on_where_states_expire_from_then_on) {
  run_some({.store = small_store()}, 500);
  run_some({.store = small_store(), .ttl = {event_span{1'000'000'000}}}, 300);
  run_some({.is_event = false, .store = small_store(), .ttl = {event_span{1'000'000'000}}}, 300);
  run_to_the_end({.store = small_store()});
  EXPECT_EQ(visible(), wanted_of_many());
}

/// Of a run at work, to other databases, and between checkpoints that have snapshots of those.
TEST_F(rocksdb_checkpoints, go_on_behind_a_rescale) {
  const auto some_rescaled = [&](std::int64_t polls) {
    world->polls = polls;
    auto run = start({.store = small_store()}, sum_with_timers{});
    for (std::size_t tasks : {3, 1, 4, 2}) run.rescale("sum", tasks);
    while (world->polls > 0) std::this_thread::yield();
    run.rescale("sum", 3);
    const auto m = run.metrics();
    EXPECT_EQ(std::count_if(m.tasks.begin(), m.tasks.end(), [](auto& t) { return t.node == "sum"; }), 3);
    run.stop();
    run.wait();
  };
  some_rescaled(300);
  some_rescaled(300);
  run_some({.is_event = false, .parallelism = 3, .store = small_store()}, 200, sum_with_timers{});
  run_to_the_end({.store = small_store()}, sum_with_timers{});
  EXPECT_EQ(visible(), wanted_of_many(true));
}

TEST_F(rocksdb_checkpoints, need_a_store_and_savepoints_do_not) {
  run_some({.store = small_store()}, 300);
  EXPECT_THAT(why_refused({}),
              ::testing::AllOf(HasSubstr("the states of bolt \"sum\" in \""), HasSubstr("are files of a state store"),
                               HasSubstr("give the executor's option store one of that kind")));
  std::uint64_t epoch = 0;
  {
    world->polls = 100;
    auto run = start({.store = small_store()});
    while (world->polls > 0) std::this_thread::yield();
    epoch = run.savepoint();
    run.stop();
    run.wait();
  }
  const auto all = manifests();
  const auto saved = std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.epoch == epoch; });
  ASSERT_NE(saved, all.end());
  EXPECT_TRUE(store_files(*saved).empty());
  run_some({.is_event = false, .resume_from = epoch}, 100);
  run_some({.is_event = true, .store = small_store()}, 300);
  run_to_the_end({.is_event = true, .store = small_store()});
  EXPECT_EQ(visible(), wanted_of_many());
}

/// Epochs are in the log all the same, and a later checkpoint is made.
TEST_F(rocksdb_checkpoints, that_cannot_be_made_are_left_out) {
  for (const bool is_event : {true, false}) {
    world = std::make_shared<outside>();
    world->one_poll_an_epoch = is_event;  // however slow the machine is, there are many
    fs::remove_all(std::string(folder / "kept"));
    auto store = std::make_shared<without_snapshots>(small_store());
    auto run = start({.is_event = is_event, .store = store});
    store->fail_once();
    run.wait();
    EXPECT_GE(store->asked_behind(), 3) << "both tasks were asked again";
    EXPECT_FALSE(store_files(manifests().back()).empty());
    EXPECT_EQ(visible(), wanted_of_many());
  }
}

TEST_F(rocksdb_checkpoints, that_lack_a_file_are_damaged) {
  run_some({.store = small_store()}, 500);
  const auto last = manifests().back();
  const auto lost = *store_files(last).begin();
  fs::remove(folder / ("kept/" + lost));
  EXPECT_THAT(why_refused({.store = small_store()}), HasSubstr(lost));
}

TEST_F(rocksdb_checkpoints, whose_bytes_have_changed_end_the_run_with_a_sentence) {
  run_some({.store = small_store()}, 800);
  const auto last = manifests().back();
  for (const auto& n : last.nodes)
    for (const auto& f : n.files) {
      if (!f.store_name.ends_with(".sst")) continue;
      std::fstream file(folder / ("kept/" + f.name), std::ios::in | std::ios::out | std::ios::binary);
      for (std::streamoff at = 10; at < static_cast<std::streamoff>(f.size) / 2; at += 50) file.seekp(at).put('?');
    }
  EXPECT_THAT(why_refused({.store = small_store()}),
              ::testing::AllOf(HasSubstr("the states of \"sum\" task"), HasSubstr("Corruption"),
                               HasSubstr("began with files of the checkpoints in \"" + (folder / "kept") + "\": "),
                               HasSubstr("freshet-checkpoint verify says which of them are damaged")));
  std::size_t damaged = 0;
  const checkpoint_reader reader(system_files(), folder / "kept");
  for (const auto& e : reader.epochs().value()) damaged += !reader.verify(e.manifest.value()).empty();
  EXPECT_GT(damaged, 0u) << "and freshet-checkpoint verify says which";
}

}  // namespace
}  // namespace freshet::rocksdb
