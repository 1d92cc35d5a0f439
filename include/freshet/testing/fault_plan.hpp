#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "freshet/core/fault_injector.hpp"

namespace freshet::testing {

/// What a fault_plan throws in place of the user's code.
class injected_fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Faults at named places, an option of both executors:
///     auto faults = std::make_shared<testing::fault_plan>();
///     faults->throw_at("count", 0, 17, 2).lose_block("split", 0, 1, 3);
///     batch_executor{{.faults = faults}}.start(graph).wait();
///     assert(faults->done().thrown == 2);
///
/// Calls are counted from 0 by task and attempt of a task (a fresh copy of a bolt counts anew), batches from 1. The
/// same plan on the same input does the same: random faults follow from the seed and from how often each task has
/// asked. Thread safe; faults may be added while a run goes on.
class fault_plan final : public fault_injector {
 public:
  static constexpr std::uint32_t any_task = ~std::uint32_t{0};
  static constexpr std::uint64_t any_batch = ~std::uint64_t{0};
  static constexpr std::uint64_t always = ~std::uint64_t{0};

  explicit fault_plan(std::uint64_t seed = 1) : seed_(seed) {}

  /// Throws instead of call `call` of the task, and of those that follow it, `times` times in all: so a call that is
  /// repeated fails again, whether it is repeated in place or by a fresh copy.
  fault_plan& throw_at(std::string node, std::uint32_t task, std::uint64_t call, std::uint64_t times = 1);
  /// Throws with this probability a call, at most `times` times.
  fault_plan& throw_at_random(std::string node, double probability, std::uint64_t times = always);
  /// Sleeps before each of the node's calls, at most `times` times.
  fault_plan& delay(std::string node, std::chrono::nanoseconds pause, std::uint64_t times = always);

  /// What task `from_task` of `node` has stored for task `to_task` of its reader in `batch` is gone when it is read.
  /// (Of what all tasks of a reader share, `to_task` is 0.) What is computed again stays.
  fault_plan& lose_block(std::string node, std::uint32_t from_task, std::uint32_t to_task, std::uint64_t batch);
  /// One bit of it has changed.
  fault_plan& flip_block(std::string node, std::uint32_t from_task, std::uint32_t to_task, std::uint64_t batch);
  /// The block store drops it to save memory.
  fault_plan& evict_block(std::string node, std::uint32_t from_task, std::uint32_t to_task, std::uint64_t batch);

  /// What it has done so far.
  struct counts {
    std::uint64_t thrown = 0, delayed = 0, lost = 0, flipped = 0, evicted = 0;
  };
  counts done() const;

  // --- fault_injector ---
  void before_call(std::string_view node, std::uint32_t task, std::uint64_t call) override;
  block_fault block_stored(std::string_view node, std::uint32_t from_task, std::uint32_t to_task,
                           std::uint64_t batch) override;

 private:
  struct call_fault {
    std::string node;
    std::uint32_t task = any_task;
    std::uint64_t from_call = 0, left = always;
    double probability = 1;
    std::chrono::nanoseconds pause{};  ///< 0: throw
  };
  struct stored_fault {
    std::string node;
    std::uint32_t from_task, to_task;
    std::uint64_t batch;
    block_fault what;
  };
  fault_plan& add(stored_fault fault);
  bool hits(call_fault& fault, std::string_view node, std::uint32_t task, std::uint64_t call,
            std::uint64_t asked) const;

  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::vector<call_fault> calls_;
  std::vector<stored_fault> blocks_;
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> asked_;  ///< by node and task
  counts done_;
};

}  // namespace freshet::testing
