#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "freshet/base/hash.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/stream/as_of_join.hpp"

// A table that every task has a copy of: the stream that looks into it is divided evenly, not by the table's key.
namespace freshet {

/// A tuple on its way to one of the table's copies.
template <class T>
struct to_copy {
  std::uint32_t copy = 0;
  T value{};
};
/// What state belongs to: a key in one copy of the table.
template <class K>
struct key_in_copy {
  std::uint32_t copy = 0;
  K key{};
};

/// Divides a stream among the copies, by the tuples' own bytes: a tuple that comes again goes where it went.
template <class T>
class spread_bolt {
 public:
  explicit spread_bolt(std::size_t copies) : copies_(copies) {}
  void process(T value, emitter<to_copy<T>>& out) {
    bytes_.clear();
    codec<T>::write(bytes_, value);
    const auto hash = hash_bytes(bytes_.data().data(), bytes_.size());
    out.emit({static_cast<std::uint32_t>(hash % copies_), std::move(value)});
  }

 private:
  std::size_t copies_;
  writer bytes_;
};
/// Sends each change to every copy.
template <class R>
class copies_bolt {
 public:
  explicit copies_bolt(std::size_t copies) : copies_(copies) {}
  void process(const R& value, emitter<to_copy<R>>& out) const {
    for (std::uint32_t c = 0; c < copies_; ++c) out.emit({c, value});
  }

 private:
  std::size_t copies_;
};

/// The bolt behind `join_table` with a table that is broadcast: `Join` for each copy.
template <class L, class R, class K, class Join>
class broadcast_join_bolt {
 public:
  using output = typename Join::output;
  using state = typename Join::state;
  broadcast_join_bolt(Join join, event_span allowed_lateness) : join_(std::move(join)), lateness_(allowed_lateness) {}

  void on_left(const to_copy<L>& l, state& s, timers& t, output& out) { join_.on_left(l.value, s, t, out); }
  /// What is late is so for every copy, and is told by the first alone.
  void on_right(const to_copy<R>& r, state& s, timers& t, output& out) {
    if (r.copy != 0 && is_late(out.time(), lateness_, judged_stamp(out))) {
      if (forgets(s)) t.set(0, out.time());
      return;
    }
    join_.on_right(r.value, s, t, out);
  }
  void on_timer(const key_in_copy<K>& key, event_time due, state& s, timers& t, output& out) {
    join_.on_timer(key.key, due, s, t, out);
  }
  bool forgets(const state& s) const { return join_.forgets(s); }

 private:
  Join join_;
  event_span lateness_;
};

namespace detail {
/// Adds a bolt that runs where its stream is made.
template <class T, class B>
auto beside(const stream_ref<T>& in, std::string name, B bolt) {
  const auto producer = in.ends()[0].node;
  bolt_options options;
  if (producer != stream_end::dead_letters) options.parallelism = in.builder_state()->nodes[producer].parallelism();
  return topology_builder{in.builder_state()}.bolt(std::move(name), std::move(bolt), options).input(in);
}
}  // namespace detail

}  // namespace freshet
