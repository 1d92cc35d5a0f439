#include "batch/spout_feed.hpp"

#include <algorithm>
#include <thread>

#include "batch/batch_driver.hpp"
#include "batch/batch_run.hpp"

namespace freshet {

namespace {
/// Messages polled in one slice, so that stages on the same worker get their turns: as many as a stage reads.
constexpr std::uint64_t slice_messages = 4096;
constexpr int slice_polls = 64;
/// Messages polled before it is known how large they are, where that cannot be seen from their type.
constexpr std::uint32_t first_look = 4;

/// What a tuple takes in a batch, itself and its columns.
double bytes_in_batch(const stream_type& type) {
  const std::unique_ptr<any_batch> sample(type.make({256, false, false}));
  return static_cast<double>(sample->bytes()) / 256;
}
}  // namespace

spout_feed::spout_feed(batch_run& run, std::uint32_t chain, std::uint32_t task)
    : batch_task(run, chain, task),
      options_(run.graph().nodes()[run.plan().chains.chains[chain].head()].spout),
      has_positions_(spout().replayable()),
      reads_again_(has_positions_ && options_.on_data_loss == on_data_loss::stop),
      has_bolts_(chain_->members.size() > 1) {
  for (const auto& r : chain_->routes) {
    const auto& boxes = r.router->outboxes();
    bytes_a_tuple_.push_back(bytes_in_batch(boxes[0]->pool.type()));
    weighed_.resize(weighed_.size() + boxes.size());
  }
  bytes_a_raw_tuple_ = bytes_in_batch(spout().type());
  record_ = &open_.record;
}

spout_feed::~spout_feed() = default;

void spout_feed::place(std::size_t worker) {
  worker_ = worker;
  waker_->worker.store(worker, std::memory_order_relaxed);
}

// --- the slice ---

tasklet::progress spout_feed::run(time_point now) {
  if (done_) return {false, true};
  if (run_.cancelled() || run_.driver().over()) {
    std::lock_guard lock(slice_);
    if (committed_.load(std::memory_order_acquire)) end_batch();
    else if (!run_.cancelled() && !committer_.empty())
      commit_positions();  // what the spout could not take with the last batch
    done_ = true;
    run_.tasklet_done();
    return {true, true};
  }
  std::unique_lock lock(slice_, std::try_to_lock);
  if (!lock.owns_lock()) {
    // Whoever has it looks at `missed_` when he has let go: one of the two sees the other (a fence on both sides).
    missed_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!lock.try_lock()) return {false, false};
    missed_.store(false, std::memory_order_relaxed);
  }
  const inside at_work(*this);
  bool made = slice(now);
  const bool waited = time_waits();
  made |= note_time(now);
  note_next_wake();
  lock.unlock();
  if (made || (time_waits() && !waited)) tell_driver();
  return {made, false};
}

bool spout_feed::slice(time_point now) {
  bool made = false;
  if ((made = committed_.load(std::memory_order_acquire))) end_batch();
  if (again_.exchange(false, std::memory_order_acq_rel)) {
    compute_again();
    made = true;
  }
  if (run_.state() >= run_state::draining && !ended_) made |= drain();
  if (failure_ && !cutting_) made |= make_good();
  serve_tokens(now);
  made |= take_wake();
  if (cutting_) {
    const auto before = flushed_members_;
    return close_cut(open_.record.batch, now) || flushed_members_ != before || made;
  }
  return poll_some(now) || made;
}

/// A spout that has accepted values goes on until it has emitted them; any other ends at once.
bool spout_feed::drain() {
  if (std::exchange(draining_, true)) return false;
  if (chain_->frame.clock) chain_->frame.clock->align(nullptr, 0);  // what it has accepted is wanted
  try {
    if (!spout().drain()) end();
  } catch (...) {
    auto e = error_from_current_exception();
    e.message = "drain failed: " + e.message;
    run_.fail(located(chain_->plan().head(), std::move(e)));
  }
  idle_until_ = {};
  idle_until_woken_ = false;
  return true;
}

