#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

namespace freshet::event_tests {

using namespace std::chrono_literals;

inline std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

template <class T>
std::vector<T> sorted(std::vector<T> v) {
  std::sort(v.begin(), v.end());
  return v;
}

/// Quiet, with short pauses between attempts.
inline event_options fast(guarantee g = guarantee::at_least_once) {
  event_options o;
  o.guarantee = g;
  o.workers = 2;
  o.retry = {.max_attempts = 5, .first = 100us, .longest = 1ms};
  o.log = {};
  return o;
}

/// Runs to the end; a run that hangs is reported with its numbers instead of stopping the whole suite.
inline run_metrics finish(topology_run& run) {
  if (!run.wait_for(60s)) {
    const auto m = run.metrics();
    std::string text = "the run hangs in state " + std::string(to_string(run.status().state));
    for (const auto& t : m.tasks)
      text += "\n  " + t.node + "/" + std::to_string(t.task) + " emitted " + std::to_string(t.emitted) + " pending " +
              std::to_string(t.pending) + " executed " + std::to_string(t.executed) + " queued " +
              std::to_string(t.queued);
    ADD_FAILURE() << text;
    std::abort();
  }
  return run.metrics();
}
inline run_metrics run_to_end(const topology& graph, event_options options = fast()) {
  auto run = event_executor{std::move(options)}.start(graph);
  return finish(run);
}

/// How often each value was tried, over all tasks.
class attempts {
 public:
  int operator()(int value) {
    std::lock_guard lock(shared_->mutex);
    return ++shared_->count[value];
  }

 private:
  struct shared {
    std::mutex mutex;
    std::map<int, int> count;
  };
  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

/// Emits 0 .. n-1 and cannot read them again.
class counting_spout {
 public:
  explicit counting_spout(int n) : n_(n) {}
  poll_status poll(spout_emitter<int>& out) {
    if (next_ == n_) return poll_status::ended();
    out.emit(next_++);
    return poll_status::emitted();
  }

 private:
  int next_ = 0, n_;
};

/// Emits without end.
class endless_spout {
 public:
  poll_status poll(spout_emitter<int>& out) {
    out.emit(next_++);
    return poll_status::emitted();
  }

 private:
  int next_ = 0;
};

inline const std::vector<guarantee>& all_guarantees() {
  static const std::vector<guarantee> all{guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once};
  return all;
}

}  // namespace freshet::event_tests
