#pragma once
#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "differential/time/timed_rows.hpp"

// What people read of a scene: its rows, and how an answer differs from the one that is wanted.
namespace freshet::differential {

inline std::string text(event_time t) { return std::to_string(t.time_since_epoch().count()); }

inline void show(std::ostream& out, const timed_row& r) {
  out << "key " << r.key << " at " << text(r.at) << " value " << r.value;
}
inline void show(std::ostream& out, const stamped_row& r) {
  show(out, r.row);
  out << " stamp " << text(r.stamp);
}
inline void show(std::ostream& out, const late_row& r) {
  show(out, stamped_row{r.row, r.stamp});
  out << ", late by its " << to_string(r.why);
}
/// Says how many there are, and which, where they are few.
inline void show(std::ostream& out, const timed_rows& all) {
  std::size_t rows = 0;
  for (const auto& p : all) rows += p.size();
  out << ", " << rows << " rows";
  for (std::size_t p = 0; rows <= 50 && p < all.size(); ++p)
    for (const auto& r : all[p]) show(out << "\n    partition " << p << " ", r);
}

template <class T>
std::vector<T> missing(const std::vector<T>& from, const std::vector<T>& in) {
  std::vector<T> all;
  std::set_difference(from.begin(), from.end(), in.begin(), in.end(), std::back_inserter(all));
  return all;
}
/// REQUIRES: both are sorted.
template <class T>
void show_differences(std::ostream& out, const char* what, const std::vector<T>& wanted, const std::vector<T>& got) {
  int most = 5;
  for (const auto& a : missing(wanted, got))
    if (most-- > 0) show(out << "  " << what << " missing: ", a), out << '\n';
  for (const auto& a : missing(got, wanted))
    if (most-- > 0) show(out << "  " << what << " too much: ", a), out << '\n';
}

}  // namespace freshet::differential
