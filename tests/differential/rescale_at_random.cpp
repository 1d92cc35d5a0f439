#include "differential/rescale_at_random.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace freshet::differential {

void rescale_at_random(topology_run& run, random_source& random) {
  std::vector<std::string> nodes;
  for (const auto& t : run.metrics().tasks)
    if (t.task == 0) nodes.push_back(t.node);
  for (auto left = random.below(6); left > 0; --left) {
    if (run.wait_for(std::chrono::microseconds(random.below(300)))) return;
    try {
      run.rescale(nodes[random.below(nodes.size())], 1 + random.below(4));
    } catch (const run_error& e) {
      if (e.error().code == errc::closed || e.error().code == errc::unsupported) return;  // over, or the batch engine
      throw;
    } catch (const std::invalid_argument&) {
    } catch (const topology_error&) {}
  }
}

}  // namespace freshet::differential
