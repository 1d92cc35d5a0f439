#include "adaptive/adaptive_check.hpp"

#include <algorithm>

#include "batch/batch_check.hpp"
#include "event/event_check.hpp"
#include "runtime/option_check.hpp"

namespace freshet {

namespace {

/// "a" or nothing
std::string named(const std::string& directory) { return directory.empty() ? "nothing" : "\"" + directory + "\""; }
std::string numbered(const std::optional<std::uint64_t>& n) { return n ? std::to_string(*n) : "nothing"; }

void check_same(option_check& check, const std::string& option, bool same, const std::string& of_events,
                const std::string& of_batches) {
  if (same) return;
  check.say("event_options::checkpoints." + option + " is " + of_events + ", and batch_options::checkpoints." + option +
            " is " + of_batches + ": an adaptive run goes from one engine to the other, so say the same in both");
}

void check_checkpoints(option_check& check, const checkpointing& events, const checkpointing& batches) {
  if (events.directory.empty() && batches.directory.empty())
    check.say(
        "event_options::checkpoints.directory and batch_options::checkpoints.directory are empty: name a directory in "
        "both, as an engine goes on from what the other has written there");
  check_same(check, "directory", events.directory == batches.directory, named(events.directory),
             named(batches.directory));
  check_same(check, "files", events.files == batches.files, "one file system", "another");
  check_same(check, "resume_from", events.resume_from == batches.resume_from, numbered(events.resume_from),
             numbered(batches.resume_from));
  check_same(check, "allow_dropped_state", events.allow_dropped_state == batches.allow_dropped_state, "one list",
             "another");
}

void check_guarantee(option_check& check, const std::string& options, guarantee g) {
  if (g == guarantee::best_effort)
    check.say(options +
              "::guarantee is best_effort: choose at_least_once or exactly_once, or a change of engine could "
              "lose what a failure has left");
}

void check_batches(option_check& check, const batch_options& o) {
  if (o.trigger == batch_trigger::available_now)
    check.say(
        "batch_options::trigger is available_now: such a run ends where a backlog does, and nothing is left to hand "
        "over; choose interval or back_to_back");
  if (o.trigger == batch_trigger::rows)
    check.say(
        "batch_options::trigger is rows: the last rows of a backlog would wait for a batch to be full; choose interval "
        "or back_to_back");
  if (o.recent_batches == 0)
    check.say("batch_options::recent_batches is 0: without records of batches nobody sees that a backlog is gone");
}

void check_share(option_check& check, const std::string& option, double value) {
  if (!(value > 0 && value <= 1)) check.about(option, std::to_string(value), "a share is above 0 and at most 1");
}

void check_own(option_check& check, const adaptive_options& o) {
  check.at_least_0("patience", o.patience, "0 to decide by a single look");
  check.at_least_0("least_stay", o.least_stay, "0 to switch as soon as something speaks for it");
  check.at_least_0("longest_stay", o.longest_stay, "0 to stay no longer than least_stay asks for");
  check_share(check, "calm", o.calm);
  check_share(check, "busy", o.busy);
}

/// The engines say the same about spouts under exactly_once.
void check_spouts(option_check& check, const topology& graph) {
  for (const auto& n : graph.nodes())
    if (n.kind == node_kind::spout && !n.replayable)
      check.say("spout \"" + n.name +
                "\" can't be read again, so behind a change of engine nobody knows where it was: give it read, seek "
                "and commit, or stay on one engine");
}

}  // namespace

std::vector<std::string> mistakes_of(const event_options& events, const batch_options& batches,
                                     const adaptive_options& options, const topology& graph) {
  option_check check("adaptive_options");
  check_own(check, options);
  check_checkpoints(check, events.checkpoints, batches.checkpoints);
  check_guarantee(check, "event_options", events.guarantee);
  check_guarantee(check, "batch_options", batches.guarantee);
  check_batches(check, batches);
  check_spouts(check, graph);
  auto all = std::move(check).all();
  for (const auto& of_engine : {mistakes_of(events, graph), mistakes_of(batches, graph)})
    for (const auto& sentence : of_engine)
      if (std::find(all.begin(), all.end(), sentence) == all.end()) all.push_back(sentence);
  return all;
}

}  // namespace freshet
