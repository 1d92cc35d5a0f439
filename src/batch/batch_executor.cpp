#include "freshet/batch/batch_executor.hpp"

#include <memory>

#include "batch/batch_run.hpp"
#include "runtime/option_check.hpp"

namespace freshet {

namespace {
constexpr std::size_t most_tuples_in_a_piece = 1u << 20;

void check_backpressure(option_check& check, const backpressure_options& b) {
  if (b.enabled && !(b.min_rate > 0)) check.say("batch_options::backpressure.min_rate must be above 0");
  if (b.enabled && !(b.proportional >= 0 && b.integral >= 0 && b.derivative >= 0 && b.initial_rate >= 0))
    check.say("batch_options::backpressure has a negative part");
}

/// What cannot be, in sentences.
std::vector<std::string> mistakes_in(const batch_options& o) {
  option_check check("batch_options");
  check.common(o);
  check.at_least_0("interval", o.interval, "0 for batches back to back");
  if (o.rows_per_batch == 0) check.about("rows_per_batch", "0", "no batch could have a row");
  check.from_1_to("max_batch", o.max_batch, most_tuples_in_a_piece, "");
  if (o.max_task_attempts == 0) check.about("max_task_attempts", "0", "the first counts, so at least 1");
  check_backpressure(check, o.backpressure);
  return std::move(check).all();
}
}  // namespace

topology_run batch_executor::start(const topology& graph) const {
  if (auto wrong = mistakes_in(options_); !wrong.empty()) throw topology_error(graph.name(), std::move(wrong));
  auto run = std::make_shared<batch_run>(graph, options_);
  run->start();
  return topology_run{std::move(run)};
}

}  // namespace freshet
