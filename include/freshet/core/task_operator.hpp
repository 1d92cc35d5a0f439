#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "freshet/base/ids.hpp"
#include "freshet/core/call_frame.hpp"
#include "freshet/core/consumer.hpp"
#include "freshet/core/event_clock.hpp"
#include "freshet/core/state_slot.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet {

class any_timer_reader;

/// One task of a node as the engines see it. Every call is for a batch or rarer, never for a tuple. Used by one thread
/// at a time.
class task_operator {
 public:
  task_operator();
  task_operator(const task_operator&) = delete;
  task_operator& operator=(const task_operator&) = delete;
  virtual ~task_operator();
  /// Which node it is, and the frame of the chain it belongs to. Before `open`.
  void attach(std::uint32_t node, call_frame& frame) {
    node_ = node;
    frame_ = &frame;
  }
  std::uint32_t node() const { return node_; }
  call_frame& frame() const { return *frame_; }

  /// Calls the user's `open`.
  void open(const task_context& context) {
    open_user(context);
    opened_ = true;
  }
  /// Calls the user's `close`, if `open` has succeeded and nobody has closed it since.
  void close() {
    if (std::exchange(opened_, false)) close_user();
  }
  virtual any_outlet& outlet_at(std::size_t port) = 0;
  /// Lets go what the bolt holds back. Runs inside a call of its own, as do the next two.
  virtual void flush() = 0;
  virtual void tick() = 0;
  /// The task's waker was called.
  virtual void wake() = 0;
  /// False: the bolt wants no further tuple now; it is asked again after its waker was called.
  virtual bool ready() = 0;
  /// The sink protocol of one epoch; see `sink_task`. Others ignore it.
  virtual void begin_epoch(const epoch_id&) {}
  virtual void prepare_epoch() {}
  virtual void commit_epoch() {}
  virtual void abort_epoch() {}
  /// What another run needs to commit what this one has prepared, which may have no bytes; none: it has nothing to do.
  virtual std::optional<std::string> prepared() const { return {}; }
  virtual void commit_prepared(std::string_view) {}
  /// Of a deciding sink.
  virtual std::optional<epoch_id> last_committed() { return {}; }

  /// Tests: gives the fault injector its chance, if the frame has one. False: it threw, and the call has failed.
  bool pass_faults();

  /// Of a bolt that gives tuples their event times; null for all others.
  virtual event_clock* clock() { return nullptr; }

  std::unique_ptr<any_state> state;               ///< null for bolts without state
  any_timer_reader* timers = nullptr;             ///< owned; null for bolts without `on_timer`; over `state`
  any_timer_reader* processing_timers = nullptr;  ///< owned; null for bolts without `on_processing_timer`
  std::uint64_t executed = 0;                     ///< tuples `process` was called for, also those that failed

 protected:
  virtual void open_user(const task_context&) = 0;
  virtual void close_user() = 0;

  std::uint32_t node_ = 0;
  call_frame* frame_ = nullptr;
  std::uint64_t calls_ = 0;

 private:
  bool opened_ = false;
};

/// Why `any_reader::read` came back.
enum class read_stop : std::uint8_t {
  end,          ///< the batch is read
  outbox_full,  ///< offer the outboxes, then go on
  not_ready,    ///< the bolt wants no further tuple now
  again_later,  ///< the host wants a pause before the tuple is tried again
  stop,         ///< the run is over
};
/// How far `any_reader::read` came, and why no further.
struct read_result {
  std::size_t next;  ///< the first tuple not read
  read_stop why;
};

/// Reads the batches of one input of one task: the head of a chain.
class any_reader {
 public:
  virtual ~any_reader();
  /// Runs head calls for the tuples from `from` on. All ledger changes are applied when it returns, so that what is in
  /// the outboxes may be offered.
  virtual read_result read(any_batch& in, std::size_t from) = 0;
  /// The same input as the consumer by which the bolt is chained behind another.
  virtual any_consumer& entry() = 0;
};

/// The timers of a task as tuples to be read: what `on_timer` is to a bolt's timers, `process` is to an input.
class any_timer_reader {
 public:
  virtual ~any_timer_reader();
  /// When the next one is due of those that were not taken; `end_of_time` where there is none.
  virtual event_time next_time() const = 0;
  /// There are some, whenever they are due.
  virtual bool any() const = 0;
  /// Takes out timers whose time the watermark, or the clock, has reached: some of those that are due first, with equal
  /// times. Null where there are none. Valid until the next call.
  virtual any_batch* take_due(event_time reached) = 0;
  virtual any_reader& reader() = 0;
};

}  // namespace freshet
