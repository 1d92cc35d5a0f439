#include "freshet/core/router.hpp"

#include <stdexcept>

namespace freshet {

any_router::~any_router() {
  for (auto* box : outboxes_) delete box;
}

void throw_no_such_task(std::size_t chosen, std::size_t targets) {
  throw std::out_of_range("the grouping chose task " + std::to_string(chosen) + ", but there are only " +
                          std::to_string(targets) + " (0 to " + std::to_string(targets - 1) + ")");
}

}  // namespace freshet
