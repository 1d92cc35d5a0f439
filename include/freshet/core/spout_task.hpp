#pragma once
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/spout.hpp"

namespace freshet {

struct spout_round;

/// What an engine offers to a spout task while it emits.
class spout_host {
 public:
  virtual ~spout_host();
  /// The head call for message `index` of the round failed with `frame.failure`; its output is cut back.
  virtual void message_failed(spout_round& round, std::uint32_t index, call_frame& frame) = 0;
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
  any_batch* raw = nullptr;         ///< not null: messages are written here, and the chain reads them later,
  bool through = false;             ///< or, when this is set, takes them at once all the same
};

/// A spout task as the engines see it.
class spout_operator : public task_operator {
 public:
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
};

/// The typed half that `spout_emitter<T>` writes to: inlined into the user's `poll`.
template <class T>
class spout_task_base : public spout_operator {
 public:
  std::size_t room() const { return round_->wanted > round_->messages ? round_->wanted - round_->messages : 0; }

  [[gnu::always_inline]] void message(const position* at, event_time time, T&& value) {
    const std::uint32_t index = index_of(at);
    if (round_->raw) {
      auto* raw = static_cast<batch<T>*>(round_->raw);
      if (round_->through) raw->append(root{round_->slot, index}, time, beginning_of_time, std::as_const(value));
      else raw->append(root{round_->slot, index}, time, beginning_of_time, std::move(value));
      if (raw->full()) round_->host->round_full(*round_);
      if (!round_->through) return;
    }
    call_frame& frame = *frame_;
    frame.begin(round_->slot ? root{round_->slot, index} : root{}, nullptr, time, beginning_of_time);
    out_.target().take(std::move(value));
    if (frame.failed) [[unlikely]] {
      frame.cut_back();
      round_->host->message_failed(*round_, index, frame);
      frame.failed = false;
    }
    if (frame.deferred) [[unlikely]]
      frame.apply_deferred();
    round_->live += frame.children;
  }

 protected:
  spout_task_base() : raw_loop_(*this, raw_call{this}) {}
  outlet<T> out_;
  spout_round* round_ = nullptr;

  struct raw_call {
    static constexpr bool looks_ahead = false, can_refuse = false;
    spout_task_base* task;
    template <class V>
    void call(V&& value) {
      task->out_.target().take(std::forward<V>(value));
    }
  };
  input_loop<T, raw_call> raw_loop_;

 private:
  /// The message a tuple belongs to: a new one, unless it repeats the position of the last.
  [[gnu::always_inline]] std::uint32_t index_of(const position* at) {
    spout_round& r = *round_;
    if (at && r.messages && !r.positions.empty() && r.positions.back() == *at) return r.messages - 1;
    if (r.messages == r.capacity) [[unlikely]]
      r.host->round_full(r);
    if (r.keeps_positions) r.positions.push_back(at ? *at : position{});
    ++executed;
    return r.messages++;
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
    const scope s(*this, round);
    spout_emitter<value_type> out{*this};
    auto status = poll_status::emitted();
    // Also bounded in polls: a spout that says `emitted` and emits nothing must not hold the worker for ever.
    for (std::uint32_t n = 0; n < round.wanted && round.messages < round.wanted; ++n) {
      status = spout_.poll(out);
      if (status.what() != poll_status::kind::emitted || this->frame_->outbox_full) break;
    }
    return status;
  }
  any_reader& raw_reader() override { return this->raw_loop_; }
  bool replayable() const override { return replayable_spout<S>; }
  void read([[maybe_unused]] const position_range& range, [[maybe_unused]] spout_round& round) override {
    if constexpr (replayable_spout<S>) {
      const scope s(*this, round);
      spout_emitter<value_type> out{*this};
      spout_.read(range, out);
    }
  }
  void seek([[maybe_unused]] const position& p) override {
    if constexpr (replayable_spout<S>) spout_.seek(p);
  }
  void commit([[maybe_unused]] const position& p) override {
    if constexpr (replayable_spout<S>) spout_.commit(p);
  }
  std::vector<std::string> partitions() override {
    if constexpr (partitioned_spout<S>) return spout_.partitions();
    else return {};
  }
  const stream_type& type() const override { return stream_type_of<value_type>(); }

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
  /// A turn in which the spout may emit.
  struct scope {
    scope(spout_task& t, spout_round& r) : task(t), inside(t.frame_->place) {
      t.round_ = &r;
      t.frame_->outbox_full = false;
    }
    ~scope() { task.round_ = nullptr; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    spout_task& task;
    inside_calls inside;
  };
  S spout_;
};

}  // namespace freshet
