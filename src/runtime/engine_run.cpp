#include "runtime/engine_run.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "freshet/core/watermark_alignment.hpp"
#include "runtime/run_counts.hpp"

namespace freshet {

namespace {
constexpr auto never = std::chrono::steady_clock::time_point::max();
constexpr std::size_t kept_stalls = 100;
}  // namespace

engine_run::engine_run(const topology& graph, settings how)
    : pool_(std::make_shared<worker_pool>(how.pool, *how.clock)),
      how_(std::move(how)),
      graphs_{graph},
      graph_(&graphs_.back()),
      drain_deadline_(never.time_since_epoch().count()) {
  for (const auto& n : graphs_.back().nodes()) {
    commits_positions_ &= !n.make_state;
    node_names_.push_back(n.name);
    const bool is_spout = n.kind == node_kind::spout;
    alignments_.push_back(is_spout ? std::make_shared<watermark_alignment>(n.parallelism()) : nullptr);
  }
}

std::string engine_run::task_name(std::uint32_t node, std::uint32_t task) const {
  return "\"" + graph().nodes()[node].name + "\" task " + std::to_string(task);
}

std::uint32_t engine_run::task_with(std::uint32_t node, std::uint32_t group) const {
  const auto& n = graph().nodes()[node];
  return task_of_group(group, n.options.max_parallelism, static_cast<std::uint32_t>(n.parallelism()));
}

void engine_run::begin(std::size_t tasklets) {
  tasklets_left_.store(tasklets, std::memory_order_relaxed);
  started_ = how_.clock->now();
  say_what_is_not_committed();
}

void engine_run::start_without_threads(std::size_t tasklets) {
  begin(tasklets);
  pool_->start_by_hand([this](const auto& label, auto why, bool given_up) { note_throw(label, why, given_up); });
}

void engine_run::start_threads(std::size_t tasklets) {
  begin(tasklets);
  try {
    pool_->start([this](const auto& label, auto held) { note_stall(label, held); },
                 [this](const auto& label, auto why, bool given_up) { note_throw(label, why, given_up); });
  } catch (const std::system_error& e) { throw run_error({errc::full, e.what(), true}); }
}

void engine_run::give_up_start() noexcept {
  state_.store(run_state::failed, std::memory_order_release);
  cancelled_.store(true, std::memory_order_release);
  stop_source_.request_stop();
}

std::vector<std::vector<spout_partition>> engine_run::deal(std::uint32_t node, spout_operator& first) const {
  try {
    if (covered_ && first.replayable() && first.partitions().empty())
      throw run_error({errc::invalid_argument,
                       "spout \"" + graph().nodes()[node].name +
                           "\" can be read again but names no partitions, so a checkpoint can't say how far each was "
                           "read: give it `std::vector<std::string> partitions()`; one of Kafka that has its "
                           "partitions from a group needs them from the run (kafka::partitions_from::run)"});
    auto dealt = deal_partitions(first.partitions(), graph().nodes()[node].parallelism());
    for (auto& of_task : dealt)
      for (auto& p : of_task) p.kept = covered_;
    return dealt;
  } catch (const run_error&) { throw; } catch (...) {
    auto e = error_from_current_exception();
    e.message = "spout " + task_name(node, 0) + ": partitions failed: " + e.message;
    throw run_error(std::move(e));
  }
}

void engine_run::note_stall(const std::string& label, std::chrono::nanoseconds held) {
  auto text = "task " + label + " has held its worker for " +
              std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(held).count()) +
              " ms: make it a blocking bolt ({.blocking = true})";
  how_.log.log(log_level::warning, how_.executor, text);
  std::lock_guard lock(mutex_);
  stalled_.push_back(std::move(text));
  if (stalled_.size() > kept_stalls) stalled_.pop_front();
}

/// A slice threw: not what is called for a tuple, which is caught where it is called, but what stands around it, like a
/// codec that writes a dead letter. Nobody knows what state the task is in.
void engine_run::note_throw(const std::string& label, const std::exception_ptr& why, bool given_up) noexcept {
  error e;
  try {
    std::rethrow_exception(why);
  } catch (...) { e = error_from_current_exception(); }
  if (!e.fatal) e.message = "task " + label + " threw outside of all calls that can be tried again: " + e.message;
  fail(std::move(e));
  if (given_up) tasklet_done();
}

void engine_run::say_what_is_not_committed() const {
  std::string spouts, states;
  for (const auto& n : graph().nodes()) {
    auto* names = n.make_state ? &states : n.kind == node_kind::spout && n.replayable ? &spouts : nullptr;
    if (names) *names += (names->empty() ? "\"" : ", \"") + n.name + "\"";
  }
  if (spouts.empty() || covered_ || (commits_positions_ && !how_.commits_at_end_only)) return;
  const std::string why =
      commits_positions_
          ? " are committed when the run has drained, and not before: exactly_once keeps no count of "
            "single messages; a restart after a crash reads again"
          : " are not committed, because the state of " + states +
                " goes with the process: a restart reads again from where the source was committed before";
  how_.log.log(log_level::info, how_.executor, "topology \"" + graph().name() + "\": positions of " + spouts + why);
}

void engine_run::change_graph(topology to) {
  graphs_.push_back(std::move(to));
  graph_.store(&graphs_.back(), std::memory_order_release);
}

// --- control ---

