#include "batch/batch_task.hpp"

#include <algorithm>

#include "batch/batch_driver.hpp"
#include "batch/batch_run.hpp"

namespace freshet {

namespace {
/// Attempts that got no further, as a multiple of max_task_attempts: a few tuples that fail by turns must not keep a
/// task busy for ever.
constexpr std::uint32_t patience = 4;
}  // namespace

void batch_task::shelf::reclaim(batch_pool& into) {
  batch_list all;
  {
    std::lock_guard lock(mutex_);
    all = std::move(all_);
    all_ = batch_list{};
  }
  while (!all.empty()) into.give(all.pop_front());
}

void batch_task::shelf::put(batch_list all) {
  std::lock_guard lock(mutex_);
  if (all_.empty()) all_.swap(all);
  while (!all.empty()) all_.push_back(all.pop_front());
}

batch_task::batch_task(batch_run& run, std::uint32_t chain, std::uint32_t task)
    : run_(run),
      chain_index_(chain),
      task_(task),
      name_(run.task_name(run.plan().chains.chains[chain].head(), task)),
      waker_(std::make_shared<task_waker>(run.shared_pool(), 0)),
      desk_(std::make_shared<token_desk>(waker{waker_})),
      counts_(run.plan().chains.chains[chain].members.size()) {
  try {
    chain_ = make_chain(nullptr, false);
  } catch (const task_not_made& e) { throw run_error(located(e.why().node, e.why().error)); }
  const auto members = chain_->members.size();
  executed_before_.assign(members, 0);
  transferred_.resize(chain_->routes.size());
}

batch_task::~batch_task() { desk_->abandon(); }

// --- making ---

std::unique_ptr<chain_task> batch_task::make_chain(std::unique_ptr<any_state>* state, bool headless) {
  chain_setup setup;
  setup.graph = &run_.graph();
  setup.plan = &run_.plan().chains;
  setup.chain = chain_index_;
  setup.task = task_;
  setup.layout.capacity = static_cast<std::uint32_t>(run_.options().max_batch);
  setup.layout.times = run_.graph().uses_event_time();
  setup.layout.origins = run_.graph().uses_origins();
  setup.faults = run_.options().faults.get();
  setup.store = run_.options().store.get();
  setup.node_names = run_.node_names();
  setup.local_tasks = [](std::uint32_t) { return std::vector<std::uint32_t>{}; };  // tasks have no place of their own
  setup.state = state;
  setup.headless = headless;
  auto made = std::make_unique<chain_task>(setup);
  made->attach(*this);
  shelves_.resize(made->routes.size());
  for (std::size_t r = 0; r < shelves_.size(); ++r) {
    const auto& boxes = made->routes[r].router->outboxes();
    if (shelves_[r].empty()) shelves_[r].resize(boxes.size());
    for (std::size_t b = 0; b < boxes.size(); ++b) boxes[b]->pool.attach(&shelves_[r][b]);
  }
  return made;
}

std::unique_ptr<chain_task> batch_task::try_make_chain(std::unique_ptr<any_state>* state, bool headless) {
  try {
    return make_chain(state, headless);
  } catch (const task_not_made& e) {
    count_failure(e.why().node);
    fail_attempt({e.why().node, attempt_failure::no_tuple, e.why().error});
    return nullptr;
  }
}

task_context batch_task::context_of(std::size_t m) const {
  const node& n = run_.graph().nodes()[chain_->members[m].node];
  task_context c;
  c.node = n.name;
  c.task = task_;
  c.task_count = n.parallelism();
  c.attempt = record_ ? record_->attempt : 1;
  c.batched = true;
  c.seed = hash_bytes(n.name.data(), n.name.size()) + task_;
  c.stop = run_.stop_token();
  c.wake = waker{waker_};
  c.log = run_.options().log;
  c.clock = run_.options().clock;
  if (n.kind == node_kind::spout) c.partitions = run_.partitions_of(chain_index_, task_);
  return c;
}

void batch_task::open() {
  const auto now = run_.options().clock->now();
  for (std::size_t m = 0; m < chain_->members.size(); ++m) {
    const auto interval = run_.graph().nodes()[chain_->members[m].node].options.tick;
    if (interval > std::chrono::nanoseconds{})
      ticks_.emplace_back().member = m, ticks_.back().interval = interval,
      ticks_.back().due = deadline(now, interval).time_since_epoch().count();
  }
  if (!open_members(0)) throw run_error(located(failure_->node, failure_->error));
  if (!chain_->plan().is_spout) return;
  chain_->open_clock(run_.partitions_of(chain_index_, task_), !run_.partitions_of(chain_index_, 0).empty(), now,
                     run_.alignment_of(chain_->plan().head()));
}

bool batch_task::open_members(std::size_t from) {
  for (std::size_t m = from; m < chain_->members.size(); ++m) {
    const auto context = context_of(m);
    if (!guarded(m, "open failed: ", [&](task_operator& op) { op.open(context); })) return false;
  }
  return true;
}

void batch_task::close_members(chain_task& chain, std::size_t from) noexcept {
  for (std::size_t m = from; m < chain.members.size(); ++m) {
    try {
      chain.members[m].op->close();
    } catch (...) {
      auto e = located(chain.members[m].node, error_from_current_exception());
      run_.options().log.log(log_level::warning, name_, "close of a failed attempt: " + e.message);
    }
  }
}

void batch_task::close() noexcept {
  publish_counts();
  for (std::size_t m = 0; m < chain_->members.size(); ++m)
    if (!guarded(m, "close failed: ", [](task_operator& op) { op.close(); }))
      run_.fail(located(failure_->node, std::exchange(failure_, {})->error));
}

// --- attempts ---

bool batch_task::renew(bool keep_head) {
  drop_outputs();
  auto& members = chain_->members;
  for (std::size_t m = keep_head; m < members.size(); ++m)
    executed_before_[m] += std::exchange(members[m].op->executed, 0);
  close_members(*chain_, keep_head);
  std::unique_ptr<any_state> state;
  std::unique_ptr<task_operator> head;
  if (keep_head) head = chain_->release_head();
  else state = std::move(members[0].op->state);
  if (state) state->rollback();
  auto made = try_make_chain(&state, keep_head);
  const bool success = made != nullptr;
  if (success) {
    if (auto* clock = chain_->frame.clock) made->frame.clock->replace(*clock);
    chain_ = std::move(made);
  }
  if (head) chain_->adopt_head(std::move(head));
  if (!success && state) members[0].op->state = std::move(state);
  renew_desk();
  return success && open_members(keep_head);
}

void batch_task::renew_desk() {
  desk_->abandon();
  desk_ = std::make_shared<token_desk>(waker{waker_});
}

void batch_task::begin_attempt() {
  record_->begin_attempt();
  if (record_->woken) waker_->woken.store(true, std::memory_order_relaxed);  // by this thread, for itself
  chain_->frame.late = chain_->frame.woke_behind = 0;
  chain_->frame.now = event_time{};  // also back, to what it was in the first attempt
  chain_->set_now(record_->now);
  for (auto& m : chain_->members)
    if (auto& state = m.op->state) {
      state->rollback();
      state->evict();  // here, where tasks work side by side, and not when the batch commits
      state->begin();
    }
  // With tuples given up in it, an attempt meets their failure again: state as before each call is kept for that.
  chain_->frame.rollback_state = chain_->frame.rollback_timers = !record_->given_up.empty();
  const auto seed = record_->batch + task_;
  for (auto& r : chain_->routes) r.router->restart(seed);
  base_ordinal_ = 0;
}

bool batch_task::guarded(std::size_t m, const char* what, const std::function<void(task_operator&)>& f,
                         bool ends_tokens) {
  auto& member = chain_->members[m];
  call_frame& frame = *member.frame;
  frame.begin_unrooted();
  {
    const inside_calls calls(frame.place);
    try {
      f(*member.op);
    } catch (...) { frame.fail_from_exception(member.node); }
  }
  if (!frame.flags.failed) {
    if (frame.flags.deferred) frame.apply_deferred();
    return true;
  }
  const bool tokens_failed_instead = ends_tokens && !frame.acks.empty();
  frame.cut_back();
  frame.flags.failed = false;
  count_failure(frame.failure.node);
  if (tokens_failed_instead) return true;
  auto e = std::move(frame.failure.error);
  e.message = what + e.message;
  fail_attempt({frame.failure.node, attempt_failure::no_tuple, std::move(e)});
  return false;
}

bool batch_task::call_member(std::size_t m, void (task_operator::*f)(), const char* what) {
  return guarded(
      m, what, [f](task_operator& op) { (op.*f)(); }, true);
}

void batch_task::fail_attempt(attempt_failure why) {
  if (!failure_) failure_ = std::move(why);
}

std::uint32_t batch_task::most_attempts() const {
  return run_.options().guarantee == guarantee::best_effort ? 1 : run_.options().max_task_attempts;
}

bool batch_task::over_limit(const attempt_failure& why) {
  if (why.error.fatal) return true;
  const std::uint64_t most = most_attempts();
  const bool further = why.ordinal != attempt_failure::no_tuple && why.ordinal >= record_->reached;
  if (further) {
    record_->reached = why.ordinal + 1;
    record_->fruitless = 0;
  }
  if (++record_->fruitless >= most * patience) return true;
  if (why.ordinal == attempt_failure::no_tuple) return ++record_->other_failures >= most;
  if (++record_->failures[why.ordinal] < most) return false;
  if (policy_of(why.node) == on_failure::stop) return true;
  record_->given_up.insert(why.ordinal);
  record_->fruitless = 0;
  return false;
}

bool batch_task::absorb_failure() {
  const auto why = *std::exchange(failure_, {});
  ++record_->attempts_failed;
  if (run_.cancelled()) return false;
  if (over_limit(why)) {
    run_.fail(located(why.node, why.error));
    return false;
  }
  ++record_->attempt;
  counts_.retried.add(1);
  return true;
}

task_host::verdict batch_task::failed(call_frame& frame, const any_batch& in, std::size_t index) {
  count_failure(frame.failure.node);
  if (run_.cancelled()) return verdict::stop;
  const auto ordinal = base_ordinal_ + index;
  if (record_->given_up.contains(ordinal)) {
    frame.give_up_stamp();
    give_up(frame.failure.error, frame.failure.node, ordinal, &in, index, frame);
    return verdict::next;
  }
  fail_attempt({frame.failure.node, ordinal, frame.failure.error});
  return verdict::stop;
}

on_failure batch_task::policy_of(std::uint32_t node) const {
  const auto& n = run_.graph().nodes()[node];
  return n.kind == node_kind::spout ? n.spout.on_failure : n.options.on_failure;
}

void batch_task::give_up(const error& why, std::uint32_t node, std::uint64_t ordinal, const any_batch* in,
                         std::size_t index, call_frame& frame) {
  dead_letter letter;
  letter.attempts = most_attempts();
  if (policy_of(node) == on_failure::dead_letter) {
    if (!in) {
      const auto place = find_tuple(ordinal);
      in = place.batch;
      index = place.index;
    }
    if (in) {
      letter.type = readable_type_name(in->type().name);
      if (in->type().write) {
        writer w;
        in->type().write(w, *in, index);
        letter.bytes = w.data();
      }
    }
  }
  give_up(why, node, std::move(letter), frame);
}

void batch_task::give_up(const error& why, std::uint32_t node, dead_letter letter, call_frame& frame) {
  const auto policy = why.fatal ? on_failure::stop : policy_of(node);
  if (policy == on_failure::skip) {
    ++record_->skipped;
    return;
  }
  if (policy == on_failure::stop) return run_.fail(located(node, why));
  letter.node = run_.graph().nodes()[node].name;
  letter.task = task_;
  letter.error = why.message;
  emit_dead_letter(std::move(letter), frame);
}

void batch_task::emit_dead_letter(dead_letter letter, call_frame& frame) {
  ++record_->dead_lettered;
  if (!run_.plan().chains.uses_dead_letters || chain_->plan().below_dead_letters) {
    record_->unread.push_back(std::move(letter));
    return;
  }
  ++base_call_;  // a call of its own: those of the tuples that follow keep their distance
  const auto why = chain_->send_letter(letter, {}, nullptr, frame.time, frame.stamp);
  if (!why) return;
  letter.error += run_.unsent(*why);
  record_->unread.push_back(std::move(letter));
}

error batch_task::located(std::uint32_t n, error e) const {
  const auto& node = run_.graph().nodes()[n];
  std::string where;
  if (record_ && record_->batch) where = "batch " + std::to_string(record_->batch) + ", ";
  where += run_.stage_name(chain_index_) + ", partition " + std::to_string(task_) + ", attempt " +
           std::to_string(record_ ? record_->attempt : 1) + ": " + std::string(to_string(node.kind)) + " " +
           run_.task_name(n, task_) + ": ";
  e.message = where + e.message;
  return e;
}

// --- held tuples ---

std::uint64_t batch_task::ordinal_in(const call_frame& frame) const {
  return reading_ ? base_ordinal_ + (frame.call - base_call_ - 1) : attempt_failure::no_tuple;
}

std::shared_ptr<held_state> batch_task::hold(call_frame& frame, std::uint32_t node) {
  const auto timeout = run_.options().message_timeout;
  const auto until =
      timeout > std::chrono::nanoseconds{} ? deadline(run_.options().clock->now(), timeout) : time_point::max();
  return desk_->hold(frame, node, ordinal_in(frame), until);
}

bool batch_task::holds_up_to(std::size_t member) const {
  for (std::size_t m = 0; m <= member; ++m)
    if (desk_->holds(chain_->members[m].node)) return true;
  return false;
}

void batch_task::serve_tokens(time_point now) {
  if (const auto n = desk_->expire(now, run_.options().message_timeout)) counts_.timed_out.add(n);
  if (!desk_->has_failed()) return;
  for (auto& t : desk_->take_failed()) {
    count_failure(t.node);
    answer(std::move(t));
  }
}

void batch_task::answer(token_desk::failed_token t) {
  if (!record_->given_up.contains(t.ordinal)) return fail_attempt({t.node, t.ordinal, std::move(t.error)});
  chain_->frame.begin_unrooted();
  give_up(t.error, t.node, t.ordinal, nullptr, 0, chain_->frame);
}

void batch_task::call_woken() {
  // acquire: what the waker's thread did before it called is seen by on_wake.
  if (!waker_->woken.exchange(false, std::memory_order_acquire)) return;
  record_->woken = true;
  for (std::size_t m = 0; m < chain_->members.size() && !failure_; ++m)
    call_member(m, &task_operator::wake, "on_wake failed: ");
}

// --- outputs ---

void batch_task::store_outputs(bool again) {
  const auto now = run_.options().clock->now();
  for (std::uint32_t k = 0; k < chain_->routes.size(); ++k) {
    const auto& boxes = chain_->routes[k].router->outboxes();
    for (std::uint32_t b = 0; b < boxes.size(); ++b) {
      auto all = take_all(*boxes[b]);
      const auto& route = run_.plan().routes[run_.plan().routes_of[chain_index_][k]];
      if (all.empty()) {
        if (again && run_.store().want(route.block(task_, b))) return fail_as_whimsical();
        continue;
      }
      all.front()->sent = now;
      if (!again) store_block(route, k, b, std::move(all));
      else if (!run_.store().refill(route.block(task_, b), all)) shelves_[k][b].put(std::move(all));
    }
  }
}

/// A lost block had rows, and now has none: its reader would ask for it for ever.
void batch_task::fail_as_whimsical() {
  const auto head = chain_->plan().head();
  run_.fail(located(head, {errc::data_loss,
                           "was computed again, as a block of its output was lost, and gave nothing for it: what it "
                           "gives must follow from its input alone, or block_store_bytes must hold a whole batch"}));
}

batch_list batch_task::take_all(any_outbox& box) {
  batch_list all;
  box.seal();
  while (box.has_sealed()) all.push_back(box.pop());
  return all;
}

void batch_task::store_block(const batch_route& route, std::uint32_t k, std::uint32_t box, batch_list all) {
  std::size_t rows = 0;
  for (const any_batch* b = all.front(); b; b = b->next) rows += b->size();
  transferred_[k].add(rows * route.readers());
  const bool letters = route.from.node == stream_end::dead_letters;
  // A sink has written its rows when it has letters, and isn't run again for the letters' sake.
  if (letters && run_.plan().is_sink[chain_index_])
    return run_.store().put_for_good(route.block(task_, box), std::move(all), route.readers());
  auto fault = fault_injector::block_fault::none;
  if (auto* faults = run_.options().faults.get()) {
    const auto node = letters ? chain_->plan().head() : route.from.node;
    fault = faults->block_stored(run_.node_names()[node], task_, box, record_->batch);
  }
  run_.store().put(route.block(task_, box), std::move(all), route.readers(), fault);
}

void batch_task::drop_outputs() {
  for (std::size_t k = 0; k < chain_->routes.size(); ++k) {
    const auto& boxes = chain_->routes[k].router->outboxes();
    for (std::size_t b = 0; b < boxes.size(); ++b) shelves_[k][b].put(take_all(*boxes[b]));
  }
}

void batch_task::take_back(std::uint32_t route, std::uint32_t box, batch_list all) {
  shelves_[route][box].put(std::move(all));
}

// --- time and numbers ---

void batch_task::note_ticks(time_point now) {
  for (auto& t : ticks_) {
    if (t.due.load(std::memory_order_relaxed) > now.time_since_epoch().count()) continue;
    record_->ticks.push_back(t.member);
    // Overdue ticks collapse into one.
    const time_point due{std::chrono::nanoseconds(t.due.load(std::memory_order_relaxed))};
    t.due.store(std::max(deadline(due, t.interval), now).time_since_epoch().count(), std::memory_order_relaxed);
  }
}

batch_task::time_point batch_task::next_tick() const {
  auto at = time_point::max();
  for (const auto& t : ticks_)
    at = std::min(at, time_point(std::chrono::nanoseconds(t.due.load(std::memory_order_relaxed))));
  return at;
}

void batch_task::publish(batch_record& done) {
  counts_.dead_lettered.add(done.dead_lettered);
  counts_.skipped.add(done.skipped);
  counts_.late.add(std::exchange(chain_->frame.late, 0));
  counts_.woke_behind.add(std::exchange(chain_->frame.woke_behind, 0));
  for (auto& letter : done.unread) run_.unread_dead_letter(std::move(letter));
  publish_counts();
}

void batch_task::publish_counts() {
  for (std::size_t m = 0; m < chain_->members.size(); ++m)
    counts_.by_member[m].executed.set(executed_before_[m] + chain_->members[m].op->executed);
  if (const auto& state = chain_->head().state) {
    counts_.state_rows.set(state->rows());
    counts_.state_expired.set(state->expired());
    counts_.state_bytes.set(state->bytes());
  }
  std::uint64_t made = 0;
  for (const auto& r : chain_->routes)
    for (const auto* box : r.router->outboxes()) made += box->pool.made();
  counts_.batches.set(made);
}

void batch_task::collect(run_metrics& into, std::chrono::nanoseconds uptime) const {
  add_task(into, run_.graph(), run_.plan().chains.chains[chain_index_], counts_.read(task_, uptime), counts_, left());
}

/// What has left on each route.
std::vector<edge_output> batch_task::left() const {
  const auto& plan = run_.plan();
  std::vector<edge_output> all;
  for (std::size_t k = 0; k < transferred_.size(); ++k) {
    const auto& route = plan.routes[plan.routes_of[chain_index_][k]];
    const auto transferred = transferred_[k].get();
    all.push_back({edge_of(run_.graph(), route.from, route.to), transferred / route.readers()});
    all.back().edge.transferred = transferred;
  }
  return all;
}

void batch_task::count_failure(std::uint32_t node) {
  counts_.call_failed(run_.plan().chains.chains[chain_index_], node);
}

}  // namespace freshet
