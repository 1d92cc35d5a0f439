#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/core/dead_letter.hpp"
#include "freshet/core/topology.hpp"
#include "runtime/plan.hpp"

namespace freshet {

/// What an engine decides when a chain's task is made.
struct chain_setup {
  const topology* graph = nullptr;
  const run_plan* plan = nullptr;
  std::uint32_t chain = 0;
  std::uint32_t task = 0;
  batch_layout layout;
  bool rollback_state = false, rollback_timers = false;  ///< as in call_frame
  fault_injector* faults = nullptr;
  const std::string_view* node_names = nullptr;  ///< by node, where there are faults
  /// Tasks of a node on the worker that this task runs on.
  std::function<std::vector<std::uint32_t>(std::uint32_t node)> local_tasks;
  state_backend* store = nullptr;               ///< of states by key; null: memory alone
  std::unique_ptr<any_state>* state = nullptr;  ///< when it holds one, the head takes it over instead of making its own
  bool headless = false;  ///< made without a head, which `adopt_head` gives it: a spout that outlives its chain
};

/// A task of a node could not be made: the user's factory threw, or the copy constructor of what he gave.
class task_not_made : public std::exception {
 public:
  explicit task_not_made(call_failure why) : why_(std::move(why)) {}
  const call_failure& why() const noexcept { return why_; }
  const char* what() const noexcept override { return why_.error.message.c_str(); }

 private:
  call_failure why_;
};

/// One task of a chain: operators, frames, routers and readers, wired, without any engine. The engine sets the hosts,
/// takes batches out of the routers' outboxes and hands batches to the readers. Not thread safe.
class chain_task {
 public:
  struct member {
    std::uint32_t node = 0;
    std::unique_ptr<task_operator> op;
    call_frame* frame = nullptr;
  };
  /// An output divided among the tasks of another chain.
  struct out_route {
    std::unique_ptr<any_router> router;
    stream_end from;
    reader_ref to;
  };
  /// A sink in this task: reads what its outbox holds when the head call has returned.
  struct local_sink {
    std::unique_ptr<call_frame> frame;
    std::unique_ptr<any_router> router;  ///< one outbox
    std::unique_ptr<any_reader> reader;
    std::size_t member = 0;
    any_outbox& outbox() { return *router->outboxes()[0]; }
  };

  /// Throws task_not_made; what `setup.state` held is there again then.
  explicit chain_task(const chain_setup& setup);
  chain_task(const chain_task&) = delete;
  chain_task& operator=(const chain_task&) = delete;
  ~chain_task();

  const chain_plan& plan() const { return *plan_; }
  std::uint32_t task() const { return task_; }
  task_operator& head() { return *members[0].op; }
  const task_operator& head() const { return *members[0].op; }
  /// Gives the head up, to be adopted by another task of the same chain. REQUIRES: the chain reads no inputs.
  std::unique_ptr<task_operator> release_head() { return std::move(members[0].op); }
  /// What `op` emits goes through this chain from now on.
  void adopt_head(std::unique_ptr<task_operator> op);
  /// Divides route `k` anew, among as many tasks as its reader has in `setup`. REQUIRES: its outboxes are empty.
  void reroute(const chain_setup& setup, std::size_t k);
  /// Something in the chain depends on `frame.now`.
  bool follows_clock() const;
  /// Sets `frame.now`, if somebody follows it.
  void look_at_clock(const clock& c);
  /// It never goes back, whatever the clock does.
  void set_now(event_time wall);
  /// When the head's next timer is due by the clock; `end_of_time`: not for a timer's sake.
  event_time next_processing_timer() const;
  bool has_processing_timers() const;  ///< whenever they are due
  /// Timers of the head that are due, and who reads them; null: there are none. First those that follow the clock: at
  /// the end of the input both kinds end, and what these emit comes before the end of time.
  any_batch* take_due(event_time watermark, event_time now, any_reader*& reader);
  /// Gives back the memory of states whose time to live, if it is measured so, was over at `now`: some at a time, in
  /// proportion to what was executed.
  void expire_state(time_domain measured_in, event_time now);
  /// The clock of a spout's chain, if it has one, knows the partitions from here on: those dealt to this task. Where
  /// the spout has named none at all, each task has some of its own.
  void open_clock(const std::vector<spout_partition>& dealt, bool any_named, event_clock::time_point now,
                  std::shared_ptr<watermark_alignment> others);
  /// Event time here is not too far ahead of the spout's other tasks.
  bool is_in_step() const { return !frame.clock || frame.clock->wants_any(); }
  /// Sends a letter to all who read them, as a call of its own: to nobody, where a grouping of one of them throws, and
  /// gives what it threw.
  std::optional<call_failure> send_letter(const dead_letter& letter, root anchor, const root_list* several,
                                          event_time time, event_time stamp);
  /// Sets the host of all frames.
  void attach(task_host& host);

  call_frame frame;
  std::vector<member> members;
  std::vector<std::unique_ptr<any_reader>> inputs;   ///< of the head, by input
  std::vector<std::unique_ptr<any_reader>> chained;  ///< of chained bolts; kept alive only
  std::vector<out_route> routes;
  std::vector<local_sink> sinks;
  outlet<dead_letter> dead_letters;  ///< connected where somebody reads them

 private:
  void make_members(const chain_setup& setup);
  void give_states(const chain_setup& setup);
  std::unique_ptr<any_state> make_state(const chain_setup& setup, const node& n) const;
  bool expires_by(time_domain measured_in) const;
  void wire(const chain_setup& setup);
  std::vector<any_consumer*> consumers_of(const chain_setup& setup, std::size_t member, std::uint32_t port);
  any_consumer* add_route(const chain_setup& setup, stream_end from, reader_ref to);
  std::unique_ptr<any_router> make_router(const chain_setup& setup, stream_end from, reader_ref to);
  any_consumer* add_sink(const chain_setup& setup, std::size_t member);

  const chain_plan* plan_;
  std::uint32_t task_;
  state_ttl ttl_;  ///< of the head's states
  bool head_follows_clock_ = false;
  std::uint64_t swept_at_ = 0;
  std::vector<std::vector<std::vector<any_consumer*>>> consumers_;  ///< by member and port
  std::vector<any_consumer*> letter_readers_;
};

}  // namespace freshet
