#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/chain_epochs.hpp"
#include "event/channel.hpp"
#include "event/epoch_coordinator.hpp"
#include "event/event_run.hpp"
#include "event/holds.hpp"
#include "freshet/runtime/tasklet.hpp"
#include "runtime/chain_task.hpp"
#include "runtime/query_desk.hpp"
#include "runtime/task_counters.hpp"

namespace freshet {

/// What tasks of spouts and of bolts have in common: sending, failures, holds, ticks, local sinks, the way to the end.
/// Runs on one worker's thread.
class event_task : public tasklet, public task_host {
 public:
  event_task(event_run& run, const chain_setup& setup, std::size_t worker);
  ~event_task() override;

  // --- wiring, before the run ---
  chain_task& chain() { return chain_; }
  std::size_t worker() const { return worker_; }
  void add_link(std::unique_ptr<out_link> out, std::size_t route) { links_.push_back({std::move(out), route}); }
  void open();
  /// Goes on where the run before was, behind `open`. Throws run_error, as do the next two.
  virtual void go_on(const run_checkpoints& kept);
  /// From here on its epochs are kept: the first begins.
  void begin_epochs(epoch_coordinator& coordinator);
  /// Calls `f` with its member of that node: `what` is being done before the run.
  void call_before_run(std::uint32_t node, const std::string& what, const std::function<void(task_operator&)>& f);
  bool has_epoch_sinks() const { return sinks_and_state_.has_sinks(); }

  // --- while the run is held, for another number of tasks; see event_run::rescale ---
  /// The task reads, and has not come to its end.
  bool is_working() const { return phase_ == phase::working; }
  /// When its last slice was over it had nothing in hand, and held nothing.
  bool is_at_rest() const { return is_at_rest_; }
  /// Since the last epoch it has done nothing that the next would have to save.
  bool is_saved() const;
  /// Nothing waits to be sent over a route.
  bool has_sent_all(std::size_t route) const;
  /// Takes the links of a route away. Gives what went over them.
  link_counts drop_links(std::size_t route);
  /// Counts it as gone over the links that a route has now.
  void count(std::size_t route, const link_counts& more);
  /// Closes what it has, for good, while the run goes on without it. Gives what was thrown.
  std::optional<error> retire();
  /// Is to time what that task was, which read the same.
  void stand_where(const event_task& was);
  /// Counts what that task did as its own.
  virtual void count_for(const event_task& was);

  /// The run never started: lets go without a word to the run.
  void abandon() noexcept;
  const std::string& name() const { return name_; }
  /// From any thread: the task has closed.
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  virtual void collect(run_metrics& into, std::chrono::nanoseconds uptime) const;
  /// About the state of the head.
  query_desk& questions() { return questions_; }

  // --- task_host ---
  void settle(std::uint32_t slot, std::int32_t delta) noexcept override {
    if (book_) book_->settle(slot, delta);
  }
  verdict failed(call_frame& frame, const any_batch& in, std::size_t index) override;
  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node) override;

  // --- tasklet ---
  progress run(time_point now) final;
  time_point next_wake() const final;

 protected:
  enum class phase : std::uint8_t { working, flushing, ending, closing, done };
  /// A batch in hand, and how far it is read.
  struct reading {
    any_batch* batch = nullptr;
    std::size_t from = 0;
    explicit operator bool() const { return batch != nullptr; }
  };
  /// A tuple that is tried again in place.
  struct retry {
    const any_batch* batch = nullptr;
    std::size_t index = 0;
    std::uint32_t attempts = 0;
    time_point due{};
  };

  /// One slice of the task's own work. True: something was done.
  virtual bool work() = 0;
  /// What of it goes on while a call waits to be made again, or a sink in the task does.
  virtual bool work_while_stalled() { return false; }
  /// No further work will come.
  virtual bool exhausted() = 0;
  virtual void close_inputs() {}
  /// The end of its input is the end of time, and not only of the run.
  virtual bool ends_time() const { return false; }
  /// Asked when everything has been sent on.
  virtual bool may_close() { return true; }
  virtual time_point next_work() const { return time_point::max(); }
  /// The epoch whose barrier has come over all inputs; 0: none that is to be passed.
  virtual std::uint64_t barrier_here() const = 0;
  /// Everything before the barrier has been read.
  virtual bool is_read_to_barrier() = 0;
  /// Adds what the task says of an epoch beside states and sinks: its barrier is passed.
  virtual void note_epoch(task_epoch& said) = 0;
  /// The epoch counts, wherever the run goes on.
  virtual void epoch_committed() {}
  /// Once a slice: what others may read of the task.
  virtual void publish() { publish_members(); }

