#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "interruption.hpp"

namespace demo {

/// Runs a paced word count on the event engine and on batches of several intervals, each for `row_time`, and prints a
/// line of latencies for each: from when a line should have come to when one of its words was counted.
void print_latency_table(const std::vector<std::string>& lines, std::chrono::duration<double> row_time,
                         interruption& interrupted);

}  // namespace demo
