#include "batch/stage_task.hpp"

#include <algorithm>

#include "batch/batch_driver.hpp"
#include "batch/batch_run.hpp"
#include "freshet/base/assert.hpp"

namespace freshet {

namespace {
constexpr std::int64_t usual_tuple_ns = 25;
}  // namespace

stage_task::stage_task(batch_run& run, std::uint32_t chain, std::uint32_t task)
    : batch_task(run, chain, task),
      is_sink_(run.graph().nodes()[run.plan().chains.chains[chain].head()].kind == node_kind::sink),
      is_transactional_(is_sink_ && run.graph().nodes()[run.plan().chains.chains[chain].head()].transactional),
      transfer_latency_(chain_->inputs.size()) {}

stage_task::~stage_task() = default;

const batch_route& stage_task::route_of(std::size_t source) const {
  return run_.plan().routes[run_.plan().sources[chain_index_][source].route];
}

// --- the batch ---

bool stage_task::prepare(std::uint64_t batch, time_point now, event_time watermark, const batch_time& clock) {
  reached_ = at_watermark_;
  at_watermark_ = std::max(reached_, watermark);  // inputs that were idle in the run before count again in this one
  mine_ = {};
  changes_.clear();
  mine_.batch = batch;
  mine_.now = clock.now;
  clock_reached_ = clock.ends ? end_of_time : clock.now;
  record_ = &mine_;
  retry_due_ = {};
  again_ = false;
  blocks_begun_ = 0;
  note_ticks(now);
  const auto* timers = chain_->head().timers;
  ran_ = !mine_.ticks.empty() || woken() || (timers && timers->next_time() <= watermark) || is_timer_due(clock);
  for (std::size_t s = 0; s < run_.plan().sources[chain_index_].size() && !ran_; ++s) {
    const auto& r = route_of(s);
    ran_ = run_.store().rows(r.block(0, task_), r.width(), r.producers) != 0;
  }
  // A sink that decides has an epoch of each batch: or what it says could not be told from one that was lost.
  ran_ |= is_sink_ && run_.checkpoints() && run_.graph().nodes()[chain_->plan().head()].decides;
  at_ = ran_ ? at::starting : at::idle;
  return ran_;
}

std::uint64_t stage_task::rows_written() const {
  if (!ran_) return 0;
  std::uint64_t read = 0;
  for (std::size_t s = 0; s < run_.plan().sources[chain_index_].size(); ++s) {
    const auto& r = route_of(s);
    read += run_.store().rows(r.block(0, task_), r.width(), r.producers);
  }
  return read - std::min(read, mine_.dead_lettered + mine_.skipped);
}

bool stage_task::is_timer_due(const batch_time& clock) const {
  return clock.ends ? chain_->has_processing_timers() : chain_->next_processing_timer() <= clock.now;
}

void stage_task::prepare_again() {
  again_ = true;
  fresh_copy_due_ = true;
  ++mine_.attempt;
  at_ = at::starting;
}

void stage_task::commit(std::size_t leader) {
  counts_.come_to(at_watermark_);
  waker_->worker.store(leader, std::memory_order_relaxed);  // who starts batches, also for a waker's sake
  if (ran_)
    for (auto& m : chain_->members)
      if (m.op->state) m.op->state->commit();
  chain_->expire_state(time_domain::event, at_watermark_);
  chain_->expire_state(time_domain::processing, mine_.now);
  if (!ran_) return;
  publish(mine_);
}

bool stage_task::commit_epoch() {
  if (!commit_due_) return true;
  const inside at_work(*this);
  if (guarded(0, "commit failed: ", [](task_operator& op) { op.commit_epoch(); })) {
    commit_due_ = false;
    commit_failures_ = 0;
    retry_due_ = {};
    return true;
  }
  // What has been decided is done: a commit may be repeated and then changes nothing. It has attempts of its own,
  // whatever has failed before.
  const auto why = *std::exchange(failure_, {});
  mine_.attempt = ++commit_failures_;
  ++mine_.attempts_failed;
  if (run_.cancelled()) return false;
  if (commit_failures_ >= most_attempts()) return run_.fail(located(why.node, why.error)), false;
  counts_.retried.add(1);
  pause_after(commit_failures_);
  return false;
}

void stage_task::abort_epoch() noexcept {
  if (!std::exchange(epoch_open_, false)) return;
  if (guarded(0, "abort failed: ", [](task_operator& op) { op.abort_epoch(); })) return;
  run_.options().log.log(log_level::warning, name_, std::exchange(failure_, {})->error.message);
}

std::optional<epoch_id> stage_task::last_committed() {
  std::optional<epoch_id> said;
  if (!guarded(0, "last_committed failed: ", [&](task_operator& op) { said = op.last_committed(); }))
    throw run_error(located(failure_->node, failure_->error));
  return said;
}

void stage_task::commit_prepared(std::string_view bytes) {
  if (!guarded(0, "commit of the epoch before failed: ", [&](task_operator& op) { op.commit_prepared(bytes); }))
    throw run_error(located(failure_->node, failure_->error));
}

void stage_task::roll_back() {
  for (auto& m : chain_->members)
    if (m.op && m.op->state) m.op->state->rollback();
}

bool stage_task::has_letters() const {
  for (const auto& r : chain_->routes)
    for (const auto* box : r.router->outboxes())
      if (!box->empty()) return true;
  return false;
}

bool stage_task::store_letters(std::uint64_t batch) {
  if (!has_letters()) return false;
  mine_ = {};
  mine_.batch = batch;
  record_ = &mine_;
  store_outputs(false);
  return true;
}

// --- inputs ---

/// Pins all blocks of the input. False: some are missing, and noted in `missing_`, or the run has failed; the others
/// stay pinned.
bool stage_task::pin_inputs() {
  const auto count = run_.plan().sources[chain_index_].size();
  const bool is_first = pinned_.empty();
  for (std::size_t s = 0; s < count; ++s) {
    const auto& r = route_of(s);
    for (std::uint32_t p = 0; p < r.producers; ++p) {
      const auto id = r.block(p, task_);
      if (!is_first && std::find(pinned_.begin(), pinned_.end(), id) != pinned_.end()) continue;
      switch (run_.store().pin(id)) {
        case block_store::state::empty:
          break;
        case block_store::state::present:
          pinned_.push_back(id);
          break;
        case block_store::state::missing:
          missing_.push_back({r.from_chain, p, id});
          break;
        case block_store::state::gone:
          lose_letters(r);
          return false;
      }
    }
  }
  return missing_.empty();
}

/// A sink is never run again, so nobody has its dead letters any more.
void stage_task::lose_letters(const batch_route& route) {
  auto why = run_.store().loss();
  const auto sink = run_.plan().chains.chains[route.from_chain].head();
  why.code = errc::data_loss;
  why.message = "dead letters of sink \"" + run_.graph().nodes()[sink].name + "\" are lost: " + why.message +
                "; with a larger block_store_bytes they stay in memory";
  run_.fail(located(chain_->plan().head(), std::move(why)));
}

void stage_task::unpin_inputs(bool read) {
  for (auto id : pinned_) run_.store().unpin(id, read);
  pinned_.clear();
}

/// Moves the cursor to the next batch of the input.
bool stage_task::next_batch() {
  const auto sources = run_.plan().sources[chain_index_].size();
  while (cursor_.source < sources) {
    const auto& r = route_of(cursor_.source);
    while (cursor_.producer < r.producers) {
      cursor_.batch = run_.store().batches(r.block(cursor_.producer, task_)).front();
      cursor_.begins_block = cursor_.batch != nullptr;
      if (cursor_.batch) return true;
      ++cursor_.producer;
    }
    ++cursor_.source;
    cursor_.producer = 0;
  }
  return false;
}

batch_task::tuple_place stage_task::find_tuple(std::uint64_t ordinal) const {
  for (std::size_t s = 0; s < run_.plan().sources[chain_index_].size(); ++s) {
    const auto& r = route_of(s);
    for (std::uint32_t p = 0; p < r.producers; ++p)
      for (const any_batch* b = run_.store().batches(r.block(p, task_)).front(); b; b = b->next) {
        if (ordinal < b->size()) return {b, ordinal, run_.plan().sources[chain_index_][s].input};
        ordinal -= b->size();
      }
  }
  return {};
}

// --- a run ---

stage_task::outcome stage_task::step(std::size_t worker, time_point now, std::int64_t& budget) {
  waker_->worker.store(worker, std::memory_order_relaxed);
  const inside at_work(*this);
  now_ = now;
  while (true) {
    if (run_.cancelled()) return outcome::over;
    if (pauses()) return outcome::waiting;
    if (failure_ || fresh_copy_due_) {
      if (!recover()) return outcome::over;
      continue;
    }
    if (at_ == at::starting) {
      if (!pin_inputs()) return outcome::blocks;
      if (!start()) continue;
    }
    serve_tokens(now_);
    if (!failure_) call_woken();
    if (!failure_ && desk_->outstanding()) tick_waiting();
    if (failure_) continue;
    repeat(budget);
    if (budget <= 0 && next_repeat() <= now_) return outcome::more;
    const auto result = advance(budget);
    if (failure_) continue;
    if (result == outcome::waiting && woken()) continue;  // an async bolt gives one reply a call
    if (result != outcome::more || budget <= 0) return result;
  }
}

bool stage_task::start() {
  begin_attempt();
  retry_due_ = {};
  cursor_ = {};
  chain_->frame.watermark = reached_;
  chain_->frame.is_waited_for = true;
  due_ = nullptr;
  fired_ = 0;
  member_ = 0;
  flushed_ = false;
  at_ = at::reading;
  if (!is_transactional_) return true;
  epoch_open_ = true;
  return guarded(0,
                 "begin failed: ", [epoch = run_.epoch_of(mine_.batch)](task_operator& op) { op.begin_epoch(epoch); });
}

/// After a failure: the same input once more, by a fresh copy of the operators. A sink is never copied: what a
/// transactional one wrote is aborted, and a plain one, whose flush, tick or wake has failed, goes on where it was.
/// Whoever has to do with the world outside, a transaction or the opening of a copy, is given time before the next try.
bool stage_task::recover() {
  const auto ordinal = failure_ ? failure_->ordinal : attempt_failure::no_tuple;
  if (failure_ && !absorb_failure()) return false;
  fresh_copy_due_ = false;
  if (is_plain_sink()) {
    flushed_ = false;
    if (mine_.woken) waker_->woken.store(true, std::memory_order_relaxed);  // by this thread, for itself
    return true;
  }
  at_ = at::starting;
  if (is_sink_) {
    renew_desk();
    abort_epoch();
    const bool of_tuple = ordinal != attempt_failure::no_tuple;
    if (!mine_.given_up.contains(ordinal)) pause_after(of_tuple ? mine_.failures[ordinal] : mine_.other_failures);
    return true;
  }
  if (renew(false)) return true;
  if (!absorb_failure()) return false;
  fresh_copy_due_ = true;
  pause_after(mine_.other_failures);
  return true;
}

void stage_task::pause_after(std::uint32_t failures) {
  retry_due_ = run_.options().clock->now() + pause_before_retry(failures);
}

stage_task::outcome stage_task::advance(std::int64_t& budget) {
  switch (at_) {
    case at::reading:
      return read_inputs(budget);
    case at::firing:
      return fire(budget);
    case at::ticking:
      return tick();
    case at::flushing:
      return flush();
    case at::ending:
      return end();
    case at::idle:
    case at::starting:
      break;
  }
  return outcome::done;
}

stage_task::outcome stage_task::read_inputs(std::int64_t& budget) {
  while (budget > 0) {
    if (!cursor_.batch && !next_batch()) {
      at_ = at::firing;
      return outcome::more;
    }
    if (retry_due_ > now_ || !chain_->head().ready()) return outcome::waiting;
    retry_due_ = {};
    const auto result = read_batch(budget);
    if (result != outcome::more || failure_ || run_.cancelled()) return result;
  }
  return outcome::more;
}

stage_task::outcome stage_task::read_batch(std::int64_t& budget) {
  const auto& source = run_.plan().sources[chain_index_][cursor_.source];
  any_batch& in = *cursor_.batch;
  const auto from = cursor_.next;
  if (std::exchange(cursor_.begins_block, false)) note_transfer(source.input, in, run_.options().clock->now());
  const auto result = run_calls(*chain_->inputs[source.input], in, from, budget);
  cursor_.next = result.next;
  if (result.next == in.size()) {
    base_ordinal_ += in.size();
    cursor_.batch = in.next;
    cursor_.next = 0;
    if (!cursor_.batch) ++cursor_.producer;
  }
  const bool pause = result.why == read_stop::not_ready || result.why == read_stop::again_later;
  return pause ? outcome::waiting : outcome::more;
}

/// The timers that are due when all has been read, in the order of their times.
stage_task::outcome stage_task::fire(std::int64_t& budget) {
  while (due_ || (due_ = chain_->take_due(at_watermark_, clock_reached_, due_by_))) {
    if (budget <= 0) return outcome::more;
    const auto result = run_calls(*due_by_, *due_, std::exchange(fired_, 0), budget);
    if (result.next == due_->size()) base_ordinal_ += std::exchange(due_, nullptr)->size();
    else fired_ = result.next;
    if (failure_) return outcome::more;
  }
  at_ = at::ticking;
  return outcome::more;
}

read_result stage_task::run_calls(any_reader& reader, any_batch& in, std::size_t from, std::int64_t& budget) {
  reading_ = true;
  base_call_ = chain_->frame.call - from;
  const auto began = run_.options().clock->now();
  const auto result = reader.read(in, from);
  const auto took = static_cast<std::uint64_t>((run_.options().clock->now() - began).count());
  reading_ = false;
  counts_.busy_ns.add(took);
  counts_.execute_latency.record(took, 1);
  // Slow tuples end a slice too: they count as if each had taken the time of a usual one.
  budget -= std::max(static_cast<std::int64_t>(result.next - from), static_cast<std::int64_t>(took) / usual_tuple_ns);
  return result;
}

/// Of each block once: attempts after the first read what has been read before.
void stage_task::note_transfer(std::uint32_t input, const any_batch& in, time_point began) {
  if (++cursor_.blocks <= blocks_begun_) return;
  blocks_begun_ = cursor_.blocks;
  const auto waited = (began - in.sent).count();
  transfer_latency_[input].record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, waited)), 1);
}

