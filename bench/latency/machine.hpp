#pragma once
#include <chrono>
#include <cstdint>

#include "freshet/base/histogram.hpp"

// What the tool asks of the machine itself.
namespace freshet::latency {

using clock = std::chrono::steady_clock;

/// Processor time of all threads of the process so far.
std::chrono::nanoseconds process_cpu_time();
/// Resident memory; 0 where it can't be told.
std::uint64_t resident_bytes();

/// From one thread's futex wake to the other thread's reading the clock, every 100 us: what a hand-over costs that does
/// nothing else.
histogram bare_wake(std::chrono::nanoseconds for_how_long);

/// How late the sleeps of `wait_until` end, every 100 us. What exceeds the 10 us it allows for is in every latency that
/// a paced source measures.
histogram sleep_lateness(std::chrono::nanoseconds for_how_long);

/// Makes this thread's timed sleeps as exact as the system can; Linux otherwise adds up to 50 us to each.
void sleep_exactly();
/// Sleeps until shortly before `when`, then looks at the clock until it is there. 10 us are what timers are late.
void wait_until(clock::time_point when);

}  // namespace freshet::latency
