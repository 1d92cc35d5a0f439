#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/memory/push_queue.hpp"
#include "freshet/core/spout.hpp"
#include "machine.hpp"

namespace freshet::latency {

/// A value on its way, with the instant for which it was meant.
struct sample {
  std::uint64_t key = 0, amount = 0;
  std::int64_t intended_ns = 0;  ///< on the steady clock; 0: it is not measured
};

/// What is sent in a row, value by value: each key once, which nobody measures, and then at a pace. One of them is
/// known to all: who sends sets its times before the first value that has one, and others look at them when they have
/// got it.
class timetable {
 public:
  timetable(double rate, std::uint64_t keys);
  void set_times(clock::time_point begin, clock::duration how_long);

  /// So many come first, as fast as they are taken.
  std::uint64_t fill() const { return keys_; }
  /// Value `fill() + i` is meant for begin + i / rate. Above 20,000 a second values are meant to come in groups, one
  /// every 50 us, as packets do.
  sample at(std::uint64_t index) const;
  clock::time_point begin() const { return begin_; }
  /// Behind a tenth, which warms up.
  clock::time_point measured_from() const { return begin_ + (end_ - begin_) / 10; }
  clock::time_point end() const { return end_; }

 private:
  double period_ns_;
  std::uint64_t group_, keys_;
  clock::time_point begin_{}, end_{};
};

/// The samples of a timetable, pushed as into a push_spout, with a position each: they can be read again, as a sample
/// is known by its number. One task. Copies share the queue.
class readable_samples {
 public:
  explicit readable_samples(std::shared_ptr<const timetable> times)
      : times_(std::move(times)), queue_(std::make_shared<push_queue<sample>>(1024)) {}

  result<void> push(sample s) { return queue_->push(std::move(s)); }
  void close() { reader_ ? leave() : queue_->close(); }

  std::vector<std::string> partitions() const { return {"samples"}; }
  void open(const task_context& context);
  void drain() { queue_->drain(); }
  poll_status poll(spout_emitter<sample>& out);
  void read(const position_range& range, spout_emitter<sample>& out) const;
  void seek(const position& p) { next_ = p.offset; }
  void commit(const position&) {}

 private:
  void leave();
  void emit(std::uint64_t index, spout_emitter<sample>& out) const {
    out.emit({0, index, index + 1}, times_->at(index));
  }

  std::shared_ptr<const timetable> times_;
  std::shared_ptr<push_queue<sample>> queue_;
  std::shared_ptr<push_queue<sample>::reader> reader_;  // while it is open: not shared, but a spout can be copied
  std::uint64_t next_ = 0, taken_ = 0;                  // the next to be emitted, and to come from the queue
};

}  // namespace freshet::latency
