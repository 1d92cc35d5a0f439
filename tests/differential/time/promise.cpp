#include "differential/time/promise.hpp"

#include <memory>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/fault_plan.hpp"

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
  return o;
}

run_metrics run_to_end(const topology& graph, const any_options& options) {
  const auto* events = std::get_if<event_options>(&options);
  auto run =
      events ? event_executor{*events}.start(graph) : batch_executor{std::get<batch_options>(options)}.start(graph);
  run.wait();
  return run.metrics();
}

}  // namespace freshet::differential
