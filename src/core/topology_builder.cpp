#include "freshet/core/topology_builder.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "core/named_node.hpp"

namespace freshet {
namespace {

/// Tasks of a node, and key groups: more than any machine runs at once, and few enough to be counted with.
constexpr std::size_t most_tasks = 65'536;
/// Messages in one poll: each takes room from the start.
constexpr std::size_t most_in_a_poll = 1u << 20;

/// Collects the sentences about one graph.
class graph_check {
 public:
  explicit graph_check(const std::vector<node>& nodes) : nodes_(nodes) {}

  std::vector<std::string> run() {
    if (nodes_.empty()) say("it is empty: add a spout");
    names();
    for (const auto& n : nodes_) one(n);
    cycles();
    if (is_sound_) {
      event_times();
      for (const auto& n : nodes_)
        if (std::set<const node*> seen; n.make_state) updates(n, n, seen);
    }
    return std::move(wrong_);
  }

 private:
  void say(std::string sentence) { wrong_.push_back(std::move(sentence)); }

  void names() {
    std::unordered_map<std::string_view, int> seen;
    for (const auto& n : nodes_) {
      if (n.name.empty())
        say("a " + std::string(to_string(n.kind)) + " (" + readable_type_name(n.written_as) + ") has no name");
      else if (++seen[n.name] == 2) say(titled(n) + " repeats a name: names identify nodes in checkpoints and metrics");
    }
  }

  void one(const node& n) {
    if (n.kind != node_kind::spout && n.inputs.empty()) say(titled(n) + " has no input: call .input(stream)");
    parallelism(n);
    if (n.kind == node_kind::spout) spout(n);
    if (n.options.tick > std::chrono::nanoseconds{} && !n.has_tick)
      say(titled(n) + " asks for ticks but its class has no on_tick(emitter&)");
    if (n.options.tick < std::chrono::nanoseconds{}) say(titled(n) + " has a negative tick interval");
    if (n.has_tick && n.options.tick == std::chrono::nanoseconds{})
      say(titled(n) + " has on_tick but no tick interval: set {.tick = 1s}");
    if (n.options.state_ttl.after < event_span{}) say(titled(n) + " has a negative state_ttl");
    if (n.options.state_ttl.after > event_span{} && n.key_type.empty())
      say(titled(n) +
          " has a state_ttl, which is for states by key, and it has none: give it an input with state behind a "
          "key_grouping, or leave the state_ttl out");
    if (!n.broadcast_type.empty() && !n.changes_broadcast)
      say(titled(n) +
          " has broadcast state that nothing changes: give it an input behind all_grouping whose function "
          "takes broadcast&");
    for (const auto& m : n.mistakes) say(titled(n) + " " + m);
    for (const auto& e : n.inputs) edge(n, e);
  }

  void spout(const node& n) {
    if (n.spout.max_pending == 0) say(titled(n) + " has max_pending 0: it could never emit");
    if (n.spout.max_batch == 0) say(titled(n) + " has max_batch 0: it could never emit");
    if (n.spout.max_batch > most_in_a_poll)
      say(titled(n) + " has max_batch " + std::to_string(n.spout.max_batch) + ": at most " +
          std::to_string(most_in_a_poll));
  }

  void parallelism(const node& n) {
    const auto p = n.parallelism();
    if (p == 0) say(titled(n) + " has parallelism 0: it needs at least one task");
    if (p > most_tasks)
      say(titled(n) + " has parallelism " + std::to_string(p) + ": at most " + std::to_string(most_tasks) +
          " tasks, and more than the machine has threads gain nothing");
    if (n.kind == node_kind::spout) return;
    const auto groups = n.options.max_parallelism;
    if (groups == 0) say(titled(n) + " has max_parallelism 0: it needs at least one key group");
    if (groups > most_tasks)
      say(titled(n) + " has max_parallelism " + std::to_string(groups) + ": at most " + std::to_string(most_tasks) +
          " key groups");
    const bool keyed = std::any_of(n.inputs.begin(), n.inputs.end(), [](auto& e) {
      return e.grouping == grouping_kind::key || e.grouping == grouping_kind::partial_key;
    });
    if (keyed && p > groups)
      say(titled(n) + " has parallelism " + std::to_string(p) + ", above its " + std::to_string(groups) +
          " key groups: raise max_parallelism, or tasks would never get a key");
  }

