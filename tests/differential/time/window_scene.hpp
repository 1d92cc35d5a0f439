#pragma once
#include <compare>
#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "differential/time/timed_rows.hpp"
#include "freshet/stream/window_bolt.hpp"

// One random question about windows, and its answer by a plain loop.
namespace freshet::differential {

using any_windows = std::variant<tumbling, hopping, sessions, global_windows>;

struct window_scene {
  std::uint64_t seed = 0;
  timed_rows rows;
  event_span bound{};
  any_windows windows;
  window_options options;
  bool combines = false;
  std::size_t parallelism = 1;
  bool once = false;       ///< the spout can't read again; there is one partition then
  bool twice = false;      ///< windows over the results of windows, by another key
  std::size_t spouts = 1;  ///< tasks
};

/// What is made of a window's rows.
struct summary {
  std::int64_t sum = 0, most = 0;
  std::uint64_t rows = 0;
  friend auto operator<=>(const summary&, const summary&) = default;
};
struct window_answer {
  std::uint32_t key = 0;
  window span{};
  summary value;
  friend auto operator<=>(const window_answer&, const window_answer&) = default;
};
void show(std::ostream&, const window_answer&);
struct answers {
  std::vector<window_answer> results, further;  ///< further: of the windows of results
  std::vector<late_row> late;
  friend bool operator==(const answers&, const answers&) = default;
};

window_scene some_window_scene(std::uint64_t seed);
answers answers_of(const window_scene&);
/// For people: what a seed stands for.
std::string described(const window_scene&);
std::string difference(const answers& wanted, const answers& got);

/// Windows over the results of windows: of this size, by this key.
constexpr tumbling further_windows{event_span{70}};
constexpr std::uint32_t further_key(std::uint32_t key) { return key % 2; }

}  // namespace freshet::differential
