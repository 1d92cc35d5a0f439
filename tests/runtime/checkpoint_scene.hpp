#pragma once
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch_probe.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/simulated_files.hpp"

// A topology whose runs go on where others were, on either engine, and what its sinks write to.
namespace freshet::checkpoint_tests {

using namespace batch_tests;
using namespace std::chrono_literals;
using testing::simulated_files;

using row = std::pair<int, long>;

/// What sinks write to: it survives every run, and is never in doubt.
struct outside {
  std::mutex mutex;
  std::map<std::string, std::vector<row>> prepared;
  std::vector<row> visible;
  std::set<std::string> committed;
  std::uint64_t commits_again = 0;
  std::atomic<std::uint64_t> without_begin = 0;  ///< epochs that were prepared and had not begun
  std::optional<epoch_id> last;
  std::atomic<bool> one_poll_an_epoch = false;
  std::atomic<std::int64_t> polls = std::int64_t{1} << 40;  ///< of `paced_numbers` that may still give something

  // From which call of a sink on all fail, what that does besides, and whether it is the end of the process.
  std::uint64_t calls = 0, crash_at = ~std::uint64_t{0};
  std::function<void()> crash = [] {};
  bool ends_process = true;
  std::shared_ptr<outside> beside{};  ///< of another sink, where calls are counted for both
  bool is_gone() const { return beside ? beside->is_gone() : ends_process && calls > crash_at; }
  void step() {
    if (beside) return beside->step();
    std::unique_lock lock(mutex);
    if (calls++ < crash_at) return;
    lock.unlock();
    crash();
    throw std::runtime_error("the process is gone");
  }
};

struct epoch_sink {
  using token = std::string;
  std::shared_ptr<outside> world;
  std::size_t task = 0;
  std::string name{};
  std::vector<row> rows{};
  bool has_begun = false;

  void open(const task_context& c) { task = c.task; }
  void begin(const epoch_id& id) {
    world->step();
    name = std::to_string(id.history) + "-" + std::to_string(id.epoch) + "-" + std::to_string(task);
    rows.clear();
    has_begun = true;
  }
  void write(const row& r) { rows.push_back(r); }
  token prepare() {
    world->step();
    world->without_begin += !std::exchange(has_begun, false);
    {
      std::lock_guard lock(world->mutex);
      world->prepared[name] = rows;
    }
    world->step();
    return name;
  }
  void commit(const token& t) {
    world->step();
    {
      std::lock_guard lock(world->mutex);
      if (world->committed.insert(t).second) {
        const auto& all = world->prepared.at(t);
        world->visible.insert(world->visible.end(), all.begin(), all.end());
      } else {
        ++world->commits_again;
      }
    }
    world->step();
  }
  void abort() {
    std::lock_guard lock(world->mutex);
    if (!world->is_gone() && !world->committed.count(name)) world->prepared.erase(name);
  }
};

/// Its next epoch begins before the last is committed, where the engine makes use of that.
struct overlapping_epoch_sink : epoch_sink {
  static constexpr bool overlaps_epochs = true;
};

/// As a database does it: rows and epoch in one transaction, which goes with the process.
struct transaction_sink {
  std::shared_ptr<outside> world;
  epoch_id id{};
  std::vector<row> rows{};
  bool open_now = false;

  void begin(const epoch_id& to) {
    world->step();
    id = to;
    rows.clear();
    open_now = true;
  }
  void write(const row& r) { rows.push_back(r); }
  void prepare() {
    world->step();
    world->without_begin += !open_now;
    world->step();
  }
  void commit() {
    world->step();
    if (std::exchange(open_now, false)) {
      std::lock_guard lock(world->mutex);
      world->visible.insert(world->visible.end(), rows.begin(), rows.end());
      world->last = id;
    }
    world->step();
  }
  void abort() { open_now = false; }
  std::optional<epoch_id> last_committed() const {
    std::lock_guard lock(world->mutex);
    return world->last;
  }
};
static_assert(transactional_sink<epoch_sink> && !deciding_sink<epoch_sink> && !overlapping_sink<epoch_sink>);
static_assert(overlapping_sink<overlapping_epoch_sink>);
static_assert(deciding_sink<transaction_sink> && !transactional_sink<transaction_sink>);

/// Numbers of some partitions. While `world->one_poll_an_epoch`, the next come when the last are committed: so a run of
/// the event engine has as many epochs as a spout's task has polls.
class paced_numbers {
 public:
  paced_numbers(std::shared_ptr<outside> world, std::size_t partitions, int each)
      : world_(std::move(world)), all_(partitions, each) {}
  partitioned_spout_probe::seen& probe() const { return all_.probe(); }
  std::vector<std::string> partitions() const { return all_.partitions(); }
  void open(const task_context& context) { all_.open(context); }
  poll_status poll(spout_emitter<int>& out) {
    if (waits_ && world_->one_poll_an_epoch) return poll_status::idle_until(std::chrono::steady_clock::now() + 20us);
    if (world_->polls <= 0) return poll_status::idle_until(std::chrono::steady_clock::now() + 20us);
    --world_->polls;
    waits_ = true;
    return all_.poll(out);
  }
  void read(const position_range& range, spout_emitter<int>& out) { all_.read(range, out); }
  void seek(const position& p) { all_.seek(p); }
  void commit(const position& p) {
    all_.commit(p);
    waits_ = false;
  }