  void edge(const node& n, const input_edge& e) {
    if (e.from.node == stream_end::dead_letters) return;
    if (e.from.node >= nodes_.size() || e.from.port >= nodes_[e.from.node].outputs.size()) {
      is_sound_ = false;
      say(titled(n) + " reads an output that doesn't exist: port " + std::to_string(e.from.port) + " of " +
          (e.from.node < nodes_.size() ? titled(nodes_[e.from.node]) : "an unknown node"));
    } else if (const auto* type = nodes_[e.from.node].outputs[e.from.port].type; !type) {
      say(titled(n) + " reads " + titled(nodes_[e.from.node]) + ", which emits nothing");
    } else if (type->id != e.type->id) {
      say(titled(n) + " reads " + titled(nodes_[e.from.node]) + " as another type than it emits");
    }
  }

  /// Of a graph without cycles whose edges exist.
  void event_times() {
    std::map<std::uint32_t, const node*> setters;  // by spout
    for (const auto& n : nodes_) {
      if (n.sets_event_time) event_time_setter(n, setters);
      if (n.has_timers && n.key_type.empty())
        say(titled(n) + " has on_timer, and timers belong to keys: give it an input with state behind a key_grouping");
      if (n.follows_clock && n.key_type.empty())
        say(titled(n) +
            " has on_processing_timer, and timers belong to keys: give it an input with state behind a "
            "key_grouping");
      std::set<const node*> seen;
      const auto& ttl = n.options.state_ttl;
      if (n.needs_event_time || (ttl.after > event_span{} && ttl.measured_in == time_domain::event))
        for (const auto& e : n.inputs) event_time_of(n, e, seen);
    }
  }
  /// It must stand in the task of a spout, alone.
  void event_time_setter(const node& n, std::map<std::uint32_t, const node*>& setters) {
    const node* at = &n;
    while (at->kind != node_kind::spout) {
      if (!is_chained(nodes_, *at)) {
        say(titled(n) + " sets event times too late: " + titled(*at) +
            " is not chained to what it reads, so the order of a partition is lost. Set them at the spout, or behind "
            "bolts without state of its parallelism that read it by forward_grouping alone");
        return;
      }
      at = &nodes_[at->inputs[0].from.node];
    }
    const auto [other, first] = setters.try_emplace(static_cast<std::uint32_t>(at - nodes_.data()), &n);
    if (!first)
      say(titled(*at) + " gets event times from two bolts, \"" + other->second->name + "\" and \"" + n.name +
          "\": set them once, before its stream is read twice");
  }
  /// Looks for spouts above an input whose tuples get no times.
  void event_time_of(const node& n, const input_edge& e, std::set<const node*>& seen) {
    if (e.from.node == stream_end::dead_letters)
      return say(titled(n) + " works with event times, and dead letters have none");
    const node& from = nodes_[e.from.node];
    if (from.sets_event_time || !seen.insert(&from).second) return;
    if (from.kind == node_kind::spout)
      return say(titled(n) + " works with event times, and " + titled(from) +
                 " gives none: call .event_time(...) behind it, or assign_event_time");
    for (const auto& above : from.inputs) event_time_of(n, above, seen);
  }

  /// A bolt with state would count what a window says twice as two things.
  void updates(const node& n, const node& at, std::set<const node*>& seen) {
    for (const auto& e : at.inputs) {
      if (e.from.node == stream_end::dead_letters) continue;
      const node& from = nodes_[e.from.node];
      if (from.gives_updates && e.from.port == 0)
        say(titled(n) + " has state and reads more than one result a window of " + titled(from) +
            ": read its final_only()");
      else if (!from.drops_updates && !from.make_state && seen.insert(&from).second) updates(n, from, seen);
    }
  }

