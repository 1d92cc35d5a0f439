#include "event/spout_tasklet.hpp"

#include <algorithm>

#include "event/read_aside.hpp"

namespace freshet {

namespace {
/// Of the batches in which messages wait.
batch_layout raw_layout(batch_layout layout, std::size_t max_batch, bool has_clock) {
  layout.capacity = static_cast<std::uint32_t>(std::max<std::size_t>(max_batch, 1));
  layout.sources = has_clock;
  return layout;
}
}  // namespace

spout_tasklet::spout_tasklet(event_run& run, const chain_setup& setup, std::size_t worker)
    : event_task(run, setup, worker),
      spout_(static_cast<spout_operator&>(chain_.head())),
      options_(run.graph().nodes()[chain_.plan().head()].spout),
      layout_(setup.layout),
      keeps_raw_(guarantee_ == guarantee::exactly_once ||
                 (guarantee_ == guarantee::at_least_once && !spout_.replayable())),
      raw_(spout_.type(), raw_layout(layout_, options_.max_batch, chain_.frame.clock != nullptr)) {
  if (!book_) return;
  chain_.frame.rollback_state = chain_.frame.clock != nullptr;  // the clock's, which is all there is in such a chain
  // One message a slot when load is low. Failed attempts keep theirs until the last of their tuples is done: where
  // those take all of it, polls and replays wait.
  const auto slots = options_.max_pending + 2 * root::messages_per_slot;
  lane_ = &book_->add_lane(slots, [pool = run.shared_pool(), worker] { pool->publish_and_wake(worker); });
}

spout_tasklet::~spout_tasklet() = default;

// --- the slice ---

bool spout_tasklet::work() {
  const bool made = emit_some();
  return tell_time() || made;
}

bool spout_tasklet::work_while_stalled() {
  const bool works = phase_ == phase::working || phase_ == phase::flushing;
  return works && look_after_live();
}

bool spout_tasklet::look_after_live() {
  bool made = reap();
  made |= commit(false);
  if (run_.state() >= run_state::draining && !ended_) made |= drain();
  if (now_ <= run_.drain_deadline()) return made;
  run_.fail(
      {errc::timeout, "drain_timeout: spout " + name_ + " has " + std::to_string(live_) + " unfinished messages"});
  return true;
}

bool spout_tasklet::emit_some() {
  bool made = look_after_live();
  if (run_.cancelled()) return made;
  if (blocked() || !wake_members(made) || blocked()) return made;
  if (retries_.unseen() != 0) made |= replay();  // also at a barrier, which what stands behind it has to pass
  if (blocked() || !read_raw(made) || blocked()) return made;
  if (is_at_barrier()) return made;
  made |= replay();
  if (!blocked() && phase_ == phase::working && wants_polls()) made |= poll();
  if (blocked() || !read_raw(made)) return made;
  if (ended_ && flush_due_ && live_ != 0 && !blocked()) {  // with nothing live the end mark flushes
    flush_due_ = false;
    pass_flush_on();
    made |= flush_some();
  }
  return made;
}

/// The waker serves the spout, and the bolts chained behind it. Taken before the poll: a wake during it counts for the
/// next. False when a bolt's call is to be tried again first.
bool spout_tasklet::wake_members(bool& made) {
  if (!take_wake()) return true;
  made = true;
  idle_until_woken_ = false;
  if (poll_failures_ == 0) idle_until_ = {};  // else that is a back-off
  if (call_woken()) return true;
  make_waker()();
  return false;
}

/// A spout that has accepted values goes on until it has emitted them; any other ends at once.
bool spout_tasklet::drain() {
  if (std::exchange(draining_, true)) return false;
  if (chain_.frame.clock) chain_.frame.clock->align(nullptr, 0);  // what it has accepted is wanted
  try {
    ended_ = !spout_.drain();
  } catch (...) {
    auto e = error_from_current_exception();
    e.message = describe(chain_.plan().head(), 1, {e.code, "drain failed: " + e.message});
    run_.fail(std::move(e));
  }
  idle_until_ = {};
  idle_until_woken_ = false;
  return true;
}

bool spout_tasklet::exhausted() { return ended_ && live_ == 0 && !raw_.has_queued(); }

/// Where messages may be emitted again, time waits for them; elsewhere the order of emission is enough. True: it went
/// on.
bool spout_tasklet::tell_time() {
  event_clock* clock = chain_.frame.clock;
  if (!clock) return false;
  tell_ends(*clock);
  next_look_ = clock->look(now_, !blocked() && !raw_.has_queued() && retries_.unseen() == 0);
  bool made = clock->take_wanted_again();
  if (made) {
    idle_until_woken_ = false;
    if (poll_failures_ == 0) idle_until_ = {};
  }
  // While the clock has not seen all that was polled it is not asked; while there is no room, marks would pile up.
  if (raw_.has_queued() || blocked()) return made;
  const auto seen = clock->watermark();
  const auto released = lane_ ? released_.advance(seen) : seen;
  keep_time(clock->waits_for_messages() ? released : seen, false, made);
  // Nobody waits for an idle task: one that has ended doesn't become idle before it says so, or what waits downstream
  // for the end of its input would come late; and one that was never asked may have.
  const bool is_idle = clock->is_idle() && released_.waiting() == 0;
  if (!is_idle || (was_polled_ && !ended_)) say_idle(is_idle);
  return made;
}

/// Others wait for what has ended until the clock has seen all of it: tuples that the chain has not read yet may have
/// to wait for long.
void spout_tasklet::tell_ends(event_clock& clock) {
  if (!is_read_to_barrier() || retries_.unseen() != 0) return;
  for (auto p : std::exchange(round_.ended, {})) clock.end_partition(p);
  if (ended_) clock.align(nullptr, 0);
}

/// Whoever stops a run before its input ends will go on from there.
bool spout_tasklet::ends_time() const { return chain_.frame.clock && !ended_by_stop_; }

/// The last positions are committed when everything is finished. Without a ledger that is when all who read have
/// closed.
bool spout_tasklet::may_close() {
  if (!epochs_ && guarantee_ == guarantee::exactly_once && commits() && !run_.all_written()) return false;
  if (!run_.cancelled() && !std::exchange(committed_last_, true)) commit(true);
  return true;
}

tasklet::time_point spout_tasklet::next_work() const {
  auto at = time_point::max();
  if (has_to_commit()) at = next_commit_;
  if (is_held_up()) return at;
  if (is_at_barrier() && retries_.unseen() == 0) return at;  // tokens, or the coordinator, wake it
  if (next_look_ > now_) at = std::min(at, next_look_);
  if (blocked()) return at;
  if (!retries_.empty() && has_slot()) at = std::min(at, retries_.next_due());
  if (!idle_until_woken_ && wants_polls()) at = std::min(at, idle_until_);
  return at;
}

// --- polling ---

bool spout_tasklet::wants_polls() const {
  const bool may_go_on = run_.state() == run_state::running && !run_.is_coming_to_rest();
  return !ended_ && retries_.unseen() == 0 && (draining_ || (may_go_on && chain_.is_in_step())) &&
         live_ < options_.max_pending && has_slot();
}

bool spout_tasklet::poll() {
  if (idle_until_woken_ || idle_until_ > now_) return false;
  was_polled_ = true;
  open_round(static_cast<std::uint32_t>(std::min<std::uint64_t>(options_.max_batch, options_.max_pending - live_)));
  auto status = poll_status::emitted();
  const char* thrown = nullptr;
  const auto began = run_.options().clock->now();
  empty_handed_.end(began);
  try {
    status = spout_.poll(round_);
    poll_failures_ = 0;
  } catch (...) {
    thrown = "poll failed";
    chain_.frame.fail_from_exception(chain_.plan().head());
  }
  const auto emitted = round_.messages;
  close_round(1, nullptr);
  doubt_last(thrown != nullptr);
  clocked_ = run_.options().clock->now();
  counts_.busy_ns.add(static_cast<std::uint64_t>((clocked_ - began).count()));
  if (thrown) {
    if (emitted) poll_failures_ = 0;  // it got on
    poll_failed(thrown);
    return true;
  }
  idle_until_ = {};
  if (status.what() != poll_status::kind::emitted) empty_handed_.begin(clocked_);
  switch (status.what()) {
    case poll_status::kind::emitted:
      return true;
    case poll_status::kind::idle_until:
      idle_until_ = status.when();
      break;
    case poll_status::kind::idle:
      idle_until_woken_ = true;
      break;
    case poll_status::kind::ended:
      ended_ = true;
      for (const auto& extent : std::exchange(in_doubt_, {})) prefix_.finished(extent);
      return true;
  }
  return emitted != 0;
}

/// A poll that threw may have given only a part of its last message. It isn't finished before the spout has gone on in
/// that partition, behind it or with it once more.
void spout_tasklet::doubt_last(bool thrown) {
  if (!lane_) return;
  std::erase_if(in_doubt_, [this](const position& extent) {
    const auto is_same = [&](const position& p) { return p.partition == extent.partition; };
    if (std::none_of(round_.positions.begin(), round_.positions.end(), is_same)) return false;
    prefix_.finished(extent);
    return true;
  });
  if (thrown && !round_.positions.empty()) in_doubt_.push_back(prefix_.emitted(round_.positions.back()));
}

void spout_tasklet::poll_failed(const char* what) {
  chain_.frame.flags.failed = false;
  auto e = chain_.frame.failure.error;
  e.message = describe(chain_.plan().head(), ++poll_failures_, {e.code, std::string(what) + ": " + e.message});
  if (e.fatal || poll_failures_ >= run_.options().retry.max_attempts) {
    run_.fail(std::move(e));
  } else {
    run_.options().log.log(log_level::warning, name_, e.message);
    idle_until_ = deadline(now_, run_.options().retry.backoff(poll_failures_ + 1));
  }
}

void spout_tasklet::open_round(std::uint32_t wanted) {
  round_.host = this;
  round_.slot = lane_ ? lane_->open() : 0;
  round_.wanted = wanted;
  round_.capacity = root::messages_per_slot;
  round_.messages = 0;
  round_.live = 0;
  round_.keeps_positions = spout_.replayable();
  round_.positions.clear();
  round_.stamps.clear();
  round_.known_stamps.clear();
  round_.stands_at = spout_round::none;
  round_seen_ = retry_message::seen_all;
  round_failed_.clear();
  round_rejected_.clear();
  round_torn_ = spout_round::none;
  round_.raw = nullptr;
  if (keeps_raw_) write_to_raw();
}

/// What the spout emits from here on goes to a batch.
void spout_tasklet::write_to_raw() {
  round_.raw = raw_.with_room().batch.get();
  round_raw_from_ = round_.raw->size();
}

/// Counts the round's messages and hands its slot over to the ledger: from here on it may reach zero.
void spout_tasklet::close_round(std::uint32_t attempt, const std::vector<retry_ptr>* again) {
  const auto slot = std::exchange(round_.slot, 0);
  if (round_.messages == 0) {
    if (slot) lane_->close(slot);
    return;
  }
  flush_due_ = true;
  if (!again) counts_.emitted.add(round_.messages);
  if (!slot) return prefix_.passed(round_.positions);  // exactly_once: nobody asks before the end
  if (!again) live_ += round_.messages;
  record& r = record_of(slot);
  r.messages = round_.messages;
  r.attempt = attempt;
  r.dead = false;
  r.emitted = again && !again->empty() ? again->front()->emitted : now_;
  r.rejected.swap(round_rejected_);
  r.failed.clear();
  if (round_torn_ != spout_round::none) {  // whatever becomes of that part
    r.failed.resize(r.messages, false);
    r.failed[round_torn_] = true;
  }
  r.raw = nullptr;
  remember_extents(r, again);
  if (chain_.frame.clock) remember_times(r, again);
  std::int32_t live = round_.live;
  if (round_.raw) {
    r.raw_from = round_raw_from_;
    r.raw_to = round_.raw->size();
    live += static_cast<std::int32_t>(r.raw_to - r.raw_from);
    r.raw = keeps_raw_ ? &raw_.filling() : nullptr;  // else the spout reads again what fails
    if (r.raw) ++r.raw->records;
  }
  for (auto& [index, why] : round_failed_) {
    if (!r.failed.empty() && r.failed[index]) continue;
    auto m = take_failed(r, index, why.node, chain_.task(), std::move(why.error));
    if (index == round_.stands_at) m->seen = round_seen_;
    schedule(std::move(m));
  }
  book_->settle(slot, live - ledger::open_bias);
}

void spout_tasklet::remember_extents(record& r, const std::vector<retry_ptr>* again) {
  r.extents.clear();
  if (!again) {
    for (const auto& p : round_.positions) r.extents.push_back(prefix_.emitted(p));
    return;
  }
  // A message that is read again starts where its own extent does: the gap in front of it is part of that.
  std::size_t k = 0;
  for (const auto& p : round_.positions) {
    while (k < again->size() && (*again)[k]->extent.next < p.next) ++k;
    r.extents.push_back(k < again->size() && (*again)[k]->extent.next == p.next ? (*again)[k]->extent
                                                                                : position{p.partition, 0, 0});
  }
}

/// REQUIRES: the extents are known.
void spout_tasklet::remember_times(record& r, const std::vector<retry_ptr>* again) {
  r.stamps.swap(round_.stamps);
  r.rounds.clear();
  if (!again) {
    r.round = released_.emitted(r.messages);
    return;
  }
  std::size_t k = 0;
  for (std::uint32_t i = 0; i < r.messages; ++i) {
    while (i < r.extents.size() && k + 1 < again->size() && (*again)[k]->extent.next < r.extents[i].next) ++k;
    r.rounds.push_back((*again)[k]->round);
  }
}

void spout_tasklet::round_full(spout_round& round) {
  if (reading_again_) throw std::length_error("it emitted far more than was asked for");
  const auto wanted = round.wanted > round.messages ? round.wanted - round.messages : 0;
  close_round(1, nullptr);
  raw_.put_aside();
  if (has_slot()) {
    open_round(wanted);
    if (retries_.unseen() != 0) write_to_raw();
    return;
  }
  // Only a spout that emits without asking `room` comes here. What it emits can't be tracked any more.
  error e{errc::full,
          describe(chain_.plan().head(), 1,
                   {errc::full, "emitted more than max_pending and " + std::to_string(2 * root::messages_per_slot) +
                                    " messages in one poll: stop at room()"})};
  round.messages = 0;
  run_.fail(e);
  throw std::length_error(e.message);
}

void spout_tasklet::message_failed(spout_round& round, std::uint32_t index, call_frame& frame) {
  count_failure(frame.failure.node);
  if (lane_) {
    round_failed_.emplace_back(index, frame.failure);
    if (round.is_new && failed_before_clock(frame)) stand(index, frame);
    return;
  }
  counts_.given_up.add(1);  // best_effort: the policy at once, and the message is not at hand any more
  give_up(frame.failure.node, frame.failure.error, 1, nullptr, 0, frame);
}

/// The message is given up when the others of its parts are done, where the run has a ledger; elsewhere with the first.
void spout_tasklet::message_rejected(spout_round& round, const position* at, call_frame& frame, error why,
                                     std::string bytes) {
  dead_letter letter;
  if (at) letter.positions.push_back(*at);
  letter.bytes = std::move(bytes);
  count_failure(chain_.plan().head());
  const auto message = round.messages - 1;
  if (round_rejected_.empty() || round_rejected_.back() != message) {
    round_rejected_.push_back(message);
    if (!lane_) counts_.given_up.add(1);
  }
  give_up(chain_.plan().head(), std::move(why), 1, std::move(letter), frame);
}

// --- in front of the clock ---

/// Stamps follow from what the clock has seen before: where the clock has still to see a message that has failed,
/// nobody overtakes it.
bool spout_tasklet::failed_before_clock(const call_frame& frame) const {
  return frame.clock && !frame.clock->follows_clock() && frame.is_before_clock(frame.failure.node);
}

/// What the spout emits behind the message waits in a batch until that has been emitted again, or is given up.
void spout_tasklet::stand(std::uint32_t index, call_frame& frame) {
  frame.undo_stamp();
  round_.stands_at = index;
  round_seen_ = round_.nth;
  write_to_raw();
}

/// A message that waits in a batch is called again there, until the clock has seen it.
bool spout_tasklet::retries_in_place(const call_frame& frame) const {
  if (event_task::retries_in_place(frame)) return true;
  return lane_ && failed_before_clock(frame) && records_[lane_->index_of(frame.anchor.slot())].attempt == 1;
}

/// A message that has a slot dies as a whole, as one does that was emitted again in vain.
void spout_tasklet::end_attempts(std::uint32_t attempts, const any_batch& in, std::size_t index, call_frame& frame) {
  if (!lane_) return event_task::end_attempts(attempts, in, index, frame);
  record& r = record_of(frame.anchor.slot());
  const auto message = frame.anchor.index();
  if (!r.failed.empty() && r.failed[message]) return;
  auto m = take_failed(r, message, frame.failure.node, chain_.task(), frame.failure.error);
  m->attempt = attempts;
  schedule(std::move(m));
}

// --- raw batches ---

/// Runs the chain over what was polled. False while some of it has to wait.
bool spout_tasklet::read_raw(bool& made) {
  raw_.queue();
  if (retries_.unseen() != 0) return false;
  while (auto* raw = raw_.front()) {
    raw_reading_ = {raw->batch.get(), raw->read};
    const bool end = read(spout_.raw_reader(), raw_reading_, made);
    if (!keeps_raw_) keep_stamps(*raw->batch, raw->read, raw_reading_.from);
    raw->read = raw_reading_.from;
    if (!end) return false;
    raw_.pop();
  }
  return true;
}

/// The clock has given them, and the batch goes: their records keep them.
void spout_tasklet::keep_stamps(const any_batch& raw, std::size_t from, std::size_t to) {
  for (auto i = from; i < to; ++i) {
    const root r = raw.root_of(i);
    if (auto& stamps = record_of(r.slot()).stamps; r.index() < stamps.size()) stamps[r.index()] = raw.stamp_of(i);
  }
}

// --- the ledger's news ---

spout_tasklet::record& spout_tasklet::record_of(std::uint32_t slot) {
  const auto at = lane_->index_of(slot);
  if (at >= records_.size()) records_.resize(at + 1);
  return records_[at];
}

bool spout_tasklet::reap() {
  if (!lane_) return false;
  bool made = false;
  std::vector<std::uint32_t> zero;
  if (lane_->has_completed()) lane_->take_completed([&](std::uint32_t slot) { zero.push_back(slot); });
  // Behind the zeros: whatever failed under these slots was posted before they reached zero.
  lane_->take_failures([&](ledger::failure& f) {
    made = true;
    note_failure(f);
  });
  for (auto slot : zero) finish(slot);
  return made || !zero.empty();
}

void spout_tasklet::note_failure(ledger::failure& f) {
  record& r = record_of(f.message.slot());
  if (r.dead) return;
  const auto index = f.message.index();
  if (!r.failed.empty() && r.failed[index]) return;  // the attempt has failed already
  schedule(take_failed(r, index, f.node, f.task, std::move(f.error)));
}

/// The message counts as failed in this attempt. REQUIRES: it did not.
retry_ptr spout_tasklet::take_failed(record& r, std::uint32_t index, std::uint32_t node, std::uint32_t task,
                                     error why) {
  if (r.failed.empty()) r.failed.resize(r.messages, false);
  r.failed[index] = true;
  auto m = std::make_unique<retry_message>();
  m->attempt = r.attempt;
  m->emitted = r.emitted;
  m->node = node;
  m->task = task;
  m->why = std::move(why);
  if (index < r.extents.size()) m->extent = r.extents[index];
  if (index < r.stamps.size()) m->stamp = r.stamps[index];
  m->round = r.round_of(index);
  if (r.raw) {
    auto layout = layout_;
    layout.capacity = 0;
    for (auto i = r.raw_from; i < r.raw_to; ++i) layout.capacity += r.raw->batch->root_of(i).index() == index;
    m->values.reset(spout_.type().make(layout));
    for (auto i = r.raw_from; i < r.raw_to; ++i)
      if (r.raw->batch->root_of(i).index() == index) spout_.type().append(*r.raw->batch, i, *m->values);
  }
  return m;
}

void spout_tasklet::schedule(retry_ptr m) {
  const bool last = m->why.fatal || m->attempt >= run_.options().retry.max_attempts;
  m->due = last ? now_ : deadline(now_, run_.options().retry.backoff(m->attempt + 1));
  retries_.push(std::move(m));
}

void spout_tasklet::finish(std::uint32_t slot) {
  record& r = record_of(slot);
  std::uint32_t done = 0;
  finished_run finished(prefix_);
  for (std::uint32_t i = 0; i < r.messages; ++i) {
    if (!r.failed.empty() && r.failed[i]) continue;
    ++done;
    if (!r.rounds.empty()) released_.finished(r.rounds[i], 1);
    if (i < r.extents.size()) finished.add(r.extents[i]);
  }
  finished.end();
  if (chain_.frame.clock && r.rounds.empty()) released_.finished(r.round, done);
  live_ -= done;
  if (!r.dead) {
    const auto rejected = static_cast<std::uint32_t>(std::count_if(
        r.rejected.begin(), r.rejected.end(), [&](auto message) { return r.failed.empty() || !r.failed[message]; }));
    counts_.given_up.add(rejected);
    counts_.acked.add(done - rejected);
    if (done > rejected)
      complete_latency_.record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now_ - r.emitted).count())),
                               done - rejected);
  }
  if (auto* raw = std::exchange(r.raw, nullptr)) {
    --raw->records;
    raw_.release(*raw);
  }
  r.extents.clear();
  lane_->close(slot);
}

