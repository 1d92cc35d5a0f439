#pragma once
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/memory/vector_spout.hpp"

namespace freshet::conformance {

namespace detail {
template <class T>
struct row_type {
  using type = T;
};
template <class T>
struct row_type<std::optional<T>> {
  using type = T;
};
}  // namespace detail

enum class header : bool { none, one_line };

/// The lines of a file, each made a row by `parse(number, line)`; the first behind the header has number 0. For answers
/// that name rows by their numbers, which spouts of files don't know, and for files that are read by many spouts. A
/// copy shares the rows. Where `parse` gives a std::optional, what is empty is left out.
template <class F>
auto numbered_rows(const std::string& name, header head, F parse) {
  std::ifstream file(data_file(name));
  using parsed = decltype(parse(std::int64_t{}, std::string{}));
  std::vector<typename detail::row_type<parsed>::type> rows;
  std::string line;
  if (head == header::one_line) std::getline(file, line);
  for (std::int64_t number = 0; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if constexpr (detail::is_optional<parsed>) {
      if (auto made = parse(number, line)) rows.push_back(std::move(*made));
    } else {
      rows.push_back(parse(number, line));
    }
  }
  return vector_spout(std::move(rows));
}

}  // namespace freshet::conformance
