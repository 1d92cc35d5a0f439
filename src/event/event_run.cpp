#include "event/event_run.hpp"

#include <algorithm>
#include <set>

#include "event/bolt_tasklet.hpp"
#include "event/event_task.hpp"
#include "event/spout_tasklet.hpp"

namespace freshet {

namespace {
constexpr auto never = std::chrono::steady_clock::time_point::max();
}

event_run::event_run(const topology& graph, event_options options)
    : graph_(graph),
      options_(std::move(options)),
      plan_(make_plan(graph)),
      drain_deadline_(never.time_since_epoch().count()) {
  worker_pool_options pool;
  pool.workers = options_.workers;
  pool.idle = options_.idle;
  pool.pin = options_.pin;
  pool.stall_limit = options_.stall_limit;
  pool_ = std::make_shared<worker_pool>(pool, *options_.clock);
  if (options_.guarantee == guarantee::at_least_once) book_ = std::make_shared<ledger>();
  for (const auto& n : graph_.nodes()) {
    commits_positions_ &= !n.make_state;
    node_names_.push_back(n.name);
  }
}

event_run::~event_run() {
  pool_->join();
  tasks_.clear();
}

std::string event_run::task_name(std::uint32_t node, std::uint32_t task) const {
  return "\"" + graph_.nodes()[node].name + "\" task " + std::to_string(task);
}

// --- making ---

/// Task i of every chain on worker i (mod workers); chains with fewer tasks than workers go where least is placed.
std::size_t event_run::worker_of(std::uint32_t chain, std::uint32_t task) const {
  const auto workers = pool_->workers();
  if (plan_.chains[chain].blocking) {  // a thread of its own: seats behind the workers', in order
    std::size_t alone = 0;
    for (const auto& seats : seats_)
      alone +=
          static_cast<std::size_t>(std::count_if(seats.begin(), seats.end(), [&](auto w) { return w >= workers; }));
    return workers + alone;
  }
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

void event_run::make_tasks() {
  bool times = false;
  tasks_.resize(plan_.chains.size());
  partitions_.resize(plan_.chains.size());
  seats_.resize(plan_.chains.size());
  // Seats first: routers that prefer local tasks ask for them.
  for (std::uint32_t c = 0; c < plan_.chains.size(); ++c)
    for (std::uint32_t t = 0; t < plan_.chains[c].parallelism; ++t) seats_[c].push_back(worker_of(c, t));
  for (std::uint32_t c = 0; c < plan_.chains.size(); ++c) {
    for (std::uint32_t t = 0; t < plan_.chains[c].parallelism; ++t) {
      chain_setup setup;
      setup.graph = &graph_;
      setup.plan = &plan_;
      setup.chain = c;
      setup.task = t;
      setup.layout = {
          static_cast<std::uint32_t>(std::clamp<std::size_t>(options_.max_batch, 1, root::messages_per_slot)),
          book_ != nullptr, times};
      setup.faults = options_.faults.get();
      setup.node_names = node_names_.data();
      setup.rollback_state = options_.guarantee == guarantee::exactly_once;
      setup.local_tasks = [this, here = seats_[c][t]](std::uint32_t node) {
        std::vector<std::uint32_t> local;
        const auto& seats = seats_[plan_.chain_of[node]];
        for (std::uint32_t i = 0; i < seats.size(); ++i)
          if (seats[i] == here) local.push_back(i);
        return local;
      };
      auto seat = seats_[c][t];
      std::unique_ptr<event_task> made;
      if (plan_.chains[c].is_spout) made = std::make_unique<spout_tasklet>(*this, setup, seat);
      else made = std::make_unique<bolt_tasklet>(*this, setup, seat);
      tasks_[c].push_back(std::move(made));
    }
    if (plan_.chains[c].is_spout) {
      auto& first = static_cast<spout_tasklet&>(*tasks_[c][0]);
      partitions_[c].resize(plan_.chains[c].parallelism);
      const auto names = first.spout().partitions();
      for (partition_id p = 0; p < names.size(); ++p)
        partitions_[c][p % partitions_[c].size()].push_back({p, names[p]});
    }
  }
}

std::vector<spout_partition> event_run::partitions_of(std::uint32_t node, std::uint32_t task) const {
  return partitions_[plan_.chain_of[node]][task];
}

void event_run::connect() {
  for (auto& chain : tasks_)
    for (auto& producer : chain) {
      auto& routes = producer->chain().routes;
      for (std::size_t k = 0; k < routes.size(); ++k) {
        auto& readers = tasks_[plan_.chain_of[routes[k].to.node]];
        std::vector<out_link::target> targets;
        for (auto& reader : readers) {
          channels_.push_back(std::make_unique<channel>(options_.channel_batches, producer->worker()));
          reader->add_input(*channels_.back(), routes[k].to.input);
          targets.push_back({channels_.back().get(), reader->worker(), {}});
        }
        const auto& boxes = routes[k].router->outboxes();
        if (routes[k].router->broadcast()) {
          producer->add_link(std::make_unique<out_link>(*boxes[0], std::move(targets)), k);
        } else {
          for (std::size_t b = 0; b < boxes.size(); ++b)
            producer->add_link(std::make_unique<out_link>(*boxes[b], std::vector<out_link::target>{targets[b]}), k);
        }
      }
    }
}

void event_run::open_tasks() {
  // Readers before those who feed them, so that what `open` prepares is there when the first tuple comes.
  for (auto chain = tasks_.rbegin(); chain != tasks_.rend(); ++chain)
    for (auto& t : *chain) t->open();
}

void event_run::start() {
  make_tasks();
  connect();
  std::size_t count = 0, readers = 0;
  for (auto& chain : tasks_)
    for (auto& t : chain) {
      if (t->worker() < pool_->workers()) pool_->add(t->worker(), *t, t->name());
      else pool_->add_alone(*t, t->name());
      ++count;
      readers += !t->chain().plan().is_spout;
    }
  tasks_left_.store(count, std::memory_order_relaxed);
  readers_left_.store(readers, std::memory_order_relaxed);
  try {
    open_tasks();
  } catch (...) {
    for (auto& chain : tasks_)
      for (auto& t : chain) t->abandon();
    throw;
  }
  started_ = options_.clock->now();
  pool_->start([this](const std::string& label, std::chrono::nanoseconds held) {
    const auto text = "task " + label + " has held its worker for " +
                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(held).count()) +
                      " ms: make it a blocking bolt ({.blocking = true})";
    options_.log.log(log_level::warning, "event_executor", text);
    std::lock_guard lock(mutex_);
    stalled_.push_back(text);
    if (stalled_.size() > 100) stalled_.erase(stalled_.begin());
  });
}

// --- control ---

/// Also the place where user code that doesn't come back is noticed: a thread can't be stopped from outside, but
/// whoever waits is told which task it is.
bool event_run::wait_until(std::chrono::steady_clock::time_point when) {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    const auto limit = give_up_at();
    const auto until = std::min(when, limit);
    if (until == never) over_.wait(lock);
    else if (over_.wait_until(lock, until) == std::cv_status::timeout && !is_over_) {
      if (std::chrono::steady_clock::now() < limit) return false;
      if (state_.load() == run_state::failed) {
        if (!told_stuck_) error_.message += "; after stop_timeout still inside user code: " + unfinished();
        told_stuck_ = true;
        return true;
      }
      lock.unlock();
      fail({errc::timeout, "drain_timeout: still at work: " + unfinished()});
      lock.lock();
    }
  }
  return true;
}

