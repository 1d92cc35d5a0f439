#include "event/event_run.hpp"

#include <algorithm>

#include "event/bolt_tasklet.hpp"
#include "event/event_task.hpp"
#include "event/spout_tasklet.hpp"

namespace freshet {

namespace {
engine_run::settings event_settings(const event_options& options) {
  auto all = engine_run::settings_of("event_executor", options);
  all.commits_at_end_only = options.guarantee == guarantee::exactly_once && options.checkpoints.directory.empty();
  return all;
}
}  // namespace

event_run::event_run(const topology& graph, event_options options)
    : engine_run(graph, event_settings(options)), options_(std::move(options)), plan_(make_plan(graph)) {
  if (options_.guarantee == guarantee::at_least_once) book_ = std::make_shared<ledger>();
}

event_run::~event_run() {
  pool_->join();
  tasks_.clear();
}

// --- making ---

/// Task i of every chain on worker i (mod workers); chains with fewer tasks than workers go where least is placed.
std::size_t event_run::worker_of(std::uint32_t chain, std::uint32_t task) {
  const auto workers = pool_->workers();
  if (plan_.chains[chain].blocking) return pool_->add_worker();
  if (plan_.chains[chain].parallelism >= workers) return task % workers;
  std::vector<std::size_t> load(workers, 0);
  for (const auto& seats : seats_)
    for (auto w : seats)
      if (w < workers) ++load[w];
  std::size_t best = task % workers;
  for (std::size_t w = 0; w < workers; ++w)
    if (load[w] < load[best]) best = w;
  return best;
}

void event_run::take_seats(std::uint32_t c) {
  seats_[c].clear();
  for (std::uint32_t t = 0; t < plan_.chains[c].parallelism; ++t) seats_[c].push_back(worker_of(c, t));
}

void event_run::make_tasks() {
  tasks_.resize(plan_.chains.size());
  partitions_.resize(plan_.chains.size());
  seats_.resize(plan_.chains.size());
  // Seats first: routers that prefer local tasks ask for them.
  for (std::uint32_t c = 0; c < plan_.chains.size(); ++c) take_seats(c);
  for (std::uint32_t c = 0; c < plan_.chains.size(); ++c) {
    for (std::uint32_t t = 0; t < plan_.chains[c].parallelism; ++t) tasks_[c].push_back(make_task(c, t));
    if (plan_.chains[c].is_spout) {
      auto& first = static_cast<spout_tasklet&>(*tasks_[c][0]);
      partitions_[c] = deal(plan_.chains[c].head(), first.spout());
    }
  }
}

chain_setup event_run::setup_of(std::uint32_t c, std::uint32_t t) {
  chain_setup setup;
  setup.graph = &graph();
  setup.plan = &plan_;
  setup.chain = c;
  setup.task = t;
  setup.layout = {static_cast<std::uint32_t>(std::clamp<std::size_t>(options_.max_batch, 1, root::messages_per_slot)),
                  book_ != nullptr, graph().uses_event_time(), graph().uses_origins()};
  setup.faults = options_.faults.get();
  setup.store = options_.store.get();
  setup.node_names = node_names();
  setup.rollback_timers = options_.guarantee != guarantee::best_effort;
  setup.rollback_state = options_.guarantee == guarantee::exactly_once;
  setup.local_tasks = [this, here = seats_[c][t]](std::uint32_t node) {
    std::vector<std::uint32_t> local;
    const auto& seats = seats_[plan_.chain_of[node]];
    for (std::uint32_t i = 0; i < seats.size(); ++i)
      if (seats[i] == here) local.push_back(i);
    return local;
  };
  return setup;
}

std::unique_ptr<event_task> event_run::make_task(std::uint32_t c, std::uint32_t t) {
  try {
    const auto setup = setup_of(c, t);
    if (plan_.chains[c].is_spout) return std::make_unique<spout_tasklet>(*this, setup, seats_[c][t]);
    return std::make_unique<bolt_tasklet>(*this, setup, seats_[c][t]);
  } catch (const task_not_made& e) {
    auto why = e.why().error;
    const auto kind = graph().nodes()[e.why().node].kind;
    why.message = std::string(to_string(kind)) + " " + task_name(e.why().node, t) + ": " + why.message;
    throw run_error(std::move(why));
  }
}

std::vector<spout_partition> event_run::partitions_of(std::uint32_t node, std::uint32_t task) const {
  return partitions_[plan_.chain_of[node]][task];
}

void event_run::connect() {
  for (auto& chain : tasks_)
    for (auto& producer : chain)
      for (std::size_t k = 0; k < producer->chain().routes.size(); ++k) connect(*producer, k);
  read_wires();
}

void event_run::connect(event_task& producer, std::size_t k) {
  const auto& route = producer.chain().routes[k];
  const auto from = plan_.chain_of[producer.chain().plan().head()], to = plan_.chain_of[route.to.node];
  std::vector<out_link::target> targets;
  for (auto& reader : tasks_[to]) {
    auto way = std::make_unique<channel>(options_.channel_batches, producer.worker());
    targets.push_back({way.get(), reader->worker(), {}});
    const channel_end end{way.get(), route.to.input};
    wires_.push_back({from, producer.chain().task(), k, to, reader->chain().task(), std::move(way), end});
  }
  const auto& boxes = route.router->outboxes();
  if (route.router->broadcast()) return producer.add_link(std::make_unique<out_link>(*boxes[0], std::move(targets)), k);
  for (std::size_t b = 0; b < boxes.size(); ++b)
    producer.add_link(std::make_unique<out_link>(*boxes[b], std::vector<out_link::target>{targets[b]}), k);
}

/// Tells each task what it reads.
void event_run::read_wires() {
  for (std::uint32_t c = 0; c < tasks_.size(); ++c)
    for (std::uint32_t t = 0; t < tasks_[c].size() && !plan_.chains[c].is_spout; ++t) {
      std::vector<channel_end> ends;
      for (const auto& w : wires_)
        if (w.to_chain == c && w.to_task == t) ends.push_back(w.end);
      static_cast<bolt_tasklet&>(*tasks_[c][t]).read_from(ends);
    }
}

void event_run::open_tasks() {
  // Readers before those who feed them, so that what `open` prepares is there when the first tuple comes.
  for (auto chain = tasks_.rbegin(); chain != tasks_.rend(); ++chain)
    for (auto& t : *chain) t->open();
  if (checkpoints_) go_on();
}

template <class F>
void event_run::for_each_task(F&& f) {
  for (auto& chain : tasks_)
    for (auto& t : chain) f(*t);
}

event_task& event_run::task_of(std::uint32_t node) { return *tasks_[plan_.chain_of[node]][0]; }

/// Of all tasks, while none is at work.
run_checkpoints::states event_run::states_as_now() {
  return [this](bool as_snapshots, const run_checkpoints::visitor& visit) {
    for_each_task([&](event_task& t) {
      if (const auto& head = t.chain().head(); head.state)
        visit(checkpoints_->as_now(head.node(), t.chain().task(), *head.state, as_snapshots));
    });
  };
}

/// Where the run before this one was, whatever ended it.
void event_run::go_on() {
  bool has_decider = false;
  for (std::uint32_t i = 0; i < graph().nodes().size(); ++i) {
    if (!graph().nodes()[i].decides) continue;
    has_decider = true;
    std::optional<epoch_id> said;
    task_of(i).call_before_run(i, "last_committed", [&](task_operator& op) { said = op.last_committed(); });
    checkpoints_->decide(graph().nodes()[i].name, said);
  }
  checkpoints_->commit_again([&](std::uint32_t node, std::string_view bytes) {
    task_of(node).call_before_run(node, "commit of the epoch before",
                                  [&](task_operator& op) { op.commit_prepared(bytes); });
  });
  for_each_task([&](event_task& t) { t.go_on(*checkpoints_); });
  checkpoints_->have_loaded();
  if (checkpoints_->must_begin()) checkpoints_->make_base(options_.clock->wall(), states_as_now());
  nothing_left_ = checkpoints_->is_final();
  if (nothing_left_) return;
  coordinator_ = std::make_unique<epoch_coordinator>(*this, *checkpoints_, options_.checkpoint_interval);
  std::size_t tasks = 0, with_sinks = 0;
  for_each_task([&](event_task& t) {
    t.begin_epochs(*coordinator_);
    ++tasks;
    with_sinks += t.has_epoch_sinks();
  });
  coordinator_->start(tasks, with_sinks, has_decider, pool_->add_alone(*coordinator_, "of checkpoints"));
}

void event_run::start() { start_with(&event_run::start_threads); }
void event_run::start_by_hand() { start_with(&event_run::start_without_threads); }

void event_run::start_with(void (event_run::*run_tasklets)(std::size_t)) {
  checkpoints_ =
      run_checkpoints::open(graph(), options_.checkpoints, options_.store.get(), options_.log, *options_.clock);
  if (checkpoints_) commit_what_checkpoints_cover();
  make_tasks();
  connect();
  std::size_t count = 0, readers = 0;
  for (auto& chain : tasks_)
    for (auto& t : chain) {
      pool_->add(t->worker(), *t, t->name());
      ++count;
      readers += !t->chain().plan().is_spout;
    }
  readers_left_.store(readers, std::memory_order_relaxed);
  try {
    open_tasks();
    (this->*run_tasklets)(count + (coordinator_ ? 1 : 0));
  } catch (...) {
    give_up_start();
    for (auto& chain : tasks_)
      for (auto& t : chain) t->abandon();
    checkpoints_.reset();
    throw;
  }
}

void event_run::reader_done() {
  // Spouts may wait for the last of them.
  if (readers_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) pool_->wake_all();
}

/// A task that was given up has never closed.
void event_run::close_all() noexcept {
  for (auto& chain : tasks_)
    for (auto& t : chain) t->questions().close();
  if (coordinator_) coordinator_->close(states_as_now());
  if (checkpoints_) checkpoints_->close();
  checkpoints_.reset();  // the directory is free for the next run
}

// --- what it tells ---

std::shared_lock<std::shared_mutex> event_run::look_at_tasks() const {
  std::lock_guard pass(turnstile_);
  return std::shared_lock(tasks_mutex_);
}

void event_run::look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) {
  const auto lock = look_at_tasks();
  auto& owner = *tasks_[plan_.chain_of[node]][task_with(node, group)];
  if (pool_->is_by_hand()) return look(*owner.chain().head().state);  // it is at work only while its owner runs it
  owner.questions().ask([&] { look(*owner.chain().head().state); }, [&] { pool_->publish_and_wake(owner.worker()); });
}

std::uint64_t event_run::savepoint() {
  if (!keeps_checkpoints()) return run_control::savepoint();
  if (!coordinator_) throw run_error(run_checkpoints::over());
  return coordinator_->savepoint();
}

std::string event_run::unfinished() const {
  const auto lock = look_at_tasks();
  std::string names;
  for (const auto& chain : tasks_)
    for (const auto& t : chain)
      if (!t->finished()) names += (names.empty() ? "" : ", ") + t->name();
  return names;
}

run_metrics event_run::metrics() const {
  auto m = begin_metrics();
  const auto lock = look_at_tasks();
  for (const auto& chain : tasks_)
    for (const auto& t : chain) t->collect(m, m.uptime);
  merge_edges(m);
  return m;
}

}  // namespace freshet
