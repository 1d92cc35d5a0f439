#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

#include "freshet/freshet.hpp"
#include "machine.hpp"
#include "options.hpp"

// What is measured: push spout -> map -> (by key, two tasks) running sum -> sink.
namespace freshet::latency {

/// A value on its way, with the instant for which it was meant.
struct sample {
  std::uint64_t key = 0, amount = 0;
  std::int64_t intended_ns = 0;  ///< on the steady clock
};

/// Latencies of a row, by the quarter of it in which a value was meant to come.
struct arrivals {
  std::mutex mutex;
  std::array<histogram, 4> quarters;
  histogram all() const;
};

/// Where the measured part of a row begins and ends; earlier values warm up.
struct window {
  clock::time_point from, to;
};

/// Where the stream ends: reads the clock and takes down the latency. Copies share `into`, to which each adds when its
/// task closes.
class latency_sink {
 public:
  latency_sink(window measured, std::shared_ptr<arrivals> into) : measured_(measured), into_(std::move(into)) {}
  void write(const sample& s);
  void close();

 private:
  window measured_;
  std::shared_ptr<arrivals> into_;
  std::array<histogram, 4> mine_;
};

topology pipeline(const push_spout<sample>& source, const latency_sink& sink);

/// Starts a topology on the engine that a row is about.
topology_run start(engine which, double interval_ms, const options& asked, const topology& graph);

}  // namespace freshet::latency
