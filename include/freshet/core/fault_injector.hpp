#pragma once
#include <cstdint>
#include <string_view>

namespace freshet {

/// Where faults come from in tests: an option of both executors, asked at the points where something can go wrong.
/// Thread safe: tasks ask at the same time. `testing::fault_plan` is the implementation to use.
class fault_injector {
 public:
  virtual ~fault_injector();
  /// Before the user's code of `node` is called for a tuple, in task `task`, for the `call`-th time (from 0, counted by
  /// task and attempt of the task). May throw in its place, or sleep.
  virtual void before_call(std::string_view node, std::uint32_t task, std::uint64_t call) = 0;

  enum class block_fault : std::uint8_t {
    none,
    lose,   ///< it is gone when it is read
    flip,   ///< one bit of it has changed when it is read
    evict,  ///< the block store takes it out of memory
  };
  /// The output of task `from_task` of `node` for task `to_task` of one of its readers is stored, in batch `batch`.
  virtual block_fault block_stored(std::string_view node, std::uint32_t from_task, std::uint32_t to_task,
                                   std::uint64_t batch) = 0;
};

}  // namespace freshet
