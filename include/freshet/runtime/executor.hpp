#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "freshet/base/error.hpp"

namespace freshet {

/// What a run promises about a message when something fails.
enum class guarantee : std::uint8_t {
  best_effort,    ///< nothing is repeated: a failed tuple meets its node's policy at once
  at_least_once,  ///< a failed message is emitted again by its spout; state it had changed stays changed
  exactly_once,   ///< a failed call is repeated in place, with state as before it: exact inside the process
};
/// The name of the enumerator.
std::string_view to_string(guarantee) noexcept;

/// Why a run ended before its topology had finished: thrown by `topology_run::wait`.
class run_error : public std::runtime_error {
 public:
  explicit run_error(freshet::error e) : std::runtime_error(e.message), error_(std::move(e)) {}
  const freshet::error& error() const noexcept { return error_; }

 private:
  freshet::error error_;
};

}  // namespace freshet
