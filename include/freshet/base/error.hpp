#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace freshet {

/// What kind of failure; the message says the rest.
enum class errc : std::uint8_t {
  user_function,     ///< a function the user handed in threw
  invalid_argument,  ///< the caller asked for something that can't be
  timeout,           ///< it took longer than allowed
  closed,            ///< the other end, or the run, is gone
  full,              ///< a bound is reached; there will be room later
  io,                ///< a file, a device or a connection failed
  not_found,         ///< no such file, topic, checkpoint or node
  permission,        ///< the system or a server refuses us
  data_loss,         ///< bytes are missing, damaged or of an unknown format
  cancelled,         ///< somebody asked for it to stop
  unsupported,       ///< this spout, sink or engine has no such ability
  internal,          ///< a fault of Freshet
};

/// The enumerator's name: "data_loss".
std::string_view to_string(errc) noexcept;

/// An expected failure at run time: what happened, and what may be done about it.
struct error {
  errc code = errc::internal;
  std::string message{};   ///< for people: what was expected, then the values
  bool retryable = false;  ///< the same call may succeed later
  bool fatal = false;      ///< what gave it is unusable from now on: the run can't go on with it

  friend bool operator==(const error&, const error&) = default;
};

/// Thrown by a node that is unusable from now on, as an error that is `fatal` says it: it isn't called again, and the
/// run ends, whatever the node's `on_failure` is.
class fatal_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "data_loss: the checkpoint ends after 12 of 40 bytes", and " (retryable)" or " (fatal)" where it applies.
std::string to_string(const error&);

}  // namespace freshet
