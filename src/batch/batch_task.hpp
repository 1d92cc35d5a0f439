#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "batch/batch_plan.hpp"
#include "batch/token_desk.hpp"
#include "freshet/runtime/metrics.hpp"
#include "freshet/runtime/worker_pool.hpp"
#include "runtime/task_counters.hpp"

namespace freshet {

class batch_run;

/// Before the `nth` retry (from 1) of what depends on the world outside: long enough for a dropped connection to
/// return, and doubled each time.
constexpr std::chrono::milliseconds pause_before_retry(std::uint32_t nth) {
  return std::chrono::milliseconds{10} * (1 << std::min(nth - 1, 9u));
}

/// Why an attempt failed.
struct attempt_failure {
  static constexpr std::uint64_t no_tuple = ~std::uint64_t{0};
  std::uint32_t node = 0;
  std::uint64_t ordinal = no_tuple;  ///< of the head's tuple among the task's input, where one tuple is to blame
  freshet::error error;
};

/// What one task has gone through in one batch. The first part lasts for the batch, the second for an attempt.
struct batch_record {
  std::uint64_t batch = 0;
  event_time now{};  ///< by the clock, for all attempts
  std::uint32_t attempt = 1;
  std::map<std::uint64_t, std::uint32_t> failures;  ///< by tuple
  std::set<std::uint64_t> given_up;                 ///< tuples that meet their node's policy when they fail again
  std::uint32_t other_failures = 0;                 ///< of no tuple
  std::uint32_t attempts_failed = 0;                ///< of all kinds
  std::uint64_t reached = 0;                        ///< all tuples before this one have succeeded once, or failed
  std::uint32_t fruitless = 0;                      ///< attempts since one got further, or a tuple was given up
  std::vector<std::size_t> ticks;                   ///< members whose tick is due in this batch
  bool woken = false;                               ///< members were told that a waker was called: each attempt does it

  std::uint64_t dead_lettered = 0, skipped = 0;
  std::vector<dead_letter> unread;  ///< dead letters that nobody reads
  void begin_attempt() {
    dead_lettered = skipped = 0;
    unread.clear();
  }
};

/// One partition of a chain: its operators, its attempts, and what becomes of failures. Used by one thread at a time,
/// but for what is said to be thread safe.
class batch_task : public task_host {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  batch_task(batch_run& run, std::uint32_t chain, std::uint32_t task);
  ~batch_task() override;
  chain_task& chain() { return *chain_; }
  const chain_task& chain() const { return *chain_; }
  std::uint32_t chain_index() const { return chain_index_; }
  std::uint32_t task() const { return task_; }
  const std::string& name() const { return name_; }  ///< "count" task 2
  /// From any thread: it is at work, perhaps in user code that doesn't come back.
  bool is_inside() const { return inside_.load(std::memory_order_relaxed); }

  /// Opens all members. Throws run_error.
  void open();
  /// Closes all members. Never throws: the first error ends the run, unless it is over anyway.
  void close() noexcept;
  /// Batches of an outbox come home, to be filled again. Thread safe.
  void take_back(std::uint32_t route, std::uint32_t box, batch_list all);
  /// Until when it wants to be left alone: when its next tick is due.
  time_point next_tick() const;
  virtual void collect(run_metrics& into, std::chrono::nanoseconds uptime) const;

  // --- task_host ---
  void settle(std::uint32_t, std::int32_t) noexcept override {}
  verdict failed(call_frame& frame, const any_batch& in, std::size_t index) override;
  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node) override;

 protected:
  /// Where the batches of one outbox wait to be filled again.
  class shelf final : public batch_pool::source {
   public:
    void reclaim(batch_pool& into) override;
    void put(batch_list all);

   private:
    std::mutex mutex_;
    batch_list all_;
  };
  class task_waker final : public waker::target {
   public:
    task_waker(std::shared_ptr<worker_pool> pool, std::size_t at) : worker(at), pool_(std::move(pool)) {}
    void wake() noexcept override {
      woken.store(true, std::memory_order_release);
      // seq_cst: who takes the task over stores `worker` before he looks at `woken` for the last time.
      std::atomic_thread_fence(std::memory_order_seq_cst);
      pool_->wake(worker.load(std::memory_order_relaxed));
    }
    std::atomic<bool> woken{false};
    std::atomic<std::size_t> worker;

   private:
    std::shared_ptr<worker_pool> pool_;
  };
  struct ticking {
    std::size_t member;
    std::chrono::nanoseconds interval;
    std::atomic<std::int64_t> due;  ///< ns of the steady clock; read by whoever decides about the next batch
  };