/// The waker serves the spout, and the bolts behind it. Taken before the poll: a wake during it counts for the next.
bool spout_feed::take_wake() {
  if (!waker_->woken.load(std::memory_order_relaxed)) return false;
  idle_until_woken_ = false;
  idle_until_ = {};
  // Before the flag is taken: the driver sees one of the two.
  if (has_bolts_) called_.store(true, std::memory_order_release);
  call_woken();
  return true;
}

/// A cut that waited can go on, rows have come, or there will be no more: whoever leads has to look.
void spout_feed::tell_driver() { run_.driver().news(worker_); }

// --- event time ---

event_time spout_feed::reached() const {
  if (!chain_->frame.clock) return beginning_of_time;
  const bool ends = ended_ && run_.state() != run_state::stopping;
  return ends ? end_of_time : chain_->frame.clock->watermark();
}

/// Nobody goes on without a task that isn't idle, so it has caught up where its watermark is theirs.
void spout_feed::note_readers(event_time reached) {
  if (!cut_idle_ && reached <= cut_watermark_) left_behind_.store(false, std::memory_order_relaxed);
}

/// Others wait for what has ended until all of it has gone through the chain: what has failed will once more. REQUIRES:
/// nothing has.
void spout_feed::tell_ends() {
  auto* clock = chain_->frame.clock;
  for (auto p : std::exchange(round_.ended, {})) clock->end_partition(p);
  if (ended_) clock->align(nullptr, 0);
}

/// While there is no room for more, nobody knows whether there is any. True: partitions that were too far ahead may be
/// read on.
bool spout_feed::note_time(time_point now) {
  if (!chain_->frame.clock || failure_) return false;
  tell_ends();
  if (open_.messages == 0) look_at_clock();
  next_look_ = chain_->frame.clock->look(now, !wants_room_.load(std::memory_order_relaxed));
  time_waits_.store(reached() > cut_watermark_, std::memory_order_release);
  if (!chain_->frame.clock->take_wanted_again()) return false;
  idle_until_woken_ = false;
  if (poll_failures_ == 0) idle_until_ = {};
  return true;
}

void spout_feed::set_clock_back(const collected& to) {
  if (!to.clock) return;
  tell_time_before(to);
  chain_->frame.clock->assign(*to.clock);
  chain_->frame.clock->follow(to.record.now);
}

/// The same for all attempts, or bolts would judge a tuple in one as late and in another not.
void spout_feed::tell_time_before(const collected& of) {
  chain_->frame.watermark = of.reached;
  chain_->frame.is_waited_for = of.is_waited_for;
}

/// The batch that is collected, and what follows it, are of now.
void spout_feed::look_at_clock() {
  if (!chain_->follows_clock()) return;
  chain_->set_now(run_.options().clock->wall());
  open_.record.now = chain_->frame.now;
}

// --- polling ---

bool spout_feed::may_poll(time_point now) const {
  return !cutting_ && !failure_ && wants_polls() && idle_until_ <= now;
}

bool spout_feed::wants_polls() const {
  return !ended_ && !idle_until_woken_ && (draining_ || (run_.state() == run_state::running && chain_->is_in_step()));
}

bool spout_feed::poll_some(time_point now) {
  bool made = false;
  const auto enough = open_.messages + slice_messages;
  // Bounded in polls too: a spout that says `emitted` and emits nothing must not hold the worker for ever.
  for (int polls = 0; polls < slice_polls && open_.messages < enough && may_poll(now) && poll(now); ++polls)
    made = true;
  if (made) waiting_.store(open_.messages, std::memory_order_release);
  hot_.store(made && may_poll(now), std::memory_order_release);
  return made;
}

