// What happens when a batch loses a part of itself: that part is computed again, and nothing else.
//
// Look at: a fault_plan loses one block, what the third `price` task had computed for the first `revenue` task. The
// batch engine knows how each block was made (its lineage): it runs this one task again from its input, which is still
// there, and goes on. The counter says how many partitions that were; the answer is as if nothing had happened.
#include <algorithm>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <freshet/testing/fault_plan.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <string>

struct sale {
  std::uint64_t shop = 0;
  std::uint64_t cents = 0;
};
struct revenue {
  using state = std::uint64_t;
  void process(const sale& s, state& sum, freshet::emitter<sale>& out) {
    sum += s.cents;
    out.emit({s.shop, sum});
  }
};

struct outcome {
  std::map<std::uint64_t, std::uint64_t> revenue;
  std::uint64_t batches = 0, tasks = 0, recomputed = 0;
};

outcome run_with(std::shared_ptr<freshet::testing::fault_plan> faults) {
  freshet::topology_builder builder("revenue");
  auto items = builder.spout("items", freshet::generator_spout{[](std::uint64_t i) { return i; }, {.count = 10'000}});
  auto priced = builder.bolt("price",
                             [](std::uint64_t item) {
                               return sale{item % 5, item % 97};
                             },
                             {.parallelism = 8})
                    .input(items, freshet::shuffle_grouping{});
  auto sums = builder.bolt("revenue", revenue{}, {.parallelism = 4}).input(priced, freshet::key_grouping{&sale::shop});
  freshet::collect_sink<sale> rows;
  builder.sink("rows", rows).input(sums, freshet::global_grouping{});

  // Batches of 5,000 items however long they take to come, so that every run has the same two.
  const freshet::batch_executor executor{
      {.trigger = freshet::batch_trigger::rows, .rows_per_batch = 5'000, .faults = std::move(faults)}};
  auto run = executor.start(builder.build());
  const freshet::drain_on_signals guard{run};
  run.wait();

  outcome o;
  for (const auto& s : rows.take()) o.revenue[s.shop] = std::max(o.revenue[s.shop], s.cents);
  const auto m = run.metrics();
  o.batches = m.batches_done;
  o.recomputed = m.recomputed_partitions;
  for (const auto& batch : m.batches) o.tasks += batch.tasks;
  return o;
}

int main() {
  const auto undisturbed = run_with(nullptr);

  auto faults = std::make_shared<freshet::testing::fault_plan>();
  faults->lose_block("price", 2, 0, /*batch=*/2);
  const auto disturbed = run_with(faults);

  for (const auto& [shop, cents] : disturbed.revenue) std::cout << "shop " << shop << ": " << cents << " cents\n";
  std::cout << undisturbed.batches << " batches, " << undisturbed.tasks << " tasks, " << undisturbed.recomputed
            << " partitions computed again\n"
            << "with " << faults->done().lost << " block lost: " << disturbed.recomputed
            << " partition computed again\n";
  const bool same = disturbed.revenue == undisturbed.revenue;
  std::cout << (same ? "the same answer" : "DIFFERENT ANSWERS") << '\n';
  return same && disturbed.recomputed == 1 ? 0 : 1;
}
