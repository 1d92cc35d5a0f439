#pragma once
#include <chrono>
#include <cstdint>

namespace freshet {

/// Spans of processing time: latencies, timeouts, intervals.
using duration = std::chrono::nanoseconds;

/// When something happened, by the data's own account: milliseconds since the Unix epoch, UTC, as a signed 64-bit
/// number. Milliseconds because that is what Kafka records carry and what window boundaries are given in.
using event_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Before and after all event times: the watermark of a stream that has seen nothing, and of one that has ended.
inline constexpr event_time beginning_of_time = event_time::min();
inline constexpr event_time end_of_time = event_time::max();

/// Which clock times are measured by.
enum class time_domain : std::uint8_t {
  event,       ///< the data's own: the same in every run
  processing,  ///< the executor's clock: in the batch engine as it stood at the batch's beginning
};

}  // namespace freshet
