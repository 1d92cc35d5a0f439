#pragma once
#include <cstdint>
#include <deque>

#include "freshet/base/event_time.hpp"

namespace freshet {

/// How far a spout task may let event time go on where messages are emitted again: as far as the clock stood when the
/// last of the rounds was over whose messages, and those of all before it, are finished. So nothing closes under a
/// message that will come once more. Not thread safe.
class released_watermark {
 public:
  /// Messages went out together. Gives the number of their round.
  std::uint64_t emitted(std::uint64_t messages) {
    rounds_.push_back({messages, beginning_of_time});
    return first_ + rounds_.size() - 1;
  }
  void finished(std::uint64_t round, std::uint64_t messages) { rounds_[round - first_].unfinished -= messages; }
  /// The clock has seen everything that was emitted, and stands at `watermark`. Gives what may be told.
  event_time advance(event_time watermark) {
    if (!rounds_.empty()) rounds_.back().watermark = watermark;
    for (; !rounds_.empty() && rounds_.front().unfinished == 0; ++first_) {
      if (rounds_.front().watermark > released_) released_ = rounds_.front().watermark;
      rounds_.pop_front();
    }
    if (rounds_.empty() && watermark > released_) released_ = watermark;
    return released_;
  }
  /// Rounds with unfinished messages, and those behind them.
  std::size_t waiting() const { return rounds_.size(); }

 private:
  struct messages_together {
    std::uint64_t unfinished;
    event_time watermark;  ///< when it was over
  };
  std::deque<messages_together> rounds_;
  std::uint64_t first_ = 0;  ///< number of the first in `rounds_`
  event_time released_ = beginning_of_time;
};

}  // namespace freshet
