#pragma once
#include <map>
#include <mutex>
#include <vector>

#include "batch/batch_task.hpp"
#include "freshet/core/spout_task.hpp"
#include "freshet/runtime/tasklet.hpp"
#include "freshet/state/checkpoint_manifest.hpp"
#include "runtime/position_committer.hpp"

namespace freshet {

/// A task of a spout with the chain behind it: polls for the next batch while another runs. Messages go through the
/// chain into its outboxes, which become stage-0 blocks when the batch is cut. Of a spout that can read again only the
/// ranges are remembered; the messages of another, and of one whose data may go away (`on_data_loss::skip`), are
/// written to raw batches first, which are kept until the batch has committed. So an attempt that fails, or a block
/// that is lost, is computed again, from the same messages.
///
/// Thread safety: `run`, `cut` and `committed` exclude each other by `slice_`; whoever has it is the task's thread.
class spout_feed final : public batch_task, public tasklet, private spout_host {
 public:
  using time_point = tasklet::time_point;
  spout_feed(batch_run& run, std::uint32_t chain, std::uint32_t task);
  ~spout_feed() override;
  spout_operator& spout() const { return static_cast<spout_operator&>(chain_->head()); }
  /// The worker that runs it.
  void place(std::size_t worker);
  std::size_t worker() const { return worker_; }
  /// Begins to collect for the first batch. REQUIRES: open.
  /// Goes on where the run before was, where there is one; then collects batch `first`.
  void begin(std::uint64_t first);

  // --- tasklet ---
  progress run(time_point now) override;
  time_point next_wake() const override;

  // --- for the driver ---
  enum class cut_result : std::uint8_t {
    done,
    busy,     ///< it is at work: ask again soon
    pending,  ///< it waits for something, and tells the driver when that has come
  };
  /// Ends the collecting: what was polled becomes the blocks of batch `batch`. Called by the thread of `worker`.
  cut_result cut(std::uint64_t batch, std::size_t worker, time_point now);
  /// Messages of the batch that was cut last. REQUIRES: cut said done.
  std::uint64_t messages() const { return cut_.messages; }
  /// How far event time had come with that batch, and whether nobody should wait for more. REQUIRES: as `messages`.
  event_time watermark() const { return cut_watermark_; }
  bool is_idle() const { return cut_idle_; }
  /// Its readers may have gone on without it, as it was idle. Thread safe.
  bool is_left_behind() const { return left_behind_.load(std::memory_order_relaxed); }
  /// Event time comes to `reached` in its readers with that batch. REQUIRES: as `messages`.
  void note_readers(event_time reached);
  std::uint32_t attempts_failed() const { return cut_.record.attempts_failed; }
  /// Adds what the batch that was cut last has of it. REQUIRES: as `messages`.
  void add_to(batch_progress::source& all) const;
  /// How far the partitions have been read with that batch, of which it has messages.
  const std::vector<checkpoint_partition>& partitions() const { return cut_.partitions; }
  /// The batch that was cut last has committed. Thread safe.
  void committed(time_point now);
  /// There is room again: polling goes on if it had stopped for that. Thread safe.
  void wake_if_starved();
  /// A stage-0 block has to be computed again; `blocks_refilled` is said to the driver. Thread safe.
  void request_again();

  /// Nothing comes behind the last cut.
  bool ends() const { return cut_ended_; }
  // Thread safe, from the last slice:
  std::uint64_t waiting() const { return waiting_.load(std::memory_order_acquire); }  ///< messages collected
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  /// Event time has gone on since the last cut.
  bool time_waits() const { return time_waits_.load(std::memory_order_acquire); }
  /// A bolt behind it was woken since the last cut, or is still to hear of it.
  bool called() const {
    return has_bolts_ && (waker_->woken.load(std::memory_order_acquire) || called_.load(std::memory_order_acquire));
  }
  bool hot() const { return hot_.load(std::memory_order_acquire); }  ///< there is more where that came from
  /// It doesn't poll for lack of room.
  bool starved() const { return wants_room_.load(std::memory_order_relaxed); }

  void collect(run_metrics& into, std::chrono::nanoseconds uptime) const override;

 private:
  using raw_ptr = std::unique_ptr<any_batch>;
  /// What is remembered of the messages of one batch.
  struct collected {
    batch_record record;
    std::uint64_t messages = 0;
    std::vector<position_range> ranges;                        ///< in the order of emission
    std::vector<raw_ptr> raws;                                 ///< where the spout can't read again
    std::vector<std::pair<error, dead_letter>> rejected;       ///< likewise: messages without a tuple
    std::vector<std::pair<time_point, std::uint64_t>> polled;  ///< when, how many
    std::unique_ptr<event_clock> clock;                        ///< as it was before them; null: the chain has none
    event_time reached = beginning_of_time;                    ///< where event time was with the batch before
    bool is_waited_for = false;                                ///< and its readers were no further
    std::vector<checkpoint_partition> partitions;              ///< how far they have been read, with a clock's bytes
    bool empty() const { return messages == 0; }
  };

