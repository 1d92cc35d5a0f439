#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "freshet/core/topology.hpp"
#include "freshet/runtime/adaptive_options.hpp"
#include "freshet/runtime/metrics.hpp"

namespace freshet {

/// Decides when an adaptive run changes its engine. Used by one thread.
class engine_chooser {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  virtual ~engine_chooser();
  /// A run has begun on this engine.
  virtual void begin(engine_kind at, time_point now) = 0;
  /// Why the other engine should go on, for people; empty: it should not.
  virtual std::string look(const run_metrics& m, time_point now) = 0;
  /// The run is paused: what was seen of it says nothing any more.
  virtual void forget() {}
};

/// Decides by the lag that metrics show. Each look gives a sample, which is of the time since the look before: from 0,
/// nothing speaks for a switch, to 1. When the samples of the last `patience` have a mean of `busy`, the time has come.
class engine_watch final : public engine_chooser {
 public:
  /// `full_batch`: its rows, as the options of the batch engine say.
  engine_watch(const topology& graph, const adaptive_options& options, std::size_t full_batch)
      : graph_(graph),
        options_(options),
        full_batch_(full_batch),
        stay_(options.least_stay),
        batches_stay_(options.least_stay) {}
  void begin(engine_kind at, time_point now) override;
  std::string look(const run_metrics& m, time_point now) override;
  void forget() override;
  /// How long the run at work has to stay where it is.
  std::chrono::nanoseconds stay() const { return stay_; }

 private:
  struct sample {
    std::chrono::nanoseconds lasted{};
    double share = 0;
    std::uint64_t rows = 0;  ///< of the largest batch
  };
  sample look_at_batches(const run_metrics& m);
  sample look_at_events(const run_metrics& m);
  void add(sample s);
  std::string in_words(std::chrono::nanoseconds covered, double mean) const;
  std::uint64_t calm_rows() const;

  const topology graph_;
  const adaptive_options options_;
  const std::size_t full_batch_;
  engine_kind at_ = engine_kind::batches;
  bool has_begun_ = false, has_looked_ = false;
  time_point began_{}, looked_{};
  std::chrono::nanoseconds stay_, batches_stay_;
  std::deque<sample> samples_;
  std::chrono::nanoseconds covered_{};  ///< by the samples

  // Of the look before.
  std::uint64_t batches_done_ = 0;
  double verdict_ = 0;  ///< about batches
  std::chrono::nanoseconds uptime_{};
  std::map<std::pair<std::string, std::uint32_t>, double> empty_handed_;  ///< ns, by the task of a spout
  std::string behind_{};                                                  ///< the spout's task that is so most
};

}  // namespace freshet
