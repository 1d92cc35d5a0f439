// Exit status 0 when the headers are those of the version that the package announced, and the library links.
#include <cstdio>
#include <cstring>

#include "freshet/base/error.hpp"
#include "freshet/version.hpp"

int main() {
  const freshet::error closed{.code = freshet::errc::closed, .message = "the consumer's own"};
  std::printf("freshet %s: %s\n", FRESHET_VERSION, freshet::to_string(closed).c_str());
  if (std::strcmp(FRESHET_VERSION, EXPECTED_VERSION) == 0) return 0;
  std::printf("headers of %s, package of %s\n", FRESHET_VERSION, EXPECTED_VERSION);
  return 1;
}
