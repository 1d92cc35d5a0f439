#pragma once
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/kafka/sink.hpp"
#include "freshet/connect/kafka/spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

// Topologies with one end in Kafka, on both engines.
namespace freshet::kafka {

enum class engine : bool { event, batch };
inline constexpr engine both_engines[] = {engine::event, engine::batch};
inline std::string to_string(engine e) { return e == engine::event ? "event" : "batch"; }

inline topology_run start_on(engine e, const topology& t) {
  if (e == engine::event) return event_executor(event_options{.workers = 2}).start(t);
  batch_options o;
  o.workers = 2;
  o.interval = std::chrono::milliseconds(5);
  return batch_executor(o).start(t);
}
/// To its end.
inline void run_on(engine e, const topology& t) { start_on(e, t).wait(); }

/// Writes the values through a sink.
template <class T, class Encode = default_format<T>>
void write_all(engine e, std::vector<T> values, producer_options options, Encode encode = {}) {
  topology_builder builder("write");
  builder.sink("kafka", sink<T, Encode>(std::move(options), std::move(encode)))
      .input(builder.spout("values", vector_spout<T>(std::move(values))));
  run_on(e, builder.build());
}
/// Reads all that is there now.
template <class T, class Decode = default_format<T>>
std::vector<T> read_all(engine e, consumer_options options, Decode decode = {}, std::size_t parallelism = 1) {
  options.bounded = true;
  options.partitions_from = partitions_from::run;
  topology_builder builder("read");
  collect_sink<T> got;
  builder.sink("got", got, {.parallelism = parallelism})
      .input(builder.spout("kafka", spout<T, Decode>(std::move(options), std::move(decode)),
                           {.parallelism = parallelism}));
  run_on(e, builder.build());
  return got.take();
}
template <class T>
std::vector<T> sorted(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace freshet::kafka
