#pragma once
#include <string>

#include "differential/reference.hpp"
#include "differential/run.hpp"

// What a run gave, against the plain loop. Each function gives sentences about what is wrong, or nothing.
namespace freshet::differential {

/// The same rows and totals. Messages that were poisoned may lack rows, and have a dead letter each; no others have.
std::string exact(const plan&, const answer& expected, const record& got);

/// Every row is there; what is there more often comes from messages that were tried more than once. Of poisoned
/// messages nothing is promised but a dead letter.
std::string nothing_missing(const plan&, const answer& expected, const record& got);

/// No row that a plain loop would not give, and none too often: what is missing comes from messages that met a fault.
std::string nothing_twice(const plan&, const answer& expected, const record& got);

/// No message was finished early: when a position was committed, and when the spout went beyond its `max_pending`
/// messages, all rows of what was finished by then had been written. REQUIRES: no poison, no best_effort.
std::string none_finished_early(const plan&, const answer& expected, const record& got, bool keeps_max_pending);

/// Every message is counted once: emitted = acked + failed, nothing is pending, failed are those with a dead letter.
std::string counters_agree(const plan&, const outcome&);

}  // namespace freshet::differential