  /// Reads `r` until its end or until the task has to stop; true when the end was reached.
  bool read(any_reader& reader, reading& r, bool& made);
  bool drain_sinks(bool& made);
  bool offer();
  bool blocked() const;
  /// Tokens are out, or their tuples wait to be called again.
  bool holds() const;
  /// Such a tuple may be called again as soon as the head is ready.
  bool has_due_repeat() const;
  /// Event time has come so far: timers are due, those too that follow the clock, then those who read from here are
  /// told. `clock_ends`: no input will come, so that all of those are due. False while a timer has to wait: for its
  /// next attempt, for room, or for the next slice, where there are many.
  bool keep_time(event_time watermark, bool clock_ends, bool& made);
  /// `keep_time` has been as far as that.
  bool time_is_kept(event_time watermark, bool clock_ends) const {
    return chain_.frame.watermark >= watermark && !firing_ && (clock_has_ended_ || !clock_ends);
  }
  /// Whether nothing is known of when tuples will come, so that their watermark is not to be waited for.
  void say_idle(bool is_idle);
  /// Behind everything that is in the outboxes.
  void send_marks(const batch_marks& marks);
  void publish_members();
  void count_failure(std::uint32_t node) { counts_.call_failed(chain_.plan(), node); }
  /// Tells every member that the task was woken. False when one of them is to be told again later; those before it
  /// are then told twice.
  bool call_woken();
  /// Every member is to let go what it holds, and those who read from here are told when that is done.
  void pass_flush_on();
  bool flush_some();
  void give_up(std::uint32_t node, error e, std::uint32_t attempts, const any_batch* in, std::size_t index,
               call_frame& frame);
  /// The policy of `node`. `letter` has what is known of the tuple.
  void give_up(std::uint32_t node, error e, std::uint32_t attempts, dead_letter letter, call_frame& frame);
  void emit_dead_letter(dead_letter letter, root anchor, const root_list* several, call_frame& frame);
  on_failure policy_of(std::uint32_t node) const;
  std::string describe(std::uint32_t node, std::uint32_t attempt, const error& e) const;
  std::string describe(std::uint32_t node, std::uint32_t task, std::uint32_t attempt, const error& e) const;
  bool stalled() const { return std::max({retry_.due, firing_retry_.due, calls_due_}) > now_; }
  /// The last slice came to nothing of the task's own, as a call or a sink in the task has to wait first: what is due
  /// meanwhile is no reason to run again.
  bool is_held_up() const { return was_held_up_ || stalled(); }
  /// Nothing may be read before the barrier is passed.
  bool is_at_barrier() const { return epochs_ && phase_ == phase::working && barrier_here() != 0; }
  /// The head is a sink that has prepared an epoch: it is given nothing until that is committed.
  bool head_awaits_commit() const { return awaits_commit(0); }
  /// Event time stands there, in the run that goes on.
  void set_time(event_time watermark) { time_ = chain_.frame.watermark = watermark; }
  /// The failed call is made again here, and not by a spout that emits its message again.
  virtual bool retries_in_place(const call_frame& frame) const;
  /// Tuple `index` of `in` has failed in place for the last time.
  virtual void end_attempts(std::uint32_t attempts, const any_batch& in, std::size_t index, call_frame& frame);

  event_run& run_;
  chain_task chain_;
  const std::size_t worker_;
  const std::string name_;
  const std::shared_ptr<ledger> book_;
  const guarantee guarantee_;
  epoch_coordinator* epochs_ = nullptr;  ///< null: the run keeps nothing
  std::uint64_t epoch_ = 0;              ///< the newest whose barrier the task has passed
  bool ended_by_stop_ = false;           ///< and not by its input's end
  time_point now_{};                     ///< when the slice began
  time_point clocked_{};                 ///< the last look at the clock in it
  phase phase_ = phase::working;

  task_counters counts_;  ///< written once a slice

 private:
  struct link {
    std::unique_ptr<out_link> out;
    std::size_t route;
  };
  class task_waker final : public waker::target {
   public:
    task_waker(std::shared_ptr<worker_pool> pool, std::size_t worker) : pool_(std::move(pool)), worker_(worker) {}
    void wake() noexcept override {
      woken.store(true, std::memory_order_release);
      pool_->publish_and_wake(worker_);
    }
    std::atomic<bool> woken{false};

