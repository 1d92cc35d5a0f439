#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

#include "samples.hpp"

namespace freshet::latency {

/// Takes the next value; false to give up.
using sender = std::function<bool(const sample&)>;

/// Calls `send` with the values that are not measured.
void send_fill(const timetable& times, const std::atomic<bool>& give_up, const sender& send);

/// Calls `send` for every value that is due, until `times.end()`, from the thread that calls. Where one is late (or
/// `send` waits), those that became due meanwhile follow at once, with their own instants. Returns how many were sent.
std::uint64_t pace(const timetable& times, const std::atomic<bool>& give_up, const sender& send);

}  // namespace freshet::latency
