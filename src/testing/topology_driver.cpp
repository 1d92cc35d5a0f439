#include "freshet/testing/topology_driver.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/named_node.hpp"
#include "event/event_check.hpp"
#include "event/event_run.hpp"
#include "testing/driven_spout.hpp"

namespace freshet::testing {
namespace {

[[noreturn]] void refuse(std::string sentence) { throw std::invalid_argument(std::move(sentence)); }

std::uint32_t index_of(const builder_state& graph, std::string_view name) {
  const auto at = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const node& n) { return n.name == name; });
  return static_cast<std::uint32_t>(at - graph.nodes.begin());
}

/// An end of `driven` in a graph that has fewer nodes.
stream_end moved_to(const builder_state& graph, const topology& driven, stream_end end) {
  if (end.node != stream_end::dead_letters) end.node = index_of(graph, driven.nodes()[end.node].name);
  return end;
}

/// The graph with what `inputs` say in the place of its spouts.
builder_ref drivable(const topology& driven, bool with_sinks,
                     const std::vector<std::shared_ptr<driven_input>>& inputs) {
  auto graph = std::make_shared<builder_state>();
  graph->name = driven.name();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const node& n = driven.nodes()[i];
    if (n.kind == node_kind::sink && !with_sinks) continue;
    graph->nodes.push_back(n);
    if (!inputs[i]) continue;
    graph->nodes.back().tasks = driven_by(inputs[i], n.tasks);
    graph->nodes.back().replayable = false;
  }
  for (node& n : graph->nodes)
    for (auto& e : n.inputs) e.from = moved_to(*graph, driven, e.from);
  return graph;
}

std::vector<std::shared_ptr<driven_input>> inputs_of(const topology& driven, std::uint32_t partitions) {
  std::vector<std::shared_ptr<driven_input>> all;
  for (const node& n : driven.nodes()) {
    const bool is_spout = n.kind == node_kind::spout;
    all.push_back(is_spout ? std::make_shared<driven_input>(partitions, n.parallelism()) : nullptr);
  }
  return all;
}

event_options event_options_of(const driver_options& o, const clock& time) {
  event_options e{.guarantee = o.guarantee, .workers = 1};
  e.retry = {.max_attempts = o.max_attempts, .first = {}, .longest = {}};
  e.drain_timeout = std::chrono::nanoseconds::max();
  e.stall_limit = {};
  e.log = o.log;
  e.clock = &time;
  e.faults = o.faults;
  return e;
}

}  // namespace

/// The run, once it has begun.
class topology_driver::machine {
 public:
  machine(const topology& graph, const event_options& options) : run_(graph, options) {
    run_.start_by_hand();
    go_on();
  }
  ~machine() {
    if (!is_over()) run_.stop();
    run_.pool().run_until_quiet();
    if (is_over()) return;
    run_.fail({errc::closed, "the driver has gone"});  // tuples are held: nobody waits for them
    run_.pool().run_until_quiet();
  }
  /// Until there is nothing more to do.
  void go_on() {
    run_.pool().run_until_quiet();
    run_.rethrow();
  }
  bool is_over() const { return run_.unfinished().empty(); }
  std::chrono::steady_clock::time_point next_wake() { return run_.pool().next_wake(); }
  event_run& run() { return run_; }

 private:
  event_run run_;
};

topology_driver::topology_driver(const topology& graph, driver_options options)
    : driven_(graph),
      options_(std::move(options)),
      inputs_(inputs_of(driven_, options_.partitions)),
      graph_(drivable(driven_, options_.runs_sinks, inputs_)),
      dead_letters_(std::make_shared<std::vector<dead_letter>>()) {
  if (options_.partitions == 0) refuse("driver_options::partitions is 0: a spout has at least one");
  topology_builder builder{graph_};
  if (auto wrong = mistakes_of(event_options_of(options_, clock_), builder.build()); !wrong.empty())
    throw topology_error(graph.name(), std::move(wrong));
  builder.sink("dead letters.watched", tap<dead_letter>{dead_letters_}).input(builder.dead_letters());
}

topology_driver::~topology_driver() = default;

topology_driver::machine& topology_driver::started() {
  if (!machine_)
    machine_ = std::make_unique<machine>(topology_builder{graph_}.build(), event_options_of(options_, clock_));
  return *machine_;
}

// --- watching ---

