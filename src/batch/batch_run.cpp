#include "batch/batch_run.hpp"

#include <algorithm>

#include "batch/batch_driver.hpp"
#include "batch/spout_feed.hpp"
#include "batch/stage_runner.hpp"
#include "batch/stage_task.hpp"

namespace freshet {

namespace {
constexpr auto never = std::chrono::steady_clock::time_point::max();

worker_pool_options pool_options(const batch_options& o) {
  worker_pool_options pool;
  pool.workers = o.workers;
  pool.idle = o.idle;
  pool.pin = o.pin;
  pool.stall_limit = o.stall_limit;
  return pool;
}
}  // namespace

batch_run::batch_run(const topology& graph, batch_options options)
    : graph_(graph),
      options_(std::move(options)),
      pool_(std::make_shared<worker_pool>(pool_options(options_), *options_.clock)),
      drain_deadline_(never.time_since_epoch().count()) {
  plan_.chains = make_plan(graph_, false);
  for (const auto& n : graph_.nodes()) {
    commits_positions_ &= !n.make_state;
    node_names_.push_back(n.name);
  }
}

batch_run::~batch_run() { pool_->join(); }

std::string batch_run::task_name(std::uint32_t node, std::uint32_t task) const {
  return "\"" + graph_.nodes()[node].name + "\" task " + std::to_string(task);
}

std::string batch_run::stage_name(std::uint32_t chain) const {
  std::string text = "stage " + std::to_string(chain) + " (";
  for (const auto& m : plan_.chains.chains[chain].members)
    text += (text.back() == '(' ? "\"" : " > \"") + graph_.nodes()[m.node].name + "\"";
  return text + ")";
}

// --- making ---

void batch_run::make_tasks() {
  const auto& chains = plan_.chains.chains;
  stages_.resize(chains.size());
  for (std::uint32_t c = 0; c < chains.size(); ++c)
    for (std::uint32_t t = 0; t < chains[c].parallelism; ++t) {
      if (chains[c].is_spout) feeds_.push_back(std::make_unique<spout_feed>(*this, c, t));
      else stages_[c].push_back(std::make_unique<stage_task>(*this, c, t));
    }
  compile(plan_, graph_, [this](std::uint32_t chain) -> const chain_task& { return task(chain, 0).chain(); });
  store_ = std::make_unique<block_store>(plan_.blocks, options_.block_store_bytes,
                                         options_.verify_blocks || options_.faults);
}

void batch_run::deal_partitions() {
  partitions_.resize(stages_.size());
  for (std::uint32_t c = 0; c < stages_.size(); ++c) {
    if (!plan_.chains.chains[c].is_spout) continue;
    partitions_[c].resize(plan_.chains.chains[c].parallelism);
    const auto names = feed(c, 0)->spout().partitions();
    for (partition_id p = 0; p < names.size(); ++p) partitions_[c][p % partitions_[c].size()].push_back({p, names[p]});
  }
}

spout_feed* batch_run::feed(std::uint32_t chain, std::uint32_t task) {
  for (const auto& f : feeds_)
    if (f->chain_index() == chain && f->task() == task) return f.get();
  return nullptr;
}

batch_task& batch_run::task(std::uint32_t chain, std::uint32_t task) {
  if (auto* f = feed(chain, task)) return *f;
  return *stages_[chain][task];
}

/// Spouts before the stage runner of their worker: what they have polled is seen in the same round.
void batch_run::place() {
  const auto workers = pool_->workers();
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    feeds_[i]->place(i % workers);
    pool_->add(i % workers, *feeds_[i], feeds_[i]->name());
  }
  for (std::size_t w = 0; w < workers; ++w) {
    runners_.push_back(std::make_unique<stage_runner>(*this, w));
    pool_->add(w, *runners_.back(), "of stages on worker " + std::to_string(w));
  }
  for (std::uint32_t c = 0; c < stages_.size(); ++c)
    for (auto& t : stages_[c]) {
      if (!plan_.chains.chains[c].blocking) continue;
      runners_.push_back(std::make_unique<stage_runner>(*this, runners_.size()));
      t->home = pool_->add_alone(*runners_.back(), t->name());
    }
  tasklets_left_.store(feeds_.size() + runners_.size(), std::memory_order_relaxed);
}

void batch_run::open_tasks() {
  // Readers before those who feed them, so that what `open` prepares is there when the first tuple comes.
  for (auto chain = stages_.rbegin(); chain != stages_.rend(); ++chain)
    for (auto& t : *chain) t->open();
  for (auto& f : feeds_) {
    f->open();
    f->begin();
  }
}

void batch_run::close_tasks() noexcept {
  for (auto& f : feeds_) f->close();
  for (auto& chain : stages_)
    for (auto& t : chain) {
      t->abort_epoch();
      t->close();
    }
}

