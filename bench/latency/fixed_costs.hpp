#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "options.hpp"

// What is paid once, or once a batch, whatever the rate.
namespace freshet::latency {

/// From the start of a fresh process to the first value at the sink, and its memory then.
struct first_result {
  std::chrono::duration<double, std::milli> after{};
  std::uint64_t resident_bytes = 0;
};
/// Starts this program anew and waits for it. Nothing where it can't be done.
std::optional<first_result> measure_first_result(engine which, const options& asked);
/// What the other process does: prints when the first value came, and its memory.
int be_first_result(const options& asked);

/// The median processing time of batches of one value through three stages, as the engine reports it.
std::chrono::duration<double, std::micro> small_batch(const options& asked);

}  // namespace freshet::latency
