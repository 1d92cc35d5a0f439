#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

#include "pipeline.hpp"

namespace freshet::latency {

/// Calls `send` for every value that is due, at `rate` a second from `start` until `end`, from the thread that calls.
/// Value i is meant for start + i / rate, whatever became of those before it: where it is late (or `send` waits), those
/// that became due meanwhile follow at once, with their own instants. Above 20,000 a second values are meant to come in
/// groups, one every 50 us, as packets do. `send` returns false to give up. Returns how many were sent.
std::uint64_t pace(double rate, clock::time_point start, clock::time_point end, const std::atomic<bool>& give_up,
                   const std::function<bool(const sample&)>& send);

}  // namespace freshet::latency