stage_task::outcome stage_task::tick() {
  while (member_ < mine_.ticks.size())
    if (!call_member(mine_.ticks[member_++], &task_operator::tick, "on_tick failed: ")) return outcome::more;
  member_ = 0;
  at_ = at::flushing;
  return outcome::more;
}

/// While tokens are out time goes on for those who hold them, who may count on ticks for their own time limits.
void stage_task::tick_waiting() {
  const auto before = mine_.ticks.size();
  note_ticks(now_);
  for (auto i = before; i < mine_.ticks.size() && !failure_; ++i)
    call_member(mine_.ticks[i], &task_operator::tick, "on_tick failed: ");
  mine_.ticks.resize(before);
}

/// A member is flushed when all before it are, and when what they held has been let go: only then has it seen all.
stage_task::outcome stage_task::flush() {
  for (; member_ < chain_->members.size(); ++member_, flushed_ = false) {
    if (!flushed_ && !call_member(member_, &task_operator::flush, "flush failed: ")) return outcome::more;
    flushed_ = true;
    if (holds_up_to(member_)) return outcome::waiting;
    if (desk_->has_failed()) return outcome::more;
    if (!repeats_.empty()) return outcome::waiting;
  }
  at_ = at::ending;
  return outcome::more;
}

stage_task::outcome stage_task::end() {
  const auto prepare = [](task_operator& op) { op.prepare_epoch(); };
  if (is_transactional_ && !guarded(0, "prepare failed: ", prepare)) return outcome::more;
  if (!is_sink_) store_outputs(again_);
  if (const auto* state = chain_->head().state.get(); state && run_.checkpoints()) {
    writer w;
    state->save_changes(w);
    changes_ = w.take();
  }
  unpin_inputs(true);
  at_ = at::idle;
  return outcome::done;
}

