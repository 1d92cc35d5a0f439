#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::samples {

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
  bool operator==(const order&) const = default;
};

inline std::vector<int> numbers_to(int n) {
  std::vector<int> all;
  for (int i = 0; i < n; ++i) all.push_back(i);
  return all;
}

/// Options for tests with failures: soon tried again.
inline event_options impatient(guarantee g = guarantee::at_least_once) {
  event_options options;
  options.guarantee = g;
  options.workers = 2;
  options.retry.first = std::chrono::microseconds(100);
  options.log = logger{};
  return options;
}

inline void run(const topology_builder& builder, const event_options& options = impatient()) {
  event_executor{options}.start(builder.build()).wait();
}

/// Runs the topology with a sink behind `out`, and gives what came out there.
template <class T, class G>
std::vector<T> results(const stream<T, G>& out, const event_options& options = impatient()) {
  collect_sink<T> got;
  out.to("results", got);
  run(out.builder(), options);
  return got.take();
}

template <class T>
std::vector<T> sorted(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace freshet::samples
