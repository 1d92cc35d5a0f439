#include "freshet/event/event_executor.hpp"

#include <memory>
#include <string>
#include <vector>

#include "event/event_run.hpp"

namespace freshet {
namespace {

/// What the options can't mean, and what this topology can't do under them.
std::vector<std::string> mistakes_of(const event_options& o, const topology& graph) {
  std::vector<std::string> wrong;
  const auto say = [&](std::string s) { wrong.push_back(std::move(s)); };
  if (o.max_batch == 0 || o.max_batch > root::messages_per_slot)
    say("event_options::max_batch is " + std::to_string(o.max_batch) + ": it must be 1 to " +
        std::to_string(root::messages_per_slot));
  if (o.channel_batches == 0) say("event_options::channel_batches is 0: nothing could be sent");
  if (o.retry.max_attempts == 0) say("event_options::retry.max_attempts is 0: the first attempt counts, so at least 1");
  if (o.retry.first < std::chrono::nanoseconds{} || o.retry.longest < o.retry.first)
    say("event_options::retry wants 0 <= first <= longest");
  if (o.workers > 1024) say("event_options::workers is " + std::to_string(o.workers) + ": at most 1024");
  if (!o.clock) say("event_options::clock is null");
  std::size_t slots = 0;
  for (const auto& n : graph.nodes()) {
    if (n.transactional)
      say("sink \"" + n.name +
          "\" commits what it gets by epochs (prepare, commit), which this engine makes only with checkpoints: run it "
          "on batch_executor, or use a sink with write() alone");
    if (n.kind != node_kind::spout) continue;
    slots += n.spout.parallelism * (n.spout.max_pending + 4 * root::messages_per_slot);
    if (n.spout.max_batch > root::messages_per_slot)
      say("spout \"" + n.name + "\" has max_batch " + std::to_string(n.spout.max_batch) + ": at most " +
          std::to_string(root::messages_per_slot));
  }
  if (o.guarantee == guarantee::at_least_once && slots > root::slot_limit)
    say("at_least_once can track " + std::to_string(root::slot_limit) + " messages, and the spouts ask for " +
        std::to_string(slots) + " (parallelism x max_pending): lower max_pending");
  return wrong;
}

}  // namespace

topology_run event_executor::start(const topology& graph) const {
  if (auto wrong = mistakes_of(options_, graph); !wrong.empty()) throw topology_error(graph.name(), std::move(wrong));
  auto run = std::make_shared<event_run>(graph, options_);
  run->start();
  return topology_run{std::move(run)};
}

}  // namespace freshet