  void cycles() {
    std::vector<int> state(nodes_.size(), 0);
    std::vector<std::uint32_t> path;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) visit(i, state, path);
  }
  /// Depth first against the edges; a node met again on the path closes a cycle.
  void visit(std::uint32_t i, std::vector<int>& state, std::vector<std::uint32_t>& path) {
    if (state[i] == 2) return;
    if (state[i] == 1) {
      std::string text = "the graph has a cycle: ";
      auto at = std::find(path.begin(), path.end(), i);
      std::vector<std::uint32_t> loop(at, path.end());
      std::reverse(loop.begin(), loop.end());
      for (auto n : loop) text += "\"" + nodes_[n].name + "\" -> ";
      is_sound_ = false;
      say(text + "\"" + nodes_[loop.front()].name + "\" (feed tuples back through a push spout)");
      return;
    }
    state[i] = 1;
    path.push_back(i);
    for (const auto& e : nodes_[i].inputs)
      if (e.from.node < nodes_.size()) visit(e.from.node, state, path);
    path.pop_back();
    state[i] = 2;
  }

  const std::vector<node>& nodes_;
  std::vector<std::string> wrong_;
  bool is_sound_ = true;  ///< there are no cycles, and no edges from nowhere
};

std::string listed(const std::string& name, const std::vector<std::string>& all) {
  std::string s =
      "topology \"" + name + "\" has " + std::to_string(all.size()) + (all.size() == 1 ? " mistake:" : " mistakes:");
  for (const auto& m : all) s += "\n  - " + m;
  return s;
}

}  // namespace

topology_error::topology_error(const std::string& name, std::vector<std::string> all)
    : std::runtime_error(listed(name, all)), mistakes_(std::move(all)) {}

node::node() = default;
node::node(const node&) = default;
node::node(node&&) noexcept = default;
node& node::operator=(const node&) = default;
node& node::operator=(node&&) noexcept = default;
node::~node() = default;
task_source::~task_source() = default;
std::unique_ptr<task_operator> task_source::make() const { return std::unique_ptr<task_operator>(new_task()); }
task_context::task_context() = default;
task_context::task_context(const task_context&) = default;
task_context& task_context::operator=(const task_context&) = default;
task_context::~task_context() = default;

namespace detail {

static std::string key_or_none(std::string_view key) {
  return key.empty() ? "none (one state a task)" : readable_type_name(key);
}

void declare_state(node& n, std::string_view key, std::string_view state, bool durable, state_maker make) {
  if (!n.state_type.empty() && n.key_type != key)
    n.mistakes.push_back("has state under different keys: " + key_or_none(n.key_type) + " and " + key_or_none(key));
  n.key_type = key;
  n.state_type = state;
  n.state_durable = durable && (n.broadcast_type.empty() || n.state_durable);
  n.make_state = make;
}

void declare_broadcast(node& n, std::string_view type, bool durable, bool changes, state_maker make) {
  n.broadcast_type = type;
  n.changes_broadcast |= changes;
  n.state_durable = durable && (!n.make_state || n.state_durable);
  if (!n.make_state) n.make_state = make;
}

void refuse_state(node& n, grouping_kind grouping) {
  n.mistakes.push_back(
      "has state behind a " + std::string(to_string(grouping)) +
      " grouping, where tuples of one key reach several tasks: use key_grouping{f} (one state a key), "
      "global_grouping or all_grouping (one state a task)" +
      (grouping == grouping_kind::partial_key ? "; key_by(f).partial() merges what two tasks have of a key" : ""));
}

void refuse_foreign(node& n) { n.mistakes.push_back("reads a stream of another builder"); }

void set_outputs(node& n, const output_port* first, std::size_t count) { n.outputs.assign(first, first + count); }

void set_tasks(node& n, const task_source* made) { n.tasks.reset(made); }

void add_inputs(node& n, const std::vector<stream_end>& ends, const stream_type& type, grouping_kind grouping,
                const edge_binding* binding) {
  const std::shared_ptr<const edge_binding> shared(binding);
  for (auto end : ends) n.inputs.push_back({end, &type, grouping, shared});
}

}  // namespace detail

any_stream_ref::any_stream_ref(const builder_ref& builder, std::vector<stream_end> ends)
    : builder_(builder), ends_(std::move(ends)) {}
