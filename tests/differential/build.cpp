#include "differential/build.hpp"

#include "differential/bolts.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::differential {

namespace {
using namespace std::chrono_literals;

struct key_of_item {
  std::uint64_t operator()(const item& i) const { return key_of(i); }
};
struct choose_task {
  std::size_t operator()(const item& i, std::size_t tasks) const { return tasks_for({0, 0, way::custom}, i, tasks)[0]; }
};
struct direct_task {
  std::size_t tasks;
  std::size_t operator()(const item& i) const { return tasks_for({0, 0, way::direct}, i, tasks)[0]; }
};

/// Calls `f` with the grouping that `by` names.
template <class F>
void with_grouping(way by, std::size_t tasks, F&& f) {
  switch (by) {
    case way::forward:
      return f(forward_grouping{});
    case way::shuffle:
      return f(shuffle_grouping{});
    case way::local_or_shuffle:
      return f(local_or_shuffle_grouping{});
    case way::key:
      return f(key_grouping{key_of_item{}});
    case way::partial_key:
      return f(partial_key_grouping{key_of_item{}});
    case way::all:
      return f(all_grouping{});
    case way::global:
      return f(global_grouping{});
    case way::custom:
      return f(custom_grouping{choose_task{}});
    case way::direct:
      return f(direct_grouping{direct_task{tasks}});
  }
}

class building {
 public:
  explicit building(std::shared_ptr<scene> at) : scene_(std::move(at)), plan_(scene_->topology_plan()) {}

  built run() {
    outputs_.resize(plan_.nodes.size());
    for (std::size_t n = 0; n < plan_.nodes.size(); ++n) {
      if (plan_.nodes[n].is == role::spout) add_spout(n);
      else if (plan_.nodes[n].is == role::sink) wire(n, builder_.sink(name(n), item_sink{here(n)}, options(n)));
      else if (plan_.nodes[n].does >= operation::stream_map) add_fluent(n);
      else add_bolt(n);
    }
    if (!totals_.empty()) add_totals();
    if (plan_.reads_dead_letters)
      (void)builder_.sink("letters", [at = scene_](const dead_letter& l) { at->wrote(l); })
          .input(builder_.dead_letters());
    return {builder_.build(), std::move(queues_)};
  }

 private:
  place here(std::size_t n) const { return {scene_, n}; }
  const std::string& name(std::size_t n) const { return plan_.nodes[n].name; }
  on_failure policy(std::size_t n) const { return plan_.nodes[n].skips ? on_failure::skip : on_failure::dead_letter; }
  bolt_options options(std::size_t n) const {
    return {.parallelism = plan_.nodes[n].parallelism, .blocking = plan_.nodes[n].blocking, .on_failure = policy(n)};
  }

  void add_spout(std::size_t n) {
    const source& s = plan_.nodes[n].spout;
    // Nothing gets lost here: batches are then computed again from copies.
    const auto loss = (plan_.seed + n) % 4 == 0 ? on_data_loss::skip : on_data_loss::stop;
    const spout_options options{
        .parallelism = s.parallelism, .max_pending = s.max_pending, .max_batch = s.max_batch, .on_data_loss = loss};
    if (s.replayable)
      return outputs_[n].push_back(builder_.spout(name(n), replayable_source{scene_, n}, options)), void();
    queue_source spout{scene_, n};
    queues_.emplace_back(spout.handle(), s);
    outputs_[n].push_back(builder_.spout(name(n), std::move(spout), options));
  }

  // --- the low level ---

  void add_bolt(std::size_t n) {
    switch (plan_.nodes[n].does) {
      case operation::split: {
        const auto made = wire(n, builder_.bolt(name(n), split_in_two{here(n)}, options(n)));
        outputs_[n] = {made, made.side<to_side>()};
        return;
      }
      case operation::join:
        return add_join(n);
      case operation::key_sum:
      case operation::task_sum: {
        const auto made = wire(n, builder_.bolt(name(n), adds_up{here(n)}, options(n)));
        outputs_[n] = {made};
        totals_.push_back(made.side<totals>());
        return;
      }
      case operation::hold:
      case operation::gather: {
        auto make = [at = here(n)] { return holds_back{at}; };  // tokens are not copied
        outputs_[n] = {wire(n, builder_.bolt(name(n), std::move(make), options(n)))};
        return;
      }
      case operation::hand_over:
        outputs_[n] = {wire(n, builder_.bolt(name(n), hands_over{here(n)}, options(n)))};
        return;
      default:
        outputs_[n] = {wire(n, builder_.bolt(name(n), plain_bolt{here(n)}, options(n)))};
    }
  }
  void add_join(std::size_t n) {
    const auto made = builder_.bolt(name(n), join_two{here(n)}, options(n));
    const node_plan& node = plan_.nodes[n];
    with_grouping(node.inputs[0].by, node.parallelism,
                  [&](auto g) { made.template input<&join_two::on_left>(from(node.inputs[0]), g); });
    with_grouping(node.inputs[1].by, node.parallelism,
                  [&](auto g) { made.template input<&join_two::on_right>(from(node.inputs[1]), g); });
    outputs_[n] = {made};
  }
  /// Gives a bolt or sink its inputs: one by one, or merged.
  template <class Node>
  Node wire(std::size_t n, const Node& made) {
    const node_plan& node = plan_.nodes[n];
    if (node.merged) with_grouping(node.inputs[0].by, node.parallelism, [&](auto g) { made.input(merged(n), g); });
    else
      for (const input& in : node.inputs)
        with_grouping(in.by, node.parallelism, [&](auto g) { made.input(from(in), g); });
    return made;
  }
  const stream_ref<item>& from(const input& in) const { return outputs_[in.from][in.port]; }
  stream_ref<item> merged(std::size_t n) const {
    const auto& inputs = plan_.nodes[n].inputs;
    return inputs.size() == 1 ? from(inputs[0]) : merge(from(inputs[0]), from(inputs[1]));
  }

