#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/core/past_messages.hpp"
#include "freshet/core/spout.hpp"

namespace freshet {

struct spout_round;

/// What an engine offers to a spout task while it emits.
class spout_host {
 public:
  virtual ~spout_host();
  /// The head call for message `index` of the round failed with `frame.failure`; its output is cut back.
  virtual void message_failed(spout_round& round, std::uint32_t index, call_frame& frame) = 0;
  /// The spout can't make a tuple of a message, and hands its bytes over; `at` is null where it names no positions.
  /// What is made of it is counted in `frame.children`.
  virtual void message_rejected(spout_round& round, const position* at, call_frame& frame, error why,
                                std::string bytes) = 0;
  /// The round can take no further message: close it and make room (a new slot, a new raw batch).
  virtual void round_full(spout_round& round) = 0;
};

/// The messages that go out under one ledger slot: what one turn of polling gave, or what is emitted again.
struct spout_round {
  spout_host* host = nullptr;
  std::uint32_t slot = 0;      ///< 0: the run has no ledger
  std::uint32_t wanted = 0;    ///< polling stops at so many messages
  std::uint32_t capacity = 0;  ///< and `round_full` is called at so many
  std::uint32_t messages = 0;
  std::int32_t live = 0;  ///< tuples and holds that came of them
  bool keeps_positions = false;
  std::vector<position> positions;  ///< by message, where the spout names them
  std::vector<event_time> stamps;   ///< the same, where tuples get event times and the chain takes them at once
  /// A message that had been emitted before, and the stamp it got then.
  struct stamped {
    std::uint64_t next;  ///< of its position
    event_time stamp;
    std::uint32_t seen;  ///< so many of its tuples got it; the others are new to the clock
  };
  std::vector<stamped> known_stamps;  ///< in the order in which they are emitted again; empty: messages are new
  std::uint32_t nth = 0;              ///< the tuple in process, among those of its message;
  bool is_new = false;                ///< the clock had not seen it. Both where tuples get event times
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  std::uint32_t stands_at = none;  ///< the message that the clock has to see before any other: what follows goes to
                                   ///< `raw`, but for more of that message, which is not taken
  any_batch* raw = nullptr;        ///< not null: messages are written here, and the chain reads them later,
  bool through = false;            ///< or, when this is set, takes them at once all the same
  /// Partitions of which nothing more comes, where the chain may still have to read what came: the host tells the clock
  /// when it has.
  std::vector<partition_id> ended;
};

/// A spout task as the engines see it.
class spout_operator : public task_operator {
 public:
  ~spout_operator() override;
  /// Polls until the round has what it wants, an outbox is full or the spout says it is idle or ended. What the user's
  /// `poll` throws comes through.
  virtual poll_status poll(spout_round& round) = 0;
  /// Runs the chain over messages that a round had written to `raw`.
  virtual any_reader& raw_reader() = 0;
  virtual bool replayable() const = 0;
  virtual void read(const position_range& range, spout_round& round) = 0;
  virtual void seek(const position& p) = 0;
  virtual void commit(const position& p) = 0;
  /// Names of all partitions of the spout; empty where it has none.
  virtual std::vector<std::string> partitions() = 0;
  virtual const stream_type& type() const = 0;
  /// The run drains: tells a spout that has accepted more than it has emitted. True: it is polled until it has ended.
  virtual bool drain() = 0;
  /// What checkpoints keep of a partition beside its offset; empty: what it gave before, or nothing.
  virtual std::string save(partition_id) { return {}; }
  virtual void load(partition_id, std::string_view) {}
  /// A run before has finished these: where they are polled or read they count as messages, and nobody gets a tuple of
  /// them, but for the clock, whose stamps follow from all there is. Forgotten when a commit has come past them.
  virtual void read_past(const std::vector<position_range>&) {}
  /// What of that lies behind an offset, ascending.
  virtual std::vector<position_range> past_behind(partition_id, std::uint64_t /*offset*/) const { return {}; }
};

/// The part of a spout task that needs no type: the round it emits into.
class spout_task_round : public spout_operator {
 public:
  ~spout_task_round() override;
  /// A message without a tuple.
  void reject(const position* at, error why, std::string bytes);
  /// Nothing more comes of a partition. The clock, if there is one, learns it behind the partition's last tuples.
  void end(partition_id partition);
  void read_past(const std::vector<position_range>& finished) override;
  std::vector<position_range> past_behind(partition_id partition, std::uint64_t offset) const override;

