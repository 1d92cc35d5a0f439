#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "connect/spout_probe.hpp"
#include "freshet/base/log.hpp"
#include "freshet/connect/journaled.hpp"

// What the tests of journals share: a spout that gives what a test lays before it.
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

template <class S>
using task_probe = spout_probe<S, false>;

}  // namespace freshet::journal_tests
