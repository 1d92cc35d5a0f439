#pragma once
#include <stdexcept>
#include <string>

#include "freshet/core/position.hpp"

namespace freshet {

/// Thrown by a spout's `read` where messages of the range are gone for good: the log was cut, the file was truncated.
/// What can pass, like a dropped connection, is any other exception, and `read` is called again.
///     void read(const position_range& r, spout_emitter<event>& out) {
///       if (r.from < log.begin()) throw range_lost({r.partition, r.from, log.begin()}, "retention has deleted it");
///
/// `lost` is what is gone, at or behind the beginning of the range, and ends at the earliest offset behind it that can
/// still be read: the beginning of a message, or of what will follow. It may reach beyond the range. What `read` has
/// emitted before it throws counts as read. What follows is the spout's `on_data_loss`.
class range_lost : public std::runtime_error {
 public:
  range_lost(const position_range& lost, const std::string& why);
  ~range_lost() override;
  const position_range& lost() const noexcept { return lost_; }
  std::uint64_t earliest() const noexcept { return lost_.to; }
  /// The message whose extent without gaps this is. One that only starts in the gap before it is still there.
  bool holds(const position& message) const noexcept {
    return message.partition == lost_.partition && message.next > lost_.from && message.next <= lost_.to;
  }

 private:
  position_range lost_;
};

}  // namespace freshet
