#include "runtime/adaptive_run.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/named_node.hpp"
#include "freshet/base/clock.hpp"
#include "runtime/plan.hpp"
#include "runtime/rescaled.hpp"
#include "runtime/successive_runs.hpp"

namespace freshet {

namespace {
constexpr std::size_t kept_switches = 16;  ///< of which status and metrics tell

engine_kind other(engine_kind k) { return k == engine_kind::batches ? engine_kind::events : engine_kind::batches; }
std::string name_of(engine_kind k) { return k == engine_kind::batches ? "batch_executor" : "event_executor"; }

std::string in_ms(std::chrono::nanoseconds t) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(t).count()) + " ms";
}

/// What the system throws at a start is no error of a run yet.
error error_of_start() {
  try {
    throw;
  } catch (const run_error& e) { return e.error(); } catch (const topology_error& e) {
    return {errc::invalid_argument, e.what()};
  } catch (...) { return error_from_current_exception(); }
}
}  // namespace

/// The runs that follow one another, and the thread that looks when the next is due.
///
/// A switch stops the run at work, which ends with an epoch that is not final, and starts one of the other engine,
/// which goes on from there. Where a run can't change its tasks, a rescale does the same with one of the same engine.
/// Thread safe. Invariants: 1. `between_` is true from before the one is stopped until the other is in `run_`, or none
/// will be. 2. A run is told to stop for another under the mutex, and only while nobody has asked for an end: so
/// whatever is asked finds the run as it was, or is seen by the switch.
class adaptive_control final : public successive_runs {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  adaptive_control(const topology& graph, adaptive_engines engines, adaptive_options options,
                   std::unique_ptr<engine_chooser> chooser)
      : successive_runs(engine(engines, options.first)(graph, false)),
        name_(graph.name()),
        engines_(std::move(engines)),
        options_(std::move(options)),
        look_every_(std::clamp<std::chrono::nanoseconds>(options_.patience / 10, std::chrono::microseconds(100),
                                                         std::chrono::seconds(1))),
        chooser_(std::move(chooser)),
        at_(options_.first) {
    chooser_->begin(at_, std::chrono::steady_clock::now());
    thread_ = std::jthread([this] { supervise(); });
  }
  ~adaptive_control() override { thread_.join(); }

  run_status status() const override {
    std::lock_guard lock(mutex_);
    auto s = status_of_all();
    const bool has_ended = s.state == run_state::finished || s.state == run_state::failed;
    if (has_failed_) s.state = run_state::failed;
    else if (is_over_) s.state = run_state::finished;
    else if (between_ || has_ended) s.state = is_paused_ && asked_ == run_state::running ? run_state::paused : asked_;
    s.error = has_failed_ ? error_ : error{};
    s.engine = use();
    return s;
  }
  run_metrics metrics() const override {
    std::unique_lock lock(mutex_);
    auto engine = use();
    auto m = metrics_with(std::move(lock));
    m.engine = std::move(engine);
    return m;
  }
  bool keeps_checkpoints() const override { return true; }
  void rescale(std::string_view node, std::size_t parallelism) override {
    while (true) {
      std::unique_lock lock(mutex_);
      settle(lock);
      if (at_ == engine_kind::batches) return go_on_with(lock, node, parallelism);
      const auto run = run_;
      lock.unlock();
      if (has_rescaled(run, node, parallelism)) return;
    }
  }

 private:
  /// Another run is to follow.
  struct succession {
    engine_kind to;
    std::string why;
    std::optional<topology> graph{};  ///< none: that of the run before
    time_point began = std::chrono::steady_clock::now();
  };

  static const adaptive_engines::start& engine(const adaptive_engines& all, engine_kind kind) {
    return kind == engine_kind::batches ? all.batches : all.events;
  }
  /// REQUIRES: the mutex.
  engine_use use() const { return {name_of(at_), is_between(), switches_, {recent_.begin(), recent_.end()}}; }

  void supervise() {
    while (true) {
      const auto run = current();
      const bool has_ended = run->wait_until(deadline(std::chrono::steady_clock::now(), look_every_));
      if (auto next = take_next()) {
        if (!follow(*run, std::move(*next))) return;
      } else if (has_ended) {
        return end_as(*run);
      } else if (const auto why = reason_to_switch(*run); !why.empty()) {
        begin_switch(why);
      }
    }
  }
  std::optional<succession> take_next() {
    std::lock_guard lock(mutex_);
    return std::exchange(next_, std::nullopt);
  }
  std::string reason_to_switch(const run_control& run) {
    {
      std::lock_guard lock(mutex_);
      if (asked_ != run_state::running) return "";
      if (is_paused_) return chooser_->forget(), "";
    }
    return chooser_->look(run.metrics(), std::chrono::steady_clock::now());
  }
  void end_as(const run_control& run) {
    try {
      run.rethrow();
      end();
    } catch (const run_error& e) { fail(e.error()); }
  }

