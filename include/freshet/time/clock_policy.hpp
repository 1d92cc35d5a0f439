#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/call_frame.hpp"
#include "freshet/core/event_clock.hpp"

namespace freshet {

/// In place of a function that reads a tuple's time: its event time is when the spout emitted it, by the executor's
/// clock. The watermark follows the clock too, also while nothing comes and while messages are still unfinished: what
/// is emitted again after a failure gets the time of then. So windows close by the clock, and nothing is ever late;
/// which tuple is in which window is a matter of when it came.
/// In the batch engine one time counts for a batch: when its first message was polled.
struct processing_time {
  std::chrono::milliseconds resolution{10};  ///< how often the watermark follows while nothing comes; above 0
};

/// The same, but a message keeps the time of its first emission, whatever fails afterwards, and the watermark doesn't
/// pass one that may still be emitted again.
struct ingestion_time {
  std::chrono::milliseconds resolution{10};  ///< as above
};

std::vector<std::string> mistakes_of(const processing_time&);
std::vector<std::string> mistakes_of(const ingestion_time&);

/// A spout task's clock where event time is the executor's: all partitions have the same. Not thread safe.
class following_clock final : public event_clock {
 public:
  /// `keeps`: what is emitted again has the time it had.
  following_clock(bool keeps, std::chrono::nanoseconds resolution) : keeps_(keeps), resolution_(resolution) {}

  /// The stamp of the message in process. Its time is the millisecond after.
  event_time stamp(call_frame& frame) {
    if (!keeps_ || *frame.own_stamp == not_stamped) *frame.own_stamp = stamp_of(frame.source);
    return *frame.own_stamp;
  }

  void open(const std::vector<partition_id>&, time_point) override {}
  event_time watermark() override { return reached_; }
  time_point look(time_point now, bool could_send) override;
  bool is_idle() const override { return false; }
  event_time stamp_of(const message_source& from) override {
    if (!from.continues) last_ = reached_;
    return last_;
  }
  void undo_call(std::uint64_t) override {}
  bool follows_clock() const override { return true; }
  void follow(event_time now) override;
  bool waits_for_messages() const override { return keeps_; }
  void save(partition_id, writer& w) override;
  void save_reached(partition_id id, event_time, writer& w) override { save(id, w); }
  bool load(partition_id, reader& r) override;
  std::unique_ptr<event_clock> copy() const override { return std::make_unique<following_clock>(*this); }
  void assign(const event_clock& other) override { *this = static_cast<const following_clock&>(other); }

 private:
  bool keeps_;
  std::chrono::nanoseconds resolution_;
  event_time reached_ = beginning_of_time, last_ = beginning_of_time;
};

}  // namespace freshet
