#include "freshet/batch/batch_executor.hpp"

#include <memory>

#include "batch/batch_run.hpp"

namespace freshet {

namespace {
/// What cannot be, in sentences.
std::vector<std::string> mistakes_in(const batch_options& o) {
  std::vector<std::string> wrong;
  const auto say = [&](std::string s) { wrong.push_back(std::move(s)); };
  if (o.interval < std::chrono::nanoseconds{}) say("batch_options::interval is negative");
  if (o.rows_per_batch == 0) say("batch_options::rows_per_batch is 0: no batch could have a row");
  if (o.max_batch == 0 || o.max_batch > 1u << 20)
    say("batch_options::max_batch is " + std::to_string(o.max_batch) + ": it must be 1 to 1048576");
  if (o.max_task_attempts == 0) say("batch_options::max_task_attempts is 0: the first counts, so at least 1");
  if (o.workers > 1024) say("batch_options::workers is " + std::to_string(o.workers) + ": at most 1024");
  if (!o.clock) say("batch_options::clock is null");
  const auto& b = o.backpressure;
  if (b.enabled && !(b.min_rate > 0)) say("batch_options::backpressure.min_rate must be above 0");
  if (b.enabled && !(b.proportional >= 0 && b.integral >= 0 && b.derivative >= 0 && b.initial_rate >= 0))
    say("batch_options::backpressure has a negative part");
  return wrong;
}
}  // namespace

topology_run batch_executor::start(const topology& graph) const {
  if (auto wrong = mistakes_in(options_); !wrong.empty()) throw topology_error(graph.name(), std::move(wrong));
  auto run = std::make_shared<batch_run>(graph, options_);
  run->start();
  return topology_run{std::move(run)};
}

}  // namespace freshet
