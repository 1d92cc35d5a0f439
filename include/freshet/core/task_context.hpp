#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "freshet/base/clock.hpp"
#include "freshet/base/log.hpp"
#include "freshet/core/position.hpp"

namespace freshet {

/// Wakes one task from any thread: it is run soon, and its `poll` or `on_wake` is called. Copyable; outliving the run
/// is harmless. Cheap when the task is awake.
class waker {
 public:
  class target {
   public:
    virtual ~target();
    virtual void wake() noexcept = 0;
  };
  waker() = default;
  explicit waker(std::weak_ptr<target> t) : target_(std::move(t)) {}
  void operator()() const noexcept {
    if (auto t = target_.lock()) t->wake();
  }

 private:
  std::weak_ptr<target> target_;
};

/// One partition of a spout, as dealt to a task: its index among all that `partitions()` named, and the name.
struct spout_partition {
  partition_id id = 0;
  std::string name;
  bool kept = false;  ///< the run keeps checkpoints: a `saving_spout` is told what they have, before it is polled
};

/// What a task knows of itself when it is opened. Copied into the task; valid for its life.
struct task_context {
  std::string node;
  std::size_t task = 0, task_count = 1;
  std::uint32_t attempt = 1;                ///< of the task itself: batch engine, from 1
  bool batched = false;                     ///< runs in batches: worth combining before a shuffle
  std::uint64_t seed = 0;                   ///< the same for every attempt and engine
  std::vector<spout_partition> partitions;  ///< spouts with `partitions()`: those this task reads
  /// Blocking bolts: asked to give up, as the run has failed or its stop or drain took longer than `drain_timeout`.
  /// Until then a call may take its time, also while the run ends.
  std::stop_token stop;
  waker wake;
  logger log;
  const freshet::clock* clock = &freshet::clock::real();

  // Compiled once, and not for every bolt.
  task_context();
  task_context(const task_context&);
  task_context& operator=(const task_context&);
  ~task_context();
};

}  // namespace freshet
