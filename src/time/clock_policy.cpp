#include "freshet/time/clock_policy.hpp"

#include <algorithm>

#include "freshet/base/clock.hpp"
#include "freshet/core/codec.hpp"

namespace freshet {

namespace {
std::vector<std::string> mistakes_of_resolution(std::chrono::milliseconds resolution) {
  if (resolution > resolution.zero()) return {};
  return {"has a resolution of " + std::to_string(resolution.count()) +
          " ms, and the watermark can follow the clock every 1 ms at most"};
}
}  // namespace

std::vector<std::string> mistakes_of(const processing_time& p) { return mistakes_of_resolution(p.resolution); }
std::vector<std::string> mistakes_of(const ingestion_time& p) { return mistakes_of_resolution(p.resolution); }

event_clock::time_point following_clock::look(time_point now, bool) { return deadline(now, resolution_); }

/// More tuples may come in the same millisecond.
void following_clock::follow(event_time now) {
  reached_ = std::max(reached_, shifted_back(nearest_event_time(now), event_span{1}));
}

void following_clock::save(partition_id, writer& w) { write_value(w, reached_); }

bool following_clock::load(partition_id, reader& r) {
  event_time to = beginning_of_time;
  read_value(r, to);
  reached_ = std::max(reached_, to);
  return !r.failed();
}

}  // namespace freshet
