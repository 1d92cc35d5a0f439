#include "event/event_check.hpp"

#include "freshet/core/root.hpp"
#include "runtime/option_check.hpp"
#include "runtime/run_checkpoints.hpp"

namespace freshet {
namespace {

/// A channel's ring takes 40 bytes a batch whether it is used or not, and there is one for each pair of tasks.
constexpr std::size_t most_channel_batches = 65'536;

/// `a * b + c`, or the largest number there is.
std::size_t saturated(std::size_t a, std::size_t b, std::size_t c) {
  std::size_t sum = 0;
  return __builtin_mul_overflow(a, b, &sum) || __builtin_add_overflow(sum, c, &sum) ? ~std::size_t{0} : sum;
}

void check_spouts(option_check& check, const event_options& o, const topology& graph) {
  std::size_t slots = 0;
  for (const auto& n : graph.nodes()) {
    if (n.kind != node_kind::spout) continue;
    const auto a_task = saturated(1, n.spout.max_pending, 4 * root::messages_per_slot);
    slots = saturated(n.spout.parallelism, a_task, slots);
    if (n.spout.max_batch > root::messages_per_slot)
      check.say("spout \"" + n.name + "\" has max_batch " + std::to_string(n.spout.max_batch) + ": at most " +
                std::to_string(root::messages_per_slot));
  }
  if (o.guarantee == guarantee::at_least_once && slots > root::slot_limit)
    check.say("at_least_once can track " + std::to_string(root::slot_limit) + " messages, and the spouts ask for " +
              std::to_string(slots) + " (parallelism x max_pending): lower max_pending");
}

void check_sinks(option_check& check, const event_options& o, const topology& graph) {
  if (!o.checkpoints.directory.empty()) return;
  for (const auto& n : graph.nodes())
    if (n.transactional)
      check.say(
          "sink \"" + n.name +
          "\" commits what it gets by epochs (prepare, commit), which this engine makes only with checkpoints: name "
          "a directory in event_options::checkpoints, run it on batch_executor, or use a sink with write() alone");
}

}  // namespace

std::vector<std::string> mistakes_of(const event_options& o, const topology& graph) {
  option_check check("event_options");
  check.common(o, graph);
  check.from_1_to("max_batch", o.max_batch, root::messages_per_slot, "");
  check.from_1_to("channel_batches", o.channel_batches, most_channel_batches,
                  ", as each channel has room for so many from the start");
  if (o.retry.max_attempts == 0) check.about("retry.max_attempts", "0", "the first attempt counts, so at least 1");
  if (o.retry.first < std::chrono::nanoseconds{} || o.retry.longest < o.retry.first)
    check.say("event_options::retry wants 0 <= first <= longest");
  check.at_least_0("commit_interval", o.commit_interval, "0 to commit as soon as there is something");
  check_spouts(check, o, graph);
  check_sinks(check, o, graph);
  if (o.checkpoint_interval <= std::chrono::nanoseconds{})
    check.say("event_options::checkpoint_interval must be above 0: epochs back to back would do nothing else");
  check_durable(check, o.checkpoints, o.guarantee == guarantee::exactly_once, graph);
  return std::move(check).all();
}

}  // namespace freshet
