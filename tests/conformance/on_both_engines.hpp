#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "freshet/core/topology.hpp"

// Running one topology in every way there is.
namespace freshet::conformance {

/// A topology, and what its runs may be put through.
struct query {
  /// Built once for each parallelism; every configuration runs the same value.
  std::function<topology(std::size_t parallelism)> build;
  /// Nodes whose calls fail now and then, and whose blocks get lost.
  std::vector<std::string> may_throw;
  /// Not where the answer is a matter of the order in which rows come: of that at_least_once promises nothing.
  bool may_be_replayed = true;
  /// Runs both engines once more with a store that has hardly any room in memory, with faults.
  bool also_stored = false;
};

/// Runs the query on both engines at parallelism 1 and 4:
///  - event by event without faults; under exactly_once with faults; under at_least_once with faults, where messages
///    are replayed;
///  - in batches of one row, of 100 and of everything at once, with faults and without.
/// Where rows are many, the first 200 alone are in batches of one, and the smallest batches of the rest are of as many
/// as make 1000: a batch costs a Debug build about a millisecond. With FRESHET_CONFORMANCE=whole in the environment
/// they are of one row everywhere, and every batch size runs both with faults and without. `check` looks at what each
/// run gave; its failures name the configuration.
void on_both_engines(const query& q, const std::function<void(delivery)>& check);

}  // namespace freshet::conformance