bool spout_feed::poll(time_point now) {
  idle_until_ = {};
  const auto claimed = claim(now);
  if (claimed == 0) return false;
  if (open_.messages == 0) look_at_clock();
  // Faults are asked for where the chain reads raw batches.
  open_round(claimed, !run_.options().faults);
  auto status = poll_status::emitted();
  const auto began = run_.options().clock->now();
  empty_handed_.end(began);
  const bool thrown = !ask_spout(status);
  const auto messages = round_.messages;
  remember(messages, now);
  close_round();
  counts_.emitted.add(messages);
  const auto done_at = run_.options().clock->now();
  counts_.busy_ns.add(static_cast<std::uint64_t>((done_at - began).count()));
  if (!thrown && status.what() != poll_status::kind::emitted) empty_handed_.begin(done_at);
  weigh(messages);
  const auto bytes = static_cast<std::int64_t>(output_bytes_ + raw_bytes_);
  run_.driver().polled(claimed, messages, bytes - std::exchange(bytes_told_, bytes));
  if (thrown && messages) poll_failures_ = 0;  // it got on
  if (thrown) poll_failed(now);
  else obey(status);
  return messages != 0 || thrown || status.what() == poll_status::kind::emitted || ended_;
}

/// False: it threw, and the frame says what.
bool spout_feed::ask_spout(poll_status& status) {
  was_polled_ = true;
  try {
    status = spout().poll(round_);
    poll_failures_ = 0;
    return true;
  } catch (...) {
    chain_->frame.flags.failed = false;
    chain_->frame.fail_from_exception(chain_->plan().head());
    chain_->frame.flags.failed = false;
    return false;
  }
}

std::uint32_t spout_feed::claim(time_point now) {
  const auto want = messages_wanted();
  if (const auto got = run_.driver().claim(want, open_.empty(), now, idle_until_)) return got;
  if (idle_until_ > now) return 0;  // the rate asks for a pause
  // Whoever makes room looks at the flag behind it, so one of the two sees the other (a fence on both sides).
  wants_room_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto got = run_.driver().claim(want, open_.empty(), now, idle_until_);
  if (got) wants_room_.store(false, std::memory_order_relaxed);
  return got;
}

/// As many as one turn takes, and as there is memory for, going by those that came last.
std::uint32_t spout_feed::messages_wanted() const {
  const auto most = static_cast<std::uint32_t>(options_.max_batch);
  if (!knows_messages_) return spout().type().owned_bytes ? std::min(most, first_look) : most;
  const auto fit = run_.driver().bytes_for_each_feed() / std::max(bytes_a_message_, 1.0);
  return static_cast<std::uint32_t>(std::clamp(fit, 1.0, static_cast<double>(most)));
}

void spout_feed::wake_if_starved() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (wants_room_.exchange(false, std::memory_order_relaxed)) run_.pool().wake(worker_);
}

/// The rows before the end, and that time ends: the driver takes an ended feed without either for one that has nothing
/// more to give.
void spout_feed::end() {
  waiting_.store(open_.messages, std::memory_order_release);
  if (chain_->frame.clock && run_.state() != run_state::stopping) time_waits_.store(true, std::memory_order_release);
  ended_.store(true, std::memory_order_release);
}

void spout_feed::obey(const poll_status& status) {
  idle_until_ = {};
  const bool only_what_is_there = run_.options().trigger == batch_trigger::available_now;
  switch (status.what()) {
    case poll_status::kind::emitted:
      return;
    case poll_status::kind::idle_until:
      idle_until_ = std::max(status.when(), time_point{} + std::chrono::nanoseconds(1));  // zero: not idle
      break;
    case poll_status::kind::idle:
      idle_until_woken_ = true;
      break;
    case poll_status::kind::ended:
      end();
      return;
  }
  if (!only_what_is_there) return;
  if (auto* clock = chain_->frame.clock; clock && clock->holds_back()) {
    clock->align(nullptr, 0);  // those that it waits for have nothing: now the others
    idle_until_ = {};
    idle_until_woken_ = false;
    return;
  }
  end();
}

void spout_feed::poll_failed(time_point now) {
  auto e = chain_->frame.failure.error;
  e.message = "poll failed: " + e.message;
  record_->attempt = ++poll_failures_;
  e = located(chain_->plan().head(), std::move(e));
  record_->attempt = 1;
  if (e.fatal || poll_failures_ >= run_.options().max_task_attempts) return run_.fail(std::move(e));
  run_.options().log.log(log_level::warning, name_, e.message);
  idle_until_ = now + pause_before_retry(poll_failures_);
}

