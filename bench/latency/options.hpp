#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "freshet/runtime/worker_pool.hpp"

namespace freshet::latency {

enum class engine : std::uint8_t { event, batch };
const char* to_string(engine);

/// What the tool was asked to do.
struct options {
  bool event = true, batch = true;
  std::vector<double> intervals_ms{1, 10, 100};
  std::vector<double> rates{10'000, 100'000};  ///< values a second
  double duration_s = 3;                       ///< of each row
  std::string json, csv;                       ///< files; empty: none
  std::size_t workers = 0;                     ///< as in the options of both engines
  freshet::idle idle = freshet::idle::adaptive;
  std::string first_result_of;  ///< not for people: be the process whose start is measured
};

/// Reads the arguments. When there is nothing to measure (--help, or something wrong, which is said on stderr) gives
/// the exit status: 0 or 2.
struct parsed {
  options asked;
  int exit_status = -1;  ///< -1: go on
};
parsed parse(int argc, char** argv);

}  // namespace freshet::latency
