#include "freshet/base/error.hpp"

namespace freshet {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::user_function:
      return "user_function";
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::timeout:
      return "timeout";
    case errc::closed:
      return "closed";
    case errc::full:
      return "full";
    case errc::io:
      return "io";
    case errc::not_found:
      return "not_found";
    case errc::permission:
      return "permission";
    case errc::data_loss:
      return "data_loss";
    case errc::cancelled:
      return "cancelled";
    case errc::unsupported:
      return "unsupported";
    case errc::internal:
      return "internal";
  }
  return "unknown";
}

std::string to_string(const error& e) {
  std::string text{to_string(e.code)};
  if (!e.message.empty()) text += ": " + e.message;
  if (e.retryable) text += " (retryable)";
  if (e.fatal) text += " (fatal)";
  return text;
}

}  // namespace freshet
