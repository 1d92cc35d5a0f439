#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

#include "freshet/base/clock.hpp"

namespace freshet::kafka {

/// Says when a member of a group may commit. A commit that is sent behind a JoinGroup is taken by the broker when the
/// generation has changed, and is refused; the client library (before 2.10) then forgets the generation, and loses all
/// partitions. It joins when a heartbeat's answer says that others do. So a commit is sent in the middle between two
/// heartbeats: what the one's answer led to has been sent by then, and the next one's answer comes when the commit is
/// long on its way. A busy machine may stop any thread for a while; a quarter of the interval it may take on each side.
///
/// It learns of requests and answers by interceptors: `request_sent` and `response_received` on any thread, the others
/// on one. Relaxed: what is known guards no memory, and is late by less than that quarter.
class join_watch {
 public:
  explicit join_watch(const clock& time = clock::real()) : time_(time) {}

  /// Before it joins.
  void begin(std::chrono::milliseconds heartbeat_interval) {
    quarter_ = std::chrono::nanoseconds(heartbeat_interval).count() / 4;
  }
  void request_sent(std::int16_t kind) {
    if (kind == join_group) {
      joining_.store(true, std::memory_order_relaxed);
      asked_.store(true, std::memory_order_relaxed);
    }
    if (kind != heartbeat) return;
    answered_.store(not_yet, std::memory_order_relaxed);
    sent_.store(now(), std::memory_order_relaxed);
  }
  void response_received(std::int16_t kind) {
    if (kind == heartbeat) answered_.store(now(), std::memory_order_relaxed);
  }
  /// Partitions were given back: to join again is next.
  void gives_back() { joining_.store(true, std::memory_order_relaxed); }
  /// The rebalance that it has joined for has come. Before the library is told that it is taken: where another has
  /// begun meanwhile, it joins again at once.
  void has_joined() { joining_.store(false, std::memory_order_relaxed); }
  /// It is taken.
  void goes_on() { joined_ = now(); }

  bool is_joining() const { return joining_.load(std::memory_order_relaxed); }
  bool may_commit() const {
    const auto answered = answered_.load(std::memory_order_relaxed);
    if (is_joining() || answered == not_yet) return false;
    const auto sent = sent_.load(std::memory_order_relaxed);
    return now() > latest(answered) + quarter_ && now() < latest(sent) + 3 * quarter_;
  }
  /// It has asked to join, and no rebalance has come yet: the library (before 2.3) ends the process where it is
  /// destroyed then.
  bool is_half_joined() const { return joined_ == 0 && asked_.load(std::memory_order_relaxed); }

  // Of Kafka's protocol.
  static constexpr std::int16_t join_group = 11, heartbeat = 12;

 private:
  static constexpr std::int64_t not_yet = std::numeric_limits<std::int64_t>::max();
  std::int64_t now() const { return std::chrono::nanoseconds(time_.now().time_since_epoch()).count(); }
  /// A heartbeat is due when it has joined.
  std::int64_t latest(std::int64_t of_heartbeat) const { return std::max(of_heartbeat, joined_); }

  const clock& time_;
  std::int64_t quarter_ = 0;  // of the heartbeats' interval; this and all below in ns
  std::atomic<bool> joining_ = false, asked_ = false;
  std::atomic<std::int64_t> sent_ = 0, answered_ = 0;  // the last heartbeat
  std::int64_t joined_ = 0;
};

}  // namespace freshet::kafka