  /// Makes the chain anew and opens it; state and a spout are taken over from the one before. False: that failed, and
  /// so has the attempt. The chain is then the one before, closed: to be renewed before anything else.
  bool renew(bool keep_head);
  /// Throws task_not_made.
  std::unique_ptr<chain_task> make_chain(std::unique_ptr<any_state>* state, bool headless);
  /// Null: it could not be made, and the attempt has failed.
  std::unique_ptr<chain_task> try_make_chain(std::unique_ptr<any_state>* state, bool headless);
  bool open_members(std::size_t from);
  task_context context_of(std::size_t member) const;
  void close_members(chain_task& chain, std::size_t from) noexcept;
  /// State as it was when the batch began; routes as in every attempt.
  void begin_attempt();
  /// Calls one member as a call of its own. False: it threw, and the attempt has failed. `ends_tokens`: where the call
  /// wanted to ack held tuples, they have failed instead, to be tried again or given up as any tuple.
  bool guarded(std::size_t member, const char* what, const std::function<void(task_operator&)>& f,
               bool ends_tokens = false);
  /// A tick, flush or wake.
  bool call_member(std::size_t member, void (task_operator::*f)(), const char* what);
  /// Notes why the attempt fails; the first reason counts.
  void fail_attempt(attempt_failure why);
  /// Decides what follows a failed attempt. True: another one; false: the run is over.
  bool absorb_failure();
  bool over_limit(const attempt_failure& why);
  void give_up(const error& why, std::uint32_t node, std::uint64_t ordinal, const any_batch* in, std::size_t index,
               call_frame& frame);
  /// The policy of `node`. `letter` has what is known of the tuple, and the attempts.
  void give_up(const error& why, std::uint32_t node, dead_letter letter, call_frame& frame);
  void emit_dead_letter(dead_letter letter, call_frame& frame);
  /// A token of this member, or of one before it, is out.
  bool holds_up_to(std::size_t member) const;
  /// What failed or outlived tokens mean for the attempt.
  void serve_tokens(time_point now);
  virtual void answer(token_desk::failed_token t);
  /// Answers to tokens that are out change nothing from here on.
  void renew_desk();
  void call_woken();
  /// Moves what is in the outboxes to the block store; `again`: only where blocks are missing.
  void store_outputs(bool again);
  void fail_as_whimsical();
  void drop_outputs();
  static batch_list take_all(any_outbox& box);
  void store_block(const batch_route& route, std::uint32_t k, std::uint32_t box, batch_list all);
  void note_ticks(time_point now);
  /// The batch has committed: what was counted in it counts.
  void publish(batch_record& done);
  void publish_counts();
  void count_failure(std::uint32_t node);
  std::vector<edge_output> left() const;
  /// How often a tuple, or a task for another reason, may fail.
  std::uint32_t most_attempts() const;
  /// Where a tuple of the task's input is. Null: nobody has it any more.
  struct tuple_place {
    const any_batch* batch = nullptr;
    std::size_t index = 0;
    std::uint32_t input = 0;  ///< of the head
  };
  virtual tuple_place find_tuple(std::uint64_t /*ordinal*/) const { return {}; }
  on_failure policy_of(std::uint32_t node) const;
  /// Names batch, stage, partition, attempt and node of an error.
  error located(std::uint32_t node, error e) const;
  std::uint64_t ordinal_in(const call_frame& frame) const;

  /// While it lives, the task is at work, and the stall detector knows it by its own name, whoever does the work.
  struct inside {
    explicit inside(batch_task& t) : flag(t.inside_), label(t.name_) { flag.store(true, std::memory_order_relaxed); }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;
    ~inside() { flag.store(false, std::memory_order_relaxed); }
    std::atomic<bool>& flag;
    const work_label label;
  };

  batch_run& run_;
  const std::uint32_t chain_index_, task_;
  const std::string name_;
  std::shared_ptr<task_waker> waker_;
  std::unique_ptr<chain_task> chain_;
  std::shared_ptr<token_desk> desk_;
  std::deque<ticking> ticks_;
  batch_record* record_ = nullptr;  ///< of the batch at work
  std::optional<attempt_failure> failure_;
  std::uint64_t base_ordinal_ = 0;  ///< of the first tuple of the batch being read
  std::uint64_t base_call_ = 0;     ///< the frame's call number before that tuple
  bool reading_ = false;
  std::atomic<bool> inside_{false};

  task_counters counts_;
  std::vector<std::uint64_t> executed_before_;  ///< by member: in copies that are gone
  std::deque<counter> transferred_;             ///< by route

 private:
  std::vector<std::deque<shelf>> shelves_;  ///< by route and outbox; outlive the outboxes
};

}  // namespace freshet
