#include "batch/batch_run.hpp"

#include <algorithm>

#include "batch/batch_driver.hpp"
#include "batch/spout_feed.hpp"
#include "batch/stage_runner.hpp"
#include "batch/stage_task.hpp"

namespace freshet {

batch_run::batch_run(const topology& graph, batch_options options)
    : engine_run(graph, settings_of("batch_executor", options)), options_(std::move(options)) {
  plan_.chains = make_plan(graph, false);
}

batch_run::~batch_run() { pool_->join(); }

std::string batch_run::stage_name(std::uint32_t chain) const {
  std::string text = "stage " + std::to_string(chain) + " (";
  for (const auto& m : plan_.chains.chains[chain].members)
    text += (text.back() == '(' ? "\"" : " > \"") + graph().nodes()[m.node].name + "\"";
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
  compile(plan_, graph(), [this](std::uint32_t chain) -> const chain_task& { return task(chain, 0).chain(); });
  store_ = std::make_unique<block_store>(plan_.blocks, options_.block_store_bytes,
                                         options_.verify_blocks || options_.faults, open_spill(), options_.log);
}

/// Null: blocks that there is no room for are evicted.
std::unique_ptr<spill_file> batch_run::open_spill() const {
  const auto& how = options_.spill;
  if (how.directory.empty()) return nullptr;
  auto file = spill_file::open(*how.files, how.directory, how.most_bytes);
  if (file) return std::move(*file);
  auto why = file.error();
  why.message = "batch_options::spill.directory can't be used: " + why.message;
  throw run_error(std::move(why));
}

void batch_run::deal_all() {
  partitions_.resize(stages_.size());
  for (std::uint32_t c = 0; c < stages_.size(); ++c)
    if (plan_.chains.chains[c].is_spout)
      partitions_[c] = engine_run::deal(plan_.chains.chains[c].head(), feed(c, 0)->spout());
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
}

void batch_run::open_tasks() {
  // Readers before those who feed them, so that what `open` prepares is there when the first tuple comes.
  for (auto chain = stages_.rbegin(); chain != stages_.rend(); ++chain)
    for (auto& t : *chain) t->open();
  if (checkpoints_) go_on();
  for (auto& f : feeds_) {
    f->open();
    f->begin(checkpoints_ ? checkpoints_->next() : 1);
  }
}

/// Where the run before this one was, whatever ended it.
void batch_run::go_on() {
  const auto sink_of = [&](std::uint32_t node) -> stage_task& { return *stages_[plan_.chains.chain_of[node]][0]; };
  for (std::uint32_t i = 0; i < graph().nodes().size(); ++i)
    if (graph().nodes()[i].decides) checkpoints_->decide(graph().nodes()[i].name, sink_of(i).last_committed());
  checkpoints_->commit_again([&](std::uint32_t node, std::string_view bytes) { sink_of(node).commit_prepared(bytes); });
  load_states();
  if (!checkpoints_->must_begin()) return;
  checkpoints_->make_base(options_.clock->wall(), states_as_now());
}

void batch_run::load_states() {
  if (!checkpoints_->from()) return;
  for (std::uint32_t c = 0; c < stages_.size(); ++c)
    for (auto& t : stages_[c]) {
      auto& head = t->chain().head();
      if (head.state) checkpoints_->load(head.node(), t->task(), *head.state);
    }
  checkpoints_->have_loaded();
}

run_checkpoints::states batch_run::states_as_now() const {
  return [this](bool as_snapshots, const run_checkpoints::visitor& visit) {
    for (const auto& chain : stages_)
      for (const auto& t : chain)
        if (const auto& head = t->chain().head(); head.state)
          visit(checkpoints_->as_now(head.node(), t->task(), *head.state, as_snapshots));
  };
}

void batch_run::close_all() noexcept {
  for (auto& f : feeds_) f->close();
  for (auto& chain : stages_)
    for (auto& t : chain) {
      t->abort_epoch();
      t->close();
      t->roll_back();
    }
  store_->end_spilling();
  // Who waits for a savepoint gets that of the last batch; then the directory is free for the next run.
  savepoints_.close([this] {
    if (checkpoints_) checkpoints_->close();
    checkpoints_.reset();
  });
  questions_.close();
}

void batch_run::start() {
  checkpoints_ =
      run_checkpoints::open(graph(), options_.checkpoints, options_.store.get(), options_.log, *options_.clock);
  if (checkpoints_) commit_what_checkpoints_cover();
  make_tasks();
  deal_all();
  driver_ = std::make_unique<batch_driver>(*this);
  place();
  try {
    open_tasks();
    driver_->start(options_.clock->now());
    start_threads(feeds_.size() + runners_.size());
  } catch (...) {
    give_up_start();
    close_all();
    throw;
  }
}

// --- what it tells ---

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

void batch_run::look_at_state(std::uint32_t node, std::uint32_t group, const std::function<void(any_state&)>& look) {
  auto& owner = *stages_[plan_.chains.chain_of[node]][task_with(node, group)];
  // The leader answers, and who that is may change meanwhile: questions are rare, so all are woken.
  questions_.ask([&] { look(*owner.chain().head().state); }, [this] { pool_->wake_all(); });
}

std::uint64_t batch_run::savepoint() {
  if (!keeps_checkpoints()) return run_control::savepoint();
  std::uint64_t epoch = 0;
  savepoints_.ask(
      [&] {
        if (!checkpoints_ || cancelled()) throw run_error(run_checkpoints::over());
        try {
          epoch = checkpoints_->savepoint(states_as_now());
        } catch (...) {
          driver_->number_above(checkpoints_->newest());
          throw;
        }
        driver_->number_above(epoch);
      },
      [this] { pool_->wake_all(); });
  return epoch;
}

void batch_run::remember(batch_progress done) {
  std::lock_guard lock(mutex_);
  recent_.push_back(std::move(done));
  if (recent_.size() > options_.recent_batches) recent_.pop_front();
}

run_metrics batch_run::metrics() const {
  auto m = begin_metrics();
  for (const auto& f : feeds_) f->collect(m, m.uptime);
  for (const auto& chain : stages_)
    for (const auto& t : chain) t->collect(m, m.uptime);
  merge_edges(m);
  m.batches_done = driver_->batches_done();
  m.recomputed_partitions = driver_->recomputed();
  m.blocks = store_->counts();
  std::lock_guard lock(mutex_);
  m.batches.assign(recent_.begin(), recent_.end());
  return m;
}

}  // namespace freshet