/// Notes where the messages of a round come from: ranges in the order of emission.
void spout_feed::remember(std::uint64_t messages, time_point now) {
  if (messages == 0) return;
  open_.messages += messages;
  if (!open_.polled.empty() && open_.polled.back().first == now) open_.polled.back().second += messages;
  else open_.polled.emplace_back(now, messages);
  if (!has_positions_) return;
  for (const auto& p : round_.positions) {
    if (!open_.ranges.empty() && open_.ranges.back().partition == p.partition && open_.ranges.back().to <= p.offset)
      open_.ranges.back().to = p.next;
    else open_.ranges.push_back({p.partition, p.offset, p.next});
  }
}

/// `direct`: messages go from the spout's hand through the chain; else they are written to the raw batch first.
void spout_feed::open_round(std::uint32_t wanted, bool direct) {
  round_.host = this;
  round_.slot = 0;
  round_.wanted = wanted;
  round_.capacity = ~std::uint32_t{0};
  round_.messages = 0;
  round_.keeps_positions = has_positions_;
  round_.positions.clear();
  round_.stamps.clear();
  round_.raw = nullptr;
  round_.through = direct;
  if (direct) {
    reading_ = true;
    base_call_ = chain_->frame.call;
    if (reads_again_) return;
  }
  if (!raw_) {
    raw_ = spare_raw();
    raw_read_ = raw_weighed_ = 0;
  }
  round_.raw = raw_.get();
}

void spout_feed::close_round() {
  if (!round_.through) return read_raw();
  reading_ = false;
  base_ordinal_ += chain_->frame.call - base_call_;
  if (raw_) raw_read_ = raw_->size();
}

/// A message that went directly: what the rest of the poll emits is read again with it.
void spout_feed::message_failed(spout_round& round, std::uint32_t, call_frame& frame) {
  count_failure(frame.failure.node);
  fail_attempt({frame.failure.node, ordinal_in(frame), frame.failure.error});
  round.wanted = 0;
}

void spout_feed::message_rejected(spout_round&, const position* at, call_frame&, error why, std::string bytes) {
  dead_letter letter;
  letter.attempts = 1;
  if (at) letter.positions.push_back(*at);
  letter.bytes = std::move(bytes);
  count_failure(chain_->plan().head());
  if (!reads_again_) open_.rejected.emplace_back(why, letter);
  reject(why, std::move(letter));
}

void spout_feed::reject(const error& why, dead_letter letter) {
  chain_->frame.inherit_nothing();
  give_up(why, chain_->plan().head(), std::move(letter), chain_->frame);
}

spout_feed::raw_ptr spout_feed::spare_raw() {
  if (spares_.empty()) {
    batch_layout layout;
    layout.capacity = static_cast<std::uint32_t>(std::max<std::size_t>(options_.max_batch, 1));
    layout.times = layout.sources = chain_->frame.clock != nullptr;
    layout.origins = layout.times && run_.graph().uses_origins();
    return raw_ptr(spout().type().make(layout));
  }
  auto raw = std::move(spares_.back());
  spares_.pop_back();
  return raw;
}

/// The spout has filled the raw batch: its tuples go through the chain, and it makes room.
void spout_feed::round_full(spout_round& round) {
  if (!round.through) read_raw();
  if (!reads_again_) {
    weigh_raw();
    open_.raws.push_back(std::move(raw_));
    raw_ = spare_raw();
    raw_read_ = raw_weighed_ = 0;
  }
  round.raw = raw_.get();
}

void spout_feed::read_raw() {
  read_raw(*raw_, raw_read_);
  raw_read_ = raw_->size();
  if (!reads_again_) return;
  raw_->clear();
  raw_read_ = 0;
}

