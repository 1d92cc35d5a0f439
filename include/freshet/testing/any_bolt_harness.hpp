#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "freshet/core/state_query.hpp"
#include "freshet/core/stream_ref.hpp"
#include "freshet/core/task_host.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/testing/manual_clock.hpp"

namespace freshet::testing {

/// What a bolt_harness does to its bolt beside calling it.
struct harness_options {
  /// Between any two calls the state is written by its codec, the task is thrown away, and a fresh copy of the bolt
  /// goes on with the state that was read back: as after a crash. What a bolt keeps in members, or a codec forgets, is
  /// lost.
  bool snapshots = false;
  /// What comes out is taken out of a tiny outbox after every other call only: the others find it full.
  bool full_outbox = false;
  /// Of the bolt's state. A snapshot writes each, so fewer than in a run.
  std::uint32_t key_groups = 16;
};

/// One output of a bolt in a harness, in order: values, and the times and stamps they came with.
template <class T>
struct harness_output {
  std::vector<T> values;
  std::vector<event_time> times, stamps;
  void clear() { *this = {}; }
};

/// The half of a bolt_harness that needs no types: one task, its state, and calls of it. Not thread safe.
class any_bolt_harness : private task_host {
 public:
  any_bolt_harness(const any_bolt_harness&) = delete;
  any_bolt_harness& operator=(const any_bolt_harness&) = delete;
  ~any_bolt_harness() override;

  /// Calls `on_timer` for all timers up to `to`, in the order of their times, as a watermark does in a run. Never back.
  void advance_watermark(event_time to);
  /// Calls `on_tick`, `flush` or `on_wake`, as an engine does between two tuples. Throw run_error if the bolt throws.
  void tick();
  void flush();
  void wake();
  /// The clock that the bolt finds in its context: it stands, until this moves it. Calls `on_processing_timer` for all
  /// timers that are due then.
  void advance_clock(std::chrono::nanoseconds by);

 protected:
  /// One output, which takes what is in its outbox when it is told to.
  class port {
   public:
    virtual ~port();
    virtual void take() = 0;
    virtual any_router& router() = 0;
  };
  explicit any_bolt_harness(harness_options options);
  const builder_ref& graph() const { return graph_; }
  call_frame& frame() { return frame_; }
  std::uint32_t outbox_capacity() const { return options_.full_outbox ? 1 : 256; }
  /// Null where nothing is emitted.
  void add_port(std::unique_ptr<port> p) { ports_.push_back(std::move(p)); }
  port& port_at(std::size_t n) { return *ports_[n]; }
  /// Calls the bolt for the tuples of `in`, which came by input `input`. Throws run_error when a call fails; the bolt's
  /// state is then as before that call.
  void call(std::size_t input, any_batch& in);
  /// What still lies in outboxes.
  void take_outputs();
  void answer(any_state_query& query);

 private:
  // --- task_host ---
  void settle(std::uint32_t, std::int32_t) noexcept override {}
  verdict failed(call_frame& frame, const any_batch& in, std::size_t index) override;
  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node) override;

  node& bolt() { return graph_->nodes.front(); }
  task_operator& task();
  void make_task(const std::vector<std::string>& saved);
  std::vector<std::string> saved_state();
  void close() noexcept;
  void read(any_reader& reader, any_batch& in);
  void guarded(void (task_operator::*f)());
  void after_call();

  const harness_options options_;
  const builder_ref graph_;  ///< the bolt first, then the spouts that stand for what it reads
  manual_clock clock_;
  call_frame frame_;
  std::vector<std::unique_ptr<port>> ports_;
  std::unique_ptr<task_operator> task_;
  std::vector<std::unique_ptr<any_reader>> inputs_;
  std::optional<call_failure> failure_;
  std::uint64_t calls_ = 0;
};

}  // namespace freshet::testing