/// A plain sink is asked again for the same tuple: what it has written cannot be taken back.
task_host::verdict stage_task::failed(call_frame& frame, const any_batch& in, std::size_t index) {
  if (!is_plain_sink()) return batch_task::failed(frame, in, index);
  count_failure(frame.failure.node);
  if (run_.cancelled()) return verdict::stop;
  const auto ordinal = base_ordinal_ + index;
  if (frame.failure.error.fatal || !may_fail_again(ordinal)) {
    give_up(frame.failure.error, frame.failure.node, ordinal, &in, index, frame);
    return run_.cancelled() ? verdict::stop : verdict::next;
  }
  if (repeating_) return repeat_later(ordinal), verdict::next;
  retry_due_ = run_.options().clock->now() + pause_before_retry(mine_.attempt);
  return verdict::again_later;
}

/// Of a plain sink: the tuple has failed once more. False: for the last time.
bool stage_task::may_fail_again(std::uint64_t ordinal) {
  mine_.attempt = ++mine_.failures[ordinal];
  if (mine_.attempt >= most_attempts()) return false;
  counts_.retried.add(1);
  ++mine_.attempts_failed;
  return true;
}

// --- tuples whose tokens have failed ---

/// A plain sink writes the tuple once more: those that it has written since stay.
void stage_task::answer(token_desk::failed_token t) {
  if (!is_plain_sink()) return batch_task::answer(std::move(t));
  if (!t.error.fatal && may_fail_again(t.ordinal)) return repeat_later(t.ordinal);
  chain_->frame.begin_unrooted();
  give_up(t.error, t.node, t.ordinal, nullptr, 0, chain_->frame);
}

