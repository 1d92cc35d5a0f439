#pragma once
#include <string>
#include <utility>

#include "freshet/stream/keyed_stream.hpp"
#include "freshet/stream/ordered_bolt.hpp"

namespace freshet {

namespace wiring {
/// The bolt can be kept behind tuples that wait.
template <class Bolt>
struct check_ordered {
  static constexpr bool ok = has_state<Bolt> && requires { &Bolt::process; };
  static_assert(ok, "an ordered bolt has state:  using state = ...;  and one  void process(const T&, state&, ...)");
};
}  // namespace wiring

/// What comes out of an ordered bolt: its outputs, and the tuples that came too late.
template <class B, class T>
class ordered_results : public bolt_stream<B> {
 public:
  using bolt_stream<B>::bolt_stream;
  stream<late_tuple<T>> late() const { return this->template side<late_output<T>>(); }
};

/// A keyed stream in the order of its event times: what `ordered` gives. Cheap to copy; not thread safe, like the
/// builder.
template <class T, class F>
class ordered_stream {
  using key_type = typename decltype(key_type_of<F, T>())::type;

 public:
  ordered_stream(stream_ref<T> in, F key, event_span allowed_lateness)
      : in_(std::move(in)), key_(std::move(key)), lateness_(allowed_lateness) {}

  /// A keyed bolt: `process(const T&, state&, ...)` and, where wanted, `on_timer(const Key&, event_time, state&, ...)`
  /// see the state of the key. Each task gets a copy.
  template <class B>
  auto process(std::string name, B bolt, bolt_options options = {}) const {
    if constexpr (wiring::check_ordered<B>::ok) {
      using inner = ordered_bolt<T, key_type, B>;
      topology_builder builder{in_.builder_state()};
      const auto made =
          builder.bolt(std::move(name), inner{std::move(bolt), lateness_}, options).input(in_, key_grouping{key_});
      node& n = in_.builder_state()->nodes.back();
      n.written_as = type_name<B>();
      n.delay = lateness_;
      if (lateness_ < event_span{}) n.mistakes.push_back("has a negative allowed_lateness");
      return ordered_results<inner, T>(made);
    }
  }

 private:
  stream_ref<T> in_;
  F key_;
  event_span lateness_;
};

}  // namespace freshet
