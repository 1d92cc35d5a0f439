#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "freshet/freshet.hpp"
#include "runtime/adaptive_run.hpp"
#include "runtime/checkpoint_scene.hpp"

// A run that changes its engine. When it does is said by the test: each run may read so many numbers, and when they are
// read the other engine takes over.
namespace freshet::adaptive_tests {

using namespace checkpoint_tests;

/// How many numbers may still be read.
using allowance = std::shared_ptr<std::atomic<int>>;

/// Never below zero, so that nobody has to give back what another may have set meanwhile.
inline bool take_one_of(std::atomic<int>& left) {
  int now = left;
  while (now > 0 && !left.compare_exchange_weak(now, now - 1)) {}
  return now > 0;
}

/// Numbers of some partitions, one at a time and while that is allowed. It ends behind them, when it may.
class allowed_numbers {
 public:
  using permission = std::shared_ptr<std::atomic<bool>>;
  allowed_numbers(allowance left, int partitions, int each,
                  permission may_end = std::make_shared<std::atomic<bool>>(true))
      : left_(std::move(left)), may_end_(std::move(may_end)), all_(partitions, each) {}

  std::vector<std::string> partitions() const {
    std::vector<std::string> names;
    for (std::size_t p = 0; p < all_.partitions; ++p) names.push_back(std::to_string(p));
    return names;
  }
  void open(const task_context& context) {
    for (const auto& p : context.partitions) mine_.push_back({p.id, 0});
  }
  poll_status poll(spout_emitter<int>& out) {
    for (std::size_t tried = 0; tried < mine_.size(); ++tried) {
      auto& [p, next] = mine_[turn_++ % mine_.size()];
      if (next == all_.each) continue;
      if (!take_one_of(*left_)) return poll_status::idle_until(std::chrono::steady_clock::now() + 20us);
      emit(p, next++, out);
      return poll_status::emitted();
    }
    return *may_end_ ? poll_status::ended() : poll_status::idle_until(std::chrono::steady_clock::now() + 20us);
  }
  void read(const position_range& range, spout_emitter<int>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(range.partition, i, out);
  }
  void seek(const position& to) {
    for (auto& [p, next] : mine_)
      if (p == to.partition) next = to.offset;
  }
  void commit(const position&) {}

 private:
  struct extent {
    extent(int p, int e) : partitions(static_cast<std::size_t>(p)), each(static_cast<std::uint64_t>(e)) {}
    std::size_t partitions;
    std::uint64_t each;
  };
  void emit(partition_id p, std::uint64_t i, spout_emitter<int>& out) const {
    out.emit({p, i, i + 1}, static_cast<int>(p * all_.each + i));
  }

  allowance left_;
  permission may_end_;
  extent all_;
  std::vector<std::pair<partition_id, std::uint64_t>> mine_;
  std::size_t turn_ = 0;
};

/// Allows each stay on an engine so many numbers, and has the other engine go on when they are read, and `may_switch`.
class when_used_up final : public engine_chooser {
 public:
  using condition = std::function<bool()>;
  when_used_up(
      allowance left, int each_run, condition may_switch = [] { return true; })
      : left_(std::move(left)), each_run_(each_run), may_switch_(std::move(may_switch)) {}
  void begin(engine_kind at, time_point) override {
    if (at_ != at) *left_ = each_run_;  // and not where the same engine goes on with other tasks
    at_ = at;
  }
  std::string look(const run_metrics&, time_point) override { return *left_ <= 0 && may_switch_() ? "used up" : ""; }

 private:
  const allowance left_;
  const int each_run_;
  const condition may_switch_;
  std::optional<engine_kind> at_;
};

/// The event engine with no epochs but those that somebody asks for: each run has the one that ends it.
struct events_without_pace {
  static event_executor in(simulated_files& files, const wishes& w = {}) {
    event_options o;
    o.workers = 1;
    o.max_batch = 4;
    o.log = logger{};
    o.guarantee = w.guarantee;
    o.store = w.store;
    o.retry = {.max_attempts = w.attempts, .first = 1us, .longest = 1us};
    o.checkpoints = kept_in(files, w.how);
    o.checkpoint_interval = 1h;
    return event_executor{o};
  }
};

inline constexpr int all_numbers = partitions * each;
inline constexpr int no_limit = 1 << 30;

/// A topology, what it writes to, and the switches of its runs.
struct scene {
  simulated_files own_files;
  simulated_files* files = &own_files;
  std::shared_ptr<outside> world = std::make_shared<outside>();
  allowance left = std::make_shared<std::atomic<int>>(0);
  allowed_numbers::permission may_end = std::make_shared<std::atomic<bool>>(true);
  int each_run = 50;
  engine_kind first = engine_kind::batches;
  wishes options{};
  /// Called on the thread that switches, before the other engine is started and when it has been.
  std::function<void()> before = [] {}, behind = [] {};
  std::atomic<topology_run*> handle{nullptr};
  bool wants_handle = false;  ///< there is no switch before it is set
  logger log{};
  std::atomic<int> starts{0};

  template <class Sink>
  topology sums(std::size_t parallelism = 2) const {
    topology_builder builder{"sums"};
    auto source = builder.spout("numbers", allowed_numbers{left, partitions, each, may_end}, {.parallelism = 2});
    auto summed =
        builder.bolt("sums", sum_by_key{}, {.parallelism = parallelism}).input(source, key_grouping{key_of{}});
    builder.sink("out", Sink{world}, {.parallelism = deciding_sink<Sink> ? 1u : 2u}).input(summed, shuffle_grouping{});
    return builder.build();
  }
  template <class Engine>
  adaptive_engines::start starts_of() {
    return [this](const topology& graph, bool goes_on) {
      ++starts;
      if (goes_on) before();
      auto run = Engine::in(*files, options).start(graph);
      if (goes_on) behind();
      return run;
    };
  }
  topology_run start(const topology& graph) {
    return start_adaptive(graph, {starts_of<batches>(), starts_of<events_without_pace>()},
                          {.first = first, .patience = 0ns, .log = log},
                          std::make_unique<when_used_up>(left, each_run, [this] { return handle || !wants_handle; }));
  }
  /// What `before` and `behind` may ask, as soon as there is a handle.
  topology_run& run() const {
    while (!handle) std::this_thread::yield();
    return *handle;
  }
  /// Goes on where it was, on one engine and to the end.
  template <class Engine>
  void finish(const topology& graph) {
    world->crash_at = ~std::uint64_t{0};
    *left = no_limit;
    Engine::in(*files, options).start(graph).wait();
  }
};

struct lines final : log_sink {
  void write(const log_record& r) noexcept override {
    std::lock_guard lock(mutex);
    all.push_back(std::string(to_string(r.level)) + " " + std::string(r.component) + ": " + std::string(r.message));
  }
  std::mutex mutex;
  std::vector<std::string> all;
};

}  // namespace freshet::adaptive_tests
