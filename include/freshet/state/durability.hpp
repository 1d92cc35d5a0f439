#pragma once
#include <cstdint>
#include <string_view>

namespace freshet {

/// When what was written of an epoch is put on the device. It decides what a loss of power may take: a process that
/// dies loses nothing, whatever it says.
///
/// Where the device has not got an epoch that sinks have committed, the run goes on from the one before and makes it
/// again. A plain sink, and one with epochs that knows of none before, gets its rows twice. Those that know which
/// epochs they have refuse to go on, as they are newer than the directory: file::epoch_sink by the names of its files,
/// sinks that decide by `last_committed`; the error says what to do. What a source was told to be finished is not read
/// again if the source can't give it any more.
enum class log_sync : std::uint8_t {
  every_batch,  ///< before the epoch counts
  interval,     ///< with the first epoch that ends so long after the last sync; later ones wait for the next that does
  never,        ///< when the system sees fit, and at a checkpoint of all states
};
/// The name of the enumerator.
std::string_view to_string(log_sync) noexcept;

/// What follows when the newest epoch is damaged, or the log of the epochs behind it.
enum class when_damaged : std::uint8_t {
  refuse,  ///< an error that says what is wrong, and what can be done
  /// The newest is taken that is intact and that sinks have committed, in a new history, and a warning says which: what
  /// was read behind it is read again, and its rows come again, also to sinks that have them. A damaged log is moved
  /// aside, to "log.damaged-N".
  use_older,
};

}  // namespace freshet
