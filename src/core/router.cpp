#include "freshet/core/router.hpp"

#include <memory>
#include <stdexcept>

namespace freshet {

any_router::any_router(const route& r) : route_(r) {}

any_router::~any_router() {
  for (auto* box : outboxes_) delete box;
}

void any_router::add(any_outbox* box, call_frame& frame) {
  std::unique_ptr<any_outbox> owned(box);
  outboxes_.push_back(box);
  owned.release();
  frame.outboxes.push_back(box);
}

detail::group_table::group_table(const route& r) : groups(r.key_groups), task(r.key_groups) {
  for (std::uint32_t g = 0; g < groups; ++g) task[g] = task_of_group(g, groups, r.targets);
}

void throw_no_such_task(std::size_t chosen, std::size_t targets) {
  throw std::out_of_range("the grouping chose task " + std::to_string(chosen) + ", but there are only " +
                          std::to_string(targets) + " (0 to " + std::to_string(targets - 1) + ")");
}

}  // namespace freshet
