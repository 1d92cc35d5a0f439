#pragma once
// Rows as they arrive, which is not as they happened.
#include <algorithm>
#include <cstdint>
#include <freshet/base/random.hpp>
#include <freshet/freshet.hpp>
#include <utility>
#include <vector>

/// The rows in the order of their arrival: each is less than `most` on its way, however long is a matter of luck, but
/// the same in each run.
template <class T>
std::vector<T> out_of_order(std::vector<T> rows, freshet::event_time T::*at, freshet::event_span most) {
  freshet::random_source random(7);
  std::vector<std::pair<freshet::event_time, T>> arriving;
  for (T& row : rows) {
    const freshet::event_span on_its_way(random.below(static_cast<std::uint64_t>(most.count())));
    arriving.emplace_back(row.*at + on_its_way, std::move(row));
  }
  std::stable_sort(arriving.begin(), arriving.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = std::move(arriving[i].second);
  return rows;
}
