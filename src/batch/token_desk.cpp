#include "batch/token_desk.hpp"

#include <string>

namespace freshet {

/// live -> consumed (ack, fail or time-out) or revoked; each way is taken once.
class token_desk::token final : public held_state {
 public:
  token(std::shared_ptr<token_desk> desk, call_frame& f, std::uint32_t node, std::uint64_t ordinal)
      : held_state(f), desk_(std::move(desk)), node_(node), ordinal_(ordinal) {}

  void ack() noexcept override {
    if (end()) desk_->consumed();
  }
  void fail(error why) noexcept override { give_up(std::move(why)); }
  void revoke() noexcept override { ack(); }
  /// True when it ends by this.
  bool give_up(error why) noexcept {
    {
      // Its end and its failure are one step for whoever asks `holds` and then `has_failed`.
      std::lock_guard lock(desk_->mutex_);
      if (!end()) return false;
      desk_->failed_.push_back({node_, ordinal_, std::move(why)});
    }
    desk_->consumed();
    return true;
  }
  bool live() const noexcept override { return !ended(); }
  std::uint32_t node() const { return node_; }
  bool ended() const { return ended_.load(std::memory_order_acquire); }

 private:
  bool end() noexcept { return !ended_.exchange(true, std::memory_order_acq_rel); }
  const std::shared_ptr<token_desk> desk_;
  const std::uint32_t node_;
  const std::uint64_t ordinal_;
  std::atomic<bool> ended_{false};
};

std::shared_ptr<held_state> token_desk::hold(call_frame& frame, std::uint32_t node, std::uint64_t ordinal,
                                             time_point deadline) {
  auto t = std::make_shared<token>(shared_from_this(), frame, node, ordinal);
  outstanding_.fetch_add(1, std::memory_order_acq_rel);  // before it is handed out: others may consume it at once
  try {
    by_deadline_.push(deadline, t, outstanding());
    frame.holds.push_back(t);
  } catch (...) {  // no memory: nobody has it who could end it
    t->revoke();
    throw;
  }
  frame.flags.deferred = true;
  return t;
}

bool token_desk::has_failed() const {
  std::lock_guard lock(mutex_);
  return !failed_.empty();
}

// release: whoever reads zero sees what was posted before it.
void token_desk::consumed() noexcept {
  outstanding_.fetch_sub(1, std::memory_order_acq_rel);
  wake_();
}

std::vector<token_desk::failed_token> token_desk::take_failed() {
  std::lock_guard lock(mutex_);
  return std::exchange(failed_, {});
}

std::size_t token_desk::expire(time_point now, std::chrono::nanoseconds timeout) {
  std::size_t n = 0;
  while (const auto t = by_deadline_.pop_due(now)) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    n += t->give_up({errc::timeout, "held longer than message_timeout (" + std::to_string(ms) + " ms)"});
  }
  return n;
}

void token_desk::abandon() { by_deadline_.clear(); }

token_desk::time_point token_desk::next_deadline() { return by_deadline_.next(); }

bool token_desk::holds(std::uint32_t node) const {
  return by_deadline_.lives([node](const token& t) { return t.node() == node; });
}

}  // namespace freshet
