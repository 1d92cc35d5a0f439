#pragma once
#include <string>
#include <utility>

#include "freshet/stream/keyed_stream.hpp"
#include "freshet/stream/ordered_bolt.hpp"
#include "freshet/stream/pattern_bolt.hpp"

namespace freshet {

namespace wiring {
/// The bolt can be kept behind tuples that wait.
template <class Bolt>
struct check_ordered {
  static constexpr bool stays = has_state<Bolt> && requires { &Bolt::process; };
  static_assert(stays, "an ordered bolt has state:  using state = ...;  and one  void process(const T&, state&, ...)");
  static constexpr bool in_event_time = !has_processing_timers<Bolt>;
  static_assert(
      in_event_time,
      "ordered() gives tuples and timers in the order of event time, where the clock says nothing: use timers "
      "and on_timer, or a keyed bolt that isn't ordered");
  static constexpr bool ok = stays && in_event_time;
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
    if constexpr (wiring::check_ordered<B>::ok)
      return ordered_results<ordered_bolt<T, key_type, B>, T>(add(std::move(name), std::move(bolt), options));
  }
  /// The earliest tuple of each key, and again the earliest that is more than `within` after the last that has passed;
  /// the others go to `duplicates()`. A function of the data alone.
  deduplicated_stream<T> deduplicate(std::string name, event_span within, bolt_options options = {}) const {
    const auto made = add(std::move(name), ordered_deduplicate_bolt<T, key_type>{within}, options);
    for (auto& m : mistakes_of(deduplicate_options{}, within))
      in_.builder_state()->nodes.back().mistakes.push_back(std::move(m));
    return deduplicated_stream<T>(made);
  }
  /// The matches of a pattern, by key: `matched<T>`, with the tuples. See `freshet::pattern`. A match comes when the
  /// watermark has reached its end, and is a function of the data alone.
  ///     payments.key_by(&payment::card).ordered().pattern("probing", pattern{is_small}.next(is_large))
  auto pattern(std::string name, freshet::pattern<T> sought, bolt_options options = {}) const {
    auto mistakes = mistakes_of_pattern(sought.steps(), sought.within());
    const auto made = process(std::move(name), pattern_bolt<T, key_type>{std::move(sought)}, options);
    for (auto& m : mistakes) in_.builder_state()->nodes.back().mistakes.push_back(std::move(m));
    return made;
  }

 private:
  template <class B>
  bolt_node<ordered_bolt<T, key_type, B>> add(std::string name, B bolt, const bolt_options& options) const {
    topology_builder builder{in_.builder_state()};
    const auto made = builder.bolt(std::move(name), ordered_bolt<T, key_type, B>{std::move(bolt), lateness_}, options)
                          .input(in_, key_grouping{key_});
    node& n = in_.builder_state()->nodes.back();
    n.written_as = type_name<B>();
    n.delay = lateness_;
    n.needs_origins = true;
    if (lateness_ < event_span{}) n.mistakes.push_back("has a negative allowed_lateness");
    return made;
  }

  stream_ref<T> in_;
  F key_;
  event_span lateness_;
};

}  // namespace freshet