void spout_tasklet::message_done(const retry_message& m) {
  --live_;
  if (chain_.frame.clock) released_.finished(m.round, 1);
  if (spout_.replayable()) prefix_.finished(m.extent);
}

// --- replay ---

bool spout_tasklet::replay() {
  std::vector<retry_ptr> due;
  bool made = false;
  // In the worst case each takes a slot of its own.
  while (due.size() < options_.max_batch && (!lane_ || lane_->room() > due.size())) {
    auto m = retries_.pop_due(now_);
    if (!m) break;
    made = true;
    if (m->why.fatal || m->attempt >= run_.options().retry.max_attempts) bury(std::move(m));
    else due.push_back(std::move(m));
  }
  if (due.empty()) return made;
  counts_.replayed.add(due.size());
  if (keeps_raw_) {
    for (auto& m : due) replay_values(std::move(m));
    return true;
  }
  // Neighbours with the same number of attempts are read back as one range.
  std::sort(due.begin(), due.end(), [](auto& a, auto& b) {
    return std::tie(a->attempt, a->extent.partition, a->extent.offset) <
           std::tie(b->attempt, b->extent.partition, b->extent.offset);
  });
  std::vector<retry_ptr> same;
  for (auto& m : due) {
    if (!same.empty() && (same.back()->attempt != m->attempt || same.back()->extent.partition != m->extent.partition ||
                          same.back()->extent.next != m->extent.offset))
      replay_read(std::exchange(same, {}));
    same.push_back(std::move(m));
  }
  replay_read(std::move(same));
  return true;
}