 protected:
  spout_task_round();
  /// A turn in which the spout may emit.
  class turn {
   public:
    turn(spout_task_round& task, spout_round& round);
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn();

   private:
    spout_task_round& task_;
    const inside_calls inside_;
  };
  /// Messages that the round has taken.
  std::uint32_t messages() const { return round_->messages + (plain_from_ - plain_left_); }
  /// The root of a message with a position, or one that the round has no room for: it may be the last one's again.
  root root_of(const position* at);
  root root_of_unkept(const position* at);
  /// Closes the round, which is full, and opens it anew.
  void make_room();
  /// A message has gone through the chain, where its tuples get event times. Messages without positions, too, come
  /// here.
  void keep_stamp();
  /// What a failed call, or one that has to do with tokens, leaves to do.
  void after_unusual_message();
  /// Around the call for a message that was finished in a run before: of the chain, only what leads to the clock is
  /// called, and what that emits is cut back.
  void begin_past_call();
  void end_past_call();
  void forget_past(const position& committed) { past_.forget(committed); }

  // Of the turn, so that a message without a position costs next to nothing.
  spout_round* round_ = nullptr;
  any_batch* raw_ = nullptr;
  std::uint32_t plain_left_ = 0;  ///< messages without positions that the round has room for
  std::uint32_t root_step_ = 0;   ///< 0: the run has no ledger, and roots stay empty
  root next_root_;
  std::int32_t live_ = 0;
  event_time stamp_ = not_stamped;  ///< of the message in process, once the clock has given it
  bool is_past_ = false;            ///< the message in process was finished in a run before

 private:
  void take_round();
  void give_round();
  void note_source(const position* at, bool continues);

  past_messages past_;
  std::size_t known_at_ = 0;      ///< the next of the round's known stamps
  std::uint64_t unnamed_ = 0;     ///< messages so far that have no positions
  std::uint32_t plain_from_ = 0;  ///< `plain_left_` as `take_round` set it
};

/// The typed half that `spout_emitter<T>` writes to: inlined into the user's `poll`.
template <class T>
class spout_task_base : public spout_task_round {
 public:
  std::size_t room() const { return round_->wanted > this->messages() ? round_->wanted - this->messages() : 0; }

  [[gnu::always_inline]] void message(const position* at, event_time time, T&& value) {
    if constexpr (passed_in_words<T>) send(at, time, to_words(value));
    else send(at, time, std::move(value));
  }

 protected:
  spout_task_base() : raw_loop_(*this, raw_call{this}) {}
  outlet<T> out_;

  struct raw_call {
    static constexpr bool reads_messages = true;
    static constexpr std::size_t strip = 0;
    static constexpr bool can_refuse = false;
    spout_task_base* task;
    template <class V>
    void call(V&& value) {
      if (task->frame().source.is_past) [[unlikely]]
        task->pass_past(std::forward<V>(value));
      else task->out_.target().take(std::forward<V>(value));
      if (task->frame().clock) task->frame().keep_stamp();
    }
  };
  input_loop<T, raw_call> raw_loop_;

