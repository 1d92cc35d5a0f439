#pragma once
#include <string>
#include <variant>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/batch/batch_options.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/event/event_options.hpp"
#include "freshet/runtime/metrics.hpp"

// The ways in which every scene is run, and what has to hold in each.
namespace freshet::differential {

/// For runs of which one goes on where the other was.
struct either_engine {
  event_options events;
  batch_options batches;
};
using any_options = std::variant<event_options, batch_options, either_engine>;

struct promise {
  const char* name;
  bool batches;
  guarantee kept;
  bool has_faults;
  bool goes_on = false;      ///< it is stopped now and then, and goes on from its checkpoints
  bool is_by_epoch = false;  ///< on either engine, and also where its process ends: rows count with their epoch

  bool is_exact() const { return batches || kept == guarantee::exactly_once; }
};
inline constexpr promise promises[] = {{"best_effort", false, guarantee::best_effort, false},
                                       {"at_least_once", false, guarantee::at_least_once, false},
                                       {"at_least_once_with_faults", false, guarantee::at_least_once, true},
                                       {"exactly_once_with_faults", false, guarantee::exactly_once, true},
                                       {"batches", true, guarantee::exactly_once, false},
                                       {"batches_with_faults", true, guarantee::exactly_once, true},
                                       {"batches_that_go_on", true, guarantee::at_least_once, true, true},
                                       {"either_that_goes_on", false, guarantee::exactly_once, true, true, true}};

/// Options at random, under which calls of these nodes fail now and then; in batches, blocks of theirs are lost too.
any_options some_options(const promise&, const std::vector<std::string>& failing, random_source&);

/// Whether runs with these go on where others were stopped.
bool goes_on(const any_options&);
/// Whether rows are to be gathered with their epochs.
inline bool is_by_epoch(const any_options& o) { return std::holds_alternative<either_engine>(o); }

/// Runs it to its end, also in several runs, and gives what they have counted.
run_metrics run_to_end(const topology&, const any_options&);

}  // namespace freshet::differential