/// Runs the chain over raw tuples. After a failure it does nothing until `make_good`.
void spout_feed::read_raw(any_batch& raw, std::size_t from) {
  if (failure_ || from == raw.size()) return;
  reading_ = true;
  base_ordinal_ -= from;
  base_call_ = chain_->frame.call - from;
  for (std::size_t at = from; at < raw.size() && !failure_ && !run_.cancelled();)
    at = spout().raw_reader().read(raw, at).next;
  reading_ = false;
  base_ordinal_ += raw.size();
}

/// Adds what a poll has brought to what is collected.
void spout_feed::weigh(std::uint64_t messages) {
  const auto before = output_bytes_ + raw_bytes_;
  weigh_outputs();
  weigh_raw();
  if (messages == 0) return;
  // Growth is believed at once, shrinking by half: too few messages cost a poll, too many the memory.
  const auto each = (output_bytes_ + raw_bytes_ - before) / static_cast<double>(messages);
  bytes_a_message_ = std::max(each, (each + bytes_a_message_) / 2);
  knows_messages_ = true;
}

void spout_feed::weigh_outputs() {
  for (std::size_t k = 0, i = 0; k < chain_->routes.size(); ++k)
    for (const auto* box : chain_->routes[k].router->outboxes()) {
      const auto fresh = box->appended() - std::exchange(weighed_[i++], box->appended());
      output_bytes_ += static_cast<double>(fresh) * bytes_a_tuple_[k] + static_cast<double>(box->owned_by_last(fresh));
    }
}

void spout_feed::weigh_raw() {
  if (reads_again_ || !raw_) return;
  const auto size = raw_->size();
  const auto fresh = size - raw_weighed_;
  raw_bytes_ += static_cast<double>(fresh) * bytes_a_raw_tuple_;
  if (const auto estimate = raw_->type().owned_bytes; estimate && fresh)
    raw_bytes_ += static_cast<double>(estimate(*raw_, raw_weighed_, size));
  raw_weighed_ = size;
}

// --- once more ---

/// Repeats the failed attempt over all that was collected, by fresh copies of what follows the spout, until it
/// succeeds. False: the run is over, or one could not be opened, and is given time.
bool spout_feed::make_good() {
  while (failure_) {
    if (renew_due_ > run_.options().clock->now()) return false;
    renew_due_ = {};
    if (!absorb_failure()) return false;
    std::fill(weighed_.begin(), weighed_.end(), 0);  // the outboxes are new as well
    output_bytes_ = 0;
    if (!renew(true)) {
      renew_due_ = run_.options().clock->now() + pause_before_retry(record_->other_failures + 1);
      continue;
    }
    begin_attempt();
    set_clock_back(open_);
    read_again(open_);
  }
  return true;
}

void spout_feed::read_again(const collected& from) {
  counts_.replayed.add(from.messages);
  if (reads_again_) return read_ranges(from);
  for (const auto& [why, letter] : from.rejected) reject(why, letter);
  const auto read_anew = [this](any_batch& raw) {
    if (raw.sources()) std::fill_n(raw.stamps(), raw.size(), not_stamped);
    read_raw(raw, 0);
  };
  for (const auto& raw : from.raws) read_anew(*raw);
  if (&from == &open_ && raw_) {
    read_anew(*raw_);
    raw_read_ = raw_->size();
  }
}

void spout_feed::read_ranges(const collected& from) {
  std::uint64_t messages = 0;
  for (const auto& range : from.ranges) {
    open_round(0, false);
    try {
      spout().read(range, round_);
    } catch (const range_lost& gone) {
      raw_->clear();
      return run_.fail(located(chain_->plan().head(),
                               {errc::data_loss, in_words(gone, range, run_.partitions_of(chain_index_, task_))}));
    } catch (...) {
      auto e = error_from_current_exception();
      e.message = "read failed: " + e.message;
      raw_->clear();  // what it gave before it failed
      return fail_attempt({chain_->plan().head(), attempt_failure::no_tuple, std::move(e)});
    }
    close_round();
    messages += round_.messages;
  }
  if (messages == from.messages || failure_ || run_.cancelled()) return;
  run_.fail(located(chain_->plan().head(),
                    {errc::data_loss, std::to_string(from.messages) + " messages had been polled, of which " +
                                          std::to_string(messages) + " could be read again"}));
}

