#include "batch/batch_check.hpp"

#include <set>

#include "freshet/base/type_name.hpp"
#include "runtime/option_check.hpp"
#include "runtime/plan.hpp"
#include "runtime/run_checkpoints.hpp"

namespace freshet {

namespace {
constexpr std::size_t most_tuples_in_a_piece = 1u << 20;

void check_backpressure(option_check& check, const backpressure_options& b) {
  if (b.enabled && !(b.min_rate > 0)) check.say("batch_options::backpressure.min_rate must be above 0");
  if (b.enabled && !(b.proportional >= 0 && b.integral >= 0 && b.derivative >= 0 && b.initial_rate >= 0))
    check.say("batch_options::backpressure has a negative part");
}

/// A stream becomes blocks where it leaves its chain. Of some types a change can't be noticed.
void check_checksums(option_check& check, const topology& graph) {
  const auto plan = make_plan(graph, false);
  std::set<std::pair<std::uint32_t, std::uint32_t>> told;
  for (std::uint32_t i = 0; i < graph.nodes().size(); ++i)
    for (const auto& e : graph.nodes()[i].inputs) {
      const bool leaves = e.from.node == stream_end::dead_letters || plan.chain_of[e.from.node] != plan.chain_of[i];
      if (!leaves || e.type->checksum || !told.insert({e.from.node, e.from.port}).second) continue;
      const node& from = graph.nodes()[e.from.node];
      check.say("batch_options::verify_blocks is true, but the stream of " + readable_type_name(e.type->name) +
                " that " + std::string(to_string(from.kind)) + " \"" + from.name +
                "\" emits can't be verified: the type has no codec and isn't trivially copyable. Give it "
                "freshet_fields or specialise freshet::codec, or leave verify_blocks off");
    }
}

}  // namespace

std::vector<std::string> mistakes_of(const batch_options& o, const topology& graph) {
  option_check check("batch_options");
  check.common(o, graph);
  check.at_least_0("interval", o.interval, "0 for batches back to back");
  if (o.rows_per_batch == 0) check.about("rows_per_batch", "0", "no batch could have a row");
  check.from_1_to("max_batch", o.max_batch, most_tuples_in_a_piece, "");
  if (o.max_task_attempts == 0) check.about("max_task_attempts", "0", "the first counts, so at least 1");
  check_backpressure(check, o.backpressure);
  if (o.verify_blocks) check_checksums(check, graph);
  check_durable(check, o.checkpoints, o.guarantee == guarantee::exactly_once, graph);
  return std::move(check).all();
}

}  // namespace freshet