std::vector<stream_end> topology_driver::ends_of(std::string_view name, std::string_view output,
                                                 const stream_type& type) const {
  if (machine_)
    throw std::logic_error("watch(\"" + std::string(name) +
                           "\") comes too late: the run has begun. Watch before anything is pushed or asked");
  const node& n = node_called(driven_, name);
  const auto check = [&](const stream_type* found, const char* verb) {
    if (!found) refuse(titled(n) + " emits nothing");
    if (found->id != type.id)
      refuse(titled(n) + verb + readable_type_name(found->name) + ", not " + readable_type_name(type.name));
  };
  std::vector<stream_end> ends;
  if (n.kind == node_kind::sink) {
    for (const auto& e : n.inputs) {
      check(e.type, " reads ");
      ends.push_back(moved_to(*graph_, driven_, e.from));
    }
    return ends;
  }
  const auto port =
      std::find_if(n.outputs.begin(), n.outputs.end(), [&](const output_port& p) { return p.name == output; });
  if (port == n.outputs.end()) {
    std::string names;
    for (const auto& p : n.outputs) names += (names.empty() ? "\"" : ", \"") + std::string(p.name) + "\"";
    refuse(titled(n) + " has no output \"" + std::string(output) + "\": it has " + names +
           ", where \"\" is the main one");
  }
  check(port->type, output.empty() ? " emits " : (" emits as \"" + std::string(output) + "\" ").c_str());
  return {{index_of(*graph_, name), static_cast<std::uint32_t>(port - n.outputs.begin())}};
}

/// What one node gives is seen in its own tasks, before anything else happens.
std::size_t topology_driver::parallelism_of(const std::vector<stream_end>& ends) const {
  return ends.size() == 1 && ends[0].node != stream_end::dead_letters ? graph_->nodes[ends[0].node].parallelism() : 1;
}

std::string topology_driver::name_of_tap(std::string_view node, std::string_view output) const {
  return std::string(node) + (output.empty() ? "" : ".") + std::string(output) + ".watched " +
         std::to_string(graph_->nodes.size());
}

// --- driving ---

driven_input& topology_driver::input_called(std::string_view spout, std::optional<partition_id> partition) {
  const node& n = node_called(driven_, spout);
  auto* input = inputs_[static_cast<std::size_t>(&n - driven_.nodes().data())].get();
  if (!input) refuse(titled(n) + " is no spout: only spouts can be driven");
  if (partition && *partition >= input->partitions)
    refuse(titled(n) + " has no partition " + std::to_string(*partition) + ": driver_options::partitions is " +
           std::to_string(input->partitions));
  auto& m = started();
  m.run().rethrow();
  if (m.is_over()) throw std::logic_error(titled(n) + " has ended: the driver has finished");
  return *input;
}

void topology_driver::push_one(std::string_view spout, std::unique_ptr<any_batch> one, std::optional<event_time> time,
                               partition_id partition) {
  const node& n = node_called(driven_, spout);
  if (n.kind == node_kind::spout && n.outputs[0].type->id != one->type().id)
    refuse(titled(n) + " emits " + readable_type_name(n.outputs[0].type->name) + ", not " +
           readable_type_name(one->type().name));
  auto& input = input_called(spout, partition);
  if (time && !input.has_event_time())
    refuse(titled(n) + " gives no event times, as no .event_time(...) stands behind it: push without one");
  one->set_time(0, time.value_or(input.has_event_time() ? partition_clock::no_time : event_time{}), not_stamped);
  input.add({partition, std::move(one), {}});
  machine_->go_on();
}

void topology_driver::advance_watermark(event_time to) {
  if (!driven_.uses_event_time())
    refuse("topology \"" + driven_.name() +
           "\" has no event time to be advanced: no .event_time(...) stands behind a spout");
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i] && (started(), inputs_[i]->has_event_time())) advance_watermark(driven_.nodes()[i].name, to);
}

void topology_driver::advance_watermark(std::string_view spout, event_time to, std::optional<partition_id> partition) {
  auto& input = input_called(spout, partition);
  if (!input.has_event_time())
    refuse("spout \"" + std::string(spout) + "\" gives no event times, as no .event_time(...) stands behind it");
  for (partition_id p = partition.value_or(0); p < (partition ? *partition + 1 : input.partitions); ++p)
    input.add({p, nullptr, to});
  machine_->go_on();
}

void topology_driver::advance_clock(std::chrono::nanoseconds by) {
  if (by < std::chrono::nanoseconds{}) refuse("advance_clock: the clock doesn't go back");
  auto& m = started();
  const auto until = deadline(clock_.now(), by);
  m.go_on();
  for (auto next = m.next_wake(); next > clock_.now() && next <= until; next = m.next_wake()) {
    clock_.advance(next - clock_.now());
    m.go_on();
  }
  clock_.advance(until - clock_.now());
  m.go_on();
}

void topology_driver::finish() {
  auto& m = started();
  m.run().drain();
  m.go_on();
  if (!m.is_over())
    throw std::logic_error("finish: bolts hold tuples, so these are still at work: " + m.run().unfinished() +
                           "; consume the tokens, or advance the clock until they time out, and finish again");
}

// --- what it tells ---

void topology_driver::answer(std::string_view node, any_state_query& query) { started().run().answer(node, query); }

run_metrics topology_driver::metrics() {
  auto all = started().run().metrics();
  const auto is_driven = [&](const std::string& name) { return driven_.find(name) != driven_.nodes().size(); };
  std::erase_if(all.tasks, [&](const task_metrics& t) { return !is_driven(t.node); });
  std::erase_if(all.edges, [&](const edge_metrics& e) { return !is_driven(e.to); });
  return all;
}

}  // namespace freshet::testing
