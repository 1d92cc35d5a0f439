#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "freshet/runtime/executor.hpp"
#include "freshet/runtime/worker_pool.hpp"

namespace freshet::latency {

enum class engine : std::uint8_t { event, batch };
const char* to_string(engine);

/// What one row is about.
struct setting {
  latency::engine engine = latency::engine::event;
  double interval_ms = 0;  ///< 0: per event
  double rate = 0;         ///< values a second
  freshet::guarantee guarantee = freshet::guarantee::at_least_once;
  /// How often an epoch is made that survives the process; none: nothing does. In batches each is one.
  std::optional<double> checkpoint_ms{};
};

/// What the tool was asked to do.
struct options {
  bool event = true, batch = true;
  std::vector<double> intervals_ms{1, 10, 100};
  std::vector<double> rates{10'000, 100'000};  ///< values a second
  double duration_s = 3;                       ///< of each row
  std::vector<freshet::guarantee> guarantees;  ///< empty: what each engine has by default
  std::vector<double> checkpoints_ms;          ///< empty: none
  bool savepoint = false;                      ///< in the middle of each row with epochs
  std::string directory;                       ///< for checkpoints; empty: the system's for temporary files
  std::uint64_t keys = 1000;
  std::string json, csv;    ///< files; empty: none
  std::size_t workers = 0;  ///< as in the options of both engines
  freshet::idle idle = freshet::idle::adaptive;
  std::string first_result_of;  ///< not for people: be the process whose start is measured
};

/// The rows that are asked for, in their order: by rate, engine, interval and guarantee. Best effort keeps nothing, so
/// it has one without checkpoints.
std::vector<setting> settings_of(const options& asked);
/// An engine with nothing else asked of it.
setting plain(engine which, double interval_ms, double rate);

/// Reads the arguments. When there is nothing to measure (--help, or something wrong, which is said on stderr) gives
/// the exit status: 0 or 2.
struct parsed {
  options asked;
  int exit_status = -1;  ///< -1: go on
};
parsed parse(int argc, char** argv);

}  // namespace freshet::latency