// --- the cut ---

/// The task's own worker may have found the slice taken, and gone to sleep.
void spout_feed::let_go(std::unique_lock<std::mutex> slice) {
  slice.unlock();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (missed_.exchange(false, std::memory_order_relaxed)) run_.pool().wake(worker_);
}

spout_feed::cut_result spout_feed::cut(std::uint64_t batch, std::size_t worker, time_point now) {
  std::unique_lock lock(slice_, std::try_to_lock);
  if (!lock.owns_lock()) return cut_result::busy;
  const inside at_work(*this);
  const auto result = cut_held(batch, now);
  note_next_wake();
  let_go(std::move(lock));
  // What it waits for may have a time limit, which its own worker watches. Whoever wakes himself never sleeps.
  if (result == cut_result::pending && worker != worker_) run_.pool().publish_and_wake(worker_);
  return result;
}

spout_feed::cut_result spout_feed::cut_held(std::uint64_t batch, time_point now) {
  if (!cutting_ && cut_.record.batch == batch) return cut_result::done;
  if (committed_.load(std::memory_order_acquire)) end_batch();
  if (!cutting_) {
    cutting_ = true;
    flushed_members_ = 0;
    member_flushed_ = ticked_ = false;
    note_ticks(now);
  }
  return close_cut(batch, now) ? cut_result::done : cut_result::pending;
}

/// Members let go what they hold, then the outboxes become blocks. False while tokens are out.
bool spout_feed::close_cut(std::uint64_t batch, time_point now) {
  while (!run_.cancelled()) {
    if (failure_) {
      ticked_ = member_flushed_ = false;
      flushed_members_ = 0;
      if (!make_good()) return false;
    }
    if (open_.empty() && open_.record.ticks.empty() && !called()) break;
    serve_tokens(now);
    if (!failure_ && flush_members(false)) break;
    if (!failure_) return false;
  }
  if (run_.cancelled()) return false;
  store_outputs(false);
  run_.driver().handed_over(open_.messages, std::exchange(bytes_told_, 0));
  weigh_outputs();  // what flushing has added
  output_bytes_ = raw_bytes_ = 0;
  if (raw_ && !reads_again_ && raw_->size()) open_.raws.push_back(std::move(raw_));
  cut_ = std::exchange(open_, {});
  if (run_.checkpoints()) note_partitions();
  look_at_clock();
  if (chain_->frame.clock) tell_ends();
  cut_watermark_ = reached();
  // One that was never asked may have something, or be at its end: nobody must go on without it.
  cut_idle_ = chain_->frame.clock && chain_->frame.clock->is_idle() && was_polled_;
  if (cut_idle_) left_behind_.store(true, std::memory_order_relaxed);
  cut_ended_ = ended_;
  time_waits_.store(false, std::memory_order_release);
  called_.store(false, std::memory_order_release);
  cutting_ = false;
  waiting_.store(0, std::memory_order_release);
  begin_batch(batch + 1);
  return true;
}

void spout_feed::begin(std::uint64_t first) {
  if (const auto* kept = run_.checkpoints()) {
    const auto node = chain_->plan().head();
    try {
      kept->seek(node, run_.partitions_of(chain_index_, task_), spout(), chain_->frame.clock);
    } catch (const run_error&) { throw; } catch (...) {
      auto e = error_from_current_exception();
      e.message = "seek failed: " + e.message;
      throw run_error(located(node, std::move(e)));
    }
    // Partitions that were idle in the run before are read on where they had stopped.
    left_behind_.store(kept->from() != nullptr, std::memory_order_relaxed);
    if (kept->is_final()) ended_.store(true, std::memory_order_release);
  }
  begin_batch(first);
}