void spout_tasklet::replay_values(retry_ptr m) {
  std::vector<retry_ptr> one;
  one.push_back(std::move(m));
  const any_batch& values = *one[0]->values;
  raw_.with_room_for(values.size());
  open_round(1);
  round_.messages = 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    spout_.type().append(values, i, *round_.raw);
    round_.raw->set_root(round_.raw->size() - 1, root{round_.slot, 0});
  }
  close_round(one[0]->attempt + 1, &one);
  raw_.queue();
}

/// A position that is not one of the messages', in their order, each once. Null: there is none.
const position* spout_tasklet::first_surplus(const std::vector<position>& got, const std::vector<retry_ptr>& asked) {
  std::size_t k = 0;
  for (const auto& p : got) {
    while (k < asked.size() && asked[k]->extent.next < p.next) ++k;
    if (k == asked.size() || asked[k]->extent.next != p.next) return &p;
    ++k;
  }
  return nullptr;
}

/// Nothing, or what is gone for good; `problem` says whatever went wrong.
std::optional<range_lost> spout_tasklet::read_again(const position_range& range, std::string& problem) {
  std::optional<range_lost> gone;
  reading_again_ = true;
  try {
    spout_.read(range, round_);
  } catch (const range_lost& e) {
    gone = e;
    problem = e.what();
  } catch (...) { problem = "read failed: " + error_from_current_exception().message; }
  reading_again_ = false;
  return gone;
}

