#pragma once
#include <chrono>
#include <cstdint>

#include "freshet/base/log.hpp"

namespace freshet {

/// The engines that an adaptive run is on in turn.
enum class engine_kind : std::uint8_t { batches, events };

/// When an adaptive run changes its engine. It looks at the metrics of the run at work ten times in `patience`, but not
/// more often than every 100 us, and at least once a second.
struct adaptive_options {
  /// The one that it starts on. Batches: a run that is started has mostly something to catch up with.
  engine_kind first = engine_kind::batches;
  /// How long what speaks for a switch must hold; 0: at one look, which is about the time since the look before. A
  /// second is ten batches of the default interval, and longer than a pause of the machine; a switch itself takes some
  /// milliseconds, and the time to read the states.
  std::chrono::nanoseconds patience = std::chrono::seconds(1);
  /// A batch of fewer rows than this share of a full one, cut when no spout had more at hand, has caught up. At a tenth
  /// the fixed cost of batches begins to count, and what is left is worked on in less than the next interval.
  double calm = 0.1;
  /// In events the lag grows where a spout's task had more at hand for so much of `patience`, as it was busy, had no
  /// room to send, was at its max_pending or did not get a worker. Above nine tenths queues grow with every burst. In
  /// batches for the same share of `patience` they must have caught up: a single larger one is no backlog.
  double busy = 0.9;
  /// How long a run stays on an engine at least. A switch costs an epoch and a start: in five seconds that is little,
  /// and a backlog of five seconds is a burst no more.
  std::chrono::nanoseconds least_stay = std::chrono::seconds(5);
  /// Where events fall behind soon (within four times the stay in batches before them), batches stay twice as long the
  /// next time, up to this: an input that events can't keep up with costs a try every five minutes.
  std::chrono::nanoseconds longest_stay = std::chrono::minutes(5);
  /// Each switch is told at level info, with its reason in numbers.
  logger log{stderr_log(log_level::warning), log_level::warning};
};

}  // namespace freshet
