// Exit status 0 when the headers are those of the version that the package announced, and the library links.
#include <cstdio>
#include <cstring>

#include "freshet/version.hpp"

int main() {
  if (std::strcmp(FRESHET_VERSION, EXPECTED_VERSION) == 0) return 0;
  std::printf("headers of %s, package of %s\n", FRESHET_VERSION, EXPECTED_VERSION);
  return 1;
}