/// A read that threw may have given only a part of its last message: that one counts as not read. What the clock has
/// seen of it, it has seen.
void spout_tasklet::tear_last(std::vector<retry_ptr>& asked) {
  round_torn_ = round_.messages - 1;
  for (auto& m : asked) {
    if (m->extent.next != round_.positions.back().next || m->seen == retry_message::seen_all) continue;
    m->seen = std::max(m->seen, round_.stands_at == round_torn_ ? round_seen_ : round_.nth + 1);
    m->stamp = round_.stamps.back();
  }
}

void spout_tasklet::replay_read(std::vector<retry_ptr> same) {
  if (same.empty()) return;
  const position_range range{same.front()->extent.partition, same.front()->extent.offset, same.back()->extent.next};
  const auto attempt = same.front()->attempt + 1;
  open_round(static_cast<std::uint32_t>(same.size()));
  if (chain_.frame.clock)
    for (const auto& m : same) round_.known_stamps.push_back({m->extent.next, m->stamp, m->seen});
  std::string problem;
  const auto gone = read_again(range, problem);
  // What was in front of a loss had been read.
  if (!problem.empty() && round_.messages != 0 && (!gone || gone->holds(round_.positions.back()))) tear_last(same);
  std::vector<std::uint64_t> got;
  for (const auto& p : round_.positions) got.push_back(p.next);
  if (round_torn_ != spout_round::none) got.pop_back();
  if (const auto surplus = first_surplus(round_.positions, same); surplus && problem.empty())
    run_.fail({errc::data_loss,
               describe(chain_.plan().head(), attempt,
                        {errc::data_loss,
                         "read of offsets " + std::to_string(range.from) + " to " + std::to_string(range.to) +
                             " of partition " + std::to_string(range.partition) + " emitted offset " +
                             std::to_string(surplus->offset) + ", which was not asked for or came twice"})});
  close_round(attempt, &same);
  std::erase_if(same, [&](auto& m) { return std::binary_search(got.begin(), got.end(), m->extent.next); });
  if (gone) lost(*gone, range, attempt, same);
  for (auto& m : same) {
    m->attempt = attempt;
    m->node = chain_.plan().head();
    m->why = {problem.empty() ? errc::data_loss : errc::io,
              problem.empty() ? "the message at offset " + std::to_string(m->extent.offset) + " to " +
                                    std::to_string(m->extent.next) + " of partition " +
                                    std::to_string(m->extent.partition) + " could not be read again"
                              : problem};
    schedule(std::move(m));
  }
}