   private:
    std::shared_ptr<worker_pool> pool_;
    std::size_t worker_;
  };
  struct ticking {
    std::size_t member;
    std::chrono::nanoseconds interval;
    time_point due;
  };
  std::vector<edge_output> left() const;
  /// Calls that no tuple has caused.
  enum class bare_call : std::uint8_t { tick, flush, wake };
  /// How far a flush has come.
  struct flushing {
    bool active = false, tell = false;
    bool again = false;  ///< another one was asked for meanwhile
    std::size_t member = 0;
    bool called = false;
    std::uint64_t taken = 0;            ///< tokens there were when the member had been called
    std::uint64_t began = 0, read = 0;  ///< activity, and tuples the head had read, when it began
  };
  void begin_flush(bool tell);
  void end_flush();
  std::uint64_t activity() const;
  bool come_to_rest(bool& made);
  std::optional<error> close_members();
  bool keep_epochs();
  bool let_go_before_barrier(bool& made);
  void pass_barrier(std::uint64_t epoch);
  bool save_some();
  void give_states();
  void fail_epoch(std::uint32_t node, const char* what);
  bool awaits_commit(std::size_t member) const;
  bool commit_epoch();
  bool begin_next(void (chain_epochs::*begin)(const epoch_id&));
  bool call_sinks(const char* what, const std::function<void()>& call);
  bool housekeeping();
  bool tick();
  void answer(hold_desk::failed_hold f);
  void repeat(bool& made);
  retry& retry_of(const call_frame& frame, const any_batch& in);
  hold_desk::repetition repetition_of(const call_frame& frame) const;
  bool step_to_end();
  void close();
  bool guarded(std::size_t member, bare_call call);

  std::vector<link> links_;
  std::vector<reading> sink_reading_;
  std::vector<retry> sink_retry_;
  std::vector<ticking> ticks_;
  std::shared_ptr<task_waker> waker_;
  std::shared_ptr<hold_desk> desk_;
  query_desk questions_;
  retry retry_;  ///< of the head's tuple
  bool was_held_up_ = false;
  time_point calls_due_{};  ///< when a tick, flush or wake that failed is tried again
  /// Held tuples that failed where no spout emits them again, each read once more when it is due.
  struct repeat_call {
    hold_desk::repetition what;
    time_point due;
  };
  std::deque<repeat_call> repeats_;
  hold_desk::repetition repeating_;  ///< the one at work
  reading repeat_reading_;
  retry repeat_retry_;
  /// The batch that is read now, for tuples that are taken over into tokens.
  struct {
    any_reader* reader = nullptr;
    const any_batch* batch = nullptr;
    std::uint64_t base_call = 0;  ///< the call for tuple i is the frame's call base_call + i + 1
  } inside_;
  /// A watermark on its way, behind the tokens there were when it came.
  struct passing {
    event_time watermark = beginning_of_time;
    std::uint64_t taken = 0;
  };
  void pass_time_on(event_time watermark);
  bool let_time_pass();
  bool tokens_settled(std::uint64_t taken) const;
  event_time time_ = beginning_of_time;  ///< that timers are called up to; they have been up to `frame.watermark`
  const event_time::duration delay_;     ///< of what it tells
  reading firing_;                       ///< timers that are due,
  any_reader* firing_by_ = nullptr;      ///< who reads them,
  retry firing_retry_;                   ///< and of the one that is tried again, beside a tuple that may be, too
  bool clock_has_ended_ = false;         ///< and its timers have been called
  passing waiting_, next_;               ///< `next_` sets out when `waiting_` has passed; the beginning of time: none
  event_time told_ = beginning_of_time;
  bool said_idle_ = false;
  flushing flush_;
  chain_epochs sinks_and_state_;
  std::optional<task_epoch> said_;    ///< what is to be said of `epoch_`, when what has changed is written
  bool is_saving_ = false;            ///< the state as it was at the barrier of `epoch_` is being written
  bool awaits_commit_ = false;        ///< its sinks have prepared `epoch_`, and may not have committed it
  bool has_begun_ahead_ = false;      ///< those whose epochs overlap have begun the next
  bool begins_next_ = false;          ///< all have committed, and the others begin the next
  bool is_last_epoch_ = false;        ///< there is no next
  std::uint64_t told_committed_ = 0;  ///< the newest that `epoch_committed` was called for
  std::uint32_t sink_attempts_ = 0;
  bool said_end_ = false;  ///< to the coordinator
  bool is_at_rest_ = false;
  std::uint64_t saved_ = 0;                                     ///< activity when the last barrier was passed
  std::uint64_t expired_before_ = 0, late_answers_before_ = 0;  ///< of tasks that this one counts for
  std::uint64_t flushed_ = 0;                                   ///< activity whose outcome has been let go and marked
  bool flushes_last_ = false;  ///< no input will come: the flush that this asks for is the last
  std::vector<std::array<std::uint32_t, 3>> call_attempts_;  ///< by member and kind
  std::vector<std::size_t> to_wake_;
  time_point blocked_since_{};
  static constexpr std::size_t timers_a_time = 1024;   ///< then the others of the worker have their turn
  static constexpr std::uint32_t slices_a_size = 256;  ///< sizes of tables are summed up so often only
  std::uint32_t slices_ = 0;
  std::atomic<bool> finished_{false};

 protected:
  bool take_wake() { return waker_->woken.exchange(false, std::memory_order_acquire); }
  waker make_waker() const { return waker{waker_}; }
  hold_desk& desk() { return *desk_; }
};

}  // namespace freshet
