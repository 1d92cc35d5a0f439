#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "differential/scene.hpp"
#include "freshet/core/spout.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::differential {

/// Positions with gaps between them and some width: message i of a partition stands at [7 i + 2, 7 i + 5).
struct places {
  static position of(partition_id partition, std::uint64_t i) { return {partition, 7 * i + 2, 7 * i + 5}; }
  /// The first message that starts at `offset` or behind it.
  static std::uint64_t first_from(std::uint64_t offset) { return offset <= 2 ? 0 : (offset - 2 + 6) / 7; }
};

/// A spout whose messages can be read again.
class replayable_source {
 public:
  replayable_source(std::shared_ptr<scene> at, std::size_t node) : scene_(std::move(at)), node_(node) {}

  std::vector<std::string> partitions() const {
    std::vector<std::string> names;
    for (std::size_t p = 0; p < about().partitions; ++p) names.push_back("p" + std::to_string(p));
    return names;
  }
  void open(const task_context& context) {
    task_ = context.task;
    for (const auto& p : context.partitions) mine_.push_back({p.id, 0});
  }
  /// Partitions take turns. A poll may fail after it has emitted: what went out has gone out.
  poll_status poll(spout_emitter<item>& out) {
    for (std::size_t tried = 0; tried < mine_.size(); ++tried) {
      auto& [partition, next] = mine_[turn_++ % mine_.size()];
      if (next == about().messages_each) continue;
      const auto end = std::min<std::uint64_t>(about().messages_each, next + std::clamp<std::size_t>(out.room(), 1, 5));
      while (next < end) {
        const auto i = next++;
        scene_->emitted(node_, task_, message(partition, i));
        emit(partition, i, out);
        if (scene_->poll_fails(node_)) throw struck("poll failed");
      }
      return poll_status::emitted();
    }
    return poll_status::ended();
  }
  void read(const position_range& range, spout_emitter<item>& out) {
    const bool fails = scene_->read_fails(node_);
    const auto from = places::first_from(range.from), to = places::first_from(range.to);
    for (auto i = from; i < to; ++i) {
      if (fails && i == (from + to) / 2) throw struck("read failed");
      scene_->asked_again(message(range.partition, i));
      emit(range.partition, i, out);
    }
  }
  void seek(const position&) {}
  void commit(const position& upto) { scene_->committed(node_, upto); }

 private:
  const source& about() const { return scene_->node(node_).spout; }
  std::uint64_t message(partition_id p, std::uint64_t i) const {
    return about().first_message + p * about().messages_each + i;
  }
  void emit(partition_id p, std::uint64_t i, spout_emitter<item>& out) const {
    for (const item& each : tuples_of(about(), message(p, i))) out.emit(places::of(p, i), each);
  }
  std::shared_ptr<scene> scene_;
  std::size_t node_, task_ = 0;
  std::vector<std::pair<partition_id, std::uint64_t>> mine_;
  std::size_t turn_ = 0;
};

/// A queue that another thread fills while the topology runs. Its tasks share the messages; nothing is read again.
class queue_source {
 public:
  struct queue {
    std::mutex mutex;
    std::deque<std::uint64_t> messages;
    std::vector<waker> wakers;
    bool closed = false;
  };
  queue_source(std::shared_ptr<scene> at, std::size_t node)
      : scene_(std::move(at)), node_(node), queue_(std::make_shared<queue>()) {}

  /// Fills the queue and closes it.
  static void fill(queue& q, const source& about) {
    for (std::uint64_t m = 0; m <= about.messages(); ++m) {
      std::vector<waker> wakers;
      {
        std::lock_guard lock(q.mutex);
        if (m == about.messages()) q.closed = true;
        else q.messages.push_back(about.first_message + m);
        wakers = q.wakers;
      }
      for (const auto& wake : wakers) wake();
    }
  }
  std::shared_ptr<queue> handle() const { return queue_; }

  void open(const task_context& context) {
    task_ = context.task;
    std::lock_guard lock(queue_->mutex);
    queue_->wakers.push_back(context.wake);
  }
  poll_status poll(spout_emitter<item>& out) {
    std::vector<std::uint64_t> some;
    {
      std::lock_guard lock(queue_->mutex);
      if (queue_->messages.empty()) return queue_->closed ? poll_status::ended() : poll_status::idle();
      if (scene_->poll_fails(node_)) throw struck("poll failed");
      for (auto n = std::clamp<std::size_t>(out.room(), 1, 7); n > 0 && !queue_->messages.empty(); --n) {
        some.push_back(queue_->messages.front());
        queue_->messages.pop_front();
      }
    }
    for (auto m : some) {
      scene_->emitted(node_, task_, m);
      for (const item& each : tuples_of(scene_->node(node_).spout, m)) out.emit(each);
    }
    return poll_status::emitted();
  }

 private:
  std::shared_ptr<scene> scene_;
  std::size_t node_, task_ = 0;
  std::shared_ptr<queue> queue_;
};

}  // namespace freshet::differential
