#include "freshet/testing/fault_plan.hpp"

#include <thread>
#include <utility>

#include "freshet/base/hash.hpp"

namespace freshet::testing {

fault_plan& fault_plan::throw_at(std::string node, std::uint32_t task, std::uint64_t call, std::uint64_t times) {
  std::lock_guard lock(mutex_);
  calls_.push_back({std::move(node), task, call, times, 1, {}});
  return *this;
}

fault_plan& fault_plan::throw_at_random(std::string node, double probability, std::uint64_t times) {
  std::lock_guard lock(mutex_);
  calls_.push_back({std::move(node), any_task, 0, times, probability, {}});
  return *this;
}

fault_plan& fault_plan::delay(std::string node, std::chrono::nanoseconds pause, std::uint64_t times) {
  std::lock_guard lock(mutex_);
  calls_.push_back({std::move(node), any_task, 0, times, 1, pause});
  return *this;
}

fault_plan& fault_plan::add(stored_fault fault) {
  std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(fault));
  return *this;
}

fault_plan& fault_plan::lose_block(std::string node, std::uint32_t from_task, std::uint32_t to_task,
                                   std::uint64_t batch) {
  return add({std::move(node), from_task, to_task, batch, block_fault::lose});
}

fault_plan& fault_plan::flip_block(std::string node, std::uint32_t from_task, std::uint32_t to_task,
                                   std::uint64_t batch) {
  return add({std::move(node), from_task, to_task, batch, block_fault::flip});
}

fault_plan& fault_plan::evict_block(std::string node, std::uint32_t from_task, std::uint32_t to_task,
                                    std::uint64_t batch) {
  return add({std::move(node), from_task, to_task, batch, block_fault::evict});
}

fault_plan::counts fault_plan::done() const {
  std::lock_guard lock(mutex_);
  return done_;
}

bool fault_plan::hits(call_fault& fault, std::string_view node, std::uint32_t task, std::uint64_t call,
                      std::uint64_t asked) const {
  if (fault.left == 0 || fault.node != node || call < fault.from_call) return false;
  if (fault.task != any_task && fault.task != task) return false;
  if (fault.probability < 1) {
    const auto which = static_cast<std::uint64_t>(&fault - calls_.data());
    const auto drawn = mix64(mix64(mix64(seed_ + which) ^ hash_bytes(node.data(), node.size())) + task) ^ asked;
    if (static_cast<double>(mix64(drawn) >> 11) * 0x1p-53 >= fault.probability) return false;
  }
  if (fault.left != always) --fault.left;
  return true;
}

void fault_plan::before_call(std::string_view node, std::uint32_t task, std::uint64_t call) {
  std::chrono::nanoseconds pause{};
  bool throws = false;
  {
    std::lock_guard lock(mutex_);
    const auto asked = asked_[{std::string(node), task}]++;
    for (auto& fault : calls_) {
      if (throws || !hits(fault, node, task, call, asked)) continue;
      pause += fault.pause;
      throws = fault.pause == std::chrono::nanoseconds{};
      ++(throws ? done_.thrown : done_.delayed);
    }
  }
  if (pause > std::chrono::nanoseconds{}) std::this_thread::sleep_for(pause);
  if (throws)
    throw injected_fault("injected fault in \"" + std::string(node) + "\" task " + std::to_string(task) + ", call " +
                         std::to_string(call));
}

fault_injector::block_fault fault_plan::block_stored(std::string_view node, std::uint32_t from_task,
                                                     std::uint32_t to_task, std::uint64_t batch) {
  std::lock_guard lock(mutex_);
  const auto one = [](std::uint32_t wanted, std::uint32_t is) { return wanted == any_task || wanted == is; };
  for (const auto& fault : blocks_) {
    if (fault.node != node || !one(fault.from_task, from_task) || !one(fault.to_task, to_task)) continue;
    if (fault.batch != any_batch && fault.batch != batch) continue;
    auto& count = fault.what == block_fault::lose   ? done_.lost
                  : fault.what == block_fault::flip ? done_.flipped
                                                    : done_.evicted;
    ++count;
    return fault.what;
  }
  return block_fault::none;
}

}  // namespace freshet::testing
