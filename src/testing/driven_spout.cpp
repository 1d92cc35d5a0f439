#include "testing/driven_spout.hpp"

#include <utility>

namespace freshet::testing {
namespace {

/// One task. It can't emit again, so the engine keeps what it emits and reads it with the typed loop of the real
/// spout's task, which is made for that and never opened.
class driven_spout final : public spout_operator {
 public:
  driven_spout(std::shared_ptr<driven_input> input, std::unique_ptr<task_operator> real)
      : input_(std::move(input)), real_(static_cast<spout_operator*>(real.release())) {}

  any_outlet& outlet_at(std::size_t port) override { return real().outlet_at(port); }
  any_reader& raw_reader() override { return real().raw_reader(); }
  const stream_type& type() const override { return real_->type(); }
  std::vector<std::string> partitions() override {
    std::vector<std::string> names;
    for (partition_id p = 0; p < input_->partitions; ++p) names.push_back(std::to_string(p));
    return names;
  }
  poll_status poll(spout_round& round) override {
    auto& steps = mine_->steps;
    if (steps.empty()) return draining_ ? poll_status::ended() : poll_status::idle();
    auto next = std::move(steps.front());
    steps.pop_front();
    if (next.message) emit(next, round);
    else mine_->clock->advance(next.partition, next.watermark);
    return poll_status::emitted();
  }
  bool drain() override { return draining_ = true; }

  bool replayable() const override { return false; }
  void read(const position_range&, spout_round&) override {}
  void seek(const position&) override {}
  void commit(const position&) override {}
  void flush() override {}
  void tick() override {}
  void wake() override {}
  bool ready() override { return true; }

 private:
  void open_user(const task_context& context) override {
    mine_ = &input_->tasks[context.task];
    mine_->wake = context.wake;
    mine_->clock = dynamic_cast<partition_clock*>(frame_->clock);
    if (mine_->clock) mine_->clock->take_given_times();
  }
  void close_user() override {}
  /// It emits under this one's name.
  spout_operator& real() {
    real_->attach(node_, *frame_);
    return *real_;
  }
  void emit(const driven_input::step& s, spout_round& round) {
    if (!round.raw) unkept_.reset(type().make({.capacity = 1, .times = true, .origins = true, .sources = true}));
    any_batch& to = round.raw ? *round.raw : *unkept_;
    type().append(*s.message, 0, to);
    const auto at = to.size() - 1;
    if (round.slot) to.set_root(at, root{round.slot, round.messages});
    if (to.sources()) to.sources()[at] = {s.partition, false};
    if (to.origins()) to.origins()[at] = {node_ + 1, s.partition, executed};
    ++round.messages;
    ++executed;
    if (!round.raw) raw_reader().read(to, 0);  // best_effort: nothing is kept, so nobody else reads it
  }

  const std::shared_ptr<driven_input> input_;
  const std::unique_ptr<spout_operator> real_;
  driven_input::task* mine_ = nullptr;
  std::unique_ptr<any_batch> unkept_;
  bool draining_ = false;
};

class driven_source final : public task_source {
 public:
  driven_source(std::shared_ptr<driven_input> input, std::shared_ptr<const task_source> real)
      : input_(std::move(input)), real_(std::move(real)) {}

 private:
  task_operator* new_task() const override { return new driven_spout(input_, real_->make()); }
  const std::shared_ptr<driven_input> input_;
  const std::shared_ptr<const task_source> real_;
};

}  // namespace

std::shared_ptr<const task_source> driven_by(std::shared_ptr<driven_input> input,
                                             std::shared_ptr<const task_source> real) {
  return std::make_shared<driven_source>(std::move(input), std::move(real));
}

}  // namespace freshet::testing
