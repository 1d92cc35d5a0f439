#include "recovery/life.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <ostream>
#include <utility>

#include "freshet/freshet.hpp"

namespace freshet::recovery_bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* word = "--recovery-life";
constexpr double orders_a_second = 10'000;
constexpr auto epochs_each = 100ms;

struct order {
  std::uint64_t index = 0, key = 0, amount = 0;
  friend std::ostream& operator<<(std::ostream& to, const order& o) { return to << o.key << ' ' << o.amount; }
};
struct kept_sum {
  std::uint64_t sum = 0;
  std::string more{};
};

struct add_up {
  using state = kept_sum;
  std::uint64_t more_bytes;
  order process(const order& o, state& kept) const {
    kept.more.resize(more_bytes, 'x');
    return {o.index, o.key, kept.sum += o.amount};
  }
};

/// In one write, which a process that is killed has done or not.
void say(const std::string& what) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto line = what + " " + std::to_string(now) + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

/// What the sink has got and shown in this life. Copies of the sink share it. Thread safe.
class progress {
 public:
  void have_row(std::uint64_t index) {
    std::lock_guard lock(mutex_);
    if (!std::exchange(has_row_, true)) say("row " + std::to_string(index));
    newest_ = std::max(newest_, index);
  }
  void have_prepared() {
    std::lock_guard lock(mutex_);
    prepared_.push_back(newest_);
  }
  void have_committed() {
    std::lock_guard lock(mutex_);
    if (prepared_.empty()) return;  // of the life before
    if (has_row_) say("shown " + std::to_string(prepared_.front()));
    shown_ = prepared_.front();
    prepared_.pop_front();
    changed_.notify_all();
  }
  void wait_until_shown(std::uint64_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return shown_ >= index; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_row_ = false;
  std::uint64_t newest_ = 0, shown_ = 0;
  std::deque<std::uint64_t> prepared_;
};

struct watched_sink : file::epoch_sink<> {
  std::shared_ptr<progress> seen;
  watched_sink(const std::string& folder, std::shared_ptr<progress> p)
      : file::epoch_sink<>(folder), seen(std::move(p)) {}
  void write(const order& o) {
    seen->have_row(o.index);
    file::epoch_sink<>::write(o);
  }
  token prepare() {
    auto prepared = file::epoch_sink<>::prepare();
    seen->have_prepared();
    return prepared;
  }
  void commit(const token& prepared) {
    file::epoch_sink<>::commit(prepared);
    seen->have_committed();
  }
};

/// Every key in turn, and then any: a few of them many times.
order order_at(std::uint64_t index, std::uint64_t keys) {
  const auto mixed = index * 0x9e37'79b9'7f4a'7c15u;
  return {index, index < keys ? index : (mixed >> 32) % keys, index & 255};
}

topology sums_of(const life& asked, const std::shared_ptr<progress>& seen) {
  topology_builder b{"recovery_bench"};
  const auto orders =
      b.spout("orders", generator_spout{[keys = asked.keys](std::uint64_t i) { return order_at(i, keys); },
                                        {.rate = asked.is_first ? 0 : orders_a_second, .partitions = 1}});
  const auto doubled = b.bolt("double", [](const order& o) {
                          return order{o.index, o.key, o.amount * 2 + 1};
                        }).input(orders);
  const auto sums =
      b.bolt("sums", add_up{asked.state_bytes}, {.parallelism = 2}).input(doubled, key_grouping{&order::key});
  b.sink("rows", watched_sink{asked.folder + "/rows", seen}).input(sums);
  return b.build();
}

topology_run start(const life& asked, const topology& graph) {
  checkpointing kept{.directory = asked.folder + "/kept"};
  if (asked.in_log) kept.log_bytes = std::uint64_t{1} << 40;
  if (asked.engine == "batch")
    return batch_executor{{.interval = epochs_each, .workers = 2, .checkpoints = kept}}.start(graph);
  return event_executor{
      {.guarantee = guarantee::exactly_once, .workers = 2, .checkpoints = kept, .checkpoint_interval = epochs_each}}
      .start(graph);
}

}  // namespace

std::vector<std::string> life::arguments() const {
  return {word,
          folder,
          engine,
          std::to_string(keys),
          std::to_string(state_bytes),
          in_log ? "log" : "checkpoint",
          is_first ? "first" : "next"};
}

std::optional<life> life_of(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  if (given.size() != 7 || given[0] != word) return std::nullopt;
  return life{given[1], given[2], std::stoull(given[3]), std::stoull(given[4]), given[5] == "log", given[6] == "first"};
}

int live(const life& asked) try {
  say("main");
  const auto seen = std::make_shared<progress>();
  auto run = start(asked, sums_of(asked, seen));
  if (asked.is_first) {
    seen->wait_until_shown(asked.keys - 1);
    if (!asked.in_log) run.savepoint();
    run.stop();
  }
  run.wait();
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "recovery: %s\n", e.what());
  return 1;
}

}  // namespace freshet::recovery_bench
