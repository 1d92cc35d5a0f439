#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "freshet/freshet.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "samples.hpp"

// What is measured: source -> map -> (by key, two tasks) running sum -> sink.
namespace freshet::latency {

/// Latencies of a row, by the quarter of it in which a value was meant to come.
struct arrivals {
  std::mutex mutex;
  std::array<histogram, 4> quarters;
  histogram all() const;
};

/// Where the stream ends: reads the clock and takes down the latency. Copies share `into`, to which each adds when its
/// task closes.
class latency_sink {
 public:
  latency_sink(std::shared_ptr<const timetable> times, std::shared_ptr<arrivals> into)
      : times_(std::move(times)), into_(std::move(into)) {}
  void write(const sample& s);
  void close();

 private:
  std::shared_ptr<const timetable> times_;
  std::shared_ptr<arrivals> into_;
  std::array<histogram, 4> mine_;
};

/// One that takes part in epochs.
struct latency_epoch_sink : latency_sink {
  using token = std::uint64_t;
  static constexpr bool overlaps_epochs = true;  ///< as file::epoch_sink's do
  using latency_sink::latency_sink;
  void begin(const epoch_id& id) { epoch_ = id.epoch; }
  token prepare() { return epoch_; }
  void commit(token) {}
  void abort() {}

 private:
  std::uint64_t epoch_ = 0;
};

topology pipeline(const push_spout<sample>& source, const latency_sink& sink);
topology pipeline(const readable_samples& source, const latency_sink& sink);
topology pipeline(const readable_samples& source, const latency_epoch_sink& sink);

/// Starts a topology on the engine that a row is about. `directory`: for checkpoints, where it has them.
topology_run start(const setting& what, const options& asked, const topology& graph, const std::string& directory = {});

}  // namespace freshet::latency
