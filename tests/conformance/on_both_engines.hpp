#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "freshet/core/topology.hpp"

// Running one topology in every way there is.
namespace freshet::conformance {

/// A topology, and what its runs may be put through.
struct query {
  /// Built once for each parallelism; every configuration runs the same value.
  std::function<topology(std::size_t parallelism)> build;
  std::vector<std::string> may_throw;  ///< nodes whose calls fail now and then, and whose blocks get lost
  /// Nodes that may fail under at_least_once too without changing the answer: behind event time, whose clock sees each
  /// message once, and where a message is one tuple with one reader, which is not replayed when it is in its window.
  std::vector<std::string> may_be_replayed = {};
  bool few_rows = false;       ///< so few that they can go through one by one
  bool small_batches = false;  ///< few enough to go through in batches of seven
  bool in_brief = false;       ///< two or three runs are enough: one of a family of queries, or many rows
};

/// Runs the query on both engines at parallelism 1 and 4, in batches of 100 rows, 1000 rows and everything, with and
/// without faults under exactly_once; of few rows all combinations, and one by one. What may be replayed also runs
/// under at_least_once with faults. `check` looks at what each run gave; its failures name the configuration.
void on_both_engines(const query& q, const std::function<void()>& check);

/// Runs it in the event engine under at_least_once with faults: messages are replayed.
void with_replays(const query& q, const std::function<void()>& check);

}  // namespace freshet::conformance
