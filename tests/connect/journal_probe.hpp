#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/log.hpp"
#include "freshet/connect/journaled.hpp"

// What the tests of journals share: a spout that gives what a test lays before it, and a task without an engine.
namespace freshet::journal_tests {

/// What one call of `poll` does.
struct step {
  std::string value{};
  std::optional<event_time> time{};
  bool rejects = false, throws = false;
};

/// Gives the steps that are there, as many as are wanted. Copies share them: they survive what uses them.
class tray_spout {
 public:
  struct tray {
    std::mutex mutex;
    std::deque<step> steps;
    bool closed = false, drained = false;
    std::uint64_t polls = 0, opened = 0, closings = 0;
    waker wake;
  };
  explicit tray_spout(std::shared_ptr<tray> from) : tray_(std::move(from)) {}

  void open(const task_context& context) {
    std::lock_guard lock(tray_->mutex);
    ++tray_->opened;
    tray_->wake = context.wake;
  }
  void close() { ++tray_->closings; }
  poll_status poll(spout_emitter<std::string>& out) {
    std::lock_guard lock(tray_->mutex);
    ++tray_->polls;
    for (auto n = out.room(); n > 0 && !tray_->steps.empty(); --n) {
      const auto next = std::move(tray_->steps.front());
      tray_->steps.pop_front();
      if (next.throws) throw std::runtime_error(next.value);
      if (next.rejects) out.reject({errc::data_loss, "no value"}, next.value);
      else if (next.time) out.emit_at(*next.time, next.value);
      else out.emit(next.value);
    }
    if (!tray_->steps.empty()) return poll_status::emitted();
    return tray_->closed || tray_->drained ? poll_status::ended() : poll_status::idle();
  }

 protected:
  std::shared_ptr<tray> tray_;
};
/// One that has accepted what lies before it.
class drained_tray_spout : public tray_spout {
 public:
  using tray_spout::tray_spout;
  poll_status poll(spout_emitter<std::string>& out) { return tray_spout::poll(out); }
  void drain() { tray_->drained = true; }
};

class kept_messages final : public log_sink {
 public:
  void write(const log_record& record) noexcept override { all.emplace_back(record.message); }
  std::vector<std::string> all;
};

/// A spout's task without an engine.
template <class S>
class task_probe final : public spout_host {
 public:
  using value_type = spout_output_t<S>;
  struct message {
    position at;
    event_time time;
    value_type value;
  };
  struct rejection {
    position at;
    error why;
    std::string bytes;
  };

  explicit task_probe(S spout, task_context context = {}) : task_(std::move(spout)) {
    const auto names = task_.partitions();
    for (auto p = context.task; p < names.size(); p += context.task_count)
      context.partitions.push_back({static_cast<partition_id>(p), names[p]});
    task_.attach(0, frame_);
    task_.open(context);
  }
  void close() { task_.close(); }
  call_frame& frame() { return frame_; }

  /// One turn of about `wanted` messages, which are appended to `messages`.
  poll_status::kind poll(std::uint32_t wanted = 100) {
    auto status = poll_status::emitted();
    turn(wanted, messages, [&](spout_round& round) { status = task_.poll(round); });
    when = status.when();
    return status.what();
  }
  poll_status::kind poll_all(std::uint32_t wanted = 100) {
    auto kind = poll_status::kind::emitted;
    while (kind == poll_status::kind::emitted) kind = poll(wanted);
    return kind;
  }
  std::vector<message> read(position_range range) {
    std::vector<message> got;
    turn(1, got, [&](spout_round& round) { task_.read(range, round); });
    return got;
  }
  void seek(partition_id p, std::uint64_t offset) { task_.seek({p, offset, offset}); }
  void commit(partition_id p, std::uint64_t next) { task_.commit({p, next, next}); }
  bool drain() { return task_.drain(); }
  std::vector<value_type> values() const {
    std::vector<value_type> all;
    for (const auto& m : messages) all.push_back(m.value);
    return all;
  }

  std::vector<message> messages;
  std::vector<rejection> rejected;
  poll_status::time_point when{};

 private:
  template <class F>
  void turn(std::uint32_t wanted, std::vector<message>& into, F f) {
    const std::unique_ptr<any_batch> raw(task_.type().make({.capacity = 8, .roots = true, .times = true}));
    spout_round round;
    round.host = this;
    round.slot = 1;  // so that roots tell the messages apart
    round.wanted = wanted;
    round.capacity = root::messages_per_slot;
    round.keeps_positions = true;
    round.raw = raw.get();
    into_ = &into;
    // What went out before a throw has been emitted.
    const struct ending {
      task_probe& probe;
      spout_round& round;
      ~ending() { probe.collect(round); }
    } last{*this, round};
    f(round);
  }
  void collect(spout_round& round) {
    auto& raw = static_cast<batch<value_type>&>(*round.raw);
    for (std::size_t i = 0; i < raw.size(); ++i)
      into_->push_back({round.positions.at(raw.root_of(i).index()), raw.time_of(i), raw.value(i)});
    raw.clear();
  }
  void message_failed(spout_round&, std::uint32_t, call_frame&) override {}
  void message_rejected(spout_round&, const position* at, call_frame&, error why, std::string bytes) override {
    rejected.push_back({at ? *at : position{}, std::move(why), std::move(bytes)});
  }
  void round_full(spout_round& round) override { collect(round); }

  spout_task<S> task_;
  call_frame frame_;
  std::vector<message>* into_ = nullptr;
};

}  // namespace freshet::journal_tests
