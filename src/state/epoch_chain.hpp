#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "freshet/state/epoch_log.hpp"

// What the records of an epoch_log mean, one behind the other.
namespace freshet {

/// Makes of an epoch's manifest that of the next one, whose record says only what has changed.
void add_epoch(checkpoint_manifest& to, const checkpoint_manifest& newer);

/// Tells which records go on from a checkpoint, in the order of the log.
class epoch_chain {
 public:
  explicit epoch_chain(const checkpoint_manifest& base) : history_(base.history), epochs_{base.epoch} {}
  enum class step : std::uint8_t {
    is_past,     ///< the checkpoint has it, or it is of another history: it says nothing
    goes_on,     ///< it is the newest
    commits,     ///< sinks have committed the newest
    takes_back,  ///< the newest is discarded
  };
  /// An error where an epoch is missing before it. Errors name `where`.
  result<step> add(const epoch_record& record, const std::string& where);

 private:
  std::uint64_t history_;
  std::vector<std::uint64_t> epochs_;  // that of the checkpoint first
};

}  // namespace freshet