// --- data loss ---

/// Obeys `on_data_loss`. What it leaves in `all` is to be treated as after any read that failed.
void spout_tasklet::lost(const range_lost& gone, const position_range& wanted, std::uint32_t attempt,
                         std::vector<retry_ptr>& all) {
  const auto what = in_words(gone, wanted, run_.partitions_of(chain_.plan().head(), chain_.task()));
  if (options_.on_data_loss == on_data_loss::stop)
    return run_.fail({errc::data_loss, describe(chain_.plan().head(), attempt, {errc::data_loss, what})});
  const auto before = lost_.get();
  if (skip_lost(gone, all) && lost_.get() != before) run_.skipped_lost(name_, lost_.get() - before, what);
}

/// Gives up what is gone, and has the others read once more at once: this was no attempt of theirs. False when neither
/// a message nor the gap before one is gone.
bool spout_tasklet::skip_lost(const range_lost& gone, std::vector<retry_ptr>& all) {
  const auto gap_is_gone = [&](const position& e) {
    return e.partition == gone.lost().partition && e.offset < gone.earliest() && e.next > gone.earliest();
  };
  if (std::none_of(all.begin(), all.end(), [&](auto& m) { return gone.holds(m->extent) || gap_is_gone(m->extent); }))
    return false;
  for (auto& m : all) {
    position& e = m->extent;
    if (gone.holds(e)) {
      lost_.add(1);
      counts_.given_up.add(1);
      message_done(*m);
      continue;
    }
    if (gap_is_gone(e)) {  // it is not asked for again
      prefix_.finished({e.partition, e.offset, gone.earliest()});
      e.offset = gone.earliest();
    }
    m->due = now_;
    retries_.push(std::move(m));
  }
  all.clear();
  return true;
}

