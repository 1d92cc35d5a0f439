#pragma once
#include <cstdint>

#include "freshet/core/spout.hpp"

/// The work that all pipelines do: source -> map -> sum by key -> sink, over pseudo-random keys.
namespace freshet::pipeline_bench {

struct order {
  std::uint64_t key = 0;
  std::uint64_t amount = 0;
};

/// The same stream for everybody: Knuth's linear congruential generator.
class order_source {
 public:
  explicit order_source(std::uint64_t keys, std::uint64_t seed = 1) : keys_(keys), state_(seed) {}
  order next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return {(state_ >> 33) % keys_, count_++ & 255};
  }

 private:
  std::uint64_t keys_, state_, count_ = 0;
};

inline order doubled(const order& o) { return {o.key, o.amount * 2 + 1}; }

/// What a user would write: emits `count` orders in all, divided among its tasks. Each task has a stream of its own.
class order_spout {
 public:
  order_spout(std::uint64_t count, std::uint64_t keys) : left_(count), source_(keys), keys_(keys) {}
  void open(const task_context& c) {
    left_ /= c.task_count;
    source_ = order_source{keys_, c.task * 7919 + 1};
  }
  poll_status poll(spout_emitter<order>& out) {
    for (auto n = out.room(); n && left_; --n, --left_) out.emit(source_.next());
    return left_ ? poll_status::emitted() : poll_status::ended();
  }

 private:
  std::uint64_t left_;
  order_source source_;
  std::uint64_t keys_;
};

/// Enough for a stable figure, short enough for a full run of the suite.
inline std::uint64_t tuples_for(std::uint64_t keys) { return keys > 100'000 ? 8'000'000 : 20'000'000; }

}  // namespace freshet::pipeline_bench