  /// Unless somebody has asked for something meanwhile.
  void begin_switch(const std::string& why) {
    std::lock_guard lock(mutex_);
    if (asked_ == run_state::running && !is_paused_ && !between_) leave({other(at_), why});
  }
  /// REQUIRES: the mutex.
  void leave(succession next) {
    next_ = std::move(next);
    between_ = true;
    run_->stop();
  }

  /// The run at work is left for one of its engine, with other tasks. Waits for that. REQUIRES: the mutex, by `lock`.
  void go_on_with(std::unique_lock<std::mutex>& lock, std::string_view name, std::size_t parallelism) {
    const auto left = run_;
    const auto plan = make_plan(left->graph());
    const auto& chain = plan.chains[chain_to_rescale(left->graph(), plan, name, parallelism, true)];
    if (chain.parallelism == parallelism) return;
    auto to = with_tasks(left->graph(), chain, parallelism);
    const run_error ending({errc::closed, "the run is ending, or its input has: nothing has changed"});
    if (is_over_ || asked_ != run_state::running) throw ending;
    const node& asked = node_called(to, name);
    leave({at_, titled(asked) + " was given " + std::to_string(parallelism) + " tasks", std::move(to)});
    settle(lock);
    if (has_failed_) throw run_error(error_);
    if (run_ == left) throw ending;
  }

  /// False: none follows `left`.
  bool follow(run_control& left, succession next) {
    const auto doing = "topology \"" + name_ + "\" was about to go on with the " + name_of(next.to) +
                       (next.to == at_ ? "" : " instead of the " + name_of(at_)) + " (" + next.why + "), and ";
    left.wait_until(time_point::max());
    try {
      left.rethrow();
    } catch (const run_error& e) { return fail(told(doing + "failed while it was stopped: ", e.error())), false; }
    if (is_to_stop()) return end(), false;
    std::shared_ptr<run_control> run;
    try {
      run = run_of(engine(engines_, next.to)(next.graph ? *next.graph : left.graph(), true));
    } catch (...) {
      const auto what = next.to == at_ ? "it could not be started again: " : "the other could not be started: ";
      return fail(told(doing + what, error_of_start())), false;
    }
    go_on(std::move(run), next);
    return true;
  }
  static error told(const std::string& doing, error e) {
    e.message = doing + e.message;
    return e;
  }
  bool is_to_stop() const {
    std::lock_guard lock(mutex_);
    return asked_ == run_state::stopping;
  }
  void go_on(std::shared_ptr<run_control> run, const succession& next) {
    const auto now = std::chrono::steady_clock::now();
    const engine_switch done{run->metrics().taken, name_of(next.to), next.why, now - next.began};
    const bool is_switch = next.to != at_;
    adopt(std::move(run), [&] {
      if (next.graph) note_graph();
      if (!is_switch) return;
      at_ = next.to;
      ++switches_;
      recent_.push_back(done);
      if (recent_.size() > kept_switches) recent_.pop_front();
    });
    options_.log.log(log_level::info, "adaptive_executor",
                     "topology \"" + name_ + "\" goes on with the " + done.to + ": " + next.why + "; the " +
                         (is_switch ? "switch" : "change") + " took " + in_ms(done.took));
    chooser_->begin(at_, now);
  }

  const std::string name_;
  const adaptive_engines engines_;
  const adaptive_options options_;
  const std::chrono::nanoseconds look_every_;
  const std::unique_ptr<engine_chooser> chooser_;  ///< the thread's

  // Guarded by the mutex; the thread alone changes `at_`.
  engine_kind at_;
  std::optional<succession> next_;  ///< until the thread has seen it
  std::uint64_t switches_ = 0;
  std::deque<engine_switch> recent_;
  std::jthread thread_;
};

topology_run start_adaptive(const topology& graph, adaptive_engines engines, adaptive_options options,
                            std::unique_ptr<engine_chooser> chooser) {
  return topology_run{
      std::make_shared<adaptive_control>(graph, std::move(engines), std::move(options), std::move(chooser))};
}

}  // namespace freshet
