#include <string>

#include "freshet/base/error.hpp"
#include "freshet/version.hpp"

const char* service_version() { return FRESHET_VERSION; }

std::string service_error() {
  return freshet::to_string(freshet::error{.code = freshet::errc::closed, .message = "the service's own"});
}