/// When waiting makes no sense any more. The spouts notice an overdue drain first, and say more.
std::chrono::steady_clock::time_point event_run::give_up_at() const {
  if (state_.load() == run_state::failed) return failed_at_ + options_.stop_timeout;
  const auto limit = drain_deadline();
  return limit == never ? never : limit + std::chrono::milliseconds(100);
}

std::string event_run::unfinished() const {
  std::string names;
  for (const auto& chain : tasks_)
    for (const auto& t : chain)
      if (!t->finished()) names += (names.empty() ? "" : ", ") + t->name();
  return names;
}

void event_run::rethrow() const {
  std::lock_guard lock(mutex_);
  if (state_.load() == run_state::failed) throw run_error(error_);
}

void event_run::end_spouts(run_state to) {
  {
    std::lock_guard lock(mutex_);
    const auto now = state_.load();
    if (now == run_state::finished || now == run_state::failed || now == run_state::stopping || now == to) return;
    const auto deadline = options_.clock->now() + options_.drain_timeout;
    drain_deadline_.store(deadline.time_since_epoch().count(), std::memory_order_release);
    state_.store(to, std::memory_order_release);
  }
  over_.notify_all();
  pool_->wake_all();
}

void event_run::pause() {
  std::lock_guard lock(mutex_);
  if (state_.load() == run_state::running) state_.store(run_state::paused, std::memory_order_release);
}

void event_run::resume() {
  {
    std::lock_guard lock(mutex_);
    if (state_.load() == run_state::paused) state_.store(run_state::running, std::memory_order_release);
  }
  pool_->wake_all();
}

void event_run::fail(error e) {
  options_.log.log(log_level::error, "event_executor", e.message);
  {
    std::lock_guard lock(mutex_);
    if (cancelled_.load()) return;
    error_ = std::move(e);
    failed_at_ = std::chrono::steady_clock::now();
    state_.store(run_state::failed, std::memory_order_release);
    cancelled_.store(true, std::memory_order_release);
  }
  stop_source_.request_stop();
  pool_->wake_all();
  over_.notify_all();  // whoever waits has a limit from now on
}

void event_run::task_done(bool spout) {
  // Spouts may wait for the last of them.
  if (!spout && readers_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) pool_->wake_all();
  if (tasks_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::lock_guard lock(mutex_);
  if (state_.load() != run_state::failed) state_.store(run_state::finished, std::memory_order_release);
  is_over_ = true;
  over_.notify_all();
}

void event_run::unread_dead_letter(dead_letter letter) {
  if (dead_letter_log_.allow(options_.clock->now()))
    options_.log.log(log_level::warning, letter.node,
                     "dead letter that nobody reads, after " + std::to_string(letter.attempts) +
                         " attempts: " + letter.error + " (" + letter.type + ")");
  std::lock_guard lock(mutex_);
  unread_.push_back(std::move(letter));
  if (unread_.size() > options_.kept_dead_letters) unread_.pop_front();
}

run_status event_run::status() const {
  std::lock_guard lock(mutex_);
  run_status s;
  s.state = state_.load();
  if (s.state == run_state::failed) s.error = error_;
  s.stalled = stalled_;
  s.unread_dead_letters.assign(unread_.begin(), unread_.end());
  return s;
}

run_metrics event_run::metrics() const {
  run_metrics m;
  m.topology = graph_.name();
  m.uptime = options_.clock->now() - started_;
  for (const auto& chain : tasks_)
    for (const auto& t : chain) t->collect(m, m.uptime);
  // One edge an input: sums over tasks.
  std::vector<edge_metrics> sums;
  for (auto& e : m.edges) {
    auto at = std::find_if(sums.begin(), sums.end(), [&](auto& s) {
      return s.from_node == e.from_node && s.to_node == e.to_node && s.input == e.input;
    });
    if (at == sums.end()) sums.push_back(std::move(e));
    else at->transferred += e.transferred;
  }
  m.edges = std::move(sums);
  return m;
}

}  // namespace freshet