void stage_task::repeat_later(std::uint64_t ordinal) {
  repeats_.emplace(run_.options().clock->now() + pause_before_retry(mine_.attempt), ordinal);
}

/// Writes those that are due: before others, which could take the sink's room for ever.
void stage_task::repeat(std::int64_t& budget) {
  while (budget > 0 && next_repeat() <= now_ && chain_->head().ready() && !run_.cancelled()) {
    const auto ordinal = repeats_.extract(repeats_.begin()).mapped();
    const auto place = find_tuple(ordinal);
    FRESHET_ASSERT(place.batch, "a tuple that was held is not in its batch", ordinal);
    const auto& type = place.batch->type();
    const std::unique_ptr<any_batch> tuple(type.make({1, place.batch->has_roots(), place.batch->has_times()}));
    type.append(*place.batch, place.index, *tuple);
    const auto base = std::exchange(base_ordinal_, ordinal);
    repeating_ = true;
    run_calls(*chain_->inputs[place.input], *tuple, 0, budget);
    repeating_ = false;
    base_ordinal_ = base;
    flushed_ = false;
  }
}

void stage_task::collect(run_metrics& into, std::chrono::nanoseconds uptime) const {
  batch_task::collect(into, uptime);
  const auto head = run_.plan().chains.chains[chain_index_].head();
  for (std::uint32_t i = 0; i < transfer_latency_.size(); ++i) {
    into.edges.push_back(edge_of(run_.graph(), run_.graph().nodes()[head].inputs[i].from, {head, i}));
    into.edges.back().transfer_latency = transfer_latency_[i].copy();
  }
}

// --- waiting ---

/// While it pauses, a waker is heard behind the pause.
bool stage_task::has_news(time_point now) const {
  return (woken() && !pauses()) || next_wake() <= now || run_.cancelled();
}

stage_task::time_point stage_task::next_wake() const {
  const auto retry = retry_due_ == time_point{} ? time_point::max() : retry_due_;
  // Those that have been due wait for room, and a waker tells of that.
  const auto repeat = next_repeat() > now_ ? next_repeat() : time_point::max();
  return std::min({retry, repeat, desk_->next_deadline(), desk_->outstanding() ? next_tick() : time_point::max()});
}

}  // namespace freshet