  // --- the fluent level ---

  void add_fluent(std::size_t n) {
    const stream<item> in{merged(n)};
    if (gives_totals(plan_.nodes[n].does)) return add_aggregate(n, in);
    switch (plan_.nodes[n].inputs[0].by) {
      case way::shuffle:
        return add_operation(n, in.shuffle());
      case way::all:
        return add_operation(n, in.broadcast());
      default:
        return add_operation(n, in);
    }
  }
  template <class Stream>
  void add_operation(std::size_t n, const Stream& in) {
    const place at = here(n);
    switch (plan_.nodes[n].does) {
      case operation::stream_filter:
        outputs_[n] = {in.filter(
            name(n), [at](const item& i) { return only_port(at, i) == 0; }, options(n))};
        return;
      case operation::stream_flat_map:
        outputs_[n] = {in.flat_map(
            name(n), [at](const item& i) { return all_made(at, i); }, options(n))};
        return;
      case operation::stream_split: {
        const auto [yes, no] = in.split(name(n), [at](const item& i) { return only_port(at, i) == 0; });
        outputs_[n] = {yes, no};
        return;
      }
      case operation::stream_async:
        outputs_[n] = {in.template map_async<item>(name(n), asks_elsewhere{at}, async(n))};
        return;
      default:
        outputs_[n] = {in.map(
            name(n), [at](const item& i) { return (void)at.begin(i), at.made(i); }, options(n))};
    }
  }
  static std::vector<item> all_made(const place& at, const item& i) {
    (void)at.begin(i);
    std::vector<item> all;
    apply(at.plan(), 0, 0, i, [&](std::size_t, const item& made) { all.push_back(made); });
    return all;
  }
  /// The output it goes to; -1 for none.
  static int only_port(const place& at, const item& i) {
    (void)at.begin(i);
    int to = -1;
    apply(at.plan(), 0, 0, i, [&](std::size_t port, const item&) { to = static_cast<int>(port); });
    return to;
  }
  async_options async(std::size_t n) const {
    const node_plan& node = plan_.nodes[n];
    return {.parallelism = node.parallelism,
            .capacity = node.keeps,
            .timeout = plan_.has(trouble::forgets) ? std::chrono::nanoseconds(4ms) : 20s,
            .ordered = node.ordered,
            .on_failure = policy(n)};
  }
  void add_aggregate(std::size_t n, const stream<item>& in) {
    const node_plan& node = plan_.nodes[n];
    const auto by_key = in.key_by(key_of_item{});
    const bolt_options options{.parallelism = node.parallelism};
    const auto sums = node.does == operation::stream_combine ? by_key.combine().aggregate(name(n), adding{}, options)
                                                             : by_key.aggregate(name(n), adding{}, options);
    totals_.push_back(sums.map(name(n) + ".totals", [n](const keyed<std::uint64_t, adding::accumulator>& k) {
      return total{n, k.key, k.value.count, k.value.sum};
    }));
  }
  void add_totals() {
    const auto sink = builder_.sink("totals", [at = scene_](const total& t) { at->wrote(t); });
    for (const auto& t : totals_) sink.input(t, global_grouping{});
  }

  const std::shared_ptr<scene> scene_;
  const plan& plan_;
  topology_builder builder_{"differential"};
  std::vector<std::vector<stream_ref<item>>> outputs_;  ///< by node and port
  std::vector<stream_ref<total>> totals_;
  std::vector<std::pair<std::shared_ptr<queue_source::queue>, source>> queues_;
};
}  // namespace

built build(std::shared_ptr<scene> at) { return building(std::move(at)).run(); }

}  // namespace freshet::differential
