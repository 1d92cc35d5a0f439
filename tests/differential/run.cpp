#include "differential/run.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "differential/build.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/testing/fault_plan.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet::differential {

namespace {
using namespace std::chrono_literals;

template <class T, std::size_t N>
T one_of(random_source& random, const T (&all)[N]) {
  return all[random.below(N)];
}

/// Tokens that are forgotten come back by a timeout, and on a busy machine others time out with them: then only very
/// many attempts are enough.
std::uint32_t enough_attempts(const plan& p) { return p.has(trouble::forgets) ? 100'000 : p.passing_faults() + 3; }

std::chrono::nanoseconds timeout_for(const plan& p, bool tokens_time_out) {
  return tokens_time_out && p.has(trouble::forgets) ? std::chrono::nanoseconds(6ms) : 60s;
}

/// Fills the queues of spouts, one after the other, while it lives.
std::jthread feeder(const built& b) {
  return std::jthread([queues = b.queues] {
    for (const auto& [queue, about] : queues) queue_source::fill(*queue, about);
  });
}

[[noreturn]] void give_up(const plan& p, const topology_run& run, const std::string& settings, const std::string& why) {
  std::fprintf(stderr, "%s\n%s%s\n%s\n", why.c_str(), describe(p).c_str(), settings.c_str(), run.describe().c_str());
  for (const auto& t : run.metrics().tasks)
    std::fprintf(stderr, "  %s/%u emitted %lu acked %lu failed %lu replayed %lu pending %lu executed %lu queued %lu\n",
                 t.node.c_str(), t.task, t.emitted, t.acked, t.failed, t.replayed, t.pending, t.executed, t.queued);
  std::abort();
}

outcome finish(const plan& p, topology_run run, scene& at, std::string settings, drain_time drain_after) {
  try {
    if (drain_after) {
      std::this_thread::sleep_for(*drain_after);
      run.request_drain();
    }
    if (!run.wait_for(100s)) give_up(p, run, settings, "the run hangs");
  } catch (const run_error& e) { give_up(p, run, settings, std::string("the run failed: ") + e.what()); }
  outcome o;
  o.metrics = run.metrics();
  o.described = settings + "\n" + run.describe();
  o.seen = at.take_record();
  for (const auto& letter : run.status().unread_dead_letters) o.seen.letters.push_back(letter);
  return o;
}

/// What some nodes store is lost, evicted or damaged: of one task or of all, in one batch or in each. What is computed
/// again stays, so every batch gets through.
std::shared_ptr<testing::fault_plan> some_block_faults(const plan& p, random_source& random) {
  auto faults = std::make_shared<testing::fault_plan>(p.seed);
  const auto one_or_any = [&](std::size_t count) {
    return random.chance(0.5) ? testing::fault_plan::any_task : static_cast<std::uint32_t>(random.below(count));
  };
  for (const auto& n : p.nodes) {
    if (n.is == role::sink || !random.chance(0.4)) continue;
    const auto from = one_or_any(n.is == role::spout ? n.spout.parallelism : n.parallelism), to = one_or_any(3);
    const auto batch = random.chance(0.3) ? testing::fault_plan::any_batch : 1 + random.below(8);
    switch (random.below(3)) {
      case 0:
        faults->lose_block(n.name, from, to, batch);
        break;
      case 1:
        faults->evict_block(n.name, from, to, batch);
        break;
      default:
        faults->flip_block(n.name, from, to, batch);
    }
  }
  return faults;
}

/// Half of the disks for what is spilled fail: once or always, when they have been used for a while. Reads don't where
/// sinks may have dead letters: those could not come back, which ends a run.
void fail_now_and_then(testing::simulated_files& disk, const plan& p) {
  random_source random(mix64(p.seed) + 1);
  if (random.chance(0.5)) return;
  using testing::file_fault;
  const auto how =
      one_of<file_fault>(random, {file_fault::no_space, file_fault::device_error, file_fault::short_write});
  const auto times = random.chance(0.5) ? 1 : testing::simulated_files::always;
  disk.fail(testing::file_operation::append, "spill-0.blocks", how, random.below(10), times);
  if (random.chance(0.3))
    disk.fail(testing::file_operation::cut, "spill-0.blocks", file_fault::device_error, random.below(3), times);
  const auto reads = p.reads_dead_letters && p.has_poison() ? 0 : random.below(3);
  if (reads)
    disk.fail(testing::file_operation::read, "spill-0.blocks", file_fault::device_error, random.below(9), reads);
}

std::string number(const char* name, std::size_t value) {
  return std::string(" ") + name + " " + std::to_string(value);
}
}  // namespace

event_options some_event_options(const plan& p, guarantee g, random_source& random) {
  event_options o;
  o.guarantee = g;
  o.workers = one_of<std::size_t>(random, {1, 2, 3});
  o.idle = random.chance(0.5) ? idle::park : idle::adaptive;
  o.max_batch = one_of<std::size_t>(random, {1, 3, 32, 256});
  o.channel_batches = one_of<std::size_t>(random, {1, 2, 16});
  const auto first = one_of<std::chrono::nanoseconds>(random, {0us, 50us, 500us});
  o.retry = {
      .max_attempts = enough_attempts(p), .first = first, .longest = std::max<std::chrono::nanoseconds>(first, 1ms)};
  o.message_timeout = timeout_for(p, g == guarantee::at_least_once);
  o.commit_interval = one_of<std::chrono::nanoseconds>(random, {0us, 100us, 1s});
  o.drain_timeout = 120s;
  o.kept_dead_letters = 100'000;
  o.log = {};
  return o;
}

batch_options some_batch_options(const plan& p, random_source& random) {
  batch_options o;
  // Spouts that are idle now and then would end under available_now.
  bool always_ready = true;
  for (const auto& n : p.nodes) always_ready &= n.is != role::spout || n.spout.replayable;
  o.trigger = static_cast<batch_trigger>(random.below(4));
  if (o.trigger == batch_trigger::available_now && !always_ready) o.trigger = batch_trigger::back_to_back;
  o.interval = one_of<std::chrono::nanoseconds>(random, {0us, 300us, 2ms});
  o.rows_per_batch = one_of<std::size_t>(random, {7, 50, 300, 256 << 10});
  o.max_batch = one_of<std::size_t>(random, {1, 7, 64, 1024});
  o.workers = one_of<std::size_t>(random, {1, 2, 8});
  o.idle = random.chance(0.5) ? idle::park : idle::adaptive;
  o.max_task_attempts = enough_attempts(p);
  o.message_timeout = timeout_for(p, true);
  if (random.chance(0.2)) o.block_store_bytes = one_of<std::size_t>(random, {4 << 10, 64 << 10});
  if (random.chance(0.4)) {
    o.spill.directory = "/spill";  // of a simulated disk, see `run_batches`
    o.spill.most_bytes = one_of<std::uint64_t>(random, {1 << 10, 1 << 30});
  }
  o.verify_blocks = random.chance(0.3);
  if (random.chance(0.5)) o.faults = some_block_faults(p, random);
  o.drain_timeout = 120s;
  o.kept_dead_letters = 100'000;
  o.log = {};
  return o;
}

outcome run_events(const plan& p, event_options options, mischief allowed, drain_time drain_after) {
  const auto at = std::make_shared<scene>(p, allowed);
  const auto made = build(at);
  const auto settings = "event engine, " + std::string(to_string(options.guarantee)) +
                        number("workers", options.workers) + number("max_batch", options.max_batch) +
                        number("channel_batches", options.channel_batches) +
                        number("max_attempts", options.retry.max_attempts) +
                        number("backoff_ns", static_cast<std::size_t>(options.retry.first.count()));
  auto run = event_executor{options}.start(made.graph);
  const auto feeding = feeder(made);
  return finish(p, std::move(run), *at, settings, drain_after);
}

outcome run_batches(const plan& p, batch_options options, mischief allowed, drain_time drain_after) {
  const auto at = std::make_shared<scene>(p, allowed);
  const auto made = build(at);
  const auto settings =
      "batch engine," + number("trigger", static_cast<std::size_t>(options.trigger)) +
      number("workers", options.workers) + number("rows_per_batch", options.rows_per_batch) +
      number("interval_ns", static_cast<std::size_t>(options.interval.count())) +
      number("max_batch", options.max_batch) + number("block_store_bytes", options.block_store_bytes) +
      number("max_task_attempts", options.max_task_attempts) + (options.faults ? " with block faults" : "") +
      (options.spill.directory.empty() ? "" : " with spill" + number("most_bytes", options.spill.most_bytes));
  testing::simulated_files disk;
  fail_now_and_then(disk, p);
  options.spill.files = &disk;
  auto* faults = static_cast<testing::fault_plan*>(options.faults.get());
  const auto lost = [&]() -> std::uint64_t {
    if (!faults) return 0;
    const auto done = faults->done();
    return done.lost + done.flipped + (options.spill.directory.empty() ? done.evicted : 0);  // else they are on disk
  };
  const auto before = lost();
  auto run = batch_executor{options}.start(made.graph);
  const auto feeding = feeder(made);
  auto o = finish(p, std::move(run), *at, settings, drain_after);
  o.blocks_lost = lost() - before;
  return o;
}

}  // namespace freshet::differential
