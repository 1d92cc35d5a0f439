#pragma once
#include <atomic>
#include <bit>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include "freshet/core/event_clock.hpp"
#include "freshet/core/task_host.hpp"
#include "freshet/core/tuple_origin.hpp"

namespace freshet {

class any_outbox;
class fault_injector;

/// An address that differs between threads: tells whether a token is consumed inside the call that runs here.
inline const void* this_thread_mark() noexcept {
  static thread_local const char mark = 0;
  return &mark;
}

/// Where a frame's calls run just now: tells a token that is consumed whether that happens inside such a call.
/// `thread` equals this thread's mark only while this thread is inside a call, and then the frame is alive.
struct call_place {
  explicit call_place(call_frame& f) : frame(&f) {}
  call_frame* const frame;
  std::atomic<const void*> thread{nullptr};  // relaxed: nobody acts on another thread's value
};

/// While it lives, this thread is inside calls of the frame.
class inside_calls {
 public:
  explicit inside_calls(const std::shared_ptr<call_place>& place);
  inside_calls(const inside_calls&) = delete;
  inside_calls& operator=(const inside_calls&) = delete;
  ~inside_calls();

 private:
  call_place& place_;
};

/// What is out of the ordinary about a call, side by side so that one test per tuple finds all of it.
struct alignas(4) call_flags {
  bool failed = false;       ///< what the call emits from here on is cut back
  bool deferred = false;     ///< the call has taken or consumed tokens: one of the frame's lists is not empty
  bool outbox_full = false;  ///< an outbox reached its bound: the loop stops after this call
  bool faults = false;       ///< the frame has a fault injector
  bool any() const { return std::bit_cast<std::uint32_t>(*this) != 0; }
};

/// What all tuples share that are emitted during one *head call*: one input tuple of a chain's first bolt (or one
/// message of a spout), with everything the chained bolts do about it. It is the unit of failure. One frame for each
/// chain; never shared between threads.
struct call_frame {
  // Of the tuple in process; what is emitted inherits them.
  root anchor;                         ///< unrooted where the run has no ledger
  const root_list* anchors = nullptr;  ///< when `anchor.is_several()`
  event_time time{};
  event_time stamp = beginning_of_time;
  tuple_origin origin;

  // Of the message in process, in the chain of a spout whose messages get event times.
  message_source source;
  event_time* own_stamp = nullptr;  ///< where its stamp is kept: `not_stamped` until the clock has given one

  // Of the call.
  std::uint64_t call = 0;     ///< its ordinal: outboxes remember where the call began to write
  std::int32_t children = 0;  ///< deliveries made so far, for the ledger
  call_flags flags;
  call_failure failure;

  // Of the task.
  event_time watermark = beginning_of_time;  ///< timers up to here have been called. For the library's own operators:
                                             ///< what they make of it must not depend on when it comes
  std::uint64_t late = 0, woke_behind = 0;   ///< tuples that came too late, and those that others did not wait for
  bool rollback_state = false;               ///< state is put back when a call fails (exactly_once in the event engine)
  bool rollback_timers =
      false;                   ///< the same for calls of timers, which no spout causes once more: all that are retried
  bool is_waited_for = false;  ///< what reads the chain has come no further than `watermark`, and doesn't while it runs
  event_time now{};  ///< by the run's clock, for all calls of a slice or batch alike; where a member wants to know
  task_host* host = nullptr;
  event_clock* clock = nullptr;             ///< of a spout's chain; null: its tuples get no event times
  std::vector<std::uint32_t> before_clock;  ///< the nodes from that spout's readers to the clock's own
  fault_injector* faults = nullptr;         ///< tests only; then `flags.faults` and the next two are set
  const std::string_view* node_names = nullptr;
  std::uint32_t task = 0;
  bool keeps_origins = false;         ///< a bolt of the topology asks for `origin`: else nobody sets it
  std::vector<any_outbox*> outboxes;  ///< all that the chain can write to, for cutting back

  /// Deliveries of this call that were counted on the slots of held tuples at once: taken back when the call fails.
  struct counted {
    std::uint32_t slot;
    std::int32_t deliveries;
  };
  std::vector<counted> counted_on_held;
  std::vector<std::shared_ptr<held_state>> acks;   ///< acked in this call: done when it succeeds, failed when not
  std::vector<std::shared_ptr<held_state>> holds;  ///< taken in this call: revoked when it fails
  /// Kept alive by tokens, which may outlive the frame.
  const std::shared_ptr<call_place> place;

  call_frame();
  call_frame(const call_frame&) = delete;
  call_frame& operator=(const call_frame&) = delete;
  ~call_frame();

  /// As if no tuple were in process.
  void inherit_nothing() {
    anchor = {};
    anchors = nullptr;
    time = {};
    stamp = beginning_of_time;
    origin = {};
  }
  /// For loops over tuples that have no times or no roots: those members keep what they were.
  void begin() {
    children = 0;
    ++call;
  }
  void begin(root r, const root_list* several) {
    anchor = r;
    anchors = several;
    begin();
  }
  void begin(root r, const root_list* several, event_time t, event_time s) {
    time = t;
    stamp = s;
    begin(r, several);
  }
  /// Begins a call that no tuple caused: a tick, a flush, a completion.
  void begin_unrooted() {
    inherit_nothing();
    begin();
  }

  /// What fails there fails before the clock has seen all of the message.
  bool is_before_clock(std::uint32_t node) const noexcept;
  /// The call has failed behind the clock, or beside it: what leads to the clock is called all the same, so that it
  /// sees all of the message.
  bool shows_clock(std::uint32_t node) const noexcept {
    return is_before_clock(node) && !is_before_clock(failure.node);
  }
  /// Records that `node`'s code threw. To be called from a catch block. The first failure of a call is the one kept,
  /// or the first before the clock.
  void fail_from_exception(std::uint32_t node) noexcept;
  void fail(std::uint32_t node, error e) noexcept;

  /// The message in process has gone through the chain: its stamp is kept for when it is emitted again.
  void keep_stamp() {
    if (*own_stamp == not_stamped) *own_stamp = clock->stamp_of(source);
  }
  /// The call will be made once more, with the stamp it had.
  void undo_stamp() {
    clock->undo_call(call);
    *own_stamp = not_stamped;
  }
  /// The failed call won't be made again: of a message that the clock has not seen all of, it has seen nothing.
  void give_up_stamp() {
    if (clock && is_before_clock(failure.node)) undo_stamp();
  }
  /// Takes back everything the failed call had put into outboxes, and what it did to held tuples. `failed` stays set.
  void cut_back() noexcept;
  /// Does what the call had put off. Called by the loops when a call has succeeded and `deferred` is set.
  void apply_deferred() noexcept;
};

/// The message of the exception in flight, whatever its type. REQUIRES: called from a catch block.
error error_from_current_exception() noexcept;

}  // namespace freshet