/// The message is given up: its policy, then it counts as finished, for a dead letter when that has been dealt with.
void spout_tasklet::bury(retry_ptr m) {
  counts_.given_up.add(1);
  const auto policy = m->why.fatal ? on_failure::stop : policy_of(m->node);
  if (policy == on_failure::stop) {
    m->why.message = describe(m->node, m->task, m->attempt, m->why);
    return run_.fail(std::move(m->why));
  }
  if (policy == on_failure::skip) {
    counts_.skipped.add(1);
    return message_done(*m);
  }
  if (!m->values && spout_.replayable()) m->values = read_aside(spout_, m->extent, layout_);
  dead_letter letter;
  letter.node = run_.graph().nodes()[m->node].name;
  letter.task = m->task;
  letter.error = m->why.message;
  letter.attempts = m->attempt;
  letter.type = readable_type_name(spout_.type().name);
  if (spout_.replayable()) letter.positions.push_back(m->extent);
  if (m->values && m->values->size() && spout_.type().write) {
    writer w;
    for (std::size_t i = 0; i < m->values->size(); ++i) spout_.type().write(w, *m->values, i);
    letter.bytes = w.data();
  }
  if (!run_.plan().uses_dead_letters) {
    counts_.dead_lettered.add(1);
    run_.unread_dead_letter(std::move(letter));
    return message_done(*m);
  }
  const auto slot = lane_->open();
  record& r = record_of(slot);
  r = {};
  r.messages = 1;
  r.dead = true;
  if (spout_.replayable()) {
    r.extents.push_back(m->extent);
    r.stamps.push_back(m->stamp);
  }
  r.emitted = m->emitted;
  r.round = m->round;
  call_frame scratch;
  emit_dead_letter(std::move(letter), root{slot, 0}, nullptr, scratch);
  flush_due_ = true;
  book_->settle(slot, scratch.children - ledger::open_bias);
}

