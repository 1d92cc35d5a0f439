#include "differential/time/promise.hpp"

#include <memory>

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

}  // namespace

any_options some_options(const promise& p, const std::vector<std::string>& failing, random_source& random) {
  const auto faults = some_faults(failing, p.batches, random);
  if (!p.batches) {
    event_options o{.guarantee = p.kept, .workers = 1 + random.below(2), .max_batch = 1 + random.below(40)};
    o.retry = {.max_attempts = 50, .first = std::chrono::microseconds(1), .longest = std::chrono::microseconds(20)};
    o.log = {};
    o.faults = faults;
    return o;
  }
  const std::size_t sizes[] = {1, 7, 100, 100'000};
  batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = sizes[random.below(4)]};
  o.workers = 1 + random.below(2);
  o.max_task_attempts = 100;
  o.max_batch = 1 + random.below(40);
  o.verify_blocks = true;  // or a flipped bit would be nobody's
  o.log = {};
  o.faults = faults;
  o.guarantee = p.kept;
  if (p.goes_on) {
    o.checkpoints.directory = "/kept";
    o.checkpoints.log_bytes = 64 + random.below(8000);
  }
  return o;
}

bool goes_on(const any_options& options) {
  const auto* batches = std::get_if<batch_options>(&options);
  return batches && !batches->checkpoints.directory.empty();
}

namespace {
/// Stopped after a few batches, again and again, and once more let run to its end.
run_metrics run_with_stops(const topology& graph, batch_options options) {
  testing::simulated_files files;
  options.checkpoints.files = &files;
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
}  // namespace

run_metrics run_to_end(const topology& graph, const any_options& options) {
  if (goes_on(options)) return run_with_stops(graph, std::get<batch_options>(options));
  const auto* events = std::get_if<event_options>(&options);
  auto run =
      events ? event_executor{*events}.start(graph) : batch_executor{std::get<batch_options>(options)}.start(graph);
  run.wait();
  return run.metrics();
}

}  // namespace freshet::differential
