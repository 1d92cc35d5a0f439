#include <algorithm>
#include <array>

#include "differential/plan.hpp"
#include "differential/reference.hpp"

namespace freshet::differential {

namespace {

/// Tuples that all nodes of a plan may read together: what keeps a run of it at some milliseconds.
constexpr std::size_t most_tuples = 5000;

/// Draws the nodes of one plan. Everything is drawn from one source in a fixed order.
class drawing {
 public:
  drawing(std::uint64_t seed, random_source& random) : random_(random) { plan_.seed = seed; }

  plan draw() {
    for (auto n = 1 + below(3); n > 0; --n) add_spout();
    for (auto n = 1 + below(8); n > 0; --n) add_bolt();
    add_sinks();
    plan_.reads_dead_letters = chance(0.5);
    return plan_;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  bool chance(double p) { return random_.chance(p); }
  template <class T, std::size_t N>
  T one_of(const std::array<T, N>& all) {
    return all[below(N)];
  }

  void add_spout();
  void add_bolt();
  void add_sinks();
  node_plan& add(role is);
  operation some_operation();
  way some_way(operation);
  input some_input(operation);

  random_source& random_;
  plan plan_;
  std::uint64_t messages_ = 0;
  std::vector<std::array<std::size_t, 2>> open_ports_;  ///< {node, port}: outputs that may be read
  std::vector<bool> read_;                              ///< somebody does
};

bool holds(operation o) { return o == operation::hold || o == operation::gather; }
bool fluent(operation o) { return o >= operation::stream_map; }
bool leaf(operation o) { return o == operation::stream_aggregate || o == operation::stream_combine; }
bool splits(operation o) { return o == operation::split || o == operation::stream_split; }

node_plan& drawing::add(role is) {
  node_plan& n = plan_.nodes.emplace_back();
  n.is = is;
  n.salt = random_();
  n.parallelism = 1 + below(4);
  n.name = (is == role::spout ? "spout" : is == role::sink ? "sink" : "bolt") + std::to_string(plan_.nodes.size() - 1);
  return n;
}

void drawing::add_spout() {
  node_plan& n = add(role::spout);
  source& s = n.spout;
  s.replayable = chance(0.6);
  s.parallelism = n.parallelism;
  s.partitions = s.replayable ? 1 + below(4) : 1;
  s.first_message = messages_;
  s.messages_each = below(160) / s.partitions;
  messages_ += s.messages();
  s.max_pending = one_of<std::size_t, 4>({1, 5, 100, 65'536});
  s.max_batch = one_of<std::size_t, 4>({1, 8, 64, 256});
  s.failing_polls = chance(0.1) ? 1 + static_cast<std::uint32_t>(below(2)) : 0;
  s.failing_reads = s.replayable && chance(0.2) ? 1 + static_cast<std::uint32_t>(below(2)) : 0;
  open_ports_.push_back({plan_.nodes.size() - 1, 0});
  read_.push_back(false);
}

operation drawing::some_operation() { return static_cast<operation>(below(operations)); }

way drawing::some_way(operation o) {
  if (leaf(o) || o == operation::key_sum) return way::key;
  if (o == operation::task_sum) return one_of<way, 2>({way::global, way::all});
  if (o == operation::task_mark) return one_of<way, 4>({way::all, way::global, way::custom, way::direct});
  if (fluent(o)) return one_of<way, 4>({way::forward, way::forward, way::shuffle, way::all});
  return static_cast<way>(below(ways));
}

/// One of the outputs there are: often the newest, so that graphs are deep, and any other, so that they are diamonds.
input drawing::some_input(operation o) {
  const auto at = chance(0.5) ? open_ports_.size() - 1 : below(open_ports_.size());
  read_[at] = true;
  return {open_ports_[at][0], open_ports_[at][1], some_way(o)};
}

void drawing::add_bolt() {
  const operation does = some_operation();
  node_plan& n = add(role::bolt);
  n.does = does;
  n.name += "." + std::string(to_string(does));
  if (does == operation::stream_split) n.parallelism = 1;
  n.keeps = 1 + below(6);
  n.merged = does != operation::join && (fluent(does) || chance(0.3));
  n.blocking = !fluent(does) && chance(0.04);
  n.ordered = chance(0.5);
  const auto inputs = does == operation::join || chance(0.3) ? 2 : 1;
  for (int i = 0; i < inputs; ++i) n.inputs.push_back(some_input(does));
  // A merged stream is read by one grouping.
  if (n.merged)
    for (auto& in : n.inputs) in.by = n.inputs[0].by;
  // A producer in forward reach of what it feeds is chained; make that frequent.
  const auto& from = plan_.nodes[n.inputs[0].from];
  if (n.inputs[0].by == way::forward && does != operation::stream_split && chance(0.7))
    n.parallelism = from.parallelism;
  if (leaf(does)) return;
  for (std::size_t port = 0; port <= splits(does); ++port) {
    open_ports_.push_back({plan_.nodes.size() - 1, port});
    read_.push_back(false);
  }
}

/// Every output is read by somebody; some that are read already end in a sink too.
void drawing::add_sinks() {
  const auto first = plan_.nodes.size();
  for (auto n = 1 + below(2); n > 0; --n) add(role::sink);
  for (std::size_t at = 0; at < open_ports_.size(); ++at)
    if (!read_[at] || chance(0.1)) {
      auto& sink = plan_.nodes[first + below(plan_.nodes.size() - first)];
      sink.inputs.push_back({open_ports_[at][0], open_ports_[at][1], some_way(operation::map)});
    }
  std::erase_if(plan_.nodes, [](const node_plan& n) { return n.is == role::sink && n.inputs.empty(); });
  for (auto n = first; n < plan_.nodes.size(); ++n) {
    node_plan& sink = plan_.nodes[n];
    const auto& from = plan_.nodes[sink.inputs[0].from];
    if (sink.inputs.size() == 1 && sink.inputs[0].by == way::forward && chance(0.7))
      sink.parallelism = from.parallelism;
  }
}

// --- faults ---

/// Puts faults where tuples come by.
class mishaps {
 public:
  mishaps(plan& p, random_source& random) : plan_(p), inputs_(plain_loop(p).inputs), random_(random) {}
  void add_passing() {
    for (auto n = below(8); n > 0; --n) add_fault();
  }
  void add_poison();

 private:
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  bool chance(double p) { return random_.chance(p); }
  void add_fault();
  bool find_place(fault& f);
  trouble some_trouble(operation);

  plan& plan_;
  const std::vector<std::vector<item>> inputs_;
  random_source& random_;
};

trouble mishaps::some_trouble(operation o) {
  if (chance(0.2)) return trouble::delays;
  const bool token = holds(o) || o == operation::hand_over || o == operation::stream_async;
  if (!token || chance(0.3)) return trouble::throws;
  if (!plan_.has(trouble::forgets) && chance(0.15)) return trouble::forgets;
  return chance(0.5) ? trouble::drops : trouble::fails;
}

/// False where no tuple comes by, or no code of ours runs.
bool mishaps::find_place(fault& f) {
  f.node = below(inputs_.size());
  const auto& in = inputs_[f.node];
  if (in.empty() || leaf(plan_.nodes[f.node].does)) return false;
  f.at = in[below(in.size())];
  return true;
}

void mishaps::add_fault() {
  fault f;
  if (!find_place(f)) return;
  const node_plan& n = plan_.nodes[f.node];
  for (const fault& other : plan_.faults)
    if (other.node == f.node && other.at == f.at) return;
  f.what = n.is == role::sink ? (chance(0.2) ? trouble::delays : trouble::throws) : some_trouble(n.does);
  f.times = 1 + static_cast<std::uint32_t>(below(3));
  f.late = n.is == role::bolt && !fluent(n.does) && chance(0.5);
  f.late &= f.what == trouble::throws || f.what == trouble::delays;
  plan_.faults.push_back(f);
}

/// Not where tuples share tokens: there it would take its innocent neighbours with it.
void mishaps::add_poison() {
  if (plan_.has(operation::hold) || plan_.has(operation::gather) || plan_.has(trouble::forgets)) return;
  fault f;
  if (!find_place(f)) return;
  node_plan& n = plan_.nodes[f.node];
  if (n.is == role::sink && plan_.passing_faults() > 3) return;  // in batches each pause is twice as long
  std::erase_if(plan_.faults, [&](const fault& other) { return other.node == f.node && other.at == f.at; });
  f.times = fault::always;
  plan_.faults.push_back(f);
  n.skips = n.does != operation::stream_split && chance(0.3);  // a split has no options
}

std::size_t tuples_in(const answer& a) {
  std::size_t sum = 0;
  for (const auto& in : a.inputs) sum += in.size();
  return sum;
}

}  // namespace

void add_passing_faults(plan& p, random_source& random) { mishaps(p, random).add_passing(); }

plan random_plan(std::uint64_t seed) {
  for (std::uint64_t again = 0;; ++again) {
    random_source random(mix64(seed) + again);
    plan p = drawing(seed, random).draw();
    if (tuples_in(plain_loop(p)) > most_tuples) continue;
    // What waits for its neighbours must be able to get them.
    if (p.has(operation::hold) || p.has(operation::gather))
      for (auto& n : p.nodes) n.spout.max_pending = 65'536;
    mishaps all(p, random);
    if (random.chance(0.8)) all.add_passing();
    if (random.chance(0.2))
      for (auto n = 1 + random.below(2); n > 0; --n) all.add_poison();
    return p;
  }
}

}  // namespace freshet::differential