// --- positions ---

bool spout_tasklet::commits() const { return spout_.replayable() && run_.commits_positions(); }

/// A time comes at which there is something to tell. Behind the last slice: that has told what was due.
bool spout_tasklet::has_to_commit() const {
  const bool works = phase_ == phase::working || phase_ == phase::flushing;
  return works && !epochs_ && next_commit_ != time_point{} && (prefix_.has_progress() || !committer_.empty());
}

/// Tells the spout how far everything is finished: every commit_interval, and when the run has drained.
bool spout_tasklet::commit(bool last) {
  if (epochs_) return last && commit_due(last);  // what the last epoch has covered
  if (!commits() || (guarantee_ == guarantee::exactly_once && !last)) return false;
  if (!last) {
    if (next_commit_ == time_point{}) next_commit_ = deadline(now_, run_.options().commit_interval);
    if (now_ < next_commit_) return false;
    next_commit_ = deadline(now_, run_.options().commit_interval);
  }
  for (const auto& p : prefix_.take_progress()) committer_.finished(p);
  const bool made = commit_due(last);
  if (!last && !committer_.empty())  // it failed
    next_commit_ = std::max(next_commit_, deadline(now_, run_.options().retry.backoff(2)));
  return made;
}

bool spout_tasklet::commit_due(bool last) {
  if (committer_.empty()) return false;
  if (auto e = committer_.commit(spout_)) {
    e->message = describe(chain_.plan().head(), 1, {e->code, "commit failed: " + e->message});
    if (last) run_.fail(std::move(*e));
    else run_.options().log.log(log_level::warning, name_, e->message + ", and is made again");
  }
  return true;
}

// --- epochs ---

void spout_tasklet::go_on(const run_checkpoints& kept) {
  const auto head = chain_.plan().head();
  call_before_run(head, "seek", [&](task_operator&) {
    kept.seek(head, run_.partitions_of(head, chain_.task()), spout_, chain_.frame.clock);
  });
}

