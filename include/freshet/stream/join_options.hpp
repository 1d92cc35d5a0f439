#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"
#include "freshet/core/topology.hpp"

namespace freshet {

/// What a join gives of a tuple that has no partner. The function of the join takes a pointer, null where nothing
/// matches, for each side that may be missing.
enum class join_kind : std::uint8_t {
  inner,  ///< nothing:                              f(const L&, const R&)
  left,   ///< a row for each on the left:           f(const L&, const R*)
  right,  ///< a row for each on the right:          f(const L*, const R&)
  full,   ///< a row for each on either side:        f(const L*, const R*)
};
std::string_view to_string(join_kind) noexcept;

/// Which tuples of one key an interval join pairs: those with lower <= right.time - left.time <= upper, both ends
/// included.
///     between{-1min, 10min}      between{0ms, 0ms}: equal times
struct between {
  event_span lower{};
  event_span upper{};
};

/// Which right tuple of its key a left one is paired with: the last at or before its time, and not older than that by
/// more than `tolerance`.
struct as_of {
  event_span tolerance = event_span::max();  ///< not negative; max(): however old it is, and so it is kept for ever
};

/// Settings of joins.
struct join_options {
  join_kind kind = join_kind::inner;
  /// How far a tuple may be behind the watermark of its partition without being late; what waits waits so much longer.
  event_span allowed_lateness{};
  std::size_t parallelism = 1;
  std::uint32_t max_parallelism = 128;  ///< key groups: fixed for the life of a checkpoint
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;

  bolt_options of_bolt() const {
    return {.parallelism = parallelism, .max_parallelism = max_parallelism, .on_failure = on_failure};
  }
};

/// What is wrong with them, as sentences for `build()`.
std::vector<std::string> mistakes_of(const between&);
std::vector<std::string> mistakes_of(const as_of&);
/// `written`: the kind that the function's parameters are for.
std::vector<std::string> mistakes_of(const join_options&, join_kind written);

/// How far an interval join's output is behind its input: an unmatched row comes when nothing can match it any more,
/// with the time it has.
event_span delay_of(const between&, const join_options&);

}  // namespace freshet