 private:
  std::shared_ptr<outside> world_;
  partitioned_spout_probe all_;
  bool waits_ = false;
};

/// Of the places to crash at, every so many-th: few under a sanitizer, where each costs much (FRESHET_SEEDS is small).
inline std::uint64_t stride() {
  const char* seeds = std::getenv("FRESHET_SEEDS");
  return seeds && std::strtoull(seeds, nullptr, 10) <= 20 ? 11 : 1;
}

constexpr int partitions = 3, each = 40;

/// A key is of one partition, so that its rows come in one order.
struct key_of {
  int operator()(int v) const { return v / each * 10 + v % 10; }
};
struct sum_by_key {
  using state = long;
  row process(int value, state& sum) { return {key_of{}(value), sum += value}; }
};
inline std::vector<row> wanted() {
  std::vector<row> all;
  std::map<int, long> sums;
  for (int v = 0; v < partitions * each; ++v) all.push_back({key_of{}(v), sums[key_of{}(v)] += v});
  std::sort(all.begin(), all.end());
  return all;
}

/// What a test asks of a run.
struct wishes {
  checkpointing how{};
  freshet::guarantee guarantee = freshet::guarantee::exactly_once;
  std::uint32_t attempts = 3;
  std::shared_ptr<state_backend> store{};
};
inline checkpointing kept_in(simulated_files& files, checkpointing how) {
  how.directory = "/kept";
  how.files = &files;
  if (how.log_bytes == checkpointing{}.log_bytes) how.log_bytes = 600;
  return how;
}
/// Both engines with epochs as short as they can be.
struct batches {
  static constexpr bool has_epochs_by_time = false;
  static constexpr std::size_t most_again = 10;  ///< rows that come twice to a plain sink: a batch
  static batch_executor in(simulated_files& files, wishes w = {}) {
    return batch_executor{options(files, std::move(w))};
  }
  static batch_options options(simulated_files& files, wishes w = {}) {
    auto o = batches_of(10);
    o.workers = 1;
    o.guarantee = w.guarantee;
    o.store = std::move(w.store);
    o.max_task_attempts = w.attempts;
    o.checkpoints = kept_in(files, std::move(w.how));
    return o;
  }
  static batch_executor in_memory() { return batch_executor{batches_of(10)}; }
  /// Some epochs of the run are committed.
  static bool has_come_on(const topology_run& run) { return run.metrics().batches_done >= 2; }
};
struct events {
  static constexpr bool has_epochs_by_time = true;
  static constexpr std::size_t most_again = partitions * each;  ///< what came since the newest epoch
  static event_executor in(simulated_files& files, wishes w = {}) {
    return event_executor{options(files, std::move(w))};
  }
  static event_options options(simulated_files& files, wishes w = {}) {
    event_options o;
    o.workers = 1;
    o.max_batch = 4;
    o.log = logger{};
    o.guarantee = w.guarantee;
    o.store = std::move(w.store);
    o.retry = {.max_attempts = w.attempts, .first = 1us, .longest = 1us};
    o.checkpoints = kept_in(files, std::move(w.how));
    o.checkpoint_interval = 1us;
    return o;
  }
  static event_executor in_memory() {
    event_options o;
    o.log = logger{};
    return event_executor{o};
  }
  static bool has_come_on(const topology_run& run) {
    for (const auto& t : run.metrics().tasks)
      if (t.node == "out" && t.executed > 50) return true;
    return false;
  }
};

}  // namespace freshet::checkpoint_tests