void batch_run::start() {
  make_tasks();
  deal_partitions();
  driver_ = std::make_unique<batch_driver>(*this);
  place();
  try {
    open_tasks();
  } catch (...) {
    close_tasks();
    throw;
  }
  started_ = options_.clock->now();
  driver_->start(started_);
  pool_->start([this](const std::string& label, std::chrono::nanoseconds held) {
    const auto text = "task " + label + " has held its worker for " +
                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(held).count()) +
                      " ms: make it a blocking bolt ({.blocking = true})";
    options_.log.log(log_level::warning, "batch_executor", text);
    std::lock_guard lock(mutex_);
    stalled_.push_back(text);
    if (stalled_.size() > 100) stalled_.erase(stalled_.begin());
  });
}

// --- control ---

/// Also the place where user code that doesn't come back is noticed: a thread can't be stopped from outside, but
/// whoever waits is told which task it is.
bool batch_run::wait_until(std::chrono::steady_clock::time_point when) {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    const auto limit = give_up_at();
    const auto until = std::min(when, limit);
    if (until == never) over_.wait(lock);
    else if (over_.wait_until(lock, until) == std::cv_status::timeout && !is_over_) {
      if (std::chrono::steady_clock::now() < limit) return false;
      if (state_.load() == run_state::failed) {
        if (!std::exchange(told_stuck_, true))
          error_.message += "; after stop_timeout still inside user code: " + unfinished();
        return true;
      }
      lock.unlock();
      fail({errc::timeout, "drain_timeout: still at work: " + unfinished()});
      lock.lock();
    }
  }
  return true;
}

/// When waiting makes no sense any more. The leader notices an overdue drain first, and says more.
std::chrono::steady_clock::time_point batch_run::give_up_at() const {
  if (state_.load() == run_state::failed) return failed_at_ + options_.stop_timeout;
  const auto limit = drain_deadline();
  return limit == never ? never : limit + std::chrono::milliseconds(100);
}

std::string batch_run::unfinished() const {
  std::string names;
  const auto add = [&](const batch_task& t) {
    if (t.is_inside()) names += (names.empty() ? "" : ", ") + t.name();
  };
  for (const auto& f : feeds_) add(*f);
  for (const auto& chain : stages_)
    for (const auto& t : chain) add(*t);
  return names.empty() ? "nobody" : names;
}

void batch_run::rethrow() const {
  std::lock_guard lock(mutex_);
  if (state_.load() == run_state::failed) throw run_error(error_);
}

void batch_run::end_spouts(run_state to) {
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

void batch_run::pause() {
  std::lock_guard lock(mutex_);
  if (state_.load() == run_state::running) state_.store(run_state::paused, std::memory_order_release);
}

void batch_run::resume() {
  {
    std::lock_guard lock(mutex_);
    if (state_.load() == run_state::paused) state_.store(run_state::running, std::memory_order_release);
  }
  pool_->wake_all();
}

void batch_run::fail(error e) {
  options_.log.log(log_level::error, "batch_executor", e.message);
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

void batch_run::tasklet_done() {
  // acq_rel: the last one sees all that the others did to the tasks.
  if (tasklets_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  close_tasks();
  std::lock_guard lock(mutex_);
  if (state_.load() != run_state::failed) state_.store(run_state::finished, std::memory_order_release);
  is_over_ = true;
  over_.notify_all();
}

// --- what it tells ---

void batch_run::unread_dead_letter(dead_letter letter) {
  if (dead_letter_log_.allow(options_.clock->now()))
    options_.log.log(log_level::warning, letter.node,
                     "dead letter that nobody reads, after " + std::to_string(letter.attempts) +
                         " attempts: " + letter.error + " (" + letter.type + ")");
  std::lock_guard lock(mutex_);
  unread_.push_back(std::move(letter));
  if (unread_.size() > options_.kept_dead_letters) unread_.pop_front();
}

void batch_run::remember(batch_progress done) {
  std::lock_guard lock(mutex_);
  recent_.push_back(std::move(done));
  if (recent_.size() > options_.recent_batches) recent_.pop_front();
}

run_status batch_run::status() const {
  std::lock_guard lock(mutex_);
  run_status s;
  s.state = state_.load();
  if (s.state == run_state::failed) s.error = error_;
  s.stalled = stalled_;
  s.unread_dead_letters.assign(unread_.begin(), unread_.end());
  return s;
}

run_metrics batch_run::metrics() const {
  run_metrics m;
  m.topology = graph_.name();
  m.uptime = options_.clock->now() - started_;
  for (const auto& f : feeds_) f->collect(m, m.uptime);
  for (const auto& chain : stages_)
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
  m.batches_done = driver_->batches_done();
  m.recomputed_partitions = driver_->recomputed();
  std::lock_guard lock(mutex_);
  m.batches.assign(recent_.begin(), recent_.end());
  return m;
}

}  // namespace freshet
