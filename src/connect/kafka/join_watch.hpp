#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace freshet::kafka {

/// Says when a member of a group may commit. A commit that is sent behind a JoinGroup is taken by the broker when the
/// generation has changed, and is refused; the client library (before 2.10) then forgets the generation, and loses all
/// partitions. It joins when a heartbeat's answer says that others do, so that there must be none that it may not have
/// looked at yet: what is committed then is sent before the next one's. It tells of requests and answers by
/// interceptors.
///
/// `request_sent` and `response_received` on any thread, the others on one. Relaxed: what is known guards no memory,
/// and is late by less than `margin`.
class join_watch {
 public:
  /// So long the library may take from an answer to the request that follows from it.
  static constexpr std::chrono::milliseconds margin{20};

  void request_sent(std::int16_t kind) {
    if (kind == join_group) {
      joining_.store(true, std::memory_order_relaxed);
      asked_.store(true, std::memory_order_relaxed);
    }
    if (kind == heartbeat) answered_.store(not_yet, std::memory_order_relaxed);
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
  bool may_commit() const {
    if (joining_.load(std::memory_order_relaxed)) return false;
    const auto answered = answered_.load(std::memory_order_relaxed);
    return answered != not_yet && now() - std::max(answered, joined_) > std::chrono::nanoseconds(margin).count();
  }
  /// It has asked to join, and no rebalance has come yet: the library (before 2.3) ends the process where it is
  /// destroyed then.
  bool is_half_joined() const { return joined_ == 0 && asked_.load(std::memory_order_relaxed); }

 private:
  // Of Kafka's protocol.
  static constexpr std::int16_t join_group = 11, heartbeat = 12;
  static constexpr std::int64_t not_yet = std::numeric_limits<std::int64_t>::max();
  static std::int64_t now() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  std::atomic<bool> joining_ = false, asked_ = false;
  std::atomic<std::int64_t> answered_ = 0;  // the last heartbeat, in ns
  std::int64_t joined_ = 0;                 // in ns
};

}  // namespace freshet::kafka
