#include "runtime/chain_task.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/assert.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/time/partition_clock.hpp"

namespace freshet {

namespace {
void prepare(call_frame& frame, const chain_setup& setup) {
  frame.rollback_state = setup.rollback_state;
  frame.rollback_timers = setup.rollback_timers;
  frame.faults = setup.faults;
  frame.flags.faults = setup.faults != nullptr;
  frame.node_names = setup.node_names;
  frame.task = setup.task;
  frame.keeps_origins = setup.layout.origins;
}
}  // namespace

chain_task::~chain_task() = default;

chain_task::chain_task(const chain_setup& setup) : plan_(&setup.plan->chains[setup.chain]), task_(setup.task) {
  prepare(frame, setup);
  make_members(setup);
  try {
    give_states(setup);
    wire(setup);
  } catch (...) {  // a key or grouping function that can't be copied
    if (setup.state && members[0].op) *setup.state = std::move(members[0].op->state);
    throw task_not_made({plan_->head(), error_from_current_exception()});
  }
}

void chain_task::make_members(const chain_setup& setup) {
  sinks.reserve(plan_->members.size());
  for (const auto& m : plan_->members) {
    const bool without = setup.headless && members.empty();
    try {
      members.push_back({m.node, without ? nullptr : setup.graph->nodes()[m.node].tasks->make(), &frame});
    } catch (...) {
      auto e = error_from_current_exception();
      e.message = "factory failed: " + e.message;
      throw task_not_made({m.node, std::move(e)});
    }
    if (m.local_sink) {
      auto& sink = sinks.emplace_back();
      sink.frame = std::make_unique<call_frame>();
      prepare(*sink.frame, setup);
      sink.member = members.size() - 1;
      members.back().frame = sink.frame.get();
    }
    if (without) continue;
    members.back().op->attach(m.node, *members.back().frame);
    auto* clock = members.back().op->clock();
    if (!clock) continue;
    frame.clock = clock;
    for (auto at = members.size() - 1; at != 0; at = plan_->members[at].parent)
      frame.before_clock.push_back(plan_->members[at].node);
  }
}

void chain_task::open_clock(const std::vector<spout_partition>& dealt, bool any_named, event_clock::time_point now,
                            std::shared_ptr<watermark_alignment> others) {
  if (!frame.clock) return;
  std::vector<partition_id> partitions;
  for (const auto& p : dealt) partitions.push_back(p.id);
  if (!any_named) partitions.push_back(some_partition);
  frame.clock->open(partitions, now);
  frame.clock->align(std::move(others), task_);
}

bool chain_task::expires_by(time_domain measured_in) const {
  return ttl_.after != event_span{} && ttl_.measured_in == measured_in;
}

void chain_task::look_at_clock(const clock& c) {
  if (follows_clock()) set_now(c.wall());
}

bool chain_task::follows_clock() const {
  return head_follows_clock_ || expires_by(time_domain::processing) || (frame.clock && frame.clock->follows_clock());
}

void chain_task::set_now(event_time wall) {
  frame.now = std::max(frame.now, wall);
  if (frame.clock) frame.clock->follow(frame.now);
}

event_time chain_task::next_processing_timer() const {
  const auto* timers = members[0].op ? members[0].op->processing_timers : nullptr;
  return timers ? timers->next_time() : end_of_time;
}

bool chain_task::has_processing_timers() const {
  const auto* timers = members[0].op ? members[0].op->processing_timers : nullptr;
  return timers && timers->any();
}

any_batch* chain_task::take_due(event_time watermark, event_time now, any_reader*& reader) {
  for (auto [timers, reached] : {std::pair(head().processing_timers, now), {head().timers, watermark}})
    if (any_batch* due = timers ? timers->take_due(reached) : nullptr) {
      reader = &timers->reader();
      return due;
    }
  return nullptr;
}

void chain_task::expire_state(time_domain measured_in, event_time now) {
  // At the end of the input all would be over, and nothing can come that would need the memory.
  if (!expires_by(measured_in) || now == end_of_time) return;
  // Four slots a tuple: even if each has a key of its own, they are seen again before the table has doubled.
  constexpr std::size_t slots_a_time = 1024, slots_a_tuple = 4;
  const auto executed = head().executed;
  const auto since = executed - std::min(executed, std::exchange(swept_at_, executed));
  head().state->expire(now, slots_a_time + slots_a_tuple * static_cast<std::size_t>(since));
}

/// State is made for heads only.
void chain_task::give_states(const chain_setup& setup) {
  for (auto& m : members) {
    const node& n = setup.graph->nodes()[m.node];
    if (!n.make_state) continue;
    head_follows_clock_ = n.follows_clock;
    m.op->state = setup.state && *setup.state ? std::move(*setup.state) : make_state(setup, n);
    ttl_ = n.options.state_ttl;
  }
}

std::unique_ptr<any_state> chain_task::make_state(const chain_setup& setup, const node& n) const {
  auto made = n.make_state(n.options);
  if (setup.store && !n.key_type.empty())
    made->keep_in(setup.store->open("\"" + n.name + "\" task " + std::to_string(task_)));
  return made;
}

void chain_task::wire(const chain_setup& setup) {
  const auto& nodes = setup.graph->nodes();
  for (const auto& e : nodes[plan_->head()].inputs) inputs.push_back(e.binding->bind(*members[0].op));
  consumers_.resize(members.size());
  for (std::size_t m = 0; m < members.size(); ++m)
    for (std::uint32_t port = 0; port < nodes[members[m].node].outputs.size(); ++port) {
      consumers_[m].push_back(consumers_of(setup, m, port));
      if (members[m].op) members[m].op->outlet_at(port).connect(consumers_[m][port]);
    }
  if (plan_->below_dead_letters) return;
  for (auto to : readers_of(*setup.graph, {stream_end::dead_letters, 0}))
    letter_readers_.push_back(add_route(setup, {stream_end::dead_letters, 0}, to));
  dead_letters.connect(letter_readers_);
}

void chain_task::reroute(const chain_setup& setup, std::size_t k) {
  auto& r = routes[k];
  const auto before = std::exchange(r.router, make_router(setup, r.from, r.to));
  for (const auto* box : before->outboxes()) std::erase(frame.outboxes, box);
  const auto replace_in = [&](auto& consumers, any_outlet& outlet) {
    std::replace(consumers.begin(), consumers.end(), &before->entry(), &r.router->entry());
    outlet.connect(consumers);
  };
  for (std::size_t m = 0; m < members.size(); ++m)
    for (std::size_t port = 0; port < consumers_[m].size(); ++port)
      replace_in(consumers_[m][port], members[m].op->outlet_at(port));
  replace_in(letter_readers_, dead_letters);
}

std::optional<call_failure> chain_task::send_letter(const dead_letter& letter, root anchor, const root_list* several,
                                                    event_time time, event_time stamp) {
  const bool had_failed = std::exchange(frame.flags.failed, false);
  frame.begin(anchor, several, time, stamp);
  dead_letters.target().take(letter);
  if (!std::exchange(frame.flags.failed, had_failed)) return {};
  frame.cut_back();
  return std::move(frame.failure);
}

void chain_task::adopt_head(std::unique_ptr<task_operator> op) {
  members[0].op = std::move(op);
  members[0].op->attach(members[0].node, frame);
  for (std::size_t port = 0; port < consumers_[0].size(); ++port)
    members[0].op->outlet_at(port).connect(consumers_[0][port]);
}

std::vector<any_consumer*> chain_task::consumers_of(const chain_setup& setup, std::size_t m, std::uint32_t port) {
  std::vector<any_consumer*> all;
  for (auto to : readers_of(*setup.graph, {members[m].node, port})) {
    std::size_t inside = 1;
    while (inside < members.size() && members[inside].node != to.node) ++inside;
    if (inside == members.size()) {
      all.push_back(add_route(setup, {members[m].node, port}, to));
    } else if (plan_->members[inside].local_sink) {
      all.push_back(add_sink(setup, inside));
    } else {
      chained.push_back(setup.graph->nodes()[to.node].inputs[to.input].binding->bind(*members[inside].op));
      all.push_back(&chained.back()->entry());
    }
  }
  return all;
}

any_consumer* chain_task::add_route(const chain_setup& setup, stream_end from, reader_ref to) {
  routes.push_back({make_router(setup, from, to), from, to});
  return &routes.back().router->entry();
}

std::unique_ptr<any_router> chain_task::make_router(const chain_setup& setup, stream_end from, reader_ref to) {
  const node& reader = setup.graph->nodes()[to.node];
  route where;
  where.consumer = to.node;
  where.producer_task = task_;
  // Dead letters come from tasks of any node: never "task i to task i".
  where.producer_tasks = from.node == stream_end::dead_letters ? 0 : static_cast<std::uint32_t>(plan_->parallelism);
  where.targets = static_cast<std::uint32_t>(reader.parallelism());
  where.key_groups = reader.options.max_parallelism;
  if (setup.local_tasks) where.local = setup.local_tasks(to.node);
  where.layout = setup.layout;
  return reader.inputs[to.input].binding->route(where, frame);
}

any_consumer* chain_task::add_sink(const chain_setup& setup, std::size_t m) {
  for (auto& sink : sinks) {
    if (sink.member != m) continue;
    const auto& edge = setup.graph->nodes()[members[m].node].inputs[0];
    route where;
    where.consumer = members[m].node;
    where.producer_tasks = where.targets = 1;
    where.layout = setup.layout;
    sink.router = edge.binding->route(where, frame);
    sink.reader = edge.binding->bind(*members[m].op);
    return &sink.router->entry();
  }
  FRESHET_ASSERT(false, "a local sink is not in its chain", members[m].node);
  return nullptr;
}

void chain_task::attach(task_host& host) {
  frame.host = &host;
  for (auto& s : sinks) s.frame->host = &host;
}

}  // namespace freshet