/// Also the place where user code that doesn't come back is noticed: a thread can't be stopped from outside, but
/// whoever waits is told which task it is.
bool engine_run::wait_until(std::chrono::steady_clock::time_point when) {
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

/// When waiting makes no sense any more. The engine's own tasks notice an overdue drain first, and say more.
std::chrono::steady_clock::time_point engine_run::give_up_at() const {
  if (state_.load() == run_state::failed) return deadline(failed_at_, how_.stop_timeout);
  const auto limit = drain_deadline();
  return deadline(limit, std::chrono::milliseconds(100));
}

void engine_run::rethrow() const {
  std::lock_guard lock(mutex_);
  if (state_.load() == run_state::failed) throw run_error(error_);
}

void engine_run::end_spouts(run_state to) {
  {
    std::lock_guard lock(mutex_);
    const auto now = state_.load();
    if (now == run_state::finished || now == run_state::failed || now == run_state::stopping || now == to) return;
    const auto limit = deadline(how_.clock->now(), how_.drain_timeout);
    drain_deadline_.store(limit.time_since_epoch().count(), std::memory_order_release);
    state_.store(to, std::memory_order_release);
  }
  over_.notify_all();
  pool_->wake_all();
}

void engine_run::pause() {
  std::lock_guard lock(mutex_);
  if (state_.load() == run_state::running) state_.store(run_state::paused, std::memory_order_release);
}

void engine_run::resume() {
  {
    std::lock_guard lock(mutex_);
    if (state_.load() == run_state::paused) state_.store(run_state::running, std::memory_order_release);
  }
  pool_->wake_all();
}

void engine_run::fail(error e) {
  how_.log.log(log_level::error, how_.executor, e.message);
  {
    std::lock_guard lock(mutex_);
    if (cancelled_.load() || is_over_) return;
    error_ = std::move(e);
    failed_at_ = std::chrono::steady_clock::now();
    state_.store(run_state::failed, std::memory_order_release);
    cancelled_.store(true, std::memory_order_release);
  }
  stop_source_.request_stop();
  pool_->wake_all();
  over_.notify_all();  // whoever waits has a limit from now on
}

void engine_run::tasklet_done() {
  // acq_rel: the last one sees all that the others did to the tasks.
  if (tasklets_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  close_all();
  std::lock_guard lock(mutex_);
  if (state_.load() != run_state::failed) state_.store(run_state::finished, std::memory_order_release);
  is_over_ = true;
  over_.notify_all();
}

// --- what it tells ---

void engine_run::unread_dead_letter(dead_letter letter) {
  if (dead_letter_log_.allow(how_.clock->now()))
    how_.log.log(log_level::warning, letter.node,
                 "dead letter that nobody reads, after " + std::to_string(letter.attempts) +
                     " attempts: " + letter.error + " (" + letter.type + ")");
  std::lock_guard lock(mutex_);
  unread_.push_back(std::move(letter));
  if (unread_.size() > how_.kept_dead_letters) unread_.pop_front();
}

std::string engine_run::unsent(const call_failure& why) const {
  const auto& reader = graph().nodes()[why.node];
  return "; its letter could not be sent to " + std::string(to_string(reader.kind)) + " \"" + reader.name +
         "\": " + why.error.message;
}

void engine_run::skipped_lost(std::string_view task, std::uint64_t messages, const std::string& what) {
  if (!data_loss_log_.allow(how_.clock->now())) return;
  const auto before = data_loss_log_.take_suppressed();
  how_.log.log(log_level::warning, task,
               std::to_string(messages) + (messages == 1 ? " message" : " messages") + " lost and skipped: " + what +
                   (before ? " (and " + std::to_string(before) + " more such losses)" : ""));
}

run_status engine_run::status() const {
  std::lock_guard lock(mutex_);
  run_status s;
  s.state = state_.load();
  if (s.state == run_state::failed) s.error = error_;
  s.stalled.assign(stalled_.begin(), stalled_.end());
  s.unread_dead_letters.assign(unread_.begin(), unread_.end());
  s.engine.at_work = how_.executor;
  return s;
}

run_metrics engine_run::begin_metrics() const {
  run_metrics m;
  m.topology = graph().name();
  m.taken = how_.clock->wall();
  m.uptime = how_.clock->now() - started_;
  m.engine.at_work = how_.executor;
  return m;
}

edge_metrics edge_of(const topology& graph, stream_end from, reader_ref to) {
  const auto& nodes = graph.nodes();
  const bool letters = from.node == stream_end::dead_letters;
  return {letters ? "dead_letters" : nodes[from.node].name, nodes[to.node].name, from.node, to.node, to.input, 0, {}};
}

void merge_edges(run_metrics& m) {
  std::vector<edge_metrics> sums;
  for (auto& e : m.edges) add_edge(sums, std::move(e));
  m.edges = std::move(sums);
}

std::string in_words(const range_lost& lost, const position_range& wanted, const std::vector<spout_partition>& all) {
  std::string name;
  for (const auto& p : all)
    if (p.id == wanted.partition) name = " \"" + p.name + "\"";
  return "offsets " + std::to_string(wanted.from) + " to " + std::to_string(wanted.to) + " of partition " +
         std::to_string(wanted.partition) + name + " can no longer be read, the earliest offset still there is " +
         std::to_string(lost.earliest()) + ": " + lost.what();
}

std::vector<std::vector<spout_partition>> deal_partitions(const std::vector<std::string>& names, std::size_t tasks) {
  std::vector<std::vector<spout_partition>> dealt(tasks);
  for (partition_id p = 0; p < names.size(); ++p) dealt[p % tasks].push_back({p, names[p]});
  return dealt;
}

}  // namespace freshet