 private:
  /// `V` is T or value_words.
  template <class V>
  [[gnu::always_inline]] void send(const position* at, event_time time, V&& value) {
    if (at || plain_left_ == 0) [[unlikely]]
      return send_carefully(at, time, std::forward<V>(value));
    --plain_left_;
    const root r = next_root_;
    next_root_.bits += root_step_;
    if (raw_) [[unlikely]]
      return to_raw(r, time, std::forward<V>(value));
    pass(r, time, std::forward<V>(value));
  }
  template <class V>
  [[gnu::noinline]] void send_carefully(const position* at, event_time time, V&& value) {
    const root r = root_of(at);
    if (is_past_ && !frame_->clock) return;
    if (raw_) to_raw(r, time, std::forward<V>(value));
    else pass_carefully(r, time, std::forward<V>(value));
    if (frame_->clock) keep_stamp();
  }
  template <class V>
  void pass_carefully(root r, event_time time, V&& value) {
    if (!is_past_) return pass(r, time, std::forward<V>(value));
    call_frame& frame = *frame_;
    frame.anchor = r;
    frame.time = time;
    frame.begin();
    pass_past(std::forward<V>(value));
  }
  template <class V>
  void pass_past(V&& value) {
    begin_past_call();
    out_.target().take(std::forward<V>(value));
    end_past_call();
  }
  template <class V>
  [[gnu::always_inline]] void pass(root r, event_time time, V&& value) {
    call_frame& frame = *frame_;
    frame.anchor = r;
    frame.time = time;
    frame.begin();
    out_.target().take(std::forward<V>(value));
    if (frame.flags.any()) [[unlikely]]
      after_unusual_message();
    live_ += frame.children;
  }
  template <class V>
  void to_raw(root r, event_time time, V&& value) {
    if (r.index() == round_->stands_at) return;
    auto& raw = static_cast<batch<T>&>(*raw_);
    const bool through = round_->through;
    if (raw.sources()) raw.sources()[raw.size()] = frame_->source;
    if (raw.origins()) raw.origins()[raw.size()] = frame_->origin;
    if (through) raw.append(r, time, not_stamped, std::as_const(value));
    else raw.append(r, time, not_stamped, std::forward<V>(value));
    if (raw.full()) [[unlikely]]
      make_room();
    if (through) pass_carefully(r, time, std::forward<V>(value));
  }
};

/// One task of the spout `S`: a copy of the user's object and its output. Runs on one worker at a time.
template <spout_class S>
class spout_task final : public spout_task_base<spout_output_t<S>> {
 public:
  using value_type = spout_output_t<S>;
  explicit spout_task(S s) : spout_(std::move(s)) {}

  any_outlet& outlet_at(std::size_t) override { return this->out_; }
  void flush() override {}
  void tick() override {}
  void wake() override {}
  bool ready() override { return true; }

  poll_status poll(spout_round& round) override {
    const typename spout_task::turn now(*this, round);
    spout_emitter<value_type> out{*this};
    auto status = poll_status::emitted();
    // Also bounded in polls: a spout that says `emitted` and emits nothing must not hold the worker for ever.
    for (std::uint32_t n = 0; n < round.wanted && this->messages() < round.wanted; ++n) {
      status = spout_.poll(out);
      if (status.what() != poll_status::kind::emitted || this->frame_->flags.outbox_full) break;
    }
    return status;
  }
  any_reader& raw_reader() override { return this->raw_loop_; }
  bool replayable() const override { return replayable_spout<S>; }
  void read([[maybe_unused]] const position_range& range, [[maybe_unused]] spout_round& round) override {
    if constexpr (replayable_spout<S>) {
      const typename spout_task::turn now(*this, round);
      spout_emitter<value_type> out{*this};
      spout_.read(range, out);
    }
  }
  void seek([[maybe_unused]] const position& p) override {
    if constexpr (replayable_spout<S>) spout_.seek(p);
  }
  void commit([[maybe_unused]] const position& p) override {
    if constexpr (replayable_spout<S>) spout_.commit(p);
    this->forget_past(p);
  }
  std::vector<std::string> partitions() override {
    if constexpr (partitioned_spout<S>) return spout_.partitions();
    else return {};
  }
  const stream_type& type() const override { return stream_type_of<value_type>(); }

  std::string save([[maybe_unused]] partition_id partition) override {
    if constexpr (saving_spout<S>) return spout_.save(partition);
    else return {};
  }
  void load([[maybe_unused]] partition_id partition, [[maybe_unused]] std::string_view saved) override {
    if constexpr (saving_spout<S>) spout_.load(partition, saved);
  }

  bool drain() override {
    if constexpr (requires { spout_.drain(); }) {
      spout_.drain();
      return true;
    } else {
      return false;
    }
  }

 private:
  void open_user(const task_context& c) override {
    if constexpr (requires { spout_.open(c); }) spout_.open(c);
    else if constexpr (requires { spout_.open(); }) spout_.open();
  }
  void close_user() override {
    if constexpr (requires { spout_.close(); }) spout_.close();
  }
  S spout_;
};

}  // namespace freshet
