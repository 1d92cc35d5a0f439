#pragma once
#include <cstdint>

namespace freshet {

/// What a worker does when a round of its tasklets made no progress.
enum class idle : std::uint8_t {
  spin,      ///< goes on at once: lowest latency, a core each (threads of blocking bolts park all the same)
  adaptive,  ///< spins briefly where there are more hardware threads than workers, then parks
  park,      ///< parks at once
};

}  // namespace freshet
