#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "freshet/stream/windowed.hpp"

// Windows as queries of conformance use them, and their results as rows.
namespace freshet::conformance {

/// An order turned round, for a key that breaks ties: the greatest is the first by alphabet.
template <class T>
struct descending {
  T value{};
  friend auto operator<=>(const descending& a, const descending& b) { return b.value <=> a.value; }
};
/// By what windows are ranked whose value is a number: the largest first, ties by key.
template <class K, class V>
std::pair<V, descending<K>> by_value(const windowed<K, V>& w) {
  return {w.value, {w.key}};
}

namespace detail {
template <class... Cells>
row row_of(const Cells&... cells) {
  row made;
  (append_cells(made, cells), ...);
  return made;
}
}  // namespace detail

/// The start, the key and the value of each window.
template <class K, class V>
std::vector<row> by_start_and_key(const std::vector<windowed<K, V>>& results) {
  std::vector<row> rows;
  for (const auto& r : results) rows.push_back(detail::row_of(r.window.start, r.key, r.value));
  return rows;
}
/// The start and the value.
template <class K, class V>
std::vector<row> by_start(const std::vector<windowed<K, V>>& results) {
  std::vector<row> rows;
  for (const auto& r : results) rows.push_back(detail::row_of(r.window.start, r.value));
  return rows;
}
/// The key, the times of the first and the last tuple, and the value of each session.
template <class K, class V>
std::vector<row> by_session(const std::vector<windowed<K, V>>& results, event_span gap) {
  std::vector<row> rows;
  for (const auto& r : results) rows.push_back(detail::row_of(r.key, r.window.start, r.window.end - gap, r.value));
  return rows;
}
/// The start, the rank from 1, and what has it, of windows whose value is a list of windows by rank.
template <class W, class K, class V>
std::vector<row> by_rank(const std::vector<windowed<W, std::vector<windowed<K, V>>>>& results) {
  std::vector<row> rows;
  for (const auto& r : results)
    for (std::size_t i = 0; i < r.value.size(); ++i)
      rows.push_back(detail::row_of(r.window.start, i + 1, r.value[i].key, r.value[i].value));
  return rows;
}
/// The same of the one window that is all of time.
template <class W, class K, class V>
std::vector<row> by_rank_alone(const std::vector<windowed<W, std::vector<windowed<K, V>>>>& results) {
  auto rows = by_rank(results);
  for (row& each : rows) each.erase(each.begin());
  return rows;
}

}  // namespace freshet::conformance
