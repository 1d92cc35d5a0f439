#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"

namespace freshet {

/// When a window gives results before it closes: not by default. Each says so by itself; a window that hasn't changed
/// since its last result gives none.
struct early_results {
  /// After so many tuples of the window; 0: never. Each window counts its own, so hopping ones are kept one by one
  /// then, and a tuple costs as much as it has windows.
  std::uint64_t every_tuples = 0;
  event_span every{};  ///< each time that time passes a multiple of it; 0: never
  /// The time of `every`: the watermark, or the executor's clock. By the clock it depends on luck what an early result
  /// contains; the last ones are the same ones.
  time_domain measured_in = time_domain::event;
  bool any() const { return every_tuples != 0 || every > event_span{}; }
};

/// What a result that is not a window's first contains.
enum class panes : std::uint8_t {
  accumulating,  ///< all tuples of the window so far
  discarding,    ///< those that have come since the result before; none came: there is no result. Hopping windows
                 ///< are kept one by one then, as with `early_results::every_tuples`
};

/// How windows deal with time. By default a window gives one result, when the watermark says that it is complete.
struct window_options {
  /// A window stays open for so much event time longer; its result comes so much later, unless `late_results`.
  event_span allowed_lateness{};
  early_results early{};
  /// A result at the window's end, and one more for each tuple that comes after it, within the allowed lateness; of a
  /// session, one more at its new end where the tuple has moved it.
  bool late_results = false;
  freshet::panes panes = freshet::panes::accumulating;

  /// The clock brings about results.
  bool follows_clock() const { return early.every > event_span{} && early.measured_in == time_domain::processing; }
  /// More than one result a window.
  bool gives_updates() const { return early.any() || late_results; }
};

/// What is wrong with them, as sentences for `build()`, beside a trigger or `combine()` or without.
std::vector<std::string> mistakes_of(const window_options&, bool has_trigger, bool combines);

}  // namespace freshet