bool spout_tasklet::is_read_to_barrier() { return raw_.all_read(); }

/// What is finished beyond `of.offset`: in this run, and behind what it has emitted, up to `emitted`, by one before.
void spout_tasklet::note_finished(checkpoint_partition& of, partition_id id, std::uint64_t emitted) const {
  const bool keeps_count = guarantee_ == guarantee::at_least_once;
  auto all = keeps_count ? prefix_.beyond(id, max_finished_intervals) : std::vector<position_range>{};
  for (const auto& r : spout_.past_behind(id, emitted)) all.push_back(r);
  if (all.size() > max_finished_intervals) all.resize(max_finished_intervals);
  for (const auto& r : all) of.finished.push_back({r.from, r.to});
}

/// By partition: the stamp of the first message that isn't finished, which is the least of all.
std::map<partition_id, event_time> spout_tasklet::unfinished_stamps() const {
  std::map<partition_id, event_time> least;
  auto last = least.end();  // mostly the next is of the same partition
  const auto consider = [&](const position& extent, event_time stamp) {
    if (last == least.end() || last->first != extent.partition) last = least.try_emplace(extent.partition, stamp).first;
    last->second = std::min(last->second, stamp);
  };
  for (const record& r : records_)
    for (std::size_t i = 0; i < r.extents.size(); ++i)
      if (r.failed.empty() || !r.failed[i]) consider(r.extents[i], r.stamps[i]);
  for (const auto& m : retries_) consider(m->extent, m->stamp);
  return least;
}

/// Under at_least_once a restart emits once more what isn't finished; what is finished behind that is read past.
void spout_tasklet::note_epoch(task_epoch& said) {
  const bool keeps_count = guarantee_ == guarantee::at_least_once;
  const auto head = chain_.plan().head();
  const auto names = run_.partitions_of(head, chain_.task());
  at_barrier_.clear();
  said.is_stopped = ended_by_stop_;
  if (!spout_.replayable()) return;
  auto* clock = chain_.frame.clock;
  const auto unfinished = clock && keeps_count ? unfinished_stamps() : std::map<partition_id, event_time>{};
  for (const auto& p : prefix_.standing()) {
    const auto named = std::find_if(names.begin(), names.end(), [&](auto& n) { return n.id == p.partition; });
    if (named == names.end()) continue;
    checkpoint_partition of;
    of.node = run_.graph().nodes()[head].name;
    of.name = named->name;
    of.offset = keeps_count ? p.offset : p.next;
    note_finished(of, p.partition, p.next);
    of.saved = spout_.save(p.partition);
    at_barrier_.push_back({p.partition, of.offset, of.offset});
    if (clock) {
      writer w;
      if (const auto first = unfinished.find(p.partition); first != unfinished.end())
        clock->save_reached(p.partition, first->second, w);
      else clock->save(p.partition, w);
      of.clock = w.take();
      of.watermark = std::min(clock->watermark(), chain_.frame.watermark);
    }
    said.partitions.push_back(std::move(of));
  }
}

void spout_tasklet::epoch_committed() {
  if (!commits()) return;
  for (const auto& p : std::exchange(at_barrier_, {})) committer_.finished(p);
  commit_due(false);
}

void spout_tasklet::publish() {
  publish_members();
  if (chain_.frame.clock) {
    const bool waits = chain_.frame.clock->waits_for_messages() && released_.waiting();
    const auto holding = waits ? prefix_.first_unfinished() : std::nullopt;
    if (holding) {
      held_partition_.set(holding->partition);
      held_offset_.set(holding->offset);
    }
    is_held_back_.store(holding.has_value(), std::memory_order_relaxed);
  }
  if (lane_) return counts_.pending.set(live_);
  // Without a ledger a message is finished when this chain is done with it.
  const std::uint64_t unread = raw_.queued_tuples();
  counts_.pending.set(unread);
  counts_.acked.set(counts_.emitted.get() - std::min(counts_.emitted.get(), counts_.given_up.get() + unread));
}

void spout_tasklet::collect(run_metrics& into, std::chrono::nanoseconds uptime) const {
  const auto mine = into.tasks.size();
  event_task::collect(into, uptime);
  into.tasks[mine].complete_latency = complete_latency_.copy();
  into.tasks[mine].lost = lost_.get();
  into.tasks[mine].nothing_at_hand = static_cast<double>(empty_handed_.ns_at(run_.options().clock->now())) /
                                     static_cast<double>(std::max<std::int64_t>(1, uptime.count()));
  if (is_held_back_.load(std::memory_order_relaxed))
    into.tasks[mine].holding_back =
        position{static_cast<partition_id>(held_partition_.get()), held_offset_.get(), held_offset_.get()};
}

}  // namespace freshet
