#pragma once
#include <cstdint>
#include <string_view>

namespace freshet {

/// When what was written of an epoch is put on the device. It decides what a loss of power may take: a process that
/// dies loses nothing, whatever it says.
enum class log_sync : std::uint8_t {
  every_batch,  ///< before the epoch counts
  interval,     ///< once in so long: a loss of power takes what came since, and what sinks committed of it comes twice
  never,        ///< when the system sees fit
};
/// The name of the enumerator.
std::string_view to_string(log_sync) noexcept;

/// What follows when the newest epoch is damaged.
enum class when_damaged : std::uint8_t {
  refuse,     ///< an error that says what is wrong, and what can be done
  use_older,  ///< the newest intact one is taken, in a new history
};

}  // namespace freshet