/// What the batch that was cut has of each partition, from its first message to where reading goes on.
std::map<partition_id, position_range> spout_feed::extents() const {
  std::map<partition_id, position_range> all;
  for (const auto& r : cut_.ranges) all.try_emplace(r.partition, r).first->second.to = r.to;
  return all;
}

void spout_feed::add_to(batch_progress::source& all) const {
  all.num_input_rows += cut_.messages;
  const auto& known = run_.partitions_of(chain_index_, task_);
  for (const auto& [id, read] : extents()) {
    const auto p = std::find_if(known.begin(), known.end(), [&](auto& k) { return k.id == id; });
    all.extents.push_back({p == known.end() ? std::to_string(id) : p->name, read.from, read.to});
  }
}

void spout_feed::note_partitions() {
  const auto read = extents();
  for (const auto& p : run_.partitions_of(chain_index_, task_)) {
    const auto at = read.find(p.id);
    if (at == read.end()) continue;
    checkpoint_partition said;
    said.node = run_.graph().nodes()[chain_->plan().head()].name;
    said.name = p.name;
    said.offset = at->second.to;
    for (const auto& r : spout().past_behind(p.id, said.offset)) said.finished.push_back({r.from, r.to});
    said.saved = spout().save(p.id);
    if (auto* clock = chain_->frame.clock) {
      writer w;
      clock->save(p.id, w);
      said.clock = w.take();
      said.watermark = clock->watermark();
    }
    cut_.partitions.push_back(std::move(said));
  }
}

void spout_feed::begin_batch(std::uint64_t batch) {
  open_.record.batch = batch;
  record_ = &open_.record;
  if (const auto* clock = chain_->frame.clock) open_.clock = clock->copy();
  open_.reached = cut_watermark_;
  open_.is_waited_for = !is_left_behind();
  tell_time_before(open_);
  begin_attempt();
}

