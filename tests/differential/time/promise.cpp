#include "differential/time/promise.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "core/memory_store.hpp"
#include "differential/rescale_at_random.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet::differential {
namespace {

std::shared_ptr<testing::fault_plan> some_faults(const std::vector<std::string>& failing, bool batches,
                                                 random_source& random) {
  if (failing.empty()) return nullptr;
  auto faults = std::make_shared<testing::fault_plan>(random.below(1u << 30));
  for (const auto& node : failing) {
    faults->throw_at_random(node, 0.03, random.below(5));
    if (!batches || !random.chance(0.2)) continue;
    const auto task = random.chance(0.5) ? testing::fault_plan::any_task : 0;
    const auto batch = 1 + random.below(6);
    switch (random.below(3)) {
      case 0:
        faults->lose_block(node, task, testing::fault_plan::any_task, batch);
        break;
      case 1:
        faults->evict_block(node, task, testing::fault_plan::any_task, batch);
        break;
      default:
        faults->flip_block(node, task, testing::fault_plan::any_task, batch);
    }
  }
  return faults;
}

/// A store in memory for each task, however often there is one of its name, with room for hardly a state besides.
class stores_of_tasks final : public state_backend {
 public:
  std::unique_ptr<state_store> open(const std::string&) override {
    std::lock_guard lock(mutex_);
    return std::make_unique<testing::memory_store>(all_.emplace_back(), 300);
  }

 private:
  std::mutex mutex_;
  std::list<testing::memory_store::contents> all_;
};
std::shared_ptr<state_backend> sometimes_stores(random_source& random) {
  return random.below(5) == 0 ? std::make_shared<stores_of_tasks>() : nullptr;
}

event_options events_at_random(const promise& p, std::shared_ptr<fault_injector> faults, random_source& random) {
  event_options o{.guarantee = p.kept, .workers = 1 + random.below(2), .max_batch = 1 + random.below(40)};
  o.retry = {.max_attempts = 50, .first = std::chrono::microseconds(1), .longest = std::chrono::microseconds(20)};
  o.log = {};
  o.store = sometimes_stores(random);
  o.faults = std::move(faults);
  return o;
}

batch_options batches_at_random(const promise& p, std::shared_ptr<fault_injector> faults, random_source& random) {
  const std::size_t sizes[] = {1, 7, 100, 100'000};
  batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = sizes[random.below(4)]};
  if (random.below(4) == 0) {
    o.trigger = batch_trigger::interval;
    o.interval = std::chrono::microseconds(10 + random.below(300));
  }
  o.workers = 1 + random.below(2);
  o.max_task_attempts = 100;
  o.max_batch = 1 + random.below(40);
  o.verify_blocks = true;  // or a flipped bit would be nobody's
  o.log = {};
  o.faults = std::move(faults);
  o.guarantee = p.kept;
  o.store = sometimes_stores(random);
  if (random.chance(0.3)) {
    o.block_store_bytes = 8 << 10;
    o.spill.directory = "/spill";  // of the simulated disk that the run gets
  }
  return o;
}

void keep(checkpointing& how, std::uint64_t log_bytes) {
  how.directory = "/kept";
  how.log_bytes = log_bytes;
}
}  // namespace

any_options some_options(const promise& p, const std::vector<std::string>& failing, random_source& random) {
  const auto faults = some_faults(failing, p.batches || p.is_by_epoch, random);
  if (p.is_by_epoch) {
    either_engine o{events_at_random(p, faults, random), batches_at_random(p, faults, random)};
    o.events.checkpoint_interval = std::chrono::microseconds(1);
    const auto log_bytes = 64 + random.below(8000);
    keep(o.events.checkpoints, log_bytes);
    keep(o.batches.checkpoints, log_bytes);
    return o;
  }
  if (!p.batches) return events_at_random(p, faults, random);
  auto o = batches_at_random(p, faults, random);
  if (p.goes_on) keep(o.checkpoints, 64 + random.below(8000));
  return o;
}

bool goes_on(const any_options& options) {
  const auto* batches = std::get_if<batch_options>(&options);
  return is_by_epoch(options) || (batches && !batches->checkpoints.directory.empty());
}

namespace {
/// Stopped after a few batches, again and again, and once more let run to its end.
run_metrics run_with_stops(const topology& graph, batch_options options) {
  testing::simulated_files files;
  options.checkpoints.files = options.spill.files = &files;
  random_source random(options.checkpoints.log_bytes);
  run_metrics all;
  for (bool last = false; !last;) {
    last = random.chance(0.3);
    auto run = batch_executor{options}.start(graph);
    if (!last) {
      const auto batches = random.below(8);
      while (run.metrics().batches_done < batches && !run.wait_for(std::chrono::microseconds(50))) {}
      run.request_stop();
    }
    run.wait();
    const auto some = run.metrics();
    all.tasks.insert(all.tasks.end(), some.tasks.begin(), some.tasks.end());
  }
  return all;
}

/// Run by one engine or the other until the power fails, or until it is stopped, again and again.
run_metrics run_with_crashes(const topology& graph, either_engine options) {
  testing::simulated_files files;
  options.events.checkpoints.files = options.batches.checkpoints.files = options.batches.spill.files = &files;
  random_source random(options.events.checkpoints.log_bytes);
  const auto start = [&] {
    return random.chance(0.5) ? event_executor{options.events}.start(graph)
                              : batch_executor{options.batches}.start(graph);
  };
  for (auto lives = random.below(6); lives > 0; --lives) {
    const bool crashes = random.chance(0.7);
    std::atomic<std::uint64_t> steps_left = 1 + random.below(60);
    if (crashes)
      files.on_step([&](const testing::file_step&) {
        if (--steps_left == 0) files.power_off();
      });
    try {
      auto run = start();
      if (random.chance(0.3)) rescale_at_random(run, random);
      if (!crashes) {
        (void)run.wait_for(std::chrono::microseconds(random.below(1000)));
        run.request_stop();
      }
      run.wait();
    } catch (const run_error&) {
      if (!crashes) throw;
    }
    files.on_step({});
    if (crashes) files.crash(random);
  }
  auto run = start();
  run.wait();
  return run.metrics();
}
}  // namespace

run_metrics run_to_end(const topology& graph, const any_options& options) {
  if (const auto* either = std::get_if<either_engine>(&options)) return run_with_crashes(graph, *either);
  if (goes_on(options)) return run_with_stops(graph, std::get<batch_options>(options));
  const auto finished = [](topology_run run) { return run.wait(), run.metrics(); };
  testing::simulated_files disk;
  if (const auto* events = std::get_if<event_options>(&options)) {
    auto run = event_executor{*events}.start(graph);
    random_source random(events->max_batch * 2 + events->workers);
    if (random.chance(0.4)) rescale_at_random(run, random);
    return finished(std::move(run));
  }
  auto batches = std::get<batch_options>(options);
  batches.spill.files = &disk;
  return finished(batch_executor{batches}.start(graph));
}

}  // namespace freshet::differential
