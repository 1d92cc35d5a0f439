#include "freshet/base/clock.hpp"

namespace freshet {
namespace {

class system_clocks final : public clock {
 public:
  std::chrono::steady_clock::time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
  event_time wall() const noexcept override {
    return std::chrono::floor<event_time::duration>(std::chrono::system_clock::now());
  }
};

}  // namespace

clock::~clock() = default;

const clock& clock::real() {
  static const system_clocks clocks;  // without state, so that it is no global one
  return clocks;
}

}  // namespace freshet