/// Ticks, then flushes every member once. False while tokens are out, or after a failure.
bool spout_feed::flush_members(bool block) {
  if (!std::exchange(ticked_, true)) {
    for (auto m : record_->ticks)
      if (!call_member(m, &task_operator::tick, "on_tick failed: ")) return false;
    take_wake();  // a wake before the cut belongs to its batch
    if (failure_) return false;
  }
  for (; flushed_members_ < chain_->members.size(); ++flushed_members_, member_flushed_ = false) {
    if (!member_flushed_ && !call_member(flushed_members_, &task_operator::flush, "flush failed: ")) return false;
    member_flushed_ = true;
    while (block && holds_up_to(flushed_members_) && !run_.cancelled()) {
      serve_tokens(run_.options().clock->now());
      call_woken();
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    if (holds_up_to(flushed_members_) || desk_->has_failed()) return false;
  }
  return true;
}

// --- after the cut ---

void spout_feed::request_again() {
  again_.store(true, std::memory_order_release);
  run_.pool().publish_and_wake(worker_);
}

/// Blocks of the running batch got lost: its messages go once more through a chain of their own, while that of the
/// batch being collected keeps what it has.
void spout_feed::compute_again() {
  record_ = &cut_.record;
  auto failure = std::exchange(failure_, {});
  ++record_->attempt;
  if (auto made = make_second_chain()) {
    auto chain = std::exchange(chain_, std::move(made));
    auto desk = std::exchange(desk_, std::make_shared<token_desk>(waker{waker_}));
    auto raw = std::exchange(raw_, nullptr);
    const auto raw_read = std::exchange(raw_read_, 0);
    const auto ordinal = base_ordinal_;
    chain_->adopt_head(chain->release_head());
    run_again();
    if (!run_.cancelled()) store_outputs(true);
    close_members(*chain_, 1);
    chain->adopt_head(chain_->release_head());
    chain_ = std::move(chain);
    desk_->abandon();
    desk_ = std::move(desk);
    raw_ = std::move(raw);
    raw_read_ = raw_read;
    base_ordinal_ = ordinal;
  }
  failure_ = std::move(failure);
  record_ = &open_.record;
  if (cut_.record.woken) waker_->woken.store(true, std::memory_order_relaxed);  // it may have been for this chain
  run_.driver().refilled(*this);
}

/// Attempts to make a chain, until one succeeds. Null: the run is over.
std::unique_ptr<chain_task> spout_feed::make_second_chain() {
  while (!run_.cancelled()) {
    if (auto made = try_make_chain(nullptr, true)) return made;
    if (!absorb_failure()) break;
  }
  return nullptr;
}

/// Attempts over the batch that was cut, until one succeeds or the run is over. Waits for tokens on the spot: this is
/// rare, and the batch waits anyway.
void spout_feed::run_again() {
  for (bool opened = open_members(1); !run_.cancelled();) {
    if (failure_ && !absorb_failure()) return;
    if (!std::exchange(opened, false) && !renew(true)) continue;
    begin_attempt();
    set_clock_back(cut_);
    read_again(cut_);
    flushed_members_ = 0;
    member_flushed_ = ticked_ = false;
    while (!failure_ && !run_.cancelled() && !flush_members(true)) serve_tokens(run_.options().clock->now());
    if (!failure_) return;
  }
}

void spout_feed::committed(time_point now) {
  committed_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  committed_.store(true, std::memory_order_release);
  std::unique_lock lock(slice_, std::try_to_lock);
  // Its worker has the slice: it sees the flag with the next one. That may have been its last look before it sleeps, so
  // it is woken: it has announced that before the look (a fence on both sides), or looks once more behind it.
  if (!lock.owns_lock()) return run_.pool().publish_and_wake(worker_);
  const inside at_work(*this);
  end_batch();
  let_go(std::move(lock));
}

void spout_feed::end_batch() {
  counts_.come_to(cut_watermark_);
  committed_.store(false, std::memory_order_relaxed);
  const time_point at{std::chrono::nanoseconds(committed_at_.load(std::memory_order_relaxed))};
  for (const auto& [when, count] : cut_.polled)
    complete_latency_.record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, (at - when).count())), count);
  const auto lost = cut_.record.dead_lettered + cut_.record.skipped;
  counts_.given_up.add(std::min(cut_.messages, lost));
  counts_.acked.add(cut_.messages - std::min(cut_.messages, lost));
  publish(cut_.record);
  commit_positions();
  for (auto& raw : cut_.raws) {
    raw->clear();
    spares_.push_back(std::move(raw));
  }
  cut_ = {};
}

void spout_feed::commit_positions() {
  if (!has_positions_ || !run_.commits_positions()) return;
  for (const auto& [partition, read] : extents()) committer_.finished({partition, read.to, read.to});
  if (auto e = committer_.commit(spout())) {
    e->message = "commit failed: " + e->message;
    if (ended() && waiting() == 0) run_.fail(located(chain_->plan().head(), std::move(*e)));
    else run_.options().log.log(log_level::warning, name_, e->message + ", and is made again");
  }
}

tasklet::time_point spout_feed::next_wake() const {
  return time_point(std::chrono::nanoseconds(next_wake_.load(std::memory_order_relaxed)));
}

/// Asked by its worker also while somebody else has the slice: so it is noted behind each.
void spout_feed::note_next_wake() {
  auto at = time_point::max();
  if (cutting_ || desk_->outstanding()) at = desk_->next_deadline();
  if (wants_polls() && idle_until_ != time_point{}) at = std::min(at, idle_until_);
  at = failure_ ? renew_due_ : std::min(at, next_look_);
  next_wake_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
}

void spout_feed::collect(run_metrics& into, std::chrono::nanoseconds uptime) const {
  const auto mine = into.tasks.size();
  batch_task::collect(into, uptime);
  const auto& t = into.tasks[mine];
  into.tasks[mine].pending = t.emitted - std::min(t.emitted, t.acked + t.failed);
  into.tasks[mine].complete_latency = complete_latency_.copy();
  into.tasks[mine].nothing_at_hand = static_cast<double>(empty_handed_.ns_at(run_.options().clock->now())) /
                                     static_cast<double>(std::max<std::int64_t>(1, uptime.count()));
}

}  // namespace freshet
