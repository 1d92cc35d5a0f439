#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/event_task.hpp"
#include "event/finished_prefix.hpp"
#include "event/raw_batches.hpp"
#include "event/released_watermark.hpp"
#include "event/retry_queue.hpp"
#include "freshet/core/spout_task.hpp"
#include "runtime/position_committer.hpp"

namespace freshet {

/// A task whose head is a spout: polls, keeps the ledger's slots of its messages, emits failed messages again.
class spout_tasklet final : public event_task, private spout_host {
 public:
  spout_tasklet(event_run& run, const chain_setup& setup, std::size_t worker);
  ~spout_tasklet() override;
  void collect(run_metrics& into, std::chrono::nanoseconds uptime) const override;
  spout_operator& spout() { return spout_; }
  void go_on(const run_checkpoints& kept) override;

 protected:
  bool work() override;
  bool work_while_stalled() override;
  bool exhausted() override;
  bool may_close() override;
  bool ends_time() const override;
  time_point next_work() const override;
  void publish() override;
  std::uint64_t barrier_here() const override { return epochs_->announced() != epoch_ ? epochs_->announced() : 0; }
  bool is_read_to_barrier() override;
  void note_epoch(task_epoch& said) override;
  void epoch_committed() override;
  bool retries_in_place(const call_frame& frame) const override;
  void end_attempts(std::uint32_t attempts, const any_batch& in, std::size_t index, call_frame& frame) override;

 private:
  /// The messages under one ledger slot.
  struct record {
    std::uint32_t messages = 0;
    std::uint32_t attempt = 1;
    bool dead = false;              ///< it carries a dead letter: nothing of it is emitted again
    std::vector<position> extents;  ///< by message, without gaps; empty for spouts without positions, and when finished
    std::vector<bool> failed;       ///< by message; empty: none
    std::vector<std::uint32_t> rejected;  ///< messages that had a part of which no tuple could be made, in order
    std::vector<event_time> stamps;       ///< by message, where tuples get event times
    std::uint64_t round = 0;              ///< of `released_`, in which its messages went out first;
    std::vector<std::uint64_t> rounds;    ///< by message, where they went out at different times
    std::uint64_t round_of(std::uint32_t message) const { return rounds.empty() ? round : rounds[message]; }
    raw_batches::raw_batch* raw = nullptr;
    std::size_t raw_from = 0, raw_to = 0;  ///< its tuples there
    time_point emitted{};
  };

  // --- spout_host ---
  void message_failed(spout_round& round, std::uint32_t index, call_frame& frame) override;
  void message_rejected(spout_round& round, const position* at, call_frame& frame, error why,
                        std::string bytes) override;
  void round_full(spout_round& round) override;

  bool emit_some();
  bool look_after_live();
  bool failed_before_clock(const call_frame& frame) const;
  void stand(std::uint32_t index, call_frame& frame);
  bool drain();
  bool wants_polls() const;
  bool has_slot() const { return !lane_ || lane_->room() != 0; }
  bool wake_members(bool& made);
  bool poll();
  void doubt_last(bool thrown);
  void poll_failed(const char* what);
  void open_round(std::uint32_t wanted);
  void close_round(std::uint32_t attempt, const std::vector<retry_ptr>* again);
  void remember_extents(record& r, const std::vector<retry_ptr>* again);
  void remember_times(record& r, const std::vector<retry_ptr>* again);

  void write_to_raw();
  bool read_raw(bool& made);
  void keep_stamps(const any_batch& raw, std::size_t from, std::size_t to);

  bool reap();
  void note_failure(ledger::failure& f);
  retry_ptr take_failed(record& r, std::uint32_t index, std::uint32_t node, std::uint32_t task, error why);
  void schedule(retry_ptr m);
  void finish(std::uint32_t slot);
  void message_done(const retry_message& m);

  bool replay();
  void replay_values(retry_ptr m);
  void replay_read(std::vector<retry_ptr> same);
  void tear_last(std::vector<retry_ptr>& asked);
  std::optional<range_lost> read_again(const position_range& range, std::string& problem);
  void lost(const range_lost& gone, const position_range& wanted, std::uint32_t attempt, std::vector<retry_ptr>& all);
  bool skip_lost(const range_lost& gone, std::vector<retry_ptr>& all);
  void bury(retry_ptr m);
  static const position* first_surplus(const std::vector<position>& got, const std::vector<retry_ptr>& asked);

  bool tell_time();
  void tell_ends(event_clock& clock);

  std::map<partition_id, event_time> unfinished_stamps() const;
  void note_finished(checkpoint_partition& of, partition_id id, std::uint64_t emitted) const;
  bool commit(bool last);
  bool commit_due(bool last);
  bool commits() const;
  bool has_to_commit() const;

  record& record_of(std::uint32_t slot);

  spout_operator& spout_;
  const spout_options options_;
  const batch_layout layout_;
  const bool keeps_raw_;
  ledger::lane* lane_ = nullptr;  ///< null: the run has no ledger
  std::deque<record> records_;    ///< by the slot's index in the lane
  raw_batches raw_;
  reading raw_reading_;
  retry_queue retries_;
  spout_round round_;
  bool reading_again_ = false;  ///< the round is of a replay
  std::size_t round_raw_from_ = 0;
  std::uint64_t live_ = 0;  ///< messages emitted and not finished, those in `retries_` too
  bool ended_ = false, was_polled_ = false;
  bool draining_ = false;   ///< the spout has been told
  bool flush_due_ = false;  ///< messages went out since the last flush
  bool committed_last_ = false;
  time_point idle_until_{};
  bool idle_until_woken_ = false;
  std::uint32_t poll_failures_ = 0;
  std::vector<position> in_doubt_;  ///< messages of which a poll that threw may have given only a part
  std::vector<std::pair<std::uint32_t, call_failure>> round_failed_;  ///< messages of the open round
  std::vector<std::uint32_t> round_rejected_;                         ///< likewise
  std::uint32_t round_torn_ = spout_round::none;        ///< the message of which a read may have given only a part
  std::uint32_t round_seen_ = retry_message::seen_all;  ///< of the tuples of the message at which it stands
  finished_prefix prefix_;
  position_committer committer_;
  std::vector<position> at_barrier_;  ///< where the newest epoch ends
  released_watermark released_;
  time_point next_look_ = time_point::max();  ///< at partitions that may be idle
  time_point next_commit_{};
  shared_histogram complete_latency_;
  counter lost_;  ///< messages
  empty_handed empty_handed_;
  std::atomic<bool> is_held_back_{false};
  counter held_partition_, held_offset_;  ///< where the message is that holds the watermark back
};

}  // namespace freshet
