#pragma once
#include <map>
#include <optional>
#include <vector>

#include "batch/batch_task.hpp"

namespace freshet {

/// The run's clock, as it stands for all of a batch.
struct batch_time {
  event_time now{};
  bool ends = false;  ///< no further input will come: timers that follow the clock are all due
};

/// A partition of a stage or of a sink: reads the blocks that other tasks have stored for it, in the order of the
/// inputs and of the producing tasks, whatever order they were stored in.
///
/// A run of it: starting (input blocks are pinned, or asked for) -> reading -> firing (timers) -> ticking -> flushing
/// (member by member, each until its tokens are consumed) -> ending (outputs are stored; sinks prepare) -> idle. A
/// failed attempt goes back to starting with a fresh copy of the operators; a sink is never copied: its tuples are
/// written again in place.
class stage_task final : public batch_task {
 public:
  enum class outcome : std::uint8_t {
    more,     ///< there is more to do at once
    waiting,  ///< for a token, a waker or a time: `has_news` says when
    blocks,   ///< blocks of its input are missing: the driver has them computed again
    done,     ///< the run is finished
    over,     ///< the whole run has ended
  };
  stage_task(batch_run& run, std::uint32_t chain, std::uint32_t task);
  ~stage_task() override;

  bool is_sink() const { return is_sink_; }
  bool is_transactional() const { return is_transactional_; }
  /// Of a sink: tuples of the batch that it has written. REQUIRES: the batch has succeeded, and its blocks are there.
  std::uint64_t rows_written() const;

  /// The input of a batch is complete, and brings event time to `watermark`. True when there is something to do: rows,
  /// a timer, a tick, a call of its waker.
  bool prepare(std::uint64_t batch, time_point now, event_time watermark, const batch_time& clock);
  /// Between batches: a timer that follows the clock is due.
  bool is_timer_due(const batch_time& clock) const;
  event_time next_timer() const { return chain_->next_processing_timer(); }
  /// What it stored got lost: run again, in the same batch.
  void prepare_again();
  bool runs_again() const { return again_; }
  /// Works for about `budget` tuples, which it counts down, on worker `worker`.
  outcome step(std::size_t worker, time_point now, std::int64_t& budget);
  /// A block of the input that has to be computed again, and who can.
  struct missing_block {
    std::uint32_t chain, task;
    block_store::id id;
  };
  /// What was missing when `step` said `blocks`.
  std::vector<missing_block> take_missing() { return std::exchange(missing_, {}); }
  /// Seat of a blocking bolt's task, the only one that may run it; `anywhere` for others.
  static constexpr std::size_t anywhere = ~std::size_t{0};
  std::size_t home = anywhere;
  /// A suspended task should be stepped.
  bool has_news(time_point now) const;
  /// When a suspended task wants to be stepped even without news.
  time_point next_wake() const;
  std::uint32_t attempts_failed() const { return ran_ ? mine_.attempts_failed : 0; }
  bool woken() const { return waker_->woken.load(std::memory_order_acquire); }

  /// What its state became in the batch, where that is to survive the process; empty: nothing new.
  std::string take_changes() { return std::exchange(changes_, {}); }
  /// Of a sink: see task_operator.
  std::optional<std::string> prepared() const { return epoch_open_ ? chain_->members[0].op->prepared() : std::nullopt; }
  std::optional<epoch_id> last_committed();
  void commit_prepared(std::string_view bytes);
  /// How far event time had come in the run before.
  void set_watermark(event_time reached) { at_watermark_ = reached; }
  event_time watermark() const { return at_watermark_; }
  /// The batch has committed; `leader` starts the next one.
  void commit(std::size_t leader);
  /// Of a transactional sink: makes visible what it prepared and has left. False: not yet, but from `retry_due` on, or
  /// the run is over.
  bool commit_epoch();
  time_point retry_due() const { return retry_due_; }
  void abort_epoch() noexcept;
  /// What was prepared counts, or may: it is not aborted any more.
  void leave_epoch() { commit_due_ |= std::exchange(epoch_open_, false); }
  /// The run is over: what a batch that never committed had done to the state is taken back.
  void roll_back();
  /// Of a sink: dead letters of the batch before become blocks of this one. True when there are any.
  bool store_letters(std::uint64_t batch);
  bool has_letters() const;
  void collect(run_metrics& into, std::chrono::nanoseconds uptime) const override;

 private:
  enum class at : std::uint8_t { idle, starting, reading, firing, ticking, flushing, ending };
  struct cursor {
    std::size_t source = 0;
    std::uint32_t producer = 0;
    any_batch* batch = nullptr;
    std::size_t next = 0;  ///< tuple
    bool begins_block = false;
    std::size_t blocks = 0;  ///< begun in this attempt
  };

  const batch_route& route_of(std::size_t source) const;
  bool pin_inputs();
  void lose_letters(const batch_route& route);
  void unpin_inputs(bool read);
  bool next_batch();
  bool start();
  outcome advance(std::int64_t& budget);
  outcome read_inputs(std::int64_t& budget);
  outcome read_batch(std::int64_t& budget);
  void note_transfer(std::uint32_t input, const any_batch& in, time_point began);
  outcome fire(std::int64_t& budget);
  read_result run_calls(any_reader& reader, any_batch& in, std::size_t from, std::int64_t& budget);
  outcome tick();
  void tick_waiting();
  outcome flush();
  outcome end();
  bool recover();
  bool pauses() const { return at_ == at::starting && retry_due_ > now_; }
  void pause_after(std::uint32_t failures);
  verdict failed(call_frame& frame, const any_batch& in, std::size_t index) override;
  void answer(token_desk::failed_token t) override;
  bool may_fail_again(std::uint64_t ordinal);
  void repeat_later(std::uint64_t ordinal);
  void repeat(std::int64_t& budget);
  time_point next_repeat() const { return repeats_.empty() ? time_point::max() : repeats_.begin()->first; }
  tuple_place find_tuple(std::uint64_t ordinal) const override;
  /// What a plain sink has written stays.
  bool is_plain_sink() const { return is_sink_ && !is_transactional_; }

  const bool is_sink_, is_transactional_;
  at at_ = at::idle;
  bool ran_ = false;             ///< in this batch
  bool again_ = false;           ///< for the sake of lost blocks
  bool fresh_copy_due_ = false;  ///< before the next attempt
  bool epoch_open_ = false, commit_due_ = false;
  std::uint32_t commit_failures_ = 0;  ///< of this epoch
  batch_record mine_;
  std::string changes_;
  cursor cursor_;
  event_time reached_ = beginning_of_time, at_watermark_ = beginning_of_time;  ///< before this batch, and with it
  event_time clock_reached_{};                                                 ///< of timers that follow the clock
  any_batch* due_ = nullptr;                                                   ///< timers being called,
  any_reader* due_by_ = nullptr;                                               ///< and who reads them,
  std::size_t fired_ = 0;                                                      ///< of which so many have been
  std::size_t member_ = 0;                                                     ///< being ticked or flushed
  bool flushed_ = false;  ///< `member_` has been called, its tokens are awaited
  time_point now_{}, retry_due_{};
  std::multimap<time_point, std::uint64_t> repeats_;  ///< of a plain sink: when tuples whose tokens failed are due
  bool repeating_ = false;                            ///< one of them is being written
  std::vector<block_store::id> pinned_;
  std::vector<missing_block> missing_;
  std::vector<shared_histogram> transfer_latency_;  ///< by input of the head
  std::size_t blocks_begun_ = 0;                    ///< of this batch's, in any attempt
};

}  // namespace freshet
