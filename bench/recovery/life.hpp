#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The process that is killed and started again: source -> map -> sum by key -> file::epoch_sink, exactly_once, epochs
// each 100 ms on either engine.
namespace freshet::recovery_bench {

struct life {
  std::string folder;  ///< of checkpoints ("kept") and rows ("rows")
  std::string engine;  ///< "event" or "batch"
  std::uint64_t keys = 0;
  std::uint64_t state_bytes = 0;  ///< that a key keeps beside its sum
  /// Where the states of the first life go, and nothing more of them: into a checkpoint, or, left in the log, whose
  /// bound is out of reach then.
  bool in_log = false;
  /// The first: it gives every key its state, as fast as it can, and stops. Those behind it read 10,000 orders a second
  /// until they are killed.
  bool is_first = false;

  std::vector<std::string> arguments() const;
};

/// The life that the arguments of a process ask for; none: it is to do something else.
std::optional<life> life_of(int argc, char** argv);

/// Says on the standard output, a line each, with the steady clock's nanoseconds behind it:
///     main          it has begun
///     row 42        the sink has got its first row, that of order 42
///     shown 99      an epoch counts: rows up to that of order 99 can be seen in the folder
/// Returns the exit status of the process.
int live(const life& asked);

}  // namespace freshet::recovery_bench
