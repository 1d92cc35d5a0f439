#include "event/event_task.hpp"

#include <algorithm>

#include "freshet/base/time_arithmetic.hpp"
#include "runtime/doubled_pause.hpp"

namespace freshet {

std::chrono::nanoseconds retry_options::backoff(std::uint32_t attempt) const {
  return doubled_pause(first, longest, std::max(attempt, 2u) - 1);
}

namespace {
constexpr auto unsaved = "its state can't be saved: ";
}  // namespace

event_task::event_task(event_run& run, const chain_setup& setup, std::size_t worker)
    : run_(run),
      chain_(setup),
      worker_(worker),
      name_(run.task_name(chain_.plan().head(), setup.task)),
      book_(run.book()),
      guarantee_(run.options().guarantee),
      counts_(chain_.members.size()),
      sink_reading_(chain_.sinks.size()),
      sink_retry_(chain_.sinks.size()),
      waker_(std::make_shared<task_waker>(run.shared_pool(), worker)),
      desk_(std::make_shared<hold_desk>(book_, setup.task, waker{waker_})),
      delay_(run.graph().nodes()[chain_.plan().head()].delay),
      sinks_and_state_(chain_, run.graph()),
      call_attempts_(chain_.members.size()) {
  chain_.attach(*this);
  if (chain_.plan().below_dead_letters) desk_->keep_failures();
}

event_task::~event_task() {
  desk_->abandon();
  for (auto& r : sink_reading_) delete r.batch;
}

void event_task::open() {
  const auto& nodes = run_.graph().nodes();
  const auto now = run_.options().clock->now();
  for (std::size_t m = 0; m < chain_.members.size(); ++m) {
    auto& member = chain_.members[m];
    const node& n = nodes[member.node];
    task_context c;
    c.node = n.name;
    c.task = chain_.task();
    c.task_count = n.parallelism();
    c.seed = hash_bytes(n.name.data(), n.name.size()) + chain_.task();
    c.stop = run_.stop_token();
    c.wake = waker{waker_};
    c.log = run_.options().log;
    c.clock = run_.options().clock;
    if (n.kind == node_kind::spout) c.partitions = run_.partitions_of(member.node, chain_.task());
    try {
      member.op->open(c);
    } catch (...) {
      auto e = error_from_current_exception();
      e.message = describe(member.node, 1, {e.code, "open failed: " + e.message});
      throw run_error(std::move(e));
    }
    if (n.options.tick > std::chrono::nanoseconds{})
      ticks_.push_back({m, n.options.tick, deadline(now, n.options.tick)});
  }
  if (!chain_.plan().is_spout) return;
  const auto head = chain_.plan().head();
  chain_.open_clock(run_.partitions_of(head, chain_.task()), !run_.partitions_of(head, 0).empty(), now,
                    run_.alignment_of(head));
}

void event_task::go_on(const run_checkpoints& kept) { sinks_and_state_.load(kept); }

void event_task::begin_epochs(epoch_coordinator& coordinator) {
  epochs_ = &coordinator;
  epoch_ = told_committed_ = coordinator.committed();
  saved_ = activity();
  sinks_and_state_.note_changes();
  try {
    sinks_and_state_.begin_ahead(coordinator.id_of(epoch_ + 1));
    sinks_and_state_.begin(coordinator.id_of(epoch_ + 1));
  } catch (...) {
    auto e = error_from_current_exception();
    e.message = describe(chain_.members[sinks_and_state_.member_at()].node, 1, {e.code, "begin failed: " + e.message});
    throw run_error(std::move(e));
  }
}

void event_task::call_before_run(std::uint32_t node, const std::string& what,
                                 const std::function<void(task_operator&)>& f) {
  try {
    f(sinks_and_state_.member_of(node));
  } catch (const run_error&) { throw; } catch (...) {
    auto e = error_from_current_exception();
    e.message = describe(node, 1, {e.code, what + " failed: " + e.message});
    throw run_error(std::move(e));
  }
}

std::string event_task::describe(std::uint32_t node, std::uint32_t attempt, const error& e) const {
  return describe(node, chain_.task(), attempt, e);
}

std::string event_task::describe(std::uint32_t node, std::uint32_t task, std::uint32_t attempt, const error& e) const {
  return std::string(to_string(run_.graph().nodes()[node].kind)) + " " + run_.task_name(node, task) + ", attempt " +
         std::to_string(attempt) + ": " + e.message;
}

on_failure event_task::policy_of(std::uint32_t node) const {
  const auto& n = run_.graph().nodes()[node];
  return n.kind == node_kind::spout ? n.spout.on_failure : n.options.on_failure;
}

// --- failures ---

bool event_task::retries_in_place(const call_frame& frame) const {
  if (guarantee_ == guarantee::best_effort) return false;
  return guarantee_ == guarantee::exactly_once || !frame.anchor || chain_.plan().below_dead_letters;
}

task_host::verdict event_task::failed(call_frame& frame, const any_batch& in, std::size_t index) {
  count_failure(frame.failure.node);
  if (run_.cancelled()) return verdict::stop;
  const bool best_effort = guarantee_ == guarantee::best_effort;
  if (!best_effort && !retries_in_place(frame)) {
    const auto post = [&](root r) { book_->post(r, frame.failure.node, chain_.task(), frame.failure.error); };
    if (!frame.anchors) post(frame.anchor);
    else
      for (root r : *frame.anchors) post(r);
    return verdict::next;
  }
  retry& again = retry_of(frame, in);
  if (again.batch != &in || again.index != index) again = {&in, index, 0, {}};
  const auto attempts = ++again.attempts;
  if (!best_effort && !frame.failure.error.fatal && attempts < run_.options().retry.max_attempts) {
    counts_.retried.add(1);
    again.due = deadline(run_.options().clock->now(), run_.options().retry.backoff(attempts + 1));
    return verdict::again_later;
  }
  again = {};
  frame.give_up_stamp();
  end_attempts(attempts, in, index, frame);
  return run_.cancelled() ? verdict::stop : verdict::next;
}

void event_task::end_attempts(std::uint32_t attempts, const any_batch& in, std::size_t index, call_frame& frame) {
  counts_.given_up.add(1);
  give_up(frame.failure.node, frame.failure.error, attempts, &in, index, frame);
}

event_task::retry& event_task::retry_of(const call_frame& frame, const any_batch& in) {
  for (std::size_t i = 0; i < chain_.sinks.size(); ++i)
    if (chain_.sinks[i].frame.get() == &frame) return sink_retry_[i];
  if (&in == firing_.batch) return firing_retry_;
  return &in == repeating_.tuple.get() ? repeat_retry_ : retry_;
}

void event_task::give_up(std::uint32_t node, error e, std::uint32_t attempts, const any_batch* in, std::size_t index,
                         call_frame& frame) {
  dead_letter letter;
  if (in && policy_of(node) == on_failure::dead_letter) {
    letter.type = readable_type_name(in->type().name);
    if (in->type().write) {
      writer w;
      in->type().write(w, *in, index);
      letter.bytes = w.data();
    }
  }
  give_up(node, std::move(e), attempts, std::move(letter), frame);
}

void event_task::give_up(std::uint32_t node, error e, std::uint32_t attempts, dead_letter letter, call_frame& frame) {
  switch (e.fatal ? on_failure::stop : policy_of(node)) {
    case on_failure::skip:
      counts_.skipped.add(1);
      return;
    case on_failure::stop:
      e.message = describe(node, attempts, e);
      run_.fail(std::move(e));
      return;
    case on_failure::dead_letter:
      break;
  }
  letter.node = run_.graph().nodes()[node].name;
  letter.task = chain_.task();
  letter.error = e.message;
  letter.attempts = attempts;
  emit_dead_letter(std::move(letter), frame.anchor, frame.anchors, frame);
}

/// The letter is a child of `frame`'s call, so that its message is finished when the letter is.
void event_task::emit_dead_letter(dead_letter letter, root anchor, const root_list* several, call_frame& frame) {
  counts_.dead_lettered.add(1);
  if (!run_.plan().uses_dead_letters || chain_.plan().below_dead_letters)
    return run_.unread_dead_letter(std::move(letter));
  call_frame& out = chain_.frame;
  const auto before = &out == &frame ? out.children : 0;
  ++inside_.base_call;  // a call of its own: those of the tuples that follow keep their distance
  const auto why = chain_.send_letter(letter, anchor, several, frame.time, frame.stamp);
  frame.children = before + out.children;
  if (!why) return;
  letter.error += run_.unsent(*why);
  run_.unread_dead_letter(std::move(letter));
}

// --- held tuples ---

std::shared_ptr<held_state> event_task::hold(call_frame& frame, std::uint32_t node) {
  const auto timeout = run_.options().message_timeout;
  const auto until = timeout > std::chrono::nanoseconds{} ? deadline(now_, timeout) : time_point::max();
  return desk_->hold(frame, node, until, repetition_of(frame));
}

/// A copy of the tuple in process, where no spout would emit it again.
hold_desk::repetition event_task::repetition_of(const call_frame& frame) const {
  const bool spout_repeats = book_ && frame.anchor && !chain_.plan().below_dead_letters;
  if (spout_repeats || !inside_.batch || &frame != &chain_.frame) return {};
  hold_desk::repetition again;
  again.reader = inside_.reader;
  if (inside_.batch == repeating_.tuple.get()) again.attempts = repeating_.attempts;
  const auto& type = inside_.batch->type();
  again.tuple.reset(type.make({1, inside_.batch->has_roots(), inside_.batch->has_times()}));
  type.append(*inside_.batch, frame.call - inside_.base_call - 1, *again.tuple);
  return again;
}

/// What follows when a token has failed and no spout emits its tuple again: the tuple is called again in place, then
/// meets the policy.
void event_task::answer(hold_desk::failed_hold f) {
  count_failure(f.node);
  const auto attempts = f.again.attempts;
  if (!f.error.fatal && f.again.tuple && guarantee_ != guarantee::best_effort &&
      attempts < run_.options().retry.max_attempts) {
    counts_.retried.add(1);
    repeats_.push_back({std::move(f.again), deadline(now_, run_.options().retry.backoff(attempts + 1))});
    ++repeats_.back().what.attempts;
    return;
  }
  counts_.given_up.add(1);
  chain_.frame.begin_unrooted();
  give_up(f.node, f.error, attempts, f.again.tuple.get(), 0, chain_.frame);
  desk_->settle_failed(f);
}

/// Reads tuples again that had been held and have failed.
void event_task::repeat(bool& made) {
  while (repeat_reading_ || !repeats_.empty()) {
    if (!repeat_reading_) {
      const auto due = std::find_if(repeats_.begin(), repeats_.end(), [this](auto& r) { return r.due <= now_; });
      if (due == repeats_.end()) return;
      repeating_ = std::move(due->what);
      repeats_.erase(due);
      repeat_reading_ = {repeating_.tuple.get(), 0};
    }
    if (repeat_retry_.due > now_ || blocked() || !chain_.head().ready()) return;
    const bool end = read(*repeating_.reader, repeat_reading_, made);
    if (repeat_reading_.from == 0) return;
    repeat_reading_ = {};
    repeat_retry_ = {};
    repeating_ = {};
    flushes_last_ = false;  // bolts may hold something once more
    if (phase_ == phase::flushing) phase_ = phase::working;
    if (!end) return;
  }
}

bool event_task::has_due_repeat() const {
  const auto is_due = [this](const repeat_call& r) { return r.due <= now_; };
  return repeat_retry_.due <= now_ && (repeat_reading_ || std::any_of(repeats_.begin(), repeats_.end(), is_due));
}

bool event_task::holds() const {
  return desk_->outstanding() != 0 || desk_->has_failed() || !repeats_.empty() || repeat_reading_;
}

// --- reading and sending ---

bool event_task::read(any_reader& reader, reading& r, bool& made) {
  while (true) {
    const auto began = run_.options().clock->now();
    const auto from = r.from;
    inside_ = {&reader, r.batch, chain_.frame.call - from};
    const auto result = reader.read(*r.batch, from);
    inside_ = {};
    clocked_ = run_.options().clock->now();
    const auto took = (clocked_ - began).count();
    r.from = result.next;
    counts_.busy_ns.add(static_cast<std::uint64_t>(took));
    if (result.next != from) {
      counts_.execute_latency.record(static_cast<std::uint64_t>(took), 1);
      made = true;
    }
    retry& again = retry_of(chain_.frame, *r.batch);
    if (result.why != read_stop::again_later) again = {};
    else made |= again.due <= now_;  // without a pause: at once
    if (!drain_sinks(made)) return false;
    if (result.why == read_stop::end) return true;
    if (result.why != read_stop::outbox_full) return false;
    made = true;
    offer();
    if (blocked()) return false;
  }
}

/// Lets the sinks in this task read what the last calls left for them. False while one of them has to wait.
bool event_task::drain_sinks(bool& made) {
  bool all = true;
  for (std::size_t i = 0; i < chain_.sinks.size(); ++i) {
    auto& sink = chain_.sinks[i];
    auto& r = sink_reading_[i];
    sink.outbox().seal();
    const bool has_some = r || sink.outbox().has_sealed();
    const bool waits = awaits_commit(sink.member);
    if (sink_retry_[i].due > now_ || (waits && has_some)) {
      all = false;
      continue;
    }
    while (r || sink.outbox().has_sealed()) {
      if (!r) r = {sink.outbox().pop(), 0};
      const auto result = sink.reader->read(*r.batch, r.from);
      made |= result.next != r.from;
      r.from = result.next;
      if (result.why != read_stop::again_later) sink_retry_[i] = {};
      else made |= sink_retry_[i].due <= now_;
      if (result.why != read_stop::end) {
        if (result.why == read_stop::outbox_full) continue;
        all = false;
        break;
      }
      sink.outbox().pool.give(r.batch);
      r = {};
    }
  }
  return all;
}

bool event_task::offer() {
  bool any = false;
  to_wake_.clear();
  for (auto& l : links_)
    any |= l.out->offer(clocked_, [this](std::size_t worker) {
      if (worker != worker_) to_wake_.push_back(worker);
    });
  if (to_wake_.empty()) return any;
  std::sort(to_wake_.begin(), to_wake_.end());
  to_wake_.erase(std::unique(to_wake_.begin(), to_wake_.end()), to_wake_.end());
  // One fence for all: the batches are in the rings before anybody's announcement is read.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (auto w : to_wake_) run_.pool().wake(w);
  return any;
}

bool event_task::blocked() const {
  for (const auto& l : links_)
    if (l.out->blocked()) return true;
  return false;
}

void event_task::send_marks(const batch_marks& marks) {
  for (auto& l : links_) {
    auto& box = l.out->box();
    auto& m = box.marks();
    m.flush |= marks.flush;
    m.end |= marks.end;
    if (marks.watermark != beginning_of_time) m.watermark = marks.watermark;
    m.idle |= marks.idle;
    if (marks.barrier) m.barrier = marks.barrier;
    box.seal();
  }
}

// --- event time ---

bool event_task::keep_time(event_time watermark, bool clock_ends, bool& made) {
  time_ = std::max(time_, watermark);
  const event_time now = clock_ends ? end_of_time : chain_.frame.now;
  for (std::size_t called = 0; firing_ || (firing_.batch = chain_.take_due(time_, now, firing_by_));) {
    called += firing_.batch->size();
    if (!read(*firing_by_, firing_, made)) return false;
    firing_ = {};
    if (called >= timers_a_time) return false;
  }
  clock_has_ended_ = clock_ends;
  chain_.frame.watermark = time_;
  chain_.expire_state(time_domain::event, time_);
  pass_time_on(shifted_back(time_, delay_));
  return true;
}

/// What a bolt holds back comes out with an older time: the watermark waits until it has.
void event_task::pass_time_on(event_time watermark) {
  if (watermark <= std::max({told_, waiting_.watermark, next_.watermark})) return;
  next_ = {watermark, desk_->taken()};
  let_time_pass();
}

bool event_task::let_time_pass() {
  bool any = false;
  while (true) {
    if (waiting_.watermark == beginning_of_time) waiting_ = std::exchange(next_, {});
    if (waiting_.watermark == beginning_of_time || !tokens_settled(waiting_.taken)) return any;
    batch_marks m;
    m.watermark = told_ = waiting_.watermark;
    waiting_ = {};
    said_idle_ = false;
    send_marks(m);
    any = true;
  }
}

bool event_task::tokens_settled(std::uint64_t taken) const {
  // The failures behind the tokens: one may fail in between, on another thread.
  return repeats_.empty() && !repeat_reading_ &&
         std::all_of(chain_.members.begin(), chain_.members.end(),
                     [&](auto& m) { return desk_->settled(m.node, taken); }) &&
         !desk_->has_failed();
}

void event_task::say_idle(bool is_idle) {
  const bool is_passing = waiting_.watermark != beginning_of_time;  // that comes first
  if (said_idle_ == is_idle || is_passing) return;
  said_idle_ = is_idle;
  batch_marks m;
  m.idle = is_idle;
  if (!is_idle) m.watermark = told_;  // which wakes those who read it
  send_marks(m);
}

// --- calls that no tuple caused ---

bool event_task::guarded(std::size_t m, bare_call call) {
  static constexpr struct {
    void (task_operator::*function)();
    const char* name;
  } calls[] = {{&task_operator::tick, "on_tick"}, {&task_operator::flush, "flush"}, {&task_operator::wake, "on_wake"}};
  const auto& [function, name] = calls[static_cast<std::size_t>(call)];
  auto& so_far = call_attempts_[m][static_cast<std::size_t>(call)];
  auto& member = chain_.members[m];
  call_frame& frame = *member.frame;
  frame.begin_unrooted();
  try {
    const inside_calls inside(frame.place);
    (member.op.get()->*function)();
  } catch (...) { frame.fail_from_exception(member.node); }
  if (!frame.flags.failed) {
    if (frame.flags.deferred) frame.apply_deferred();
    so_far = 0;
    return true;
  }
  const bool tokens_failed_instead = !frame.acks.empty();
  frame.cut_back();
  frame.flags.failed = false;
  count_failure(frame.failure.node);
  frame.failure.error.message = std::string(name) + " failed: " + frame.failure.error.message;
  if (tokens_failed_instead) {
    // Held tuples that the call wanted to ack have failed with it: each is tried again for itself.
    so_far = 0;
    return true;
  }
  const auto attempts = ++so_far;
  if (guarantee_ != guarantee::best_effort && !frame.failure.error.fatal &&
      attempts < run_.options().retry.max_attempts) {
    counts_.retried.add(1);
    calls_due_ = deadline(run_.options().clock->now(), run_.options().retry.backoff(attempts + 1));
    return false;
  }
  so_far = 0;
  give_up(frame.failure.node, frame.failure.error, attempts, nullptr, 0, frame);
  return true;
}

bool event_task::call_woken() {
  for (std::size_t m = 0; m < chain_.members.size(); ++m)
    if (!guarded(m, bare_call::wake)) return false;
  return true;
}

// --- flushing ---

/// Grows with every tuple that a member reads or sends.
std::uint64_t event_task::activity() const {
  std::uint64_t sum = 0;
  for (const auto& m : chain_.members) sum += m.op->executed;
  for (const auto& l : links_) sum += l.out->box().appended();
  return sum;
}

/// A mark behind which nothing has happened is dropped: marks come over every channel, and would multiply at every
/// step.
void event_task::pass_flush_on() {
  const auto now = activity();
  if (now == (flush_.active ? flush_.began : flushed_)) return;
  if (flush_.active) flush_.again = true;
  else begin_flush(true);
}

void event_task::begin_flush(bool tell) {
  flush_ = {};
  flush_.active = true;
  flush_.tell = tell;
  flush_.began = activity();
  flush_.read = chain_.head().executed;
}

/// A member is flushed when those before it are, and when what they held by then has been let go: only then has it seen
/// what it is to let go. True: something was done.
bool event_task::flush_some() {
  bool made = false;
  while (flush_.active && !stalled() && !blocked()) {
    if (flush_.member == chain_.members.size()) {
      end_flush();
      made = true;
      continue;
    }
    if (!flush_.called) {
      if (awaits_commit(flush_.member)) break;
      // A sink in this task first gets what the bolts before it have just emitted.
      if (chain_.plan().members[flush_.member].local_sink && !drain_sinks(made)) break;
      if (!guarded(flush_.member, bare_call::flush)) return made || calls_due_ <= now_;
      flush_.called = made = true;
      flush_.taken = desk_->taken();
    }
    if (!desk_->settled(chain_.members[flush_.member].node, flush_.taken)) break;
    flush_.called = false;
    ++flush_.member;
  }
  return made;
}

void event_task::end_flush() {
  if (flush_.tell) {
    batch_marks m;
    m.flush = true;
    send_marks(m);
  }
  const auto done = std::exchange(flush_, {});
  // What came out meanwhile has its mark behind it, unless it came of new tuples.
  flushed_ = chain_.head().executed == done.read ? activity() : done.began;
  if (done.again) begin_flush(true);
}

bool event_task::tick() {
  bool made = false;
  for (auto& t : ticks_) {
    if (t.due > now_ || awaits_commit(t.member)) continue;
    made = true;
    if (!guarded(t.member, bare_call::tick)) break;
    t.due = std::max(deadline(t.due, t.interval), now_);  // overdue ticks collapse into one
  }
  return made;
}

bool event_task::housekeeping() {
  bool made = false;
  if (const auto n = desk_->expire(now_, run_.options().message_timeout)) {
    counts_.timed_out.add(n);
    made = true;
  }
  for (auto& f : desk_->take_failed()) {
    made = true;
    answer(std::move(f));
  }
  return made;
}

// --- epochs ---

bool event_task::keep_epochs() {
  bool made = is_saving_ && save_some();
  made |= awaits_commit_ && commit_epoch();
  if (const auto newest = epochs_->committed(); newest != told_committed_ && !awaits_commit_) {
    told_committed_ = newest;
    epoch_committed();
    made = true;
  }
  std::uint64_t epoch = 0;
  if (phase_ == phase::working) epoch = barrier_here();
  else if (phase_ == phase::closing && epochs_->announced() != epoch_) epoch = epochs_->announced();
  // Behind the one before: what that has covered is told before this has other positions.
  if (epoch == 0 || awaits_commit_ || is_saving_ || told_committed_ != epoch_) return made;
  if (phase_ == phase::working && !let_go_before_barrier(made)) return made;
  pass_barrier(epoch);
  return true;
}

/// What came before the barrier has left the chain, or is in its states. False: something has to wait.
bool event_task::let_go_before_barrier(bool& made) {
  if (stalled() || firing_ || blocked() || !is_read_to_barrier() || !drain_sinks(made)) return false;
  if (!flush_.active && activity() != flushed_) begin_flush(false);
  made |= flush_some();
  if (flush_.active || stalled() || holds()) return false;
  made |= let_time_pass();
  return waiting_.watermark == beginning_of_time && drain_sinks(made) && activity() == flushed_;
}

void event_task::pass_barrier(std::uint64_t epoch) {
  said_.emplace();
  try {
    sinks_and_state_.prepare(*said_);
  } catch (...) { return fail_epoch(chain_.members[sinks_and_state_.member_at()].node, "prepare failed: "); }
  try {
    sinks_and_state_.freeze_state(epochs_->kept(), epochs_->wanted_states());
  } catch (...) { return fail_epoch(chain_.plan().head(), unsaved); }
  note_epoch(*said_);
  is_saving_ = true;
  epoch_ = epoch;
  is_last_epoch_ = epochs_->is_last();
  saved_ = activity();
  awaits_commit_ = has_epoch_sinks();
  if (phase_ != phase::working) return;
  batch_marks m;
  m.barrier = epoch;
  send_marks(m);
}

/// Writes some of the state as it was at the barrier: about as many keys a slice as it reads tuples, so that both get
/// on. What has changed first: the epoch needs no more to be committed. True: something was done.
bool event_task::save_some() {
  constexpr std::size_t keys_a_slice = 2048;
  try {
    if (said_ && sinks_and_state_.has_changes()) {
      sinks_and_state_.take_changes(*said_);
      epochs_->arrived(*std::exchange(said_, {}));
      return true;
    }
    if (!sinks_and_state_.write_state(keys_a_slice) || said_) return true;
    is_saving_ = false;
    give_states();
  } catch (...) { fail_epoch(chain_.plan().head(), unsaved); }
  return true;
}

/// Without the snapshot of a store there is no checkpoint, and the epoch is in the log all the same.
void event_task::give_states() {
  try {
    epochs_->have_saved(sinks_and_state_.take_states());
  } catch (const state_store_error& e) { epochs_->have_not_saved({errc::io, e.what()}); }
}

/// What the sinks were given in this epoch can't be given again here: the next run goes on from the one before.
void event_task::fail_epoch(std::uint32_t node, const char* what) {
  said_.reset();
  is_saving_ = false;
  auto e = error_from_current_exception();
  e.message = describe(node, 1, {e.code, what + e.message});
  run_.fail(std::move(e));
}

/// The member is a sink that is given nothing until what it has prepared is committed, and its next epoch has begun.
bool event_task::awaits_commit(std::size_t member) const {
  if (!awaits_commit_ || !sinks_and_state_.is_sink_with_epochs(member)) return false;
  return !has_begun_ahead_ || !sinks_and_state_.overlaps_epochs(member);
}

/// Those that can begin the next epoch at once. The sink that decides commits, then the others; then they begin the
/// next. True: something was done.
bool event_task::commit_epoch() {
  if (calls_due_ > now_) return false;
  if (!has_begun_ahead_ && !is_last_epoch_) {
    has_begun_ahead_ = begin_next(&chain_epochs::begin_ahead);
    return true;
  }
  if (!begins_next_) {
    const auto up_to = sinks_and_state_.decides() ? epochs_->decided() : epochs_->committed();
    if (up_to < epoch_) return false;
    if (!call_sinks("commit", [this] { sinks_and_state_.commit(); })) return true;
    begins_next_ = true;
    epochs_->have_committed();
  }
  if (is_last_epoch_ || begin_next(&chain_epochs::begin)) has_begun_ahead_ = begins_next_ = awaits_commit_ = false;
  return true;
}

bool event_task::begin_next(void (chain_epochs::*begin)(const epoch_id&)) {
  return call_sinks("begin", [&] { (sinks_and_state_.*begin)(epochs_->id_of(epoch_ + 1)); });
}

/// What has been decided is done: a commit may be made again, and then changes nothing.
bool event_task::call_sinks(const char* what, const std::function<void()>& call) {
  try {
    call();
    sink_attempts_ = 0;
    return true;
  } catch (...) {
    auto e = error_from_current_exception();
    const auto node = chain_.members[sinks_and_state_.member_at()].node;
    e.message = describe(node, ++sink_attempts_, {e.code, std::string(what) + " failed: " + e.message});
    if (e.fatal || sink_attempts_ >= run_.options().retry.max_attempts) {
      run_.fail(std::move(e));
    } else {
      run_.options().log.log(log_level::warning, name_, e.message + ", and is made again");
      calls_due_ = deadline(run_.options().clock->now(), run_.options().retry.backoff(sink_attempts_ + 1));
    }
    return false;
  }
}

// --- another number of tasks ---

bool event_task::come_to_rest(bool& made) {
  return phase_ == phase::working && !is_saving_ && !awaits_commit_ && let_go_before_barrier(made);
}

bool event_task::is_saved() const {
  const auto& state = chain_.head().state;
  return !epochs_ || (activity() == saved_ && (!state || state->touched() == 0));
}

bool event_task::has_sent_all(std::size_t route) const {
  return std::all_of(links_.begin(), links_.end(),
                     [&](auto& l) { return l.route != route || (!l.out->blocked() && l.out->box().empty()); });
}

link_counts event_task::drop_links(std::size_t route) {
  link_counts sum;
  for (const auto& l : links_) {
    if (l.route != route) continue;
    const auto counts = l.out->counts();
    sum.emitted += counts.emitted;
    sum.transferred += counts.transferred;
  }
  std::erase_if(links_, [&](auto& l) { return l.route == route; });
  return sum;
}

void event_task::count(std::size_t route, const link_counts& more) {
  for (auto& l : links_)
    if (l.route == route) return l.out->count(more);
}

std::optional<error> event_task::retire() {
  phase_ = phase::done;
  if (epochs_) sinks_and_state_.abort();  // nothing was written in what has begun
  questions_.close();
  finished_.store(true, std::memory_order_release);
  return close_members();
}

void event_task::stand_where(const event_task& was) {
  chain_.frame.now = was.chain_.frame.now;
  set_time(was.chain_.frame.watermark);
  told_ = was.told_;
  said_idle_ = was.said_idle_;
}

void event_task::count_for(const event_task& was) {
  counts_.add(was.counts_);
  for (std::size_t m = 0; m < chain_.members.size(); ++m)
    chain_.members[m].op->executed += was.chain_.members[m].op->executed;
  chain_.frame.late += was.chain_.frame.late;
  chain_.frame.woke_behind += was.chain_.frame.woke_behind;
  late_answers_before_ += was.late_answers_before_ + was.desk_->late_answers();
  expired_before_ += was.counts_.state_expired.get();
  flushed_ = activity();
}

// --- the slice ---

tasklet::progress event_task::run(time_point now) {
  now_ = clocked_ = now;
  if (phase_ == phase::done) return {false, true};
  questions_.answer();
  if (run_.cancelled() || run_.has_nothing_left()) {
    close();
    return {true, true};
  }
  // While a chain comes to rest, nothing begins that no tuple has caused.
  const bool comes_to_rest = run_.is_coming_to_rest();
  if (!comes_to_rest) chain_.look_at_clock(*run_.options().clock);
  bool made = offer();
  made |= housekeeping();
  was_held_up_ = stalled() || !drain_sinks(made);
  if (was_held_up_) {
    made |= work_while_stalled();
  } else {
    // Also while flushing: what is held still needs its timeouts.
    if ((phase_ == phase::working || phase_ == phase::flushing) && !blocked() && !comes_to_rest) made |= tick();
    made |= flush_some();
    if (!stalled()) repeat(made);
    made |= let_time_pass();
    const bool works = phase_ == phase::working || phase_ == phase::flushing;
    if (works && !stalled() && drain_sinks(made)) made |= work();
  }
  if (epochs_) made |= keep_epochs();
  is_at_rest_ = comes_to_rest && run_.comes_to_rest(chain_.plan()) && come_to_rest(made);
  if (auto& state = chain_.head().state) state->evict();  // before the end, which takes no errors any more
  if (phase_ != phase::done && exhausted()) made |= step_to_end();
  for (auto& l : links_) l.out->box().seal();
  made |= offer();
  chain_.expire_state(time_domain::processing, chain_.frame.now);
  publish();
  // Slice by slice: a task that gets some room, fills it and is blocked again has been blocked in between.
  if (blocked_since_ != time_point{})
    counts_.blocked_ns.add(static_cast<std::uint64_t>((now - blocked_since_).count()));
  // A slice that could do nothing was blocked all the time: a worker that spins does little else.
  blocked_since_ = !blocked() ? time_point{} : made ? run_.options().clock->now() : now;
  return {made, phase_ == phase::done};
}

/// working -> flushing (bolts let go what they hold) -> ending (tokens and sinks finish) -> closing (end marks leave)
/// -> done. True: a step was made.
bool event_task::step_to_end() {
  bool made = false;
  if (stalled() || !drain_sinks(made)) return made;
  if (phase_ == phase::working) {
    made |= flush_some();
    if (flush_.active) return made;
    if (!std::exchange(flushes_last_, true)) {
      begin_flush(false);
      return true;
    }
    phase_ = phase::flushing;
    return true;
  }
  if (phase_ == phase::flushing) {
    if (holds() || !exhausted()) return made;
    phase_ = phase::ending;
    return true;
  }
  if (phase_ == phase::ending) {
    ended_by_stop_ = run_.state() == run_state::stopping;
    batch_marks end;
    end.end = true;
    if (ends_time()) end.watermark = end_of_time;
    send_marks(end);
    phase_ = phase::closing;
    return true;
  }
  if (blocked()) return made;
  if (epochs_ && !std::exchange(said_end_, true)) epochs_->at_end();
  if (epochs_ && (!epochs_->is_over() || told_committed_ != epochs_->committed())) return made;
  if (!may_close()) return made;
  close();
  return true;
}

void event_task::abandon() noexcept {
  phase_ = phase::done;
  if (epochs_) sinks_and_state_.abort();
  for (auto& m : chain_.members) {
    try {
      m.op->close();
    } catch (...) {
      run_.options().log.log(log_level::warning, name_, "close failed: " + error_from_current_exception().message);
    }
  }
}

void event_task::close() {
  if (phase_ == phase::done) return;
  phase_ = phase::done;
  // What is prepared may count, or be committed by the next run.
  const bool is_over = epochs_ && epochs_->is_over();
  if (epochs_ && !is_over) {
    if (!awaits_commit_ || begins_next_) sinks_and_state_.abort();
    else if (has_begun_ahead_) sinks_and_state_.abort_ahead();
  }
  if (auto failed = close_members()) run_.fail(std::move(*failed));
  close_inputs();
  questions_.close();
  publish();
  finished_.store(true, std::memory_order_release);
  if (!chain_.plan().is_spout) run_.reader_done();
  run_.tasklet_done();
}

/// Gives the first error.
std::optional<error> event_task::close_members() {
  std::optional<error> first;
  for (auto& m : chain_.members) {
    try {
      m.op->close();
    } catch (...) {
      auto e = error_from_current_exception();
      e.message = describe(m.node, 1, {e.code, "close failed: " + e.message});
      if (!first) first = std::move(e);
    }
  }
  return first;
}

tasklet::time_point event_task::next_wake() const {
  auto at = next_work();
  const auto consider = [&](time_point due) {
    if (due > now_) at = std::min(at, due);
  };
  consider(retry_.due);
  consider(firing_retry_.due);
  consider(repeat_retry_.due);
  consider(calls_due_);
  for (const auto& r : sink_retry_) consider(r.due);
  for (const auto& r : repeats_) consider(r.due);
  // What has no room, or has to wait for another call, is overdue and can't be done: who makes room wakes the task.
  const bool works = phase_ == phase::working || phase_ == phase::flushing;
  const bool ticks = works && !run_.is_coming_to_rest() && !is_held_up() && !blocked();
  for (const auto& t : ticks_)
    if (ticks && !awaits_commit(t.member)) at = std::min(at, t.due);
  consider(moment_of(chain_.next_processing_timer(), chain_.frame.now, now_));
  at = std::min(at, desk_->next_deadline());
  if (const auto limit = run_.drain_deadline(); limit != time_point::max()) consider(limit);
  return at;
}

void event_task::publish_members() {
  for (std::size_t m = 0; m < counts_.by_member.size(); ++m)
    counts_.by_member[m].executed.set(chain_.members[m].op->executed);
  std::uint64_t alive = 0;
  for (const auto& l : links_) alive += l.out->box().pool.made();
  counts_.batches.set(alive);
  counts_.late.set(chain_.frame.late);
  counts_.woke_behind.set(chain_.frame.woke_behind);
  counts_.come_to(chain_.frame.watermark);
  const auto& state = chain_.head().state;
  if (!state) return;
  counts_.state_rows.set(state->rows());
  counts_.state_expired.set(expired_before_ + state->expired());
  if (++slices_ % slices_a_size != 1 && phase_ != phase::done) return;
  counts_.state_bytes.set(state->bytes());
}

void event_task::collect(run_metrics& into, std::chrono::nanoseconds uptime) const {
  auto t = counts_.read(chain_.task(), uptime);
  t.late_answers = late_answers_before_ + desk_->late_answers();
  add_task(into, run_.graph(), chain_.plan(), std::move(t), counts_, left());
}

/// What has left by each link.
std::vector<edge_output> event_task::left() const {
  std::vector<edge_output> all;
  for (const auto& l : links_) {
    const auto& route = chain_.routes[l.route];
    const auto counts = l.out->counts();
    all.push_back({edge_of(run_.graph(), route.from, route.to), counts.emitted});
    all.back().edge.transferred = counts.transferred;
  }
  return all;
}

}  // namespace freshet
