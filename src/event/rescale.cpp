// Another number of tasks for a chain of a run at work: all that is under way there is finished, then, while the pool
// is held, the old tasks are taken away, their states move, and new tasks stand where they stood.
#include <algorithm>
#include <map>
#include <thread>
#include <tuple>

#include "core/named_node.hpp"
#include "event/bolt_tasklet.hpp"
#include "event/event_run.hpp"
#include "freshet/base/time_arithmetic.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/runtime/executor.hpp"
#include "runtime/rescaled.hpp"

namespace freshet {

namespace {

using namespace std::chrono_literals;

/// Moves what the old tasks of a node had into a new one, a key group at a time. False: a codec doesn't read what it
/// has written.
bool move_states(const node& n, const std::vector<std::unique_ptr<event_task>>& from, std::uint32_t task,
                 any_state& to) {
  const auto move = [](auto&& save, auto&& load) {
    writer w;
    save(w);
    reader r(w.data());
    return load(r);
  };
  const auto tasks_before = static_cast<std::uint32_t>(from.size());
  const auto mine = groups_of_node(n, task);
  for (auto g = mine.first; g < mine.end; ++g) {
    const auto owner = n.key_type.empty() ? 0 : task_of_group(g, n.options.max_parallelism, tasks_before);
    const auto& state = *from[owner]->chain().head().state;
    if (!move([&](writer& w) { state.save(g, w); }, [&](reader& r) { return to.load(g, r); })) return false;
  }
  const auto& state = *from[0]->chain().head().state;
  return !state.has_shared() ||
         move([&](writer& w) { state.save_shared(w); }, [&](reader& r) { return to.load_shared(r); });
}

}  // namespace

void event_run::rescale(std::string_view name, std::size_t parallelism) {
  std::lock_guard one(rescaling_);
  const auto c = chain_to_rescale(graph(), plan_, name, parallelism, keeps_checkpoints());
  if (plan_.chains[c].parallelism == parallelism) return;
  const auto to = with_tasks(graph(), plan_.chains[c], parallelism);

  struct coming_to_rest {
    coming_to_rest(event_run& r, std::size_t chain) : run(r) { tell(chain); }
    ~coming_to_rest() { tell(no_chain); }
    void tell(std::size_t chain) {
      run.resting_.store(chain, std::memory_order_relaxed);
      run.pool_->wake_all();
    }
    event_run& run;
  } resting(*this, c);
  const auto until = deadline(std::chrono::steady_clock::now(), options_.drain_timeout);
  std::unique_lock turnstile(turnstile_, std::defer_lock);
  for (auto pause = 50us;; pause = std::min(2 * pause, 5'000us)) {
    // Threads that have finished their round wait for the others so long only: one may be in a slow call.
    const auto hold_until = std::min(until, deadline(std::chrono::steady_clock::now(), 100 * pause));
    bool is_looked_at = false;
    if (rescale_now(c, to, hold_until, until, is_looked_at)) return;
    if (is_looked_at && !turnstile) turnstile.lock();
    if (!is_looked_at && turnstile) turnstile.unlock();
    if (std::chrono::steady_clock::now() >= until)
      throw run_error(
          {errc::timeout, titled(node_called(graph(), name)) +
                              " keeps its tasks: what is under way there, or the epoch before, isn't finished after "
                              "drain_timeout; nothing has changed"});
    if (pool_->is_by_hand()) pool_->run_until_quiet();
    else std::this_thread::sleep_for(pause);
  }
}

/// False: not yet.
bool event_run::rescale_now(std::uint32_t c, topology to, std::chrono::steady_clock::time_point hold_until,
                            std::chrono::steady_clock::time_point until, bool& is_looked_at) {
  bool needs_epoch = false, done = false;
  std::optional<error> failed;
  const auto change = [&] {
    // Others may wait for an answer of a task while they have it: then nothing can be changed now.
    std::unique_lock alone(tasks_mutex_, std::try_to_lock);
    if (!alone) return void(is_looked_at = true);
    const bool is_working = std::all_of(tasks_[c].begin(), tasks_[c].end(), [](auto& t) { return t->is_working(); });
    if (!is_working || cancelled() || state() > run_state::paused)
      throw run_error({errc::closed, "the run is ending, or its input has: nothing has changed"});
    if (!is_at_rest(c)) return;
    if (!is_saved(c)) {
      needs_epoch = coordinator_->is_between_epochs();
      return;
    }
    try {
      change_tasks(c, std::move(to));
    } catch (...) { failed = error_from_current_exception(); }
    done = true;
  };
  try {
    pool_->hold(hold_until, change);
  } catch (const std::system_error& e) { throw run_error({errc::full, e.what(), true}); }
  if (failed) fail(*failed);
  if (failed) throw run_error(*failed);
  if (needs_epoch) make_epoch(until);
  return done;
}

/// Comes back when it is committed, and at `until` in any case: what another chain holds may keep it from ending. Where
/// the run is ending, or was over before anybody could ask, there may be none to come.
void event_run::make_epoch(std::chrono::steady_clock::time_point until) {
  const auto newest = coordinator_->committed();
  coordinator_->hurry();
  while (coordinator_->committed() == newest && state() <= run_state::paused &&
         std::chrono::steady_clock::now() < until) {
    if (pool_->is_by_hand()) pool_->run_until_quiet();
    else std::this_thread::sleep_for(50us);
  }
}

/// Nothing is on the way to the chain's tasks, in them, or from them.
bool event_run::is_at_rest(std::uint32_t c) const {
  for (const auto& t : tasks_[c])
    if (!t->is_at_rest()) return false;
  for (const auto& w : wires_) {
    if (w.from_chain != c && w.to_chain != c) continue;
    const auto& reader = static_cast<const bolt_tasklet&>(*tasks_[w.to_chain][w.to_task]);
    if (!tasks_[w.from_chain][w.from_task]->has_sent_all(w.route) || w.way->queued() != 0 || reader.is_reading(*w.way))
      return false;
  }
  return true;
}

/// Where epochs are kept, the last one has all that the tasks have done.
bool event_run::is_saved(std::uint32_t c) const {
  if (!coordinator_) return true;
  return coordinator_->is_between_epochs() &&
         std::all_of(tasks_[c].begin(), tasks_[c].end(), [](auto& t) { return t->is_saved(); });
}

/// REQUIRES: the pool is held, nobody else looks at the tasks, the chain is at rest and saved. Throws what ends the
/// run.
void event_run::change_tasks(std::uint32_t c, topology to) {
  auto old = std::exchange(tasks_[c], {});
  const auto before = graph();
  const auto head = plan_.chains[c].head();
  std::optional<error> wrong;
  for (const auto& t : old) {
    pool_->remove(*t);
    if (auto e = t->retire(); e && !wrong) wrong = std::move(e);
  }
  auto& plan = plan_.chains[c];
  plan.parallelism = to.nodes()[head].parallelism();
  change_graph(std::move(to));
  if (checkpoints_) checkpoints_->change_graph(graph());
  const auto gone = static_cast<std::ptrdiff_t>(old.size());
  const auto leave = [&] {
    for (const auto& t : tasks_[c]) t->abandon();
    // The old ones do nothing more, and stay, with what they read, for those who look at the run that has failed.
    plan.parallelism = static_cast<std::uint32_t>(old.size());
    change_tasklets(-gone);
    readers_left_.fetch_sub(old.size(), std::memory_order_acq_rel);
    tasks_[c] = std::move(old);
    change_graph(before);
  };
  try {
    if (wrong) throw run_error(*wrong);
    take_seats(c);
    for (std::uint32_t t = 0; t < plan.parallelism; ++t) tasks_[c].push_back(make_task(c, t));
    for (const auto& t : tasks_[c]) t->open();
    for (std::uint32_t t = 0; t < plan.parallelism; ++t) {
      auto& state = tasks_[c][t]->chain().head().state;
      if (state && !move_states(graph().nodes()[head], old, t, *state))
        throw run_error({errc::data_loss, "the state of " + titled(graph().nodes()[head]) +
                                              " can't be moved: its codec doesn't read what it has written"});
    }
    rewire(c, old);
    for (std::size_t t = 0; t < old.size(); ++t) tasks_[c][t < tasks_[c].size() ? t : 0]->count_for(*old[t]);
    for (const auto& t : tasks_[c]) {
      t->stand_where(*old[0]);
      if (coordinator_) t->begin_epochs(*coordinator_);
    }
  } catch (...) {
    leave();
    throw;
  }
  const auto more = static_cast<std::ptrdiff_t>(tasks_[c].size()) - gone;
  for (const auto& t : tasks_[c]) pool_->add(t->worker(), *t, t->name());
  change_tasklets(more);
  unplugged_.clear();
  readers_left_.fetch_add(static_cast<std::size_t>(more), std::memory_order_acq_rel);
  if (coordinator_) coordinator_->change_tasks(more, old[0]->has_epoch_sinks() ? more : 0);
}

/// New channels in place of those to and from the old tasks. What had come over those has come over these.
void event_run::rewire(std::uint32_t c, const std::vector<std::unique_ptr<event_task>>& old) {
  // Marks go to all tasks alike, so what the first had been told all had; and all old tasks had told the same.
  using way = std::tuple<std::uint32_t, std::uint32_t, std::size_t>;
  std::map<way, channel_end> to_chain, from_chain;
  for (auto& w : wires_) {
    if (w.to_chain == c && w.to_task == 0)
      to_chain[{w.from_chain, w.from_task, w.route}] = static_cast<bolt_tasklet&>(*old[0]).end_of(*w.way);
    if (w.from_chain == c && w.from_task == 0)
      from_chain[{w.to_chain, w.to_task, w.route}] =
          static_cast<bolt_tasklet&>(*tasks_[w.to_chain][w.to_task]).end_of(*w.way);
  }
  const auto others = std::stable_partition(wires_.begin(), wires_.end(),
                                            [&](auto& w) { return w.from_chain != c && w.to_chain != c; });
  std::move(others, wires_.end(), std::back_inserter(unplugged_));
  wires_.erase(others, wires_.end());

  for (std::uint32_t p = 0; p < tasks_.size(); ++p)
    for (std::uint32_t t = 0; p != c && t < tasks_[p].size(); ++t)
      for (std::size_t k = 0; k < tasks_[p][t]->chain().routes.size(); ++k) {
        event_task& producer = *tasks_[p][t];
        if (plan_.chain_of[producer.chain().routes[k].to.node] != c) continue;
        const auto counts = producer.drop_links(k);
        producer.chain().reroute(setup_of(p, t), k);
        connect(producer, k);
        producer.count(k, counts);
      }
  for (const auto& t : tasks_[c])
    for (std::size_t k = 0; k < t->chain().routes.size(); ++k) connect(*t, k);
  for (std::size_t t = 0; t < old.size(); ++t)
    for (std::size_t k = 0; k < old[t]->chain().routes.size(); ++k)
      tasks_[c][t < tasks_[c].size() ? t : 0]->count(k, old[t]->drop_links(k));
  for (auto& w : wires_) {
    if (w.to_chain != c && w.from_chain != c) continue;
    const auto& was = w.to_chain == c ? to_chain.at({w.from_chain, w.from_task, w.route})
                                      : from_chain.at({w.to_chain, w.to_task, w.route});
    w.end.said = was.said;
    w.end.ended = was.ended;
  }
  read_wires();
}

}  // namespace freshet
