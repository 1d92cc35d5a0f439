#include "batch/batch_check.hpp"

#include <functional>
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

/// Says a sentence about each stream that becomes blocks, which it does where it leaves its chain, and whose type lacks
/// something.
void check_blocks(option_check& check, const topology& graph, const std::string& option,
                  const std::function<std::string(const stream_type&)>& lacks) {
  const auto plan = make_plan(graph, false);
  std::set<std::pair<std::uint32_t, std::uint32_t>> told;
  for (std::uint32_t i = 0; i < graph.nodes().size(); ++i)
    for (const auto& e : graph.nodes()[i].inputs) {
      const bool leaves = e.from.node == stream_end::dead_letters || plan.chain_of[e.from.node] != plan.chain_of[i];
      if (!leaves) continue;
      const auto why = lacks(*e.type);
      if (why.empty() || !told.insert({e.from.node, e.from.port}).second) continue;
      const node& from = graph.nodes()[e.from.node];
      check.say("batch_options::" + option + ", but the stream of " + readable_type_name(e.type->name) + " that " +
                std::string(to_string(from.kind)) + " \"" + from.name + "\" emits " + why);
    }
}

std::string why_unverifiable(const stream_type& type) {
  if (type.checksum) return {};
  return "can't be verified: the type has no codec and isn't trivially copyable. Give it freshet_fields or specialise "
         "freshet::codec, or leave verify_blocks off";
}

std::string why_unspillable(const stream_type& type) {
  if (type.write && type.read) return {};
  if (type.write)
    return "can't be read back: the type has no default constructor. Give it one, or leave spill.directory out";
  return "can't be written there: the type has no codec. Make it an aggregate of types that have one, give it "
         "freshet_fields or specialise freshet::codec, or leave spill.directory out";
}

void check_spill(option_check& check, const spill_options& how, const topology& graph) {
  if (how.directory.empty()) return;
  if (!how.files) check.about("spill.files", "null", "leave it out for the system's");
  check_blocks(check, graph, "spill.directory is set", why_unspillable);
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
  if (o.verify_blocks) check_blocks(check, graph, "verify_blocks is true", why_unverifiable);
  check_spill(check, o.spill, graph);
  check_durable(check, o.checkpoints, o.guarantee == guarantee::exactly_once, graph);
  return std::move(check).all();
}

}  // namespace freshet
