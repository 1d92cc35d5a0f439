#include "runtime/adaptive_run.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <thread>
#include <utility>

#include "freshet/base/clock.hpp"
#include "runtime/successive_runs.hpp"

namespace freshet {

namespace {
constexpr std::size_t kept_switches = 16;  ///< of which status and metrics tell
constexpr std::size_t kept_letters = 100;  ///< of the runs before the one at work, as the engines keep by default

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

template <class T>
void put_before(std::vector<T>& newer, const std::vector<T>& older) {
  newer.insert(newer.begin(), older.begin(), older.end());
  if (newer.size() > kept_letters) newer.erase(newer.begin(), newer.end() - static_cast<std::ptrdiff_t>(kept_letters));
}
}  // namespace

/// The runs that follow one another, and the thread that looks when the next is due.
///
/// A switch stops the run at work, which ends with an epoch that is not final, and starts one of the other engine,
/// which goes on from there. Thread safe. Invariants: 1. `switching_` is true from before the one is stopped until the
/// other is in `run_`, or none will be. 2. A run is told to stop for a switch under the mutex, and only while nobody
/// has asked for anything: so whatever is asked finds the run as it was, or is seen by the switch.
class adaptive_control final : public successive_runs {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  adaptive_control(const topology& graph, adaptive_engines engines, adaptive_options options,
                   std::unique_ptr<engine_chooser> chooser)
      : successive_runs(engine(engines, options.first)(false)),
        graph_(graph),
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
    auto s = run_->status();
    const bool has_ended = s.state == run_state::finished || s.state == run_state::failed;
    if (has_failed_) s.state = run_state::failed;
    else if (is_over_) s.state = run_state::finished;
    else if (switching_ || has_ended) s.state = is_paused_ && asked_ == run_state::running ? run_state::paused : asked_;
    s.error = has_failed_ ? error_ : error{};
    put_before(s.stalled, before_.stalled);
    put_before(s.unread_dead_letters, before_.unread_dead_letters);
    s.engine = use();
    return s;
  }
  run_metrics metrics() const override {
    std::unique_lock lock(mutex_);
    const auto run = run_;
    auto engine = use();
    lock.unlock();
    auto m = run->metrics();
    m.engine = std::move(engine);
    return m;
  }
  const topology& graph() const override { return graph_; }
  bool keeps_checkpoints() const override { return true; }
  std::uint64_t savepoint() override {
    while (true) {
      const auto run = between_switches();
      try {
        return run->savepoint();
      } catch (const run_error& e) {
        if (e.error().code != errc::closed || !is_left(run)) throw;
      }
    }
  }

 private:
  static const adaptive_engines::start& engine(const adaptive_engines& all, engine_kind kind) {
    return kind == engine_kind::batches ? all.batches : all.events;
  }
  std::shared_ptr<run_control> between_switches() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !is_switching(); });
    return run_;
  }
  /// It has ended because another engine goes on.
  bool is_left(const std::shared_ptr<run_control>& run) const {
    std::lock_guard lock(mutex_);
    return is_switching() || run_ != run;
  }
  /// REQUIRES: the mutex.
  bool is_switching() const { return switching_ && !is_over_; }
  /// REQUIRES: the mutex.
  engine_use use() const { return {name_of(at_), is_switching(), switches_, {recent_.begin(), recent_.end()}}; }

  void supervise() {
    for (std::string why; why.empty() || switch_over(why);) {
      const auto run = current();
      if (run->wait_until(deadline(std::chrono::steady_clock::now(), look_every_))) return end_as(*run);
      why = reason_to_switch(*run);
    }
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

  /// False: the run is over.
  bool switch_over(const std::string& why) {
    const auto began = std::chrono::steady_clock::now();
    const auto left = begin_switch();
    if (!left) return true;
    const auto doing = "topology \"" + graph_.name() + "\" was about to go on with the " + name_of(other(at_)) +
                       " instead of the " + name_of(at_) + " (" + why + "), and ";
    left->wait_until(time_point::max());
    try {
      left->rethrow();
    } catch (const run_error& e) { return fail(told(doing + "failed while it was stopped: ", e.error())), false; }
    if (is_to_stop()) return end(), false;
    std::shared_ptr<run_control> next;
    try {
      next = run_of(engine(engines_, other(at_))(true));
    } catch (...) { return fail(told(doing + "the other could not be started: ", error_of_start())), false; }
    adopt(std::move(next), why, began);
    return true;
  }
  static error told(const std::string& doing, error e) {
    e.message = doing + e.message;
    return e;
  }
  /// Stops the run at work, and gives it; null where somebody has asked for something meanwhile.
  std::shared_ptr<run_control> begin_switch() {
    std::lock_guard lock(mutex_);
    if (asked_ != run_state::running || is_paused_) return nullptr;
    switching_ = true;
    run_->stop();
    return run_;
  }
  bool is_to_stop() const {
    std::lock_guard lock(mutex_);
    return asked_ == run_state::stopping;
  }
  void adopt(std::shared_ptr<run_control> next, const std::string& why, time_point began) {
    const auto now = std::chrono::steady_clock::now();
    const engine_switch done{next->metrics().taken, name_of(other(at_)), why, now - began};
    {
      std::lock_guard lock(mutex_);
      auto said = run_->status();
      put_before(said.stalled, before_.stalled);
      put_before(said.unread_dead_letters, before_.unread_dead_letters);
      before_ = std::move(said);
      std::swap(run_, next);
      at_ = other(at_);
      ++switches_;
      recent_.push_back(done);
      if (recent_.size() > kept_switches) recent_.pop_front();
      switching_ = false;
      tell(*run_);
    }
    changed_.notify_all();
    options_.log.log(log_level::info, "adaptive_executor",
                     "topology \"" + graph_.name() + "\" goes on with the " + done.to + ": " + why +
                         "; the switch took " + in_ms(done.took));
    chooser_->begin(at_, now);
  }

  const topology graph_;
  const adaptive_engines engines_;
  const adaptive_options options_;
  const std::chrono::nanoseconds look_every_;
  const std::unique_ptr<engine_chooser> chooser_;  ///< the thread's

  // Guarded by the mutex; the thread alone changes `at_` and `run_`.
  engine_kind at_;
  bool switching_ = false;
  run_status before_;  ///< stalls and dead letters of the runs before the one at work
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