any_stream_ref::any_stream_ref(const builder_ref& builder, stream_end one) : builder_(builder), ends_{one} {}
any_stream_ref::any_stream_ref(const any_stream_ref&) = default;
any_stream_ref::any_stream_ref(any_stream_ref&&) noexcept = default;
any_stream_ref& any_stream_ref::operator=(const any_stream_ref&) = default;
any_stream_ref& any_stream_ref::operator=(any_stream_ref&&) noexcept = default;
any_stream_ref::~any_stream_ref() = default;
bool any_stream_ref::is_beside(const any_stream_ref& other) const { return builder_ == other.builder_; }
node& any_stream_ref::producer() const { return builder_->nodes[ends_[0].node]; }

topology_builder::topology_builder(builder_ref state) : state_(std::move(state)) {}
topology_builder::topology_builder(const topology_builder&) = default;
topology_builder& topology_builder::operator=(const topology_builder&) = default;
topology_builder::~topology_builder() = default;
std::uint32_t topology_builder::last() const { return static_cast<std::uint32_t>(state_->nodes.size() - 1); }

topology_builder::topology_builder(std::string name) : state_(std::make_shared<builder_state>()) {
  state_->name = std::move(name);
}

node& topology_builder::add(std::string name, node_kind kind, std::string_view written_as) {
  node& n = state_->nodes.emplace_back();
  n.name = std::move(name);
  n.kind = kind;
  n.written_as = written_as;
  return n;
}

topology topology_builder::build() const {
  auto wrong = graph_check{state_->nodes}.run();
  wrong.insert(wrong.begin(), state_->mistakes.begin(), state_->mistakes.end());
  if (state_->name.empty()) wrong.insert(wrong.begin(), "the topology has no name");
  if (!wrong.empty()) throw topology_error(state_->name, std::move(wrong));
  auto graph = std::make_shared<topology::graph>();
  graph->name = state_->name;
  graph->nodes = state_->nodes;
  return topology{std::move(graph)};
}

bool topology::uses_event_time() const {
  return std::any_of(nodes().begin(), nodes().end(), [](auto& n) { return n.sets_event_time; });
}

bool topology::uses_origins() const {
  return uses_event_time() && std::any_of(nodes().begin(), nodes().end(), [](auto& n) { return n.needs_origins; });
}

topology topology::with_parallelism(const std::vector<std::uint32_t>& nodes, std::size_t tasks) const {
  auto other = std::make_shared<graph>(*graph_);
  for (auto n : nodes) other->nodes[n].options.parallelism = tasks;
  if (auto wrong = graph_check{other->nodes}.run(); !wrong.empty()) throw topology_error(name(), std::move(wrong));
  return topology(std::move(other));
}

std::size_t topology::find(std::string_view name) const {
  const auto& all = nodes();
  return static_cast<std::size_t>(std::find_if(all.begin(), all.end(), [&](auto& n) { return n.name == name; }) -
                                  all.begin());
}

bool is_chained(const std::vector<node>& nodes, const node& n) {
  if (n.kind == node_kind::spout || n.inputs.size() != 1) return false;
  const input_edge& e = n.inputs[0];
  if (e.grouping != grouping_kind::forward || e.from.node >= nodes.size()) return false;
  return nodes[e.from.node].parallelism() == n.parallelism() && !n.make_state && !n.options.blocking && !n.heads_chain;
}

std::string_view to_string(node_kind k) noexcept {
  switch (k) {
    case node_kind::spout:
      return "spout";
    case node_kind::bolt:
      return "bolt";
    case node_kind::sink:
      return "sink";
  }
  return "node";
}

std::string_view to_string(grouping_kind k) noexcept {
  switch (k) {
    case grouping_kind::forward:
      return "forward";
    case grouping_kind::shuffle:
      return "shuffle";
    case grouping_kind::local_or_shuffle:
      return "local_or_shuffle";
    case grouping_kind::key:
      return "key";
    case grouping_kind::partial_key:
      return "partial_key";
    case grouping_kind::all:
      return "all";
    case grouping_kind::global:
      return "global";
    case grouping_kind::custom:
      return "custom";
    case grouping_kind::direct:
      return "direct";
  }
  return "grouping";
}

}  // namespace freshet
