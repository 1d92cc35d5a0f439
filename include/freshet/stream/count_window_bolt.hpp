#pragma once
#include <cstdint>
#include <type_traits>
#include <utility>

#include "freshet/core/emitter.hpp"
#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/windowed.hpp"
#include "freshet/time/two_stacks.hpp"

namespace freshet {

/// Windows of so many tuples of a key, in the order they come. A result's window is the moment of the tuple that
/// completed it, and its pane the number of the key's results before it.
template <class T, class KeyFn, class K, class W, class A>
class count_window_bolt {
  using accumulator = accumulator_t<A>;
  static constexpr bool slides = std::is_same_v<W, sliding_count>;
  struct tumbling_state {
    accumulator value{};
    std::uint64_t tuples = 0;
    std::uint32_t pane = 0;
  };
  struct sliding_state {
    sliding_count_window<accumulator> value;
    std::uint32_t pane = 0;
  };

 public:
  using state = std::conditional_t<slides, sliding_state, tumbling_state>;
  using output = emitter<windowed<K, aggregate_result_t<A>>>;
  count_window_bolt(KeyFn key, W windows, A aggregate)
      : key_(std::move(key)), windows_(windows), aggregate_(std::move(aggregate)) {}

  void process(const T& value, state& s, output& out) {
    if constexpr (slides) {
      const auto start = [this] { return started(aggregate_); };
      const auto put = [&](accumulator& into) { aggregate_.add(into, value); };
      const auto merge = [this](accumulator& into, const accumulator& from) { aggregate_.merge(into, from); };
      if (s.value.add(windows_, start, put, merge)) emit(value, s.value.result(merge), s.pane, out);
    } else {
      if (s.tuples == 0) s.value = started(aggregate_);
      aggregate_.add(s.value, value);
      if (++s.tuples < windows_.size) return;
      emit(value, s.value, s.pane, out);
      s.tuples = 0;
    }
  }

 private:
  void emit(const T& value, const accumulator& all, std::uint32_t& pane, output& out) {
    const window moment{out.time(), shifted(out.time(), event_span{1})};
    out.emit({K(std::invoke(key_, value)), result_of(aggregate_, all), moment, pane++, true});
  }
  KeyFn key_;
  W windows_;
  A aggregate_;
};

}  // namespace freshet
