#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "event/event_task.hpp"
#include "freshet/time/watermark_merge.hpp"

namespace freshet {

/// A task whose head is a bolt or a sink: reads its channels in turn.
class bolt_tasklet final : public event_task {
 public:
  bolt_tasklet(event_run& run, const chain_setup& setup, std::size_t worker)
      : event_task(run, setup, worker), transfer_latency_(run.graph().nodes()[chain_.plan().head()].inputs.size()) {}
  ~bolt_tasklet() override;
  void collect(run_metrics& into, std::chrono::nanoseconds uptime) const override;
  void go_on(const run_checkpoints& kept) override;
  void count_for(const event_task& was) override;
  /// What has come over a channel by now. REQUIRES: it reads it.
  channel_end end_of(const channel& c) const;
  bool is_reading(const channel& c) const { return current_ && inputs_[current_input_].channel == &c; }
  /// Reads these channels from here on: those it has read before go on where they are. REQUIRES: those that are gone
  /// are empty, and none of them is being read.
  void read_from(const std::vector<channel_end>& ends);

 protected:
  bool work() override;
  bool exhausted() override {
    return ended_ == inputs_.size() && !current_ && time_is_kept(watermarks_.watermark(), clock_ends());
  }
  void close_inputs() override;
  std::uint64_t barrier_here() const override {
    return at_barrier_ != 0 && at_barrier_ + ended_ == inputs_.size() ? barrier_ : 0;
  }
  bool is_read_to_barrier() override { return !current_ && time_is_kept(watermarks_.watermark(), clock_ends()); }
  void note_epoch(task_epoch& said) override;

 private:
  struct input {
    freshet::channel* channel;
    std::size_t index;  ///< of the head's inputs
    bool ended = false;
    bool at_barrier = false;  ///< it is not read before all others are, or have ended
  };
  /// So many batches a slice: the other tasks of the worker want their turn.
  static constexpr int batches_a_slice = 8;
  static constexpr int wakes_a_slice = 256;
  /// Whoever stops a run before its input ends will go on from there.
  bool clock_ends() const { return ended_ == inputs_.size() && run_.state() != run_state::stopping; }
  bool take_next();
  void finish_current();
  void wake_producers();
  void note_transfer();
  std::optional<std::size_t> place_of(const channel& c) const;

  std::vector<input> inputs_;
  watermark_merge watermarks_;  ///< by channel
  std::size_t next_input_ = 0;
  std::size_t ended_ = 0;
  std::size_t at_barrier_ = 0;
  std::uint64_t barrier_ = 0;  ///< the epoch of those
  reading current_;
  std::size_t current_input_ = 0;
  std::deque<shared_histogram> transfer_latency_;  ///< by input
  bool took_ = false;                              ///< something was taken out of a channel in this slice
};

}  // namespace freshet
