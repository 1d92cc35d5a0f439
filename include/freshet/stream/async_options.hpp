#pragma once
#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "freshet/core/topology.hpp"
#include "freshet/stream/async_reply.hpp"

namespace freshet {

/// Settings of `map_async`. Every call under way holds its tuple (`emitter::hold`), and one that is slow keeps the
/// other messages of its turn from being committed and taken off `max_pending` until it ends.
struct async_options {
  std::size_t parallelism = 1;  ///< tasks: `capacity` is for each
  /// Calls in flight, a task, 1 to 1,048,576; at this bound the stream waits. 100 hide 10 ms of latency at 10,000 calls
  /// a second, and few services mind as many at once. Flink's default.
  std::size_t capacity = 100;
  /// A call without reply fails after so long. It cannot be endless, as what is in flight holds the end of a run up;
  /// keep it below the engine's message_timeout (30 s), which speaks of the held tuple and not of the call.
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
  /// Results in the order of the tuples; else in that of the replies. On, as it is a surprise to nobody. Batches always
  /// keep the order of the tuples, since a part of one that got lost must come out the same when it is computed again.
  bool ordered = true;
  /// Nothing is dropped silently.
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;

  /// What can't be, as ends of sentences about the bolt.
  std::vector<std::string> mistakes() const;

  /// As settings of the bolt: overdue calls are looked for four times a timeout, at most a thousand times a second.
  bolt_options of_bolt() const {
    using namespace std::chrono_literals;
    const auto tick = std::clamp<std::chrono::nanoseconds>(timeout / 4, 1ms, 1s);
    return {.parallelism = parallelism, .tick = tick, .on_failure = on_failure};
  }
};

namespace wiring {
/// The function can be called, and copied once a task.
template <class Function, class Given, class Reply>
struct check_async {
  static constexpr bool called = std::is_invocable_v<Function&, const Given&, async_reply<Reply>>;
  static_assert(called,
                "map_async<U> needs  void f(const T&, freshet::async_reply<U>)  for the stream's type (see Function, "
                "Given and Reply above)");
  static constexpr bool copied = std::copy_constructible<Function>;
  static_assert(copied,
                "each task gets a copy of map_async's function and this one can't be copied: keep what it needs "
                "in a std::shared_ptr");
  static constexpr bool ok = called && copied;
};
}  // namespace wiring

}  // namespace freshet
