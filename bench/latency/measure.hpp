#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "options.hpp"
#include "pipeline.hpp"

namespace freshet::latency {

/// One measurement.
struct row {
  setting of;
  bool sustained = false;
  histogram latency;
  double cores = 0;         ///< of the whole process, source included
  double source_cores = 0;  ///< of the same source when it sends to nobody
};

/// The share of a core that pacing takes alone: the thread of a row, which sends to nobody.
double source_alone(double rate, std::chrono::duration<double> how_long, const std::atomic<bool>& give_up);

/// Runs the pipeline for `asked.duration_s`. `interrupted`: give up soon; the row is not to be used then.
row measure(const setting& of, const options& asked, const std::atomic<bool>& interrupted);

}  // namespace freshet::latency
