#include "freshet/runtime/topology_run.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/named_node.hpp"
#include "freshet/base/clock.hpp"
#include "runtime/run_counts.hpp"

namespace freshet {

run_control::~run_control() = default;

std::uint64_t run_control::savepoint() {
  throw run_error(
      {errc::unsupported, "a run of topology \"" + graph().name() +
                              "\" keeps no checkpoints, so there is nothing to make a savepoint of: give its "
                              "executor a checkpoints.directory"});
}

void run_control::rescale(std::string_view, std::size_t) {
  throw run_error({errc::unsupported, "the run of topology \"" + graph().name() +
                                          "\" can't change its tasks while it works: only runs of the event_executor "
                                          "and of the adaptive_executor can. Stop it and start it with the other "
                                          "parallelism: with a checkpoints.directory it goes on where it was"});
}

std::string_view to_string(guarantee g) noexcept {
  switch (g) {
    case guarantee::best_effort:
      return "best_effort";
    case guarantee::at_least_once:
      return "at_least_once";
    case guarantee::exactly_once:
      return "exactly_once";
  }
  return "guarantee";
}

std::string_view to_string(run_state s) noexcept {
  switch (s) {
    case run_state::running:
      return "running";
    case run_state::paused:
      return "paused";
    case run_state::draining:
      return "draining";
    case run_state::stopping:
      return "stopping";
    case run_state::finished:
      return "finished";
    case run_state::failed:
      return "failed";
  }
  return "state";
}

namespace {
constexpr auto for_ever = std::chrono::steady_clock::time_point::max();

void add(task_metrics& to, const task_metrics& t) {
  add_counts(to, t);
  to.pending += t.pending;
  to.queued += t.queued;
  to.batches += t.batches;
  to.state_rows += t.state_rows;
  to.state_bytes += t.state_bytes;
  to.idle += t.idle;
  to.busy += t.busy;
  to.backpressured += t.backpressured;
  to.nothing_at_hand += t.nothing_at_hand;
}

class counts_of_run final : public edge_counts {
 public:
  counts_of_run(const topology& graph, const run_metrics& m) : graph_(graph), metrics_(m) {}
  std::uint64_t transferred(std::size_t node, std::size_t input) const override {
    std::uint64_t sum = 0;
    for (const auto& e : metrics_.edges)  // one a producing task
      if (e.to_node == node && e.input == input) sum += e.transferred;
    const auto& reader = graph_.nodes()[node];
    // Inside a chain nothing is sent: every tuple is a call. What is chained in one engine may not be in the other.
    return is_chained(graph_.nodes(), reader) ? std::max(sum, metrics_.node(reader.name).executed) : sum;
  }
  std::uint64_t lost(std::size_t node) const override { return metrics_.node(graph_.nodes()[node].name).lost; }

 private:
  const topology& graph_;
  const run_metrics& metrics_;
};
}  // namespace

std::optional<event_span> task_metrics::watermark_lag(event_time now) const {
  if (watermark == beginning_of_time || watermark == end_of_time) return std::nullopt;
  return watermark >= now ? event_span{} : distance(watermark, now);
}

task_metrics run_metrics::node(std::string_view name) const {
  task_metrics sum;
  for (const auto& t : tasks)
    if (t.node == name) {
      if (sum.node.empty() || t.watermark < sum.watermark) {
        sum.watermark = t.watermark;
        sum.holding_back = t.holding_back;
      }
      sum.node = t.node;
      add(sum, t);
    }
  return sum;
}

task_metrics run_metrics::total() const {
  task_metrics sum;
  for (const auto& t : tasks) add(sum, t);
  return sum;
}

namespace {
[[noreturn]] void refuse(std::string sentence) { throw std::invalid_argument(std::move(sentence)); }

/// Whether the node keeps what is asked for, told by an empty state of its own.
void check_fits(const node& n, any_state_query& query) {
  const auto who = titled(n) + " ";
  if (!n.make_state) refuse(who + "keeps no state");
  const auto kept = readable_type_name(n.state_type);
  if (n.state_type.empty()) refuse(who + "keeps broadcast state only, and none by key");
  if (n.key_type.empty()) refuse(who + "keeps one " + kept + " a task, and none by key");
  if (query.look_in(*n.make_state(n.options))) return;
  refuse(who + "keeps " + kept + " by " + readable_type_name(n.key_type) + ", and was asked for " +
         readable_type_name(query.state_type) + " by " + readable_type_name(query.key_type));
}
}  // namespace

void run_control::answer(std::string_view name, any_state_query& query) {
  const node& n = node_called(graph(), name);
  check_fits(n, query);
  look_at_state(static_cast<std::uint32_t>(graph().find(name)), key_group_of(query.hash, n.options.max_parallelism),
                [&](any_state& state) { query.look_in(state); });
}

topology_run& topology_run::operator=(topology_run&& other) noexcept {
  topology_run gone(std::move(*this));
  run_ = std::move(other.run_);
  return *this;
}

topology_run::~topology_run() {
  if (!run_ || run_.use_count() > 1) return;
  run_->stop();
  run_->wait_until(for_ever);
}

void topology_run::wait() {
  run_->wait_until(for_ever);
  run_->rethrow();
}
bool topology_run::wait_for(std::chrono::nanoseconds limit) {
  if (!run_->wait_until(deadline(std::chrono::steady_clock::now(), limit))) return false;
  run_->rethrow();
  return true;
}
void topology_run::drain() {
  run_->drain();
  wait();
}
void topology_run::stop() {
  run_->stop();
  wait();
}
void topology_run::request_drain() { run_->drain(); }
void topology_run::request_stop() { run_->stop(); }
void topology_run::request_shutdown() {
  if (run_->keeps_checkpoints()) run_->stop();
  else run_->drain();
}
void topology_run::pause() { run_->pause(); }
void topology_run::resume() { run_->resume(); }
run_status topology_run::status() const { return run_->status(); }
std::uint64_t topology_run::savepoint() { return run_->savepoint(); }
void topology_run::rescale(std::string_view node, std::size_t parallelism) { run_->rescale(node, parallelism); }
run_metrics topology_run::metrics() const { return run_->metrics(); }
std::string topology_run::describe(describe_format format) const {
  const auto m = run_->metrics();
  const counts_of_run counts(run_->graph(), m);
  return run_->graph().describe(format, &counts);
}

}  // namespace freshet