  // --- spout_host ---
  void message_failed(spout_round& round, std::uint32_t index, call_frame& frame) override;
  void message_rejected(spout_round& round, const position* at, call_frame& frame, error why,
                        std::string bytes) override;
  void round_full(spout_round& round) override;

  bool slice(time_point now);
  bool take_wake();
  bool poll_some(time_point now);
  bool poll(time_point now);
  bool ask_spout(poll_status& status);
  std::uint32_t claim(time_point now);
  cut_result cut_held(std::uint64_t batch, time_point now);
  void let_go(std::unique_lock<std::mutex> slice);
  void obey(const poll_status& status);
  void end();
  void poll_failed(time_point now);
  void remember(std::uint64_t messages, time_point now);
  void open_round(std::uint32_t wanted, bool direct);
  void close_round();
  raw_ptr spare_raw();
  void read_raw();
  void read_raw(any_batch& raw, std::size_t from);
  bool drain();
  bool may_poll(time_point now) const;
  bool wants_polls() const;
  std::uint32_t messages_wanted() const;
  void weigh(std::uint64_t messages);
  void weigh_outputs();
  void weigh_raw();

  bool make_good();
  void tell_time_before(const collected& of);
  void set_clock_back(const collected& to);
  void look_at_clock();
  event_time reached() const;
  void tell_ends();
  bool note_time(time_point now);
  void read_again(const collected& from);
  void read_ranges(const collected& from);
  void reject(const error& why, dead_letter letter);
  void begin_batch(std::uint64_t batch);
  bool close_cut(std::uint64_t batch, time_point now);
  std::map<partition_id, position_range> extents() const;
  void note_partitions();
  bool flush_members(bool block);
  void compute_again();
  std::unique_ptr<chain_task> make_second_chain();
  void run_again();
  void end_batch();
  void commit_positions();
  void tell_driver();
  void note_next_wake();

  const spout_options options_;
  const bool has_positions_;
  const bool reads_again_;  ///< from the spout, and not from a copy
  const bool has_bolts_;    ///< in its chain
  std::size_t worker_ = 0;
  std::mutex slice_;
  collected open_, cut_;  ///< being collected; of the running batch
  spout_round round_;
  position_committer committer_;
  raw_ptr raw_;               ///< being filled
  std::size_t raw_read_ = 0;  ///< so much of it went through the chain
  std::vector<raw_ptr> spares_;
  std::size_t raw_weighed_ = 0;        ///< so much of it is in `raw_bytes_`
  std::vector<double> bytes_a_tuple_;  ///< by route: in a batch, without what it owns elsewhere
  double bytes_a_raw_tuple_ = 0;
  std::vector<std::uint64_t> weighed_;       ///< by route and outbox: tuples that are in `output_bytes_`, or cut
  double output_bytes_ = 0, raw_bytes_ = 0;  ///< collected: in outboxes, and kept to be read again
  double bytes_a_message_ = 0;               ///< of the last polls
  bool knows_messages_ = false;              ///< some have been weighed
  std::size_t flushed_members_ = 0;          ///< while a cut is under way
  bool member_flushed_ = false, cutting_ = false, ticked_ = false;
  time_point idle_until_{};
  bool idle_until_woken_ = false;
  time_point renew_due_{};  ///< a fresh copy of what follows the spout could not be opened: not before
  bool draining_ = false;   ///< the spout has been told
  std::uint32_t poll_failures_ = 0;
  event_time cut_watermark_ = beginning_of_time;
  bool cut_idle_ = false, cut_ended_ = false, was_polled_ = false;
  std::atomic<bool> left_behind_{false};      ///< relaxed: whoever sees it cleared late is only more careful
  time_point next_look_ = time_point::max();  ///< at partitions that may be idle
  std::atomic<bool> time_waits_{false};
  std::atomic<bool> called_{false};  ///< bolts were told since the last cut that a waker was called
  std::atomic<std::int64_t> next_wake_{time_point::max().time_since_epoch().count()};
  std::atomic<bool> again_{false};
  std::atomic<bool> missed_{false};      ///< its worker found the slice taken
  std::atomic<bool> wants_room_{false};  ///< it stopped polling for lack of room
  std::atomic<bool> committed_{false};
  std::atomic<std::int64_t> committed_at_{0};
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<bool> ended_{false}, hot_{true};
  std::int64_t bytes_told_ = 0;
  bool done_ = false;
  empty_handed empty_handed_;
  shared_histogram complete_latency_;
};

}  // namespace freshet
