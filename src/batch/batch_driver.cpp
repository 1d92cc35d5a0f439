#include "batch/batch_driver.hpp"

#include <algorithm>
#include <limits>

#include "batch/batch_run.hpp"
#include "batch/spout_feed.hpp"
#include "freshet/base/time_arithmetic.hpp"

namespace freshet {

namespace {
/// A batch of fewer messages than this stays on the worker that leads: waking another costs some 10 us, in which one
/// worker does 500 to 2000 tuples of a stage.
constexpr std::uint64_t small_batch = 2048;
/// Back to back, a spout that has more at hand fills a batch up to here: at some 20 ns a message this is well below a
/// millisecond, and the fixed cost of a batch a few percent of it.
constexpr std::uint64_t worthwhile_batch = 32'768;

/// A size as a signed number to count with: more than half of what there is means "no limit".
std::int64_t countable(std::size_t n) {
  return static_cast<std::int64_t>(std::min<std::size_t>(n, std::numeric_limits<std::int64_t>::max() / 2));
}

std::chrono::nanoseconds interval_of(const batch_options& o) {
  return o.trigger == batch_trigger::interval ? o.interval : std::chrono::nanoseconds{};
}
}  // namespace

batch_driver::batch_driver(batch_run& run)
    : run_(run),
      options_(run.options()),
      most_rows_(countable(options_.rows_per_batch)),
      most_bytes_(countable(options_.block_store_bytes / 2)),
      limiter_(options_.backpressure, interval_of(options_)),
      room_(most_rows_) {}

void batch_driver::start(time_point now) {
  const auto& plan = run_.plan();
  next_tick_ = deadline(now, options_.interval);
  left_.resize(plan.chains.chains.size());
  waits_.resize(plan.chains.chains.size());
  owners_.resize(plan.blocks);
  for (std::uint32_t c = 0; c < plan.routes_of.size(); ++c)
    for (std::uint32_t k = 0; k < plan.routes_of[c].size(); ++k) {
      const auto& r = plan.routes[plan.routes_of[c][k]];
      for (std::uint32_t t = 0; t < r.producers; ++t)
        for (std::uint32_t b = 0; b < r.width(); ++b) owners_[r.block(t, b)] = {&run_.task(c, t), k, b};
    }
  for (const auto& n : run_.graph().nodes()) {
    has_ticks_ |= n.options.tick > std::chrono::nanoseconds{};
    has_timers_ |= n.follows_clock;
  }
  uses_event_time_ = run_.graph().uses_event_time();
  for (std::uint32_t c = 0; c < plan.chains.chains.size(); ++c) {
    const auto& chain = plan.chains.chains[c];
    watermarks_.emplace_back(chain.is_spout ? chain.parallelism : timed_sources(c).size());
  }
  if (run_.checkpoints()) go_on();
  if (!run_.feeds().empty()) leader_.store(run_.feeds()[0]->worker(), std::memory_order_relaxed);
}

/// Batches are epochs, and time does not go back.
void batch_driver::go_on() {
  const auto& kept = *run_.checkpoints();
  batch_ = kept.next() - 1;
  if (!kept.from()) return;
  clock_.now = kept.from()->made_at;
  for (const auto& w : kept.from()->watermarks) {
    const auto node = run_.graph().find(w.node);
    if (node == run_.graph().nodes().size()) continue;
    const auto c = run_.plan().chains.chain_of[node];
    if (run_.plan().chains.chains[c].head() != node) continue;
    const auto sources = timed_sources(c);
    for (std::size_t i = 0; i < sources.size(); ++i)
      if (sources[i].input == w.input) watermarks_[c].advance(i, w.watermark);
    if (w.input == checkpoint_watermark::all_inputs)
      for (const auto& t : run_.tasks_of(c)) t->set_watermark(w.watermark);
  }
}

// --- waiting ---

bool batch_driver::is_full() const {
  return collected_.load(std::memory_order_relaxed) >= most_rows_ ||
         bytes_.load(std::memory_order_relaxed) >= most_bytes_;
}

/// Where there is no room nobody asks the spouts, so there may be more.
bool batch_driver::has_more_at_hand() const {
  return is_full() ||
         std::any_of(run_.feeds().begin(), run_.feeds().end(), [](auto& f) { return f->hot() || f->starved(); });
}

double batch_driver::bytes_for_each_feed() const {
  const auto left = most_bytes_ - bytes_.load(std::memory_order_relaxed);
  return static_cast<double>(left) / static_cast<double>(run_.feeds().size());
}

batch_driver::outlook batch_driver::look(time_point now) const {
  outlook all;
  for (const auto& f : run_.feeds()) {
    all.ended &= f->ended();  // before the rows: what an ended feed had polled is seen
    all.hot |= f->hot();
    all.rows += f->waiting();
    all.woken |= f->called();
    all.called |= has_ticks_ && f->next_tick() <= now;
    all.time_waits |= f->time_waits();
  }
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
    for (const auto& t : run_.tasks_of(c)) {
      all.woken |= t->woken();
      all.called |= has_ticks_ && t->next_tick() <= now;
    }
  all.called |= all.woken;
  if (!has_timers_ || (all.ended && run_.state() == run_state::stopping)) return all;
  const batch_time clock{options_.clock->wall(), ends_clock(all.ended)};
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
    for (const auto& t : run_.tasks_of(c)) all.timers_wait |= t->is_timer_due(clock);
  return all;
}

/// Whoever stops a run before its input ends will go on from there.
bool batch_driver::ends_clock(bool all_ended) const { return all_ended && run_.state() != run_state::stopping; }

bool batch_driver::due(time_point now) {
  const auto all = look(now);
  due_ = now;
  // Once more for those who were woken by the last messages; whoever is woken for ever keeps no run from ending.
  const bool last_call = all.ended && all.woken && !std::exchange(woken_at_the_end_, true);
  if (all.ended && all.rows == 0 && !letters_ && !all.time_waits && !all.timers_wait && !last_call) {
    finish();
    return false;
  }
  const bool work = all.rows != 0 || letters_ || all.called || all.time_waits || all.timers_wait;
  if (all.ended || run_.state() >= run_state::draining) return work;
  if (interval_of(options_) > std::chrono::nanoseconds{}) return on_the_grid(now) ? work : work && is_full();
  if (options_.trigger == batch_trigger::rows) return work && is_full();
  return work && (!all.hot || all.rows >= worthwhile_batch || is_full());
}

/// True when an interval is over. Intervals stand on a grid, and those that were missed are made good by one batch.
bool batch_driver::on_the_grid(time_point now) {
  if (now < next_tick_) return false;
  due_ = next_tick_;
  next_tick_ += ((now - next_tick_) / options_.interval + 1) * options_.interval;
  return true;
}

bool batch_driver::lead(std::size_t worker, time_point now) {
  const auto at = phase_.load(std::memory_order_acquire);
  if (leader_.load(std::memory_order_relaxed) != worker || run_.cancelled()) return false;
  if (now > run_.drain_deadline()) give_up_draining();
  if (at == phase::committing) return now >= commit_due_ && go_on_committing(worker);
  if (at > phase::cutting) return false;
  run_.questions().answer();
  if (at == phase::waiting) {
    run_.savepoints().answer();
    if (!due(now)) return over();
    previous_began_ = std::exchange(began_, options_.clock->now());
    clock_.now = std::max(clock_.now, options_.clock->wall());
    ++batch_;
    more_at_hand_ = has_more_at_hand();
    cut_done_.assign(run_.feeds().size(), false);
    phase_.store(phase::cutting, std::memory_order_release);
  }
  return cut(worker, now);
}

void batch_driver::give_up_draining() {
  std::uint64_t rows = 0;
  for (const auto& f : run_.feeds()) rows += f->waiting();
  run_.fail({errc::timeout, "drain_timeout: " + std::to_string(batches_done()) + " batches are done, " +
                                std::to_string(rows) + " messages wait for the next, and one may be at work"});
}

/// True when something was done, or is about to be.
bool batch_driver::cut(std::size_t worker, time_point now) {
  bool all = true, busy = false;
  for (std::size_t i = 0; i < cut_done_.size(); ++i) {
    if (cut_done_[i]) continue;
    const auto result = run_.feeds()[i]->cut(batch_, worker, now);
    cut_done_[i] = result == spout_feed::cut_result::done;
    all &= cut_done_[i];
    busy |= result == spout_feed::cut_result::busy;
  }
  if (!all) return busy;
  begin(worker);
  return true;
}

tasklet::time_point batch_driver::next_wake(std::size_t worker) const {
  const auto now_at = phase_.load(std::memory_order_acquire);
  if (leader_.load(std::memory_order_relaxed) != worker) return time_point::max();
  auto at = run_.drain_deadline();
  if (now_at == phase::committing) return std::min(at, commit_due_);
  if (now_at != phase::waiting) return at;
  if (interval_of(options_) > std::chrono::nanoseconds{}) return std::min(at, next_tick_);
  if (options_.trigger == batch_trigger::rows) return at;
  if (has_timers_) at = std::min(at, next_timer());
  if (!has_ticks_) return at;
  for (std::uint32_t c = 0; c < run_.plan().chains.chains.size(); ++c)
    for (const auto& t : run_.tasks_of(c)) at = std::min(at, t->next_tick());
  for (const auto& f : run_.feeds()) at = std::min(at, f->next_tick());
  return at;
}

tasklet::time_point batch_driver::next_timer() const {
  event_time due = end_of_time;
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
    for (const auto& t : run_.tasks_of(c)) due = std::min(due, t->next_timer());
  return moment_of(due, options_.clock->wall(), options_.clock->now());
}

void batch_driver::news(std::size_t worker) {
  // seq_cst: the rows are published before phase and leader are read; whoever becomes the leader, or parks as the
  // leader, looks for rows behind a fence of its own.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto at = phase_.load(std::memory_order_relaxed);
  if (at > phase::cutting) return;
  const auto leader = leader_.load(std::memory_order_relaxed);
  if (leader == worker) return;
  if (at == phase::waiting && interval_of(options_) > std::chrono::nanoseconds{} && !is_full()) {
    for (const auto& f : run_.feeds())
      if (!f->ended()) return;  // nothing before the tick
  }
  run_.pool().wake(leader);
}

// --- what is polled ahead ---

std::uint32_t batch_driver::claim(std::uint32_t want, bool first, time_point now, time_point& until) {
  if (!first && is_full()) return 0;
  if (limiter_.enabled() && (want = limiter_.take(want, now, until)) == 0) return 0;
  auto room = room_.load(std::memory_order_relaxed);
  std::uint32_t got = 0;
  do {
    got = room > 0 ? static_cast<std::uint32_t>(std::min<std::int64_t>(want, room)) : 0;
  } while (got && !room_.compare_exchange_weak(room, room - got, std::memory_order_relaxed));
  if (limiter_.enabled() && got < want) limiter_.give_back(want - got);
  return got;
}

void batch_driver::polled(std::uint32_t claimed, std::uint32_t messages, std::int64_t bytes) {
  collected_.fetch_add(messages, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (messages == claimed) return;
  const auto left = std::int64_t{claimed} - messages;  // below 0: the spout gave more than it was asked for
  room_.fetch_add(left, std::memory_order_relaxed);
  if (limiter_.enabled()) limiter_.give_back(left);
  if (left < 0) return;
  for (const auto& f : run_.feeds()) f->wake_if_starved();
}

void batch_driver::handed_over(std::uint64_t messages, std::int64_t bytes) {
  collected_.fetch_sub(static_cast<std::int64_t>(messages), std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

// --- stages ---

void batch_driver::begin(std::size_t worker) {
  cut_at_ = options_.clock->now();
  rows_ = 0;
  for (const auto& f : run_.feeds()) rows_ += f->messages();
  // Not before all are cut: who is still to be would poll more into this batch.
  room_.fetch_add(static_cast<std::int64_t>(rows_), std::memory_order_relaxed);
  for (const auto& f : run_.feeds()) f->wake_if_starved();
  advance_time();
  const auto& feeds = run_.feeds();
  clock_.ends = ends_clock(std::all_of(feeds.begin(), feeds.end(), [](auto& f) { return f->ends(); }));
  letters_ = false;
  if (run_.plan().chains.uses_dead_letters)
    for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
      if (run_.plan().is_sink[c])
        for (const auto& t : run_.tasks_of(c)) t->store_letters(batch_);
  only_.store(rows_ < small_batch ? worker : anyone, std::memory_order_relaxed);
  recomputed_before_ = recomputed();
  tasks_ = 0;
  phase_.store(phase::stages, std::memory_order_release);
  if (!begin_stages(worker)) next_phase(worker);
}

/// The watermarks that come with the batch: those of the spouts, down the stages. When a stage has read its input and
/// called its timers, no tuple with an older stamp can come out of it any more.
void batch_driver::advance_time() {
  if (!uses_event_time_) return;
  const auto& plan = run_.plan();
  const auto tell = [&](std::uint32_t chain, std::size_t input, event_time watermark, bool idle) {
    watermarks_[chain].advance(input, watermark);
    if (idle) watermarks_[chain].mark_idle(input);
  };
  for (const auto& f : run_.feeds()) tell(f->chain_index(), f->task(), f->watermark(), f->is_idle());
  for (std::uint32_t c = 0; c < plan.chains.chains.size(); ++c) {
    std::size_t input = 0;
    for (auto [chain, of_head] : timed_sources(c)) {
      const auto delay = run_.graph().nodes()[plan.chains.chains[chain].head()].delay;
      tell(c, input++, shifted_back(watermarks_[chain].watermark(), delay), watermarks_[chain].is_idle());
    }
  }
  const auto& feeds = run_.feeds();
  if (std::any_of(feeds.begin(), feeds.end(), [](auto& f) { return f->is_left_behind(); })) tell_left_behind();
}

/// Feeds that had been idle learn how far those have come that read them. In a run that goes on that may be further
/// than all feeds together have.
void batch_driver::tell_left_behind() {
  std::vector<event_time> reached;
  for (const auto& merged : watermarks_) reached.push_back(merged.watermark());
  for (std::uint32_t c = 0; c < watermarks_.size(); ++c)
    for (const auto& source : timed_sources(c))
      reached[source.chain] = std::max(reached[source.chain], run_.tasks_of(c)[0]->watermark());
  for (const auto& f : run_.feeds()) f->note_readers(reached[f->chain_index()]);
}

/// The chains that a chain reads, in the order in which it does, dead letters apart, which have no times.
std::vector<batch_driver::timed_source> batch_driver::timed_sources(std::uint32_t chain) const {
  std::vector<timed_source> all;
  for (const auto& source : run_.plan().sources[chain]) {
    const auto& route = run_.plan().routes[source.route];
    if (route.from.node != stream_end::dead_letters) all.push_back({route.from_chain, source.input});
  }
  return all;
}

bool batch_driver::begin_stages(std::size_t worker) {
  const auto& plan = run_.plan();
  const auto now = cut_at_;
  bool any = false;
  {
    std::lock_guard lock(mutex_);
    for (std::uint32_t c = 0; c < plan.is_sink.size(); ++c) waits_[c] = plan.waits_for[c].size();
    for (std::uint32_t c = 0; c < plan.is_sink.size(); ++c)
      if (plan.waits_for[c].empty()) release(c, now);
    any = outstanding_ != 0;  // before anybody can take them: who finishes the last one goes on to the next phase
  }
  planned_at_ = options_.clock->now();
  if (any) offer(worker);
  return any;
}

/// All that a stage reads is there: its tasks that have something to do are ready.
void batch_driver::release(std::uint32_t chain, time_point now) {
  if (run_.plan().chains.chains[chain].is_spout || run_.plan().is_sink[chain]) return;
  left_[chain] = 0;
  for (const auto& t : run_.tasks_of(chain))
    if (t->prepare(batch_, now, watermarks_[chain].watermark(), clock_)) {
      push(*t);
      ++left_[chain];
    }
  if (left_[chain] == 0) chain_done(chain, now);
}

void batch_driver::chain_done(std::uint32_t chain, time_point now) {
  for (auto next : run_.plan().awaited_by[chain])
    if (--waits_[next] == 0) release(next, now);
}

bool batch_driver::begin_sinks(bool transactional, std::size_t worker) {
  const auto now = cut_at_;
  {
    std::lock_guard lock(mutex_);
    for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
      if (run_.plan().is_sink[c])
        for (const auto& t : run_.tasks_of(c))
          if (t->is_transactional() == transactional && t->prepare(batch_, now, watermarks_[c].watermark(), clock_))
            push(*t);
    if (outstanding_ == 0) return false;
  }
  offer(worker);
  return true;
}

void batch_driver::push(stage_task& task) {
  ready_.push_back(&task);
  ++pushed_;
  ++outstanding_;
  ++tasks_;
}

/// Tells those who may run what was pushed. Wakes no more workers than there are tasks beyond the caller's own.
void batch_driver::offer(std::size_t worker) {
  std::size_t fresh = 0;
  std::vector<std::size_t> homes;
  {
    std::lock_guard lock(mutex_);
    for (auto* t : ready_)
      if (t->home != stage_task::anywhere && t->home != worker) homes.push_back(t->home);
    fresh = std::exchange(pushed_, 0);
    ready_count_.store(ready_.size(), std::memory_order_release);
  }
  // One fence for all: the count is stored before anybody's announcement is read.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (auto home : homes) run_.pool().wake(home);
  const auto only = only_.load(std::memory_order_relaxed);
  if (only != anyone) {
    if (only != worker) run_.pool().wake(only);
    return;
  }
  const auto workers = run_.pool().workers();
  for (std::size_t n = 1; n <= workers && n < fresh + (worker >= workers); ++n)
    run_.pool().wake((worker + n) % workers);
}

stage_task* batch_driver::take(std::size_t worker) {
  if (ready_count_.load(std::memory_order_acquire) == 0) return nullptr;
  const auto only = only_.load(std::memory_order_relaxed);
  const bool roams = worker < run_.pool().workers() && (only == anyone || only == worker);
  std::lock_guard lock(mutex_);
  for (auto at = ready_.begin(); at != ready_.end(); ++at) {
    stage_task* t = *at;
    if (t->home != worker && (t->home != stage_task::anywhere || !roams)) continue;
    ready_.erase(at);
    ready_count_.store(ready_.size(), std::memory_order_release);
    return t;
  }
  return nullptr;
}

void batch_driver::finished(stage_task& task, std::size_t worker) {
  bool last = false, offers = false;
  {
    std::lock_guard lock(mutex_);
    --outstanding_;
    if (task.runs_again()) {
      resume_waiters(task);
    } else if (phase_.load(std::memory_order_relaxed) == phase::stages && --left_[task.chain_index()] == 0) {
      chain_done(task.chain_index(), cut_at_);
    }
    last = outstanding_ == 0;
    offers = pushed_ != 0;
  }
  if (offers) offer(worker);
  if (last) next_phase(worker);
}

// --- lost blocks ---

void batch_driver::compute_again(stage_task& reader, std::size_t worker) {
  std::vector<batch_task*> producers;
  std::vector<spout_feed*> feeds;
  {
    std::lock_guard lock(mutex_);
    for (const auto& m : reader.take_missing()) {
      auto* producer = &run_.task(m.chain, m.task);
      // Somebody else's wish may have brought it back meanwhile.
      if (!run_.store().want(m.id) || std::find(producers.begin(), producers.end(), producer) != producers.end())
        continue;
      producers.push_back(producer);
      if (!await(reader, *producer)) continue;
      if (auto* feed = run_.feed(m.chain, m.task)) feeds.push_back(feed);
      else push_again(*run_.stage(m.chain, m.task));
    }
    if (producers.empty()) {
      ready_.push_back(&reader);
      ++pushed_;
    }
  }
  for (auto* f : feeds) f->request_again();
  offer(worker);
}

/// Notes that a reader waits for a producer. True for the first one: the producer has to be told.
bool batch_driver::await(stage_task& reader, batch_task& producer) {
  auto& waiting = waiters_[&producer];
  waiting.push_back(&reader);
  ++awaited_[&reader];
  if (waiting.size() != 1) return false;
  recomputed_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void batch_driver::push_again(stage_task& producer) {
  producer.prepare_again();
  push(producer);
}

void batch_driver::resume_waiters(const batch_task& producer) {
  const auto found = waiters_.find(&producer);
  if (found == waiters_.end()) return;
  for (auto* reader : found->second)
    if (--awaited_[reader] == 0) {
      awaited_.erase(reader);
      ready_.push_back(reader);
      ++pushed_;
    }
  waiters_.erase(found);
}

void batch_driver::refilled(spout_feed& feed) {
  {
    std::lock_guard lock(mutex_);
    resume_waiters(feed);
  }
  offer(feed.worker());
}

// --- the end of a batch ---

void batch_driver::next_phase(std::size_t worker) {
  while (!run_.cancelled()) {
    switch (phase_.load(std::memory_order_relaxed)) {
      case phase::stages:
        phase_.store(phase::preparing, std::memory_order_release);
        if (begin_sinks(true, worker)) return;
        break;
      case phase::preparing:
        phase_.store(phase::writing, std::memory_order_release);
        if (begin_sinks(false, worker)) return;
        break;
      case phase::writing:
        return commit(worker);
      case phase::waiting:
      case phase::cutting:
      case phase::committing:
      case phase::over:
        return;
    }
  }
}

void batch_driver::commit(std::size_t worker) {
  commit_began_ = logged_ = options_.clock->now();
  if (auto* kept = run_.checkpoints()) {
    if (!keep_epoch(*kept)) return;
    logged_ = options_.clock->now();
  }
  leave_epoch();
  go_on_committing(worker);
}

/// False: a sink can't commit yet, or the run is over.
bool batch_driver::go_on_committing(std::size_t worker) {
  if (!commit_sinks()) return pass_to_leader(phase::committing, worker), false;
  if (run_.checkpoints()) run_.checkpoints()->have_committed();
  commit_tasks(worker < run_.pool().workers() ? worker : 0);
  note_ends();
  const auto now = options_.clock->now();
  for (const auto& f : run_.feeds()) f->committed(now);
  run_.store().clear([this](block_store::id id, batch_list all) {
    const auto& owner = owners_[id];
    owner.task->take_back(owner.route, owner.box, std::move(all));
  });
  if (run_.checkpoints() && !relieve_log(*run_.checkpoints())) return false;
  record(options_.clock->now());
  batches_done_.fetch_add(1, std::memory_order_relaxed);
  pass_to_leader(phase::waiting, worker);
  return true;
}

/// The leader goes on: `worker` itself, or the first where that has one task alone.
void batch_driver::pass_to_leader(phase next, std::size_t worker) {
  const auto leader = worker < run_.pool().workers() ? worker : 0;
  leader_.store(leader, std::memory_order_relaxed);
  phase_.store(next, std::memory_order_release);
  if (leader != worker) run_.pool().publish_and_wake(leader);
}

/// The batch is prepared: from here on it counts, whatever happens. False: it can't be, and the run is over.
bool batch_driver::keep_epoch(run_checkpoints& kept) {
  epoch_record record;
  record.manifest = kept.begin(batch_, clock_.now);
  auto& m = record.manifest;
  m.is_final = clock_.ends;
  for (const auto& f : run_.feeds())
    m.partitions.insert(m.partitions.end(), f->partitions().begin(), f->partitions().end());
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c) {
    const auto& name = run_.graph().nodes()[run_.plan().chains.chains[c].head()].name;
    if (uses_event_time_ && !run_.plan().chains.chains[c].is_spout) {
      const auto sources = timed_sources(c);
      for (std::size_t i = 0; i < sources.size(); ++i)
        m.watermarks.push_back({name, sources[i].input, watermarks_[c].watermark_of(i)});
      // Not the merged one alone: an input that was idle in the run before holds that back, and states stand where the
      // tasks had come.
      const auto reached = std::max(watermarks_[c].watermark(), run_.tasks_of(c)[0]->watermark());
      m.watermarks.push_back({name, checkpoint_watermark::all_inputs, reached});
    }
    for (const auto& t : run_.tasks_of(c)) {
      // What isn't by key is the same in all tasks.
      auto changes = t->take_changes();
      const bool counts = t->task() == 0 || !run_.graph().nodes()[t->chain().head().node()].key_type.empty();
      if (counts && !changes.empty()) record.changes.push_back({name, std::move(changes)});
      if (auto token = t->prepared()) m.tokens.push_back({name, t->task(), *std::move(token)});
    }
  }
  try {
    kept.append(std::move(record));
    return true;
  } catch (const run_error& e) {
    // Nobody knows whether the record is there. If it is, the next run commits what was prepared; if not, the sinks
    // throw it away then.
    leave_epoch();
    run_.fail(e.error());
    return false;
  }
}

/// The log costs memory and time when a run goes on behind it. False: the run is over.
bool batch_driver::relieve_log(run_checkpoints& kept) {
  try {
    kept.relieve_log(run_.states_as_now());
  } catch (const run_error& e) {
    if (e.error().fatal) return run_.fail(e.error()), false;
    options_.log.log(log_level::warning, "checkpoint", e.error().message + "; the log goes on instead");
  }
  return true;
}

/// The sink that decides first: what others commit counts only when it has. False: one of them cannot, yet or for good;
/// the epoch counts all the same, so nothing of it is aborted, and where the run is over the next one commits it.
bool batch_driver::commit_sinks() {
  const auto commit = [this](bool deciding) {
    for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c) {
      if (run_.graph().nodes()[run_.plan().chains.chains[c].head()].decides != deciding) continue;
      for (const auto& t : run_.tasks_of(c)) {
        if (t->commit_epoch()) continue;
        commit_due_ = t->retry_due();
        return false;
      }
    }
    return true;
  };
  return commit(true) && commit(false);
}

void batch_driver::leave_epoch() {
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
    for (const auto& t : run_.tasks_of(c)) t->leave_epoch();
}

void batch_driver::commit_tasks(std::size_t leader) {
  attempts_failed_ = 0;
  for (const auto& f : run_.feeds()) attempts_failed_ += f->attempts_failed();
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c)
    for (const auto& t : run_.tasks_of(c)) {
      t->commit(leader);
      attempts_failed_ += t->attempts_failed();
      letters_ |= run_.plan().is_sink[c] && run_.plan().chains.uses_dead_letters && t->has_letters();
    }
}

/// What was read and written, for the record: before feeds and blocks let go of it.
void batch_driver::note_ends() {
  sources_.clear();
  sinks_.clear();
  if (options_.recent_batches == 0) return;
  const auto name_of = [&](std::uint32_t c) { return run_.graph().nodes()[run_.plan().chains.chains[c].head()].name; };
  for (const auto& f : run_.feeds()) {
    if (f->task() == 0) sources_.push_back({.description = name_of(f->chain_index())});
    f->add_to(sources_.back());
  }
  for (std::uint32_t c = 0; c < run_.plan().is_sink.size(); ++c) {
    if (!run_.plan().is_sink[c]) continue;
    sinks_.push_back({.description = name_of(c)});
    for (const auto& t : run_.tasks_of(c)) sinks_.back().num_output_rows += t->rows_written();
  }
}

void batch_driver::record(time_point end) {
  using std::chrono::nanoseconds;
  batch_progress p;
  p.batch_id = batch_;
  p.timestamp_ms = clock_.now.time_since_epoch().count();
  p.num_input_rows = rows_;
  p.scheduling_delay = began_ - due_;
  p.processing_time = end - began_;
  p.total_delay = p.scheduling_delay + p.processing_time;
  const auto rate = [&](auto& of) {
    const auto a_second = [&](nanoseconds t) {
      return static_cast<double>(of.num_input_rows) / std::max(1e-9, t.count() * 1e-9);
    };
    if (previous_began_ != time_point{}) of.input_rows_per_second = a_second(began_ - previous_began_);
    of.processed_rows_per_second = a_second(p.processing_time);
  };
  rate(p);
  p.sources = std::move(sources_);
  for (auto& s : p.sources) rate(s);
  p.sinks = std::move(sinks_);
  p.duration = {{"latestOffset", cut_at_ - began_},
                {"queryPlanning", planned_at_ - cut_at_},
                {"getBatch", nanoseconds{}},
                {"addBatch", commit_began_ - planned_at_},
                {"walCommit", logged_ - commit_began_},
                {"commitOffsets", end - logged_},
                {"triggerExecution", end - began_}};
  {
    std::lock_guard lock(mutex_);
    p.tasks = tasks_;
  }
  p.attempts_failed = attempts_failed_;
  p.recomputed_partitions = recomputed() - recomputed_before_;
  p.more_at_hand = more_at_hand_;
  if (limiter_.enabled()) limiter_.learn(end, rows_, p.processing_time, p.scheduling_delay);
  run_.remember(std::move(p));
}

void batch_driver::finish() {
  phase_.store(phase::over, std::memory_order_release);
  run_.pool().wake_all();
}

}  // namespace freshet
